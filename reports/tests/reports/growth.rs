//! Policy `growth`: a runtime that shows no image is judged by what grows with its cycles.

use crate::common::{barrier, end, exit, recording, sample, start, up};
use leakbench_model::{Counts, Verdict};
use leakbench_recording::judge::{Judgement, Level};
use leakbench_recording::ledger::Ledger;
use leakbench_recording::recording::*;
use leakbench_reports::headline;
use leakbench_scenarios::Options;

const CYCLES: u64 = 10_000;

fn behind_a_pipe() -> Options {
    Options { subject: Some("node 'driver.mjs'".parse().expect("a command")), ..Options::default() }
}

/// A run of so many samples, which have after some cycles what `seen` says.
fn run(options: Options, samples: u64, seen: impl Fn(u64) -> Footprint) -> Recording {
    let counts = |cycles| Counts { cycles, ..Counts::default() };
    let samples = (1..=samples).map(|number| {
        let cycles = number * CYCLES / (samples + 1);
        sample(0, number * 100, counts(cycles), seen(cycles))
    });
    let mut last = barrier(0, 90_000, counts(CYCLES));
    last.last = true;
    last.footprint = seen(CYCLES);
    let began = [start(CYCLES, 1, options), up(0, CYCLES)];
    let ended =
        [Record::Barrier(Box::new(last)), exit(0, 90_010, ExitKind::Done, &[]), end(90_020)];
    recording(began.into_iter().chain(samples).chain(ended))
}

fn judged(recording: &Recording) -> (Judgement, String) {
    let ledger = Ledger::of(recording).expect("it has a start");
    let judgement = Judgement::of(&ledger);
    let headline = headline::of_run(&ledger, &judgement);
    (judgement, headline)
}

fn steady(_: u64) -> Footprint {
    Footprint {
        mappings: Some(400),
        fds: Some(20),
        rss_bytes: Some(60 << 20),
        ..Default::default()
    }
}

#[test]
fn what_does_not_grow_is_clean() {
    let (judgement, headline) = judged(&run(behind_a_pipe(), 60, steady));
    assert_eq!(judgement.verdict, Verdict::Clean, "{:?}", judgement.findings);
    assert_eq!(
        headline,
        "clean — mappings, descriptors and resident memory do not grow over 10,000 cycles; \
         no image was seen"
    );
    let [note] = judgement.findings.as_slice() else {
        panic!("{:?}", judgement.findings);
    };
    assert_eq!((note.rule, note.level), ("growth", Level::Note));
    assert!(note.message.contains("mappings (400 to 400)"), "{}", note.message);
}

#[test]
fn what_grows_is_a_leak_with_its_rate() {
    let mappings = |cycles: u64| Footprint { mappings: Some(400 + 3 * cycles), ..steady(cycles) };
    let (judgement, headline) = judged(&run(behind_a_pipe(), 60, mappings));
    assert_eq!(judgement.verdict, Verdict::Leak);
    assert!(
        headline.starts_with("LEAK — the mappings of subject 0 grow with the cycles: 3,00"),
        "{headline}"
    );
    let memory =
        |cycles: u64| Footprint { rss_bytes: Some((60 << 20) + cycles * 4096), ..steady(cycles) };
    let (judgement, headline) = judged(&run(behind_a_pipe(), 60, memory));
    assert_eq!(judgement.verdict, Verdict::Leak);
    assert!(headline.contains("the resident memory of subject 0 grows"), "{headline}");
    // A descriptor in a hundred cycles is one all the same.
    let fds = |cycles: u64| Footprint { fds: Some(20 + cycles / 100), ..steady(cycles) };
    assert_eq!(judged(&run(behind_a_pipe(), 60, fds)).0.verdict, Verdict::Leak);
}

#[test]
fn what_rises_at_first_and_what_is_given_back_is_none() {
    let warm =
        |cycles: u64| Footprint { mappings: Some(400 + cycles.min(2_000)), ..steady(cycles) };
    assert_eq!(judged(&run(behind_a_pipe(), 60, warm)).0.verdict, Verdict::Clean);
    let teeth = |cycles: u64| Footprint {
        rss_bytes: Some((60 << 20) + cycles % 1_000 * 16_384),
        ..steady(cycles)
    };
    assert_eq!(judged(&run(behind_a_pipe(), 90, teeth)).0.verdict, Verdict::Clean);
}

#[test]
fn too_few_looks_or_none_cannot_tell() {
    let (judgement, headline) = judged(&run(behind_a_pipe(), 5, steady));
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    assert!(headline.contains("were seen at 6 moments only"), "{headline}");
    let unseen = |_| Footprint::default();
    assert_eq!(judged(&run(behind_a_pipe(), 60, unseen)).0.verdict, Verdict::Inconclusive);
}

#[test]
fn a_runtime_that_should_show_images_is_not_let_off_so() {
    let driver = Options { subject: Some("mine".parse().expect("a name")), ..Options::default() };
    let (judgement, _) = judged(&run(driver, 60, steady));
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
}

/// One memfd by chance is no reason to look at nothing else.
#[test]
fn a_runtime_that_shows_an_image_now_and_then_is_judged_by_growth_too() {
    let leaking = |cycles: u64| Footprint { mappings: Some(400 + cycles), ..steady(cycles) };
    let mut one = run(behind_a_pipe(), 60, leaking);
    for record in &mut one.records {
        if let Record::Barrier(barrier) = record {
            (barrier.counts.made, barrier.counts.synchronous) = (1, 1);
        }
    }
    let (judgement, _) = judged(&one);
    assert_eq!(judgement.verdict, Verdict::Leak, "{:?}", judgement.findings);
}
