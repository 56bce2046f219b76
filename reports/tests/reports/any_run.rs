//! Summaries and JSON of arbitrary runs.

use leakbench_recording::judge::Judgement;
use leakbench_recording::ledger::Ledger;
use leakbench_reports::render::{ResultJson, Summary};
use leakbench_reports::report::Report;
use proptest::prelude::*;

use crate::common;
use crate::fixtures::any_run::any_recording;

proptest! {
    #[test]
    fn any_run_has_a_summary_and_json(recording in any_recording()) {
        let ledger = Ledger::of(&recording).expect("it has a start");
        let judgement = Judgement::of(&ledger);
        for width in [60, 61, 67, 80, 99, 100] {
            let drawn = common::summary(&ledger, &judgement, width, None);
            prop_assert!(drawn.lines().count() <= Summary::LINES_MAX, "{}", drawn);
            prop_assert_eq!(drawn.lines().filter(|line| line.starts_with("verdict: ")).count(), 1);
            prop_assert!(drawn.lines().all(|line| !line.contains(char::is_control)), "{}", drawn);
            let listed = common::findings_counted(&drawn);
            let decisive = judgement.decisive().iter().count();
            prop_assert_eq!(listed, judgement.findings.len() - decisive, "{}", drawn);
        }
        prop_assert!(common::has_a_next_step(&Report::of_run(&ledger, &judgement)));
        prop_assert!(ResultJson::new(&ledger, &judgement).to_text().is_ok());
    }
}

/// A recording comes from a file and may contain any number.
#[test]
fn the_largest_numbers_have_a_summary_and_json() {
    let ledger = Ledger::of(&common::largest_numbers()).expect("it has a start");
    let judgement = Judgement::of(&ledger);
    let drawn = common::summary(&ledger, &judgement, 60, None);
    assert!(drawn.lines().count() <= Summary::LINES_MAX, "{drawn}");
    assert!(ResultJson::new(&ledger, &judgement).to_text().is_ok());
}
