//! The gate's outcome at the end of a log: what did not pass, and a line that says it all.

use super::layout::Layout;
use crate::gate::{Outcome, PolicyLevel, PolicyOutcome, Status};
use leakbench_model::text::{counted, printable};

/// Lines of an entry.
const ENTRY_LINES: usize = 4;
/// Entries shown.
const SHOWN: usize = 12;

/// What did not pass, an entry a policy, errors first, and in the last line `gate: PASS — …`,
/// `gate: FAIL — …` or `gate: INCONCLUSIVE — …`. Wrapped at `width` columns, taken as at least 60
/// and at most 100; the last line is never wrapped.
pub fn gate_summary(outcome: &Outcome, colour: bool, width: usize) -> String {
    let layout = Layout::new(colour, width);
    let number = |status| {
        let policies = outcome.policies.iter();
        policies.filter(|policy| policy.status == status).count() as u64
    };
    let mut lines = vec![layout.bold(&printable(&format!("leakbench gate: {}", outcome.budget)))];
    let parts = [
        (Status::Passed, "passed"),
        (Status::Failed, "failed"),
        (Status::Flaky, "flaky"),
        (Status::Inconclusive, "inconclusive"),
        (Status::Off, "off"),
    ];
    let parts = parts.map(|(status, word)| (number(status), word));
    let counts = parts.iter().filter(|(number, _)| *number > 0);
    let counts = counts.map(|(number, word)| format!("{number} {word}"));
    let counts = counts.collect::<Vec<String>>().join(", ");
    lines.extend(layout.entry("policies", &counts, ENTRY_LINES));

    let mut told: Vec<&PolicyOutcome> = outcome.policies.iter().filter(is_told).collect();
    told.sort_by_key(|policy| std::cmp::Reverse((policy.level, policy.status)));
    let first_run = outcome.policies.first().map(|policy| &policy.run);
    let several = outcome.policies.iter().any(|policy| Some(&policy.run) != first_run);
    for policy in told.iter().take(SHOWN) {
        let label = match policy.level {
            PolicyLevel::Error => "error",
            PolicyLevel::Warn | PolicyLevel::Off => "warn",
        };
        let run = if several { format!("{}: ", policy.run) } else { String::new() };
        let text = format!("{run}{} [{}]", policy.message, policy.policy);
        lines.extend(layout.entry(label, &text, ENTRY_LINES));
    }
    let more = told.len().saturating_sub(SHOWN) as u64;
    if more > 0 {
        let text = format!("… and {} (see leakbench gate explain)", counted(more, "more finding"));
        lines.extend(layout.entry("", &text, 1));
    }
    if !told.is_empty() {
        let text = "leakbench gate explain, with the same arguments, says which lines of the \
                    recording each was read off";
        lines.extend(layout.entry("next", text, ENTRY_LINES));
    }
    lines.push(layout.verdict("gate", outcome.verdict, &outcome.headline));
    lines.join("\n") + "\n"
}

fn is_told(policy: &&PolicyOutcome) -> bool {
    !matches!(policy.status, Status::Off | Status::Passed)
}
