//! The texts of SVG pictures.

use leakbench_model::{Resource, SlotState};
use leakbench_reports::draw;
use leakbench_reports::report::{Mark, MarkKind, Peak, Peaks, Plot, Proof, SlotRows, Stretch};

use super::samples::{
    heat, lingering, mappings, mark, memory, panels, slots, slots_of, survival, times,
};
use super::{chart, texts};

#[track_caller]
fn assert_says(plot: Plot, expected: &[&str]) -> String {
    let svg = draw::svg(&chart("one", "What it shows", plot)).expect("a picture");
    let texts = texts(&svg);
    for expected in ["What it shows"].iter().chain(expected) {
        assert!(texts.iter().any(|text| text == expected), "'{expected}' is not in {texts:?}");
    }
    svg
}

#[test]
fn lines_have_names_and_end_values() {
    assert_says(
        Plot::Lines(lingering()),
        &[
            "lingering at barriers",
            "950",
            "barrier",
            "the subject was killed",
            "cycles",
            "5M",
            "1,000",
        ],
    );
    // Settle times cover no cycles. Where nothing counts cycles, the axis is of time.
    let mut timed = lingering();
    let svg = draw::svg(&chart("one", "", Plot::Lines(timed.clone()))).expect("a picture");
    assert!(!svg.contains("settle time"));
    for point in timed.series.iter_mut().flat_map(|series| &mut series.points) {
        point.cycles = None;
    }
    assert_says(Plot::Lines(timed), &["settle time", "barrier"]);
    assert_says(
        Plot::Lines(mappings()),
        &[
            "mappings",
            "2,940",
            "limit 65,530 (vm.max_map_count), 22 times the peak",
            "RLIMIT_NOFILE 4,096",
        ],
    );
    assert_says(Plot::Lines(memory()), &["shared", "25.3 MiB", "64 MiB", "0 B"]);
}

#[test]
fn incidents_have_flags_and_those_at_about_one_time_have_one() {
    let mut lines = lingering();
    lines.marks.retain(|mark| mark.kind != MarkKind::Incident);
    let alone = assert_says(Plot::Lines(lines.clone()), &[]);
    let incidents = [
        (0.0, "process 7 runs another program: bash"),
        (0.1, "process 7 runs another program: python3"),
        (9.9, "process 7 was killed"),
    ];
    let incidents = incidents.map(|(at_s, text)| mark(MarkKind::Incident, at_s, at_s, text));
    lines.marks.extend(incidents);
    let flagged = assert_says(
        Plot::Lines(lines),
        &["1", "process 7 runs another program: bash; python3", "2", "process 7 was killed"],
    );
    let has = |svg: &str, text: &str| texts(svg).iter().any(|it| it == text);
    assert!(!has(&flagged, "3") && !has(&alone, "1"));
}

#[test]
fn a_heat_map_names_its_number_once() {
    let heading = "Images lingering at the end";
    let svg = draw::svg(&chart("heat", heading, Plot::Heat(heat()))).expect("a picture");
    assert!(!texts(&svg).iter().any(|text| text == "images lingering at the end"));
}

#[test]
fn a_slot_map_counts_the_slots_in_each_state_that_occurs() {
    let maps = slots(60, 1_000);
    let dropped = maps.at_end(SlotState::AffineDropped).to_string();
    let svg = assert_says(
        Plot::Slots(maps),
        &[
            "affine to a dropped module",
            &dropped,
            "in use",
            "slot 0",
            "999",
            "60 barriers, time runs downwards",
        ],
    );
    assert!(svg.contains("#D1440C") && !svg.contains("not known"), "{svg}");
    let clean = slots_of((0..60).map(|_| vec![SlotState::Warm; 1_000]));
    let svg = assert_says(Plot::Slots(clean), &["free, warm without an image"]);
    assert!(!svg.contains("#D1440C"));
}

#[test]
fn slot_maps_of_many_processes_stand_side_by_side() {
    let mut maps = slots(9, 160);
    let pool = maps.maps[0].clone();
    maps.maps = (0..20).map(|subject| SlotRows { subject, ..pool.clone() }).collect();
    maps.rest = 3;
    assert_says(Plot::Slots(maps), &["process 0", "process 15", "… and 7 more processes"]);
}

#[test]
fn a_map_of_bins_says_how_many_slots_a_cell_is() {
    let text = "60 barriers, time runs downwards, a cell is 79 slots";
    assert_says(Plot::Slots(slots(60, 20_000)), &[text]);
}

#[test]
fn other_plots_have_their_numbers_as_texts() {
    assert_says(
        Plot::Times(times()),
        &["median 9.3 µs", "p99 41.0 µs", "max 7.3 ms", "10 µs", "1 ms"],
    );
    assert_says(
        Plot::Survival(survival()),
        &[
            "held by an affine slot",
            "1,620",
            "expected: (1 − 1/S)^n, S = 1,000 slots",
            "cycles since the drop, 75 in a bar",
            "100 %",
        ],
    );
    assert_says(
        Plot::Heat(heat()),
        &[
            "images lingering at the end",
            "--warm-slots",
            "--decommit-batch",
            "1000",
            "469",
            "refused",
        ],
    );
    assert_says(
        Plot::Panels(panels(4)),
        &["wasmtime@3", "1200 of 3,000 linger", "5M cycles", "lingering"],
    );
}

#[test]
fn a_proof_names_both_witnesses_and_their_numbers() {
    let stretch = |disagreements| Stretch {
        barriers: 1,
        released: 250_000,
        late: 600,
        disagreements,
        ..Stretch::default()
    };
    let proof = |last, unverified| {
        Plot::Proof(Proof {
            stretches: vec![stretch(0), stretch(last)],
            unverified,
            by_process: false,
        })
    };
    let clean = assert_says(
        proof(0, 0),
        &["death watch, inside:", "500,000 destroyed", "scan of /proc, outside:", "0 still held"],
    );
    assert!(!texts(&clean).iter().any(|text| text == "not verified"));
    assert_says(proof(3, 250_000), &["3 disagreements", "not verified", "250,000"]);
}

#[test]
fn peaks_have_their_limits_and_shares() {
    let limit = Some(("RLIMIT_NOFILE".to_owned(), 8_192));
    let resource = Resource::Fds;
    let peak = Peak {
        resource,
        name: "descriptors".to_owned(),
        at_rest: Some(9),
        peak: 8_191,
        limit,
        uncounted: 0,
    };
    let beside = "of 8,192, RLIMIT_NOFILE; 9 at rest";
    assert_says(
        Plot::Peaks(Peaks { rows: vec![peak] }),
        &["descriptors", "8,191", beside, "100.0 %"],
    );
}

/// The first drop stands at its cycle, whatever its time.
#[test]
fn the_first_drop_is_at_its_cycle_and_has_its_words() {
    let place = |cycles: Option<u64>| {
        let mut lines = lingering();
        let first = mark(MarkKind::Onset, 9.0, 9.0, "inode 9 of module 1, dropped at cycle 1");
        lines.marks.push(Mark { cycles, ..first });
        let svg =
            assert_says(Plot::Lines(lines), &["first: inode 9 of module 1, dropped at cycle 1"]);
        // Its arrow is the last one, after that of the legend.
        let arrow = svg.rfind("<polygon").expect("an arrow");
        let start = arrow + svg[arrow..].find("points=\"").expect("corners") + 8;
        let end = start + svg[start..].find(',').expect("a number");
        svg[start..end].trim().parse::<f64>().expect("a number")
    };
    assert!(place(Some(1)) < 400.0 && place(None) > 2_000.0);
}
