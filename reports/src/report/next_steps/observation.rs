//! Next steps after an observation.

use std::ffi::OsString;

use leakbench_model::Verdict;
use leakbench_model::text::coarse_s;
use leakbench_recording::observation::{Diagnosis, INTERVAL_MIN_MS, ProcessExitKind, Scope};
use leakbench_recording::trend::Trend;
use leakbench_scenarios::shell;

use super::{Means, NextStep};
use crate::report::observation::tracing;

/// Factor of the samples that a trend needs, for the advice to take more.
const SAMPLES_MARGIN: u64 = 2;

/// Next steps after an observation, the most helpful first.
pub(crate) fn of_observation(diagnosis: &Diagnosis) -> Vec<NextStep> {
    let start = &diagnosis.ledger.start;
    match diagnosis.judgement.verdict {
        Verdict::Clean => vec![NextStep::gate()],
        Verdict::Leak => {
            let draw = NextStep::draw("the growth, and the limit that it approaches");
            vec![draw, NextStep::gate()]
        }
        Verdict::SubjectDied => {
            vec![ending(diagnosis), NextStep::draw("its resources until then")]
        }
        Verdict::Inconclusive => vec![decisive(diagnosis)],
        Verdict::Interrupted => vec![NextStep::same(&start.command, "observes it again")],
    }
}

/// Shows the reason for the end of a command.
fn ending(diagnosis: &Diagnosis) -> NextStep {
    match diagnosis.ledger.exit.as_ref().map(|exit| &exit.how) {
        Some(ProcessExitKind::Signaled { signal: 9 }) => {
            NextStep::other("dmesg", "shows whether memory ran out")
        }
        Some(ProcessExitKind::Signaled { .. }) => NextStep::core_file(),
        _ => tracing::last_calls(&diagnosis.ledger.start),
    }
}

/// An observation that decides what this one left open.
fn decisive(diagnosis: &Diagnosis) -> NextStep {
    let ledger = &diagnosis.ledger;
    let start = &ledger.start;
    if ledger.remarks.iter().any(|remark| remark.prevents_clean) {
        return NextStep::doctor();
    }
    if ledger.end.is_none() {
        return NextStep::same(&start.command, "observes it again, to the end");
    }
    if ledger.unobserved_children_max() > 0 && start.scope != Scope::Family {
        let words = "--tree".to_owned();
        let command = with_flag(&start.command, "--tree", None);
        let effect = "observes its child processes too; --no-tree judges the process alone";
        return NextStep { means: Means::Choice { words, command }, effect: effect.to_owned() };
    }
    if let Some(span_s) = diagnosis.decisive_s() {
        return longer(diagnosis, span_s, "is long enough to decide");
    }
    if ledger.is_too_short() {
        let samples = SAMPLES_MARGIN * Trend::POINTS_MIN as u64;
        let interval_ms = ledger.observed_ms() / samples;
        if ledger.exited() && interval_ms >= INTERVAL_MIN_MS {
            let effect = "takes enough samples of so short a run";
            return flag(&start.command, "--interval", &format!("{interval_ms}ms"), effect);
        }
        // The interval begins short, so that of few samples is known best from them.
        let between = (ledger.samples.len() as u64).saturating_sub(1);
        let spacing_ms = ledger.observed_ms().checked_div(between).unwrap_or(0);
        let span_s = samples.saturating_mul(spacing_ms.max(INTERVAL_MIN_MS)).div_ceil(1_000);
        return longer(diagnosis, span_s, "is long enough for a trend");
    }
    NextStep::doctor()
}

/// An observation of `span_s` seconds. Only the user can let a command that ended run for longer.
fn longer(diagnosis: &Diagnosis, span_s: u64, effect: &str) -> NextStep {
    if diagnosis.ledger.exited() {
        let means = Means::Outside(format!("A run of {}", coarse_s(span_s)));
        return NextStep { means, effect: effect.to_owned() };
    }
    flag(&diagnosis.ledger.start.command, "--duration", &format!("{span_s}s"), effect)
}

/// The command with another value of a flag.
fn flag(command: &str, name: &str, value: &str, effect: &str) -> NextStep {
    let words = format!("{name} {value}");
    let command = with_flag(command, name, Some(value));
    NextStep { means: Means::Choice { words, command }, effect: effect.to_owned() }
}

/// The command of an observation with a flag, in place of that flag's earlier value. `None` if it is
/// not a command of leakbench.
fn with_flag(command: &str, name: &str, value: Option<&str>) -> Option<String> {
    let mut words = shell::words(command)?;
    // `leakbench exec`, its flags, and the target.
    let flags_end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    if flags_end < 2 {
        return None;
    }
    if let Some(at) = words[..flags_end].iter().position(|word| word == name) {
        let end = at + 1 + usize::from(value.is_some());
        words.drain(at..end.min(flags_end));
    }
    let flag: Vec<OsString> = [Some(name), value].into_iter().flatten().map(Into::into).collect();
    words.splice(2..2, flag);
    Some(shell::command(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_added_or_replaced_before_the_command() {
        let cases = [
            (
                "leakbench exec -- ./app --duration 9",
                "leakbench exec --duration 5s -- ./app --duration 9",
            ),
            (
                "leakbench exec --duration 9s --tree -- a",
                "leakbench exec --duration 5s --tree -- a",
            ),
            ("leakbench attach --duration 9s 42", "leakbench attach --duration 5s 42"),
            ("leakbench attach 42", "leakbench attach --duration 5s 42"),
            // Another program may have written the recording.
            ("leakbench exec --duration", "leakbench exec --duration 5s"),
            ("leakbench exec --duration -- a", "leakbench exec --duration 5s -- a"),
        ];
        for (command, expected) in cases {
            let changed = with_flag(command, "--duration", Some("5s"));
            assert_eq!(changed.as_deref(), Some(expected), "{command}");
        }
        let tree = with_flag("leakbench attach 42", "--tree", None);
        assert_eq!(tree.as_deref(), Some("leakbench attach --tree 42"));
        assert_eq!(with_flag("", "--tree", None), None);
        assert_eq!(with_flag("leakbench 'exec", "--tree", None), None);
    }
}
