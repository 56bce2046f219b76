//! Two small runs: one that must be clean, and one with a planted leak that must be found. Each
//! is a whole run, with a subject of its own, both witnesses and the judge.

use std::num::{NonZeroU32, NonZeroU64};

use leakbench_recording::judge::{Judgement, Verdict};
use leakbench_recording::ledger::Ledger;
use leakbench_reports::headline;
use leakbench_scenarios::{OnDrop, Options};

use super::check::{Check, State};
use super::witnesses::chain;
use crate::command_line::Error;
use crate::run::Run;

const CYCLES: u64 = 50;
const SLOTS: u64 = 8;

/// `slots` is how many fit.
pub(super) fn checks(slots: u64) -> Vec<Check> {
    // One less than fit: the subject has a little more than this process.
    let slots = slots.saturating_sub(1).clamp(1, SLOTS) as u32;
    let clean = "a run that should be clean is";
    let leak = "a leak that is planted is found: the gate can fail";
    vec![
        check("trial run", OnDrop::Purge, slots, Verdict::Clean, clean),
        check("planted leak", OnDrop::Keep, slots, Verdict::Leak, leak),
    ]
}

fn check(name: &'static str, on_drop: OnDrop, slots: u32, expected: Verdict, means: &str) -> Check {
    match run(on_drop, slots) {
        Ok((verdict, headline)) if verdict == expected => {
            Check::new(name, State::Ok, headline, means)
        }
        Ok((_, headline)) => {
            let means = format!("it should have been {}", expected.as_str());
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
        settle_ms: Some(20),
        timeout: NonZeroU64::new(20),
        ..Options::default()
    };
    let (recorder, _) = Run::prepare(options, None)?.perform(None)?;
    let ledger = Ledger::of(recorder.recording())?;
    let judgement = Judgement::of(&ledger);
    Ok((judgement.verdict, headline::of_run(&ledger, &judgement)))
}
