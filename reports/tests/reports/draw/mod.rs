//! Pictures are well-formed, have the expected texts, and can be drawn from any data.

mod anything;
mod picture;
mod samples;
mod vector;

use leakbench_reports::report::{Chart, Plot};
use quick_xml::events::Event;

fn chart(id: &str, title: &str, plot: Plot) -> Chart {
    let reads = "What to look for, in a sentence that says it.".to_owned();
    Chart { id: id.to_owned(), title: title.to_owned(), reads, plot }
}

/// Every text of an SVG, unescaped. Panics if the SVG is not well-formed XML.
fn texts(svg: &str) -> Vec<String> {
    let forbidden = |c: char| !matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(!svg.contains(forbidden), "a character that XML forbids");
    let mut reader = quick_xml::Reader::from_str(svg);
    let mut texts = vec![String::new()];
    let mut depth = 0;
    loop {
        match reader.read_event().expect("well-formed XML") {
            Event::Start(start) => {
                depth += 1;
                texts.push(String::new());
                let name = start.name();
                assert!(!name.as_ref().eq_ignore_ascii_case("script"), "a script");
                start.attributes().for_each(|attribute| drop(attribute.expect("an attribute")));
            }
            Event::Empty(empty) => {
                empty.attributes().for_each(|attribute| drop(attribute.expect("an attribute")));
            }
            Event::End(_) => depth -= 1,
            Event::Text(text) => texts.last_mut().expect("one").push_str(&text),
            Event::GeneralRef(reference) => {
                let name = &*reference;
                let unescaped =
                    quick_xml::escape::unescape(&format!("&{name};")).expect("known").into_owned();
                texts.last_mut().expect("one").push_str(&unescaped);
            }
            Event::Eof => break,
            other => panic!("no {other:?} is expected"),
        }
    }
    assert_eq!(depth, 0);
    texts.into_iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

/// The size of a PNG, and its pixels, three bytes each.
fn decoded(bytes: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("a frame");
    assert_eq!(info.color_type, png::ColorType::Rgb);
    (info.width, info.height, pixels)
}
