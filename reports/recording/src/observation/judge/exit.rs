//! Rule `exit`: a command that leakbench started must exit by itself with code 0. The end of other
//! processes is only noted.

use leakbench_model::Verdict;
use leakbench_model::text::{duration_ms, signal_name};

use super::Evidence;
use crate::judge::{Finding, Rule};
use crate::observation::ProcessExitKind;

pub(super) const RULE: Rule<Evidence> = Rule { name: "exit", judge };

fn judge(Evidence { ledger, .. }: &Evidence) -> Vec<Finding> {
    let Some(exit) = &ledger.exit else {
        return Vec::new();
    };
    let how = match exit.how {
        ProcessExitKind::Stopped => return Vec::new(),
        ProcessExitKind::Exited { code } => format!("exited with code {code}"),
        ProcessExitKind::Signaled { signal } => {
            let name = signal_name(signal).map_or(String::new(), |name| format!(" ({name})"));
            format!("was killed by signal {signal}{name}")
        }
        ProcessExitKind::Vanished => "ended in an unknown way".to_owned(),
    };
    let pid = ledger.start.pid;
    let message = format!("process {pid} {how} after {}", duration_ms(exit.at_ms));
    let failed = match exit.how {
        ProcessExitKind::Exited { code } => code != 0,
        ProcessExitKind::Signaled { .. } => true,
        ProcessExitKind::Vanished | ProcessExitKind::Stopped => false,
    };
    vec![if ledger.start.started_here && failed {
        Finding::error(RULE.name, Verdict::SubjectDied, message)
    } else {
        Finding::note(RULE.name, message)
    }]
}
