//! Next steps after a comparison.

use leakbench_model::Verdict;

use super::{Means, NextStep};
use crate::comparison::Comparison;

/// Next steps after a comparison, the most helpful first.
pub(crate) fn of_comparison(comparison: &Comparison) -> Vec<NextStep> {
    match comparison.verdict() {
        Some(Verdict::Clean) => vec![NextStep::gate()],
        Some(verdict @ (Verdict::Leak | Verdict::SubjectDied)) => {
            let draw = NextStep::draw("the runs side by side");
            [Some(draw), worst_alone(comparison, verdict), Some(NextStep::gate())]
                .into_iter()
                .flatten()
                .collect()
        }
        Some(Verdict::Interrupted) => {
            vec![NextStep::same(&comparison.command, "runs all of it")]
        }
        verdict @ (Some(Verdict::Inconclusive) | None) => {
            let worst = verdict.and_then(|verdict| worst_alone(comparison, verdict));
            // Without such a run, a runtime was refused at its start.
            vec![worst.unwrap_or_else(NextStep::doctor)]
        }
    }
}

/// The command of the run with this verdict that has most lingering images, the first of equals.
fn worst_alone(comparison: &Comparison, verdict: Verdict) -> Option<NextStep> {
    let worst = comparison.rows.iter().rev().filter_map(|row| Some((row, row.worst()?)));
    let of_verdict = worst.filter(|(_, run)| run.verdict == verdict);
    let (row, run) = of_verdict.max_by_key(|(_, run)| run.images.lingering)?;
    let effect = match verdict {
        Verdict::Leak => format!("runs {} alone and names what holds its images", row.name),
        _ => format!("runs {} alone and names what to change", row.name),
    };
    Some(NextStep { means: Means::Whole(run.command.clone()), effect })
}
