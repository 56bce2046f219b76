//! Rule `subject-exit`: a subject must complete its cycles and exit by itself.

use leakbench_model::Verdict;
use leakbench_model::text::{self, duration_ms, grouped};

use super::{Finding, Rule};
use crate::ledger::{Ledger, SubjectLedger};
use crate::recording::{Exit, ExitKind};

pub(super) const RULE: Rule<Ledger> = Rule { name: "subject-exit", judge };

fn judge(ledger: &Ledger) -> Vec<Finding> {
    let findings = ledger.deaths().into_iter().map(|(subject, exit)| {
        let message = format!("{} {}", name(subject), ending(exit));
        Finding::error(RULE.name, Verdict::SubjectDied, message)
    });
    findings.collect()
}

fn name(subject: &SubjectLedger) -> String {
    match subject.pid {
        Some(pid) => format!("subject {} (pid {pid})", subject.number),
        None => format!("subject {}, before it was ready,", subject.number),
    }
}

/// The end of a subject as a predicate: `was killed by signal 9 (SIGKILL) in cycle 7 (call)`.
pub fn ending(exit: &Exit) -> String {
    let step = step(exit);
    match &exit.how {
        // Most errors begin with the step.
        ExitKind::Failed { error } => match exit.last_steps.as_slice() {
            [last] if error.starts_with(&last.step) => {
                format!("failed in cycle {}: {error}", grouped(last.cycle))
            }
            _ => format!("failed{step}: {error}"),
        },
        ExitKind::Exited { code } => {
            format!("exited with code {code}{step} without reporting an error")
        }
        ExitKind::Signaled { signal } => {
            format!("was killed by {}{step}", text::signal(*signal))
        }
        ExitKind::Hung { silent_ms } => {
            let silent = duration_ms(*silent_ms);
            format!("made no progress for {silent}{step}, and was killed")
        }
        ExitKind::ProtocolViolation { line } => {
            format!("violated the protocol{step}, and was killed; it sent: {line}")
        }
        ExitKind::Done => "completed all cycles".to_owned(),
        ExitKind::Stopped => "was stopped".to_owned(),
    }
}

/// The last step of a subject with one thread. Of several threads, the failing one is unknown.
fn step(exit: &Exit) -> String {
    match exit.last_steps.as_slice() {
        [last] => format!(" in cycle {} ({})", grouped(last.cycle), last.step),
        _ => String::new(),
    }
}
