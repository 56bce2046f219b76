//! Annotations of a GitHub job: workflow commands, which a step writes to its standard output.
//! Escaped as GitHub's own toolkit does (`actions/toolkit`, `packages/core/src/command.ts`).

use crate::gate::{GateVerdict, Outcome, PolicyLevel, PolicyOutcome, Status};
use crate::report::Report;
use leakbench_model::Verdict;
use leakbench_model::text::{grouped, printable};
use leakbench_recording::judge::Level;

/// Annotations of one kind that GitHub keeps of a step; it drops the others silently.
const OF_EACH_MAX: usize = 10;

/// A workflow command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Command {
    Error,
    Warning,
    Notice,
}

struct Annotation {
    command: Command,
    title: String,
    message: String,
}

/// The annotations, a line each; if none is an error, a notice has the headline.
///
/// With an outcome of the gate, only its policies are errors: a finding of level error may be within
/// the budget, and is a notice then.
pub(super) fn annotations(report: &Report, outcome: Option<&Outcome>) -> String {
    let policies = outcome.into_iter().flat_map(|outcome| &outcome.policies);
    let mut all: Vec<Annotation> = policies.filter_map(Annotation::of_policy).collect();
    all.extend(report.findings.iter().map(|finding| Annotation {
        command: match (finding.level, outcome) {
            (Level::Error, None) => Command::Error,
            (Level::Error, Some(_)) | (Level::Note, _) => Command::Notice,
            (Level::Warn, _) => Command::Warning,
        },
        title: format!("leakbench: {}", finding.rule),
        message: finding.message.clone(),
    }));
    let (passes, headline) = match outcome {
        Some(outcome) => {
            (outcome.verdict == GateVerdict::Pass, format!("gate: {}", outcome.headline))
        }
        None => (report.verdict == Verdict::Clean, report.headline.clone()),
    };
    if all.iter().all(|annotation| annotation.command != Command::Error) {
        // A run that is not clean has a finding of level error, and a gate that does not pass has a
        // policy of that level. If that were missing, this must not look like a pass.
        let command = if passes { Command::Notice } else { Command::Error };
        let title = "leakbench".to_owned();
        all.insert(0, Annotation { command, title, message: headline });
    }
    let kinds = [Command::Error, Command::Warning, Command::Notice];
    kinds.into_iter().flat_map(|kind| lines(&all, kind)).collect()
}

fn lines(all: &[Annotation], kind: Command) -> Vec<String> {
    let of_kind: Vec<&Annotation> =
        all.iter().filter(|annotation| annotation.command == kind).collect();
    let shown = if of_kind.len() > OF_EACH_MAX { OF_EACH_MAX - 1 } else { of_kind.len() };
    let mut lines: Vec<String> =
        of_kind[..shown].iter().map(|annotation| annotation.line()).collect();
    if let more @ 1.. = of_kind.len() - shown {
        let message = format!("and {} more like these", grouped(more as u64));
        lines.push(Annotation { command: kind, title: "leakbench".to_owned(), message }.line());
    }
    lines
}

impl Annotation {
    /// The annotation of a policy; `None` if it passed or is off.
    fn of_policy(policy: &PolicyOutcome) -> Option<Annotation> {
        let command = match (policy.status, policy.level) {
            (Status::Passed | Status::Off, _) | (_, PolicyLevel::Off) => return None,
            (_, PolicyLevel::Error) => Command::Error,
            (_, PolicyLevel::Warn) => Command::Warning,
        };
        let word = match policy.status {
            Status::Flaky => "flaky: ",
            Status::Inconclusive => "inconclusive: ",
            _ => "",
        };
        let title = format!("leakbench gate: {word}{} ({})", policy.policy, policy.run);
        Some(Annotation { command, title, message: policy.message.clone() })
    }

    fn line(&self) -> String {
        let command = match self.command {
            Command::Error => "error",
            Command::Warning => "warning",
            Command::Notice => "notice",
        };
        format!("::{command} title={}::{}\n", property(&self.title), data(&self.message))
    }
}

/// Text after the second `::`.
fn data(text: &str) -> String {
    printable(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_syntax_of_workflow_commands_is_escaped() {
        assert_eq!(data("100%\r\n::error::x"), r"100%25\r\n::error::x");
        assert_eq!(property("a: b, c%0A"), "a%3A b%2C c%250A");
    }
}
