//! The outcome of the gate at the end of a log: the policies that did not pass, and the headline.

use super::layout::{Layout, Tone};
use crate::gate::{GateVerdict, Outcome, PolicyLevel, PolicyOutcome, Status};
use leakbench_model::text::{counted, printable};

/// Lines of an entry.
const ENTRY_LINES: usize = 4;
/// Entries shown.
const SHOWN: usize = 12;

/// The policies that did not pass, errors first, and the headline in the last line: `gate: PASS — …`.
/// The policy that decided is in the headline only. Wrapped at `width` columns, taken as at least 60
/// and at most 100; the last line is never wrapped. With `is_full`, nothing is shortened.
pub fn gate_summary(outcome: &Outcome, colour: bool, width: usize, is_full: bool) -> String {
    let layout = Layout::new(colour, width, is_full);
    let number = |status| {
        let policies = outcome.policies.iter();
        policies.filter(|policy| policy.status == status).count() as u64
    };
    let mut lines = vec![layout.bold(&printable(&format!("leakbench gate: {}", outcome.budget)))];
    let statuses =
        [Status::Passed, Status::Failed, Status::Flaky, Status::Inconclusive, Status::Off];
    let counts = statuses.map(|status| (number(status), status));
    let counts = counts.iter().filter(|(number, _)| *number > 0);
    let counts = counts.map(|(number, status)| format!("{number} {status}"));
    let counts = counts.collect::<Vec<String>>().join(", ");
    lines.extend(layout.entry("policies", &counts, ENTRY_LINES));

    let decisive = outcome.decisive();
    let is_decisive =
        |policy: &PolicyOutcome| decisive.is_some_and(|decisive| std::ptr::eq(policy, decisive));
    let mut failed: Vec<&PolicyOutcome> = outcome.policies.iter().filter(has_not_passed).collect();
    let has_failures = !failed.is_empty();
    failed.retain(|policy| !is_decisive(policy));
    failed.sort_by_key(|policy| std::cmp::Reverse((policy.level, policy.status)));
    let first_run = outcome.policies.first().map(|policy| &policy.run);
    let several = outcome.policies.iter().any(|policy| Some(&policy.run) != first_run);
    let shown = if is_full { usize::MAX } else { SHOWN };
    for policy in failed.iter().take(shown) {
        let label = match policy.level {
            PolicyLevel::Error => "error",
            PolicyLevel::Warn | PolicyLevel::Off => "warn",
        };
        let run = if several { format!("{}: ", policy.run) } else { String::new() };
        let text = format!("{run}{} [{}]", policy.message, policy.policy);
        lines.extend(layout.entry(label, &text, ENTRY_LINES));
    }
    let more = failed.len().saturating_sub(shown) as u64;
    if more > 0 {
        let text = format!("… and {} (see leakbench gate explain)", counted(more, "more outcome"));
        lines.extend(layout.entry("", &text, 1));
    }
    if has_failures {
        let text = "leakbench gate explain, with the same arguments, prints the lines of the \
                    recording that show it";
        lines.extend(layout.entry("next", text, ENTRY_LINES));
    }
    let tone = match outcome.verdict {
        GateVerdict::Pass => Tone::Good,
        GateVerdict::Flaky | GateVerdict::Fail | GateVerdict::SubjectDied => Tone::Bad,
        GateVerdict::Inconclusive => Tone::Doubtful,
    };
    lines.push(layout.last_line("gate", tone, &outcome.headline));
    lines.join("\n") + "\n"
}

fn has_not_passed(policy: &&PolicyOutcome) -> bool {
    !matches!(policy.status, Status::Off | Status::Passed)
}
