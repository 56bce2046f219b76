//! Headlines of runs that growth with the cycles decides.

use leakbench_model::Resource;
use leakbench_recording::judge::Judgement;
use leakbench_recording::ledger::Ledger;
use leakbench_recording::recording::*;
use leakbench_reports::headline;

use crate::fixtures::growth::{behind_a_pipe, run, steady};

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
