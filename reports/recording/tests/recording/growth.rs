//! Rule `growth`: a runtime that shows no image is judged by what grows with its cycles, and one that shows
//! images by what grows beside them.

use leakbench_model::{Footprint, Resource, Verdict};
use leakbench_recording::judge::Level;
use leakbench_recording::recording::*;
use leakbench_scenarios::Options;

use crate::fixtures::growth::{
    CYCLES, SLOTS, behind_a_pipe, run, steady, steady_beside_images, with_images,
};
use crate::fixtures::run::counts;
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

#[test]
fn what_grows_beside_released_images_is_a_leak() {
    let steady = steady_beside_images;
    let judgement = judged(&with_images(steady, |_| 8));
    assert_eq!(judgement.findings, [], "{:?}", judgement.verdict);
    for (resource, first, per_100_cycles) in [
        (Resource::Threads, 4, 1),
        (Resource::Fds, 20, 1),
        (Resource::Mappings, 400, 2),
        (Resource::RssBytes, 60 << 20, 1 << 20),
        (Resource::PageTablesBytes, 200 << 10, 4 << 10),
    ] {
        let grown = |cycles: u64| first + cycles / 100 * per_100_cycles;
        let leaking = |cycles| steady(cycles).with(resource, grown(cycles));
        let judgement = judged(&with_images(leaking, |_| 8));
        assert_eq!(judgement.verdict, Verdict::Leak, "{resource}: {:?}", judgement.findings);
        let message = &judgement.findings[0].message;
        assert!(
            message.starts_with(&format!("{} of subject 0 grow", resource.noun())),
            "{message}"
        );
        // The same amounts, and no more of them in the last half.
        let bounded = |cycles: u64| steady(cycles).with(resource, grown(cycles.min(CYCLES / 2)));
        let judgement = judged(&with_images(bounded, |_| 8));
        assert_eq!(judgement.verdict, Verdict::Clean, "{resource}: {:?}", judgement.findings);
    }
}

/// A leak of threads takes mappings too: it is one leak.
#[test]
fn one_leak_of_several_resources_is_one_finding() {
    let leaking = |cycles: u64| {
        steady_beside_images(cycles)
            .with(Resource::Threads, 4 + cycles / 100)
            .with(Resource::Mappings, 400 + cycles / 50)
    };
    let judgement = judged(&with_images(leaking, |_| 8));
    let [finding] = judgement.findings.as_slice() else { panic!("{:?}", judgement.findings) };
    assert!(finding.message.starts_with("threads of subject 0 grow by"), "{}", finding.message);
    assert!(finding.message.ends_with("; also grow: mappings (405 to 600)"), "{}", finding.message);
}

/// A slot that is used for the first time takes mappings and page tables.
#[test]
fn slots_that_are_used_for_the_first_time_are_no_leak() {
    let slots = |cycles: u64| cycles / 10;
    let growing = |cycles: u64| {
        steady_beside_images(cycles)
            .with(Resource::Mappings, 400 + 3 * slots(cycles))
            .with(Resource::PageTablesBytes, (200 << 10) + (slots(cycles) << 13))
    };
    let judgement = judged(&with_images(growing, slots));
    assert_eq!(judgement.verdict, Verdict::Clean, "{:?}", judgement.findings);
    // The same growth while the same slots are used again.
    let judgement = judged(&with_images(growing, |_| SLOTS));
    assert_eq!(judgement.verdict, Verdict::Leak, "{:?}", judgement.findings);
    // A runtime may have a pool of unknown size.
    let mut unknown = with_images(growing, |_| SLOTS);
    for record in &mut unknown.records {
        if let Record::Start(start) = record {
            start.scenario.slots = None;
        }
    }
    let judgement = judged(&unknown);
    assert_eq!(judgement.verdict, Verdict::Clean, "{:?}", judgement.findings);
}

/// A cycle that fills the pool allocates every slot and touches few. Later cycles touch one more each.
#[test]
fn slots_that_are_touched_for_the_first_time_are_no_leak() {
    let all = |_| SLOTS;
    let touched = |cycles: u64| {
        let tables = (200 << 10) + ((cycles / 15) << 13);
        steady_beside_images(cycles).with(Resource::PageTablesBytes, tables)
    };
    let judgement = judged(&with_images(touched, all));
    assert_eq!(judgement.verdict, Verdict::Clean, "{:?}", judgement.findings);
    // More than all slots can take.
    let leaking = |cycles: u64| {
        let tables = (200 << 10) + cycles * (4 << 10);
        steady_beside_images(cycles).with(Resource::PageTablesBytes, tables)
    };
    let judgement = judged(&with_images(leaking, all));
    assert_eq!(judgement.verdict, Verdict::Leak, "{:?}", judgement.findings);
}

/// Images that linger have descriptors and mappings of their own.
#[test]
fn growth_beside_lingering_images_is_theirs() {
    let leaking = |cycles: u64| steady_beside_images(cycles).with(Resource::Fds, 20 + cycles / 100);
    let mut lingering = with_images(leaking, |_| 8);
    for record in &mut lingering.records {
        if let Record::Barrier(barrier) = record {
            let lingering = barrier.counts.cycles / 100;
            barrier.counts = counts(barrier.counts.cycles, lingering);
        }
    }
    let judgement = judged(&lingering);
    assert_eq!(judgement.verdict, Verdict::Leak);
    assert!(judgement.findings.iter().all(|finding| finding.rule != "growth"), "{judgement:?}");
}
