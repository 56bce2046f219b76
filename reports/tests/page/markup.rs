//! What the page's markup says, read as text.

use leakbench_reports::ledger::Reason;
use leakbench_reports::render::html;
use leakbench_reports::report::{LingeringTable, Plot, Point, Series, SlotRows};

use crate::fixture;

/// The part of a page that a browser without scripts shows.
fn without_scripts(page: &str) -> &str {
    let body = page.find("<body>").expect("a body");
    let data = page.find("<script id=\"data\"").or_else(|| page.find("<script")).expect("data");
    &page[body..data]
}

#[test]
fn without_scripts_it_says_everything_but_the_charts() {
    let page = html(&fixture::leak());
    let shown = without_scripts(&page);
    for said in [
        "LEAK",
        "950 of 3,000 images linger, held by 950 affine slots",
        "lingering at the end",
        "Charts need JavaScript",
        "Images lingering",
        "49800661",
        "750 more in the recording",
        "late-releases",
        "leakbench --cycles 3000 --on-drop keep --barriers 10",
        "vm.max_map_count",
        "so no limit is drawn",
    ] {
        assert!(shown.contains(said), "{said}");
    }
    // The verdict's word stands once, though the headline has it too.
    assert_eq!(shown.matches("LEAK").count(), 1);
}

#[test]
fn the_order_is_that_of_reading() {
    let page = html(&fixture::leak());
    let ids = [
        "lingering",
        "slots",
        "release",
        "mappings",
        "descriptors",
        "memory",
        "page-tables",
        "lifetimes",
        "lingering-images",
        "resources",
        "findings",
        "unmeasured",
    ];
    let places =
        ids.map(|id| page.find(&format!(" id=\"{id}\"")).unwrap_or_else(|| panic!("{id}")));
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn a_clean_report_has_nothing_to_excuse() {
    let page = html(&fixture::clean());
    assert!(page.contains("verdict-clean"));
    assert!(page.contains("No policy has anything to say."));
    assert!(page.contains("No image of a dropped module lingers."));
    assert!(!page.contains("id=\"unmeasured\""));
}

/// What is not known is not said to be well.
#[test]
fn a_table_that_leaves_something_open_says_what() {
    let caveat = "What became of 1,002 images is not known.";
    let mut report = fixture::clean();
    let table = report.lingering.get_or_insert_default();
    table.caveat = Some(caveat.to_owned());
    let page = html(&report);
    assert!(page.contains(caveat));
    assert!(!page.contains("No image of a dropped module lingers."));

    let mut report = fixture::leak();
    assert!(!html(&report).contains(caveat));
    report.lingering.get_or_insert_default().caveat = Some(caveat.to_owned());
    assert!(without_scripts(&html(&report)).contains(caveat), "above the rows");
}

#[test]
fn a_reason_is_called_alike_on_the_page_and_in_pictures() {
    let reason = Reason::UnknownSlot;
    let mut report = fixture::leak();
    for row in report.lingering.iter_mut().flat_map(|table| &mut table.rows) {
        row.reason = reason;
    }
    let mut charts = report.charts.iter_mut();
    let chart = charts.find(|chart| chart.id == "lifetimes").expect("lifetimes");
    if let Plot::Lifetimes(lifetimes) = &mut chart.plot {
        lifetimes.bars.iter_mut().for_each(|bar| bar.reason = reason);
    }
    let picture = leakbench_reports::draw::svg(chart).expect("a picture");
    assert!(picture.contains(&format!("held by {}", reason.words())));
    let page = html(&report);
    let table = page.find("id=\"lingering-images\"").expect("a table");
    assert!(page[table..].contains(reason.words()));
    let brief = &page[page.find("id=\"lifetimes\"").expect("bars")..table];
    assert!(brief.contains(reason.words()));
}

#[test]
fn cycles_of_several_threads_are_headed_as_such() {
    let mut report = fixture::leak();
    let heads = ["created at cycle of its thread", "dropped at cycle of its thread"];
    let page = html(&report);
    assert!(heads.iter().all(|head| !page.contains(head)));
    report.lingering.get_or_insert_default().by_thread = true;
    let page = html(&report);
    assert!(heads.iter().all(|head| page.contains(head)));
}

#[test]
fn hostile_names_add_no_markup() {
    let page = html(&fixture::hostile());
    // Those of the page itself.
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(!page.contains("<img") && !page.contains("<svg/") && !page.contains("<!--"));
    assert!(!page.contains(['\0', '\u{202e}', '\u{2028}']));
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;"));
    assert!(page.contains(r"\u{202e}"));
    // Names without end do not make a page without end.
    assert!(!page.contains(&"x".repeat(300)) && !page.contains(&"y".repeat(3_000)));
}

#[test]
fn it_needs_nothing_else() {
    let page = html(&fixture::leak());
    assert!(page.contains("default-src &#39;none&#39;") || page.contains("default-src 'none'"));
    assert!(!page.contains("unsafe-inline") && !page.contains("unsafe-eval"));
    for reaches_out in ["https://", "@import", "url(http", "src=", "fetch(", "innerHTML"] {
        assert!(!page.contains(reaches_out), "{reaches_out}");
    }
}

/// As much of everything as the contract allows.
#[test]
fn the_largest_report_is_below_two_megabytes() {
    let mut report = fixture::leak();
    let mut noise = 1_u64;
    let mut next = || {
        noise =
            noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        noise >> 33
    };
    for chart in &mut report.charts {
        if let Plot::Lines(lines) = &mut chart.plot {
            for series in &mut lines.series {
                series.points = (0..Series::POINTS_MAX)
                    .map(|n| Point {
                        at_s: n as f64 * 16.217,
                        cycles: Some(n as u64 * 10_007),
                        value: next() as f64,
                        line: n * 37,
                    })
                    .collect();
            }
        }
        if let Plot::Slots(slots) = &mut chart.plot {
            let mut row = slots.rows[0].clone();
            row.cells.resize(1_024, row.cells[0]);
            slots.rows = vec![row; SlotRows::ROWS_MAX];
            let kinds = leakbench_reports::recording::SlotCell::ALL;
            for cell in slots.rows.iter_mut().flat_map(|row| &mut row.cells) {
                *cell = kinds[next() as usize % kinds.len()];
            }
        }
    }
    for n in 1..4 {
        let at = report.charts.iter().position(|chart| chart.id == "slots").expect("slots");
        let mut copy = report.charts[at].clone();
        copy.id = format!("slots-{n}");
        report.charts.push(copy);
    }
    let table = report.lingering.get_or_insert_default();
    let row = table.rows[0].clone();
    table.rows = vec![row; LingeringTable::ROWS_MAX];
    let page = html(&report);
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
}
