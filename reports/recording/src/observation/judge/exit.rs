//! Rule `exit`: a command that leakbench started must exit by itself with code 0. The end of other
//! processes is only noted.

use leakbench_model::Verdict;
use leakbench_model::text::duration_ms;

use super::Evidence;
use crate::judge::{Finding, Rule};
use crate::observation::ProcessExitKind;

pub(super) const RULE: Rule<Evidence> = Rule { name: "exit", judge };

fn judge(Evidence { ledger, .. }: &Evidence) -> Vec<Finding> {
    let Some(exit) = &ledger.exit else {
        return Vec::new();
    };
    let failed = match &exit.how {
        ProcessExitKind::Stopped => return Vec::new(),
        ProcessExitKind::Exited { code } => *code != 0,
        ProcessExitKind::Signaled { .. } => true,
        ProcessExitKind::Vanished => false,
    };
    let (pid, how, after) = (ledger.start.pid, &exit.how, duration_ms(exit.at_ms));
    let message = format!("process {pid} {how} after {after}");
    vec![if ledger.start.started_here && failed {
        Finding::error(RULE.name, Verdict::SubjectDied, message)
    } else {
        Finding::note(RULE.name, message)
    }]
}
