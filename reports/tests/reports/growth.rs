//! Headlines of runs that growth with the cycles decides.

use leakbench_model::Resource;
use leakbench_recording::judge::Judgement;
use leakbench_recording::ledger::Ledger;
use leakbench_recording::recording::*;
use leakbench_reports::headline;
use leakbench_reports::report::Report;

use crate::fixtures::growth::{behind_a_pipe, run, steady, steady_beside_images, with_images};

fn headline(recording: &Recording) -> String {
    let ledger = Ledger::of(recording).expect("it has a start");
    headline::of_run(&ledger, &Judgement::of(&ledger))
}

#[test]
fn growth_and_its_absence_are_headlines() {
    assert_eq!(
        headline(&run(behind_a_pipe(), 60, steady)),
        "clean — mappings, descriptors and resident memory do not grow over 10,000 cycles; \
         no image was seen"
    );
    let mappings = |cycles: u64| steady(cycles).with(Resource::Mappings, 400 + 3 * cycles);
    let leak = headline(&run(behind_a_pipe(), 60, mappings));
    assert!(
        leak.starts_with("LEAK — mappings of subject 0 grow by 3,000 ± 0 per 1,000 cycles"),
        "{leak}"
    );
}

/// What grows stands before the proof of the images, which is clean.
#[test]
fn what_grows_beside_images_comes_first() {
    let leaking =
        |cycles: u64| steady_beside_images(cycles).with(Resource::Threads, 4 + cycles / 100);
    let first = |recording: &Recording| {
        let ledger = Ledger::of(recording).expect("it has a start");
        let report = Report::of_run(&ledger, &Judgement::of(&ledger));
        (report.charts[0].id.clone(), report.figures[0].label.clone())
    };
    let (chart, figure) = first(&with_images(leaking, |_| 8));
    assert_eq!((&*chart, &*figure), ("threads", "threads per 1,000 cycles"));
    let (chart, figure) = first(&with_images(steady_beside_images, |_| 8));
    assert_eq!((&*chart, &*figure), ("proof", "lingering at the end"));
}
