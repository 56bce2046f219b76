//! The pixels of PNG pictures.

use leakbench_model::{SlotState, Verdict};
use leakbench_reports::draw;
use leakbench_reports::report::Plot;

use super::samples::{comparison, leak, panels, report, slots_of};
use super::{chart, decoded};

fn share_of(pixels: &[u8], colour: [u8; 3]) -> f64 {
    let same = pixels.chunks_exact(3).filter(|pixel| *pixel == colour).count();
    same as f64 * 3.0 / pixels.len() as f64
}

/// The colour of a slot affine to a dropped module.
const VERMILION: [u8; 3] = [0xd1, 0x44, 0x0c];

/// A cold slot.
const COLD: [u8; 3] = [0xe9, 0xec, 0xf0];

/// The picture of cold slots of which some hold the image of a dropped module, row by row.
fn of_held(slots: u32, rows: u32, is_held: impl Fn(u32, u32) -> bool) -> Vec<u8> {
    let states = (0..rows).map(|row| {
        let state = |slot| match is_held(row, slot) {
            true => SlotState::AffineDropped,
            false => SlotState::Cold,
        };
        (0..slots).map(state).collect()
    });
    let chart = chart("slots", "", Plot::Slots(slots_of(states)));
    let report = report(Verdict::Clean, "clean", vec![chart]);
    decoded(&draw::picture(&report, &["slots"], 640, 400).expect("a picture")).2
}

/// The share of vermilion in the pixels that are a mixture of it and the colour of cold slots.
fn vermilion_share(pixels: &[u8]) -> f64 {
    let parts = pixels.chunks_exact(3).filter_map(|pixel| {
        let [from, to] = [COLD, VERMILION].map(|colour| colour.map(f64::from));
        let at = [0, 1, 2].map(|channel| f64::from(pixel[channel]));
        let part = (from[2] - at[2]) / (from[2] - to[2]);
        let is_mixture = |channel: usize| {
            (from[channel] + (to[channel] - from[channel]) * part - at[channel]).abs() < 3.0
        };
        ((0.0..=1.0).contains(&part) && is_mixture(0) && is_mixture(1)).then_some(part)
    });
    let parts: Vec<f64> = parts.collect();
    assert!(parts.len() > 90_000, "the map is large: {} pixels", parts.len());
    parts.iter().sum::<f64>() / parts.len() as f64
}

/// A number below 1,000 for each slot, without order.
fn noise(slot: u32) -> u32 {
    (slot.wrapping_mul(2_654_435_761) ^ slot << 7).wrapping_mul(40_503) >> 12 & 1_023
}

#[test]
fn a_slot_map_shows_the_share_of_held_slots() {
    for slots in [160, 1_000, 20_000] {
        for held in [20, 266, 466, 962] {
            let truth = (0..slots).filter(|&slot| noise(slot) < held).count() as f64;
            let truth = truth / f64::from(slots);
            let shown = vermilion_share(&of_held(slots, 12, |_, slot| noise(slot) < held));
            assert!((shown - truth).abs() < 0.03, "{slots} slots: {shown:.3} for {truth:.3}");
        }
        // All of them side by side.
        let shown = vermilion_share(&of_held(slots, 90, |_, slot| slot < slots / 4));
        assert!((shown - 0.25).abs() < 0.03, "{slots} slots: {shown:.3}");
    }
}

#[test]
fn one_held_slot_of_many_has_a_mark_and_not_a_cell() {
    for slots in [1_000, 20_000] {
        let pixels = of_held(slots, 12, |_, slot| slot == 700);
        // Those of a mark in each row, and those of the legend.
        let marked = share_of(&pixels, VERMILION) * 256_000.0;
        let quiet = share_of(&of_held(slots, 12, |_, _| false), VERMILION) * 256_000.0;
        assert_eq!(quiet, 0.0);
        assert!((12.0 * 4.0..1_200.0).contains(&marked), "{slots} slots: {marked} pixels");
        assert!(vermilion_share(&pixels) < 0.01);
    }
}

#[test]
fn the_main_picture_has_its_size_and_shows_what_leaked() {
    let (width, height, pixels) = decoded(&draw::png(&leak()).expect("a picture"));
    assert_eq!((width, height), (1_600, 1_200));
    assert!(share_of(&pixels, [255, 255, 255]) < 0.9, "blank");
    assert!(share_of(&pixels, VERMILION) > 0.005);
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
