//! Rule `growth`: a runtime that shows no image is judged by what grows with its cycles.

use leakbench_model::{Footprint, Resource, Verdict};
use leakbench_recording::judge::Level;
use leakbench_recording::recording::*;
use leakbench_scenarios::Options;

use crate::fixtures::growth::{behind_a_pipe, run, steady};
use crate::judge::judged;

#[test]
fn constant_resources_are_clean() {
    let judgement = judged(&run(behind_a_pipe(), 60, steady));
    assert_eq!(judgement.verdict, Verdict::Clean, "{:?}", judgement.findings);
    let [note] = judgement.findings.as_slice() else {
        panic!("{:?}", judgement.findings);
    };
    assert_eq!((note.rule, note.level), ("growth", Level::Note));
    assert!(note.message.contains("mappings (400 to 400)"), "{}", note.message);
}

#[test]
fn growth_is_a_leak_with_its_rate() {
    let mappings = |cycles: u64| steady(cycles).with(Resource::Mappings, 400 + 3 * cycles);
    let judgement = judged(&run(behind_a_pipe(), 60, mappings));
    assert_eq!(judgement.verdict, Verdict::Leak);
    let message = &judgement.findings[0].message;
    assert!(
        message.starts_with("mappings of subject 0 grow by 3,000 ± 0 per 1,000 cycles"),
        "{message}"
    );
    let memory = |cycles: u64| steady(cycles).with(Resource::RssBytes, (60 << 20) + cycles * 4096);
    let judgement = judged(&run(behind_a_pipe(), 60, memory));
    assert_eq!(judgement.verdict, Verdict::Leak);
    let message = &judgement.findings[0].message;
    assert!(message.contains("resident memory of subject 0 grows"), "{message}");
    // One descriptor in a hundred cycles is a leak too.
    let fds = |cycles: u64| steady(cycles).with(Resource::Fds, 20 + cycles / 100);
    assert_eq!(judged(&run(behind_a_pipe(), 60, fds)).verdict, Verdict::Leak);
}

#[test]
fn warm_up_and_sawtooth_are_clean() {
    let warm = |cycles: u64| steady(cycles).with(Resource::Mappings, 400 + cycles.min(2_000));
    assert_eq!(judged(&run(behind_a_pipe(), 60, warm)).verdict, Verdict::Clean);
    let sawtooth =
        |cycles: u64| steady(cycles).with(Resource::RssBytes, (60 << 20) + cycles % 1_000 * 16_384);
    assert_eq!(judged(&run(behind_a_pipe(), 90, sawtooth)).verdict, Verdict::Clean);
}

#[test]
fn too_few_samples_are_inconclusive() {
    let judgement = judged(&run(behind_a_pipe(), 5, steady));
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    let message = &judgement.findings[0].message;
    assert!(message.contains("has 6 samples of mappings"), "{message}");
    let unseen = |_| Footprint::default();
    assert_eq!(judged(&run(behind_a_pipe(), 60, unseen)).verdict, Verdict::Inconclusive);
}

#[test]
fn a_driver_without_images_is_inconclusive() {
    let driver = Options { subject: Some("mine".parse().expect("a name")), ..Options::default() };
    let judgement = judged(&run(driver, 60, steady));
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
}

/// One memfd by chance does not replace the growth rule.
#[test]
fn a_runtime_with_few_images_is_judged_by_growth_too() {
    let leaking = |cycles: u64| steady(cycles).with(Resource::Mappings, 400 + cycles);
    let mut one = run(behind_a_pipe(), 60, leaking);
    for record in &mut one.records {
        if let Record::Barrier(barrier) = record {
            (barrier.counts.made, barrier.counts.synchronous) = (1, 1);
        }
    }
    let judgement = judged(&one);
    assert_eq!(judgement.verdict, Verdict::Leak, "{:?}", judgement.findings);
}
