//! The pixels of PNG pictures.

use leakbench_model::{SlotState, Verdict};
use leakbench_reports::draw;
use leakbench_reports::report::Plot;

use super::samples::{comparison, leak, panels, report, slots};
use super::{chart, decoded};

fn share_of(pixels: &[u8], colour: [u8; 3]) -> f64 {
    let same = pixels.chunks_exact(3).filter(|pixel| *pixel == colour).count();
    same as f64 * 3.0 / pixels.len() as f64
}

/// The colour of a slot affine to a dropped module.
const VERMILION: [u8; 3] = [0xd1, 0x44, 0x0c];

#[test]
fn the_worst_slot_shows_if_several_share_a_pixel() {
    let mut rows = slots(400, 1_024);
    for row in &mut rows.rows {
        row.cells.fill(SlotState::Cold);
    }
    let quiet =
        report(Verdict::Clean, "clean", vec![chart("slots", "", Plot::Slots(rows.clone()))]);
    for row in &mut rows.rows[100..] {
        row.cells[700] = SlotState::AffineDropped;
    }
    let lone = report(Verdict::Clean, "clean", vec![chart("slots", "", Plot::Slots(rows))]);
    let [quiet, lone] = [quiet, lone].map(|report| {
        let (width, height, pixels) =
            decoded(&draw::picture(&report, &["slots"], 320, 300).expect("a picture"));
        assert_eq!((width, height), (320, 300));
        share_of(&pixels, VERMILION) * 96_000.0
    });
    assert_eq!(quiet, 0.0);
    assert!(lone > 60.0, "a line of one pixel's width: {lone}");
}

#[test]
fn the_main_picture_has_its_size_and_shows_what_leaked() {
    let (width, height, pixels) = decoded(&draw::png(&leak()).expect("a picture"));
    assert_eq!((width, height), (1_600, 1_200));
    assert!(share_of(&pixels, [255, 255, 255]) < 0.9, "blank");
    assert!(share_of(&pixels, VERMILION) > 0.02);
}

#[test]
fn a_comparison_has_a_higher_picture_if_needed_and_an_empty_report_a_lower_one() {
    let mut several = comparison();
    several.charts[0].plot = Plot::Panels(panels(9));
    let clean = report(Verdict::Clean, "clean — nothing was measured", vec![]);
    let cases = [(several, [0xc2, 0x3b, 0x07], 1_201..2_400), (clean, [0, 0x79, 0x5a], 250..400)];
    for (report, banner, heights) in cases {
        let (width, height, pixels) = decoded(&draw::png(&report).expect("a picture"));
        assert!(width == 1_600 && heights.contains(&height), "{height}");
        assert!(share_of(&pixels, banner) > 0.05);
    }
    let error = draw::picture(&leak(), &["nothing"], 64, 64).expect_err("no such chart");
    let said = error.to_string();
    assert!(said.starts_with("the report has no chart 'nothing': it has lingering,"), "{said}");
}
