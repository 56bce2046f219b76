//! Two small runs as controls: one must be clean, one has a planted leak that must be found. Each is
//! a complete run, with a subject, both witnesses and the judge.

use std::num::{NonZeroU32, NonZeroU64};

use leakbench_model::Verdict;
use leakbench_recording::judge::Judgement;
use leakbench_recording::ledger::Ledger;
use leakbench_reports::headline;
use leakbench_scenarios::{Millis, OnDrop, Options, Seconds};

use super::check::{Check, State};
use super::witnesses::chain;
use crate::error::Error;
use crate::output::Verbosity;
use crate::run::Run;

const CYCLES: u64 = 50;
const SLOTS: u64 = 8;

/// Makes both runs in a process that `slots` slots fit into.
pub(super) fn checks(slots: u64) -> Vec<Check> {
    // One slot fewer: the subject has some more mappings than this process.
    let slots = slots.saturating_sub(1).clamp(1, SLOTS) as u32;
    let clean = "a run without a leak is judged clean";
    let leak = "a run with a planted leak is judged a leak: the gate can fail";
    vec![
        check("clean control", OnDrop::Purge, slots, Verdict::Clean, clean),
        check("planted leak", OnDrop::Keep, slots, Verdict::Leak, leak),
    ]
}

fn check(name: &'static str, on_drop: OnDrop, slots: u32, expected: Verdict, means: &str) -> Check {
    match run(on_drop, slots) {
        Ok((verdict, headline)) if verdict == expected => {
            Check::new(name, State::Ok, headline, means)
        }
        Ok((_, headline)) => {
            let means = format!("the verdict should have been {}", expected.as_str());
            Check::new(name, State::Missing, headline, means)
        }
        Err(error) => Check::new(name, State::Missing, chain(&error), "no run can begin"),
    }
    .needed()
}

fn run(on_drop: OnDrop, slots: u32) -> Result<(Verdict, String), Error> {
    let options = Options {
        cycles: NonZeroU64::new(CYCLES),
        slots: NonZeroU32::new(slots),
        on_drop: Some(on_drop),
        processes: Some(NonZeroU32::MIN),
        barriers: Some(NonZeroU32::MIN),
        settle_ms: Some(Millis(20)),
        timeout: NonZeroU64::new(20).map(Seconds),
        ..Options::default()
    };
    let (recorder, _) = Run::prepare(options, None, false)?.perform(None, Verbosity::Normal)?;
    let ledger = Ledger::of(recorder.recording())?;
    let judgement = Judgement::of(&ledger);
    Ok((judgement.verdict, headline::of_run(&ledger, &judgement)))
}
