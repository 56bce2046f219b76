//! Policy `subject-exit`: a subject must do all that it was asked to and leave by itself.

use super::{Finding, Verdict};
use crate::ledger::{Ledger, SubjectLedger};
use crate::recording::{Exit, ExitKind};
use leakbench_model::text::{duration_ms, grouped, signal_name};

pub(super) const POLICY: &str = "subject-exit";

pub(super) fn judge(ledger: &Ledger) -> Vec<Finding> {
    let dead = ledger.subjects.iter().filter(|subject| subject.died());
    let exits = dead.filter_map(|subject| Some((subject, subject.exit.as_ref()?)));
    exits
        .map(|(subject, exit)| {
            let message = format!("{} {}", name(subject), ending(exit));
            Finding::error(POLICY, Verdict::SubjectDied, message)
        })
        .collect()
}

fn name(subject: &SubjectLedger) -> String {
    match subject.pid {
        Some(pid) => format!("subject {} (pid {pid})", subject.number),
        None => format!("subject {}, before it was ready,", subject.number),
    }
}

/// How it ended, in a clause without its subject: `was killed by signal 9 (SIGKILL) in cycle 7 (call)`.
pub fn ending(exit: &Exit) -> String {
    let doing = doing(exit);
    match &exit.how {
        ExitKind::Failed { error } => format!("failed{doing}: {error}"),
        ExitKind::Exited { code } => {
            format!("left without a word{doing}, with exit code {code}")
        }
        ExitKind::Signaled { signal } => {
            let name = signal_name(*signal).map_or(String::new(), |name| format!(" ({name})"));
            format!("was killed by signal {signal}{name}{doing}")
        }
        ExitKind::Hung { silent_ms } => {
            let silent = duration_ms(*silent_ms);
            format!("made no progress for {silent}{doing}, and was killed")
        }
        ExitKind::ProtocolViolation { line: said } => {
            format!("broke the protocol{doing}, and was killed; it said: {said}")
        }
        ExitKind::Done => "did all it was asked to".to_owned(),
        ExitKind::Stopped => "was stopped".to_owned(),
    }
}

/// Its last step; of several threads nobody knows which was the one, and they are listed apart.
fn doing(exit: &Exit) -> String {
    match exit.last_steps.as_slice() {
        [last] => format!(" in cycle {} ({})", grouped(last.cycle), last.step),
        _ => String::new(),
    }
}
