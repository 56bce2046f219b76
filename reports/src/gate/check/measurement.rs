//! What is told whatever the budget: deaths, interruptions and witnesses that failed. A run of
//! which one is true proves nothing by having no leak.

use super::Told;
use crate::gate::Evidence;
use crate::gate::runs::{Run, What};
use leakbench_model::Verdict;
use leakbench_model::text::{counted, grouped};
use leakbench_recording::judge::{Finding, Judgement, Level};
use leakbench_recording::observation::sample_summary;

/// Never without an answer.
pub(in crate::gate) fn check(run: &Run<'_>) -> Told {
    let judgement = match run.what {
        What::Run(run) => &run.judgement,
        What::Observation(diagnosis) => &diagnosis.judgement,
    };
    let findings = doubts(judgement);
    let verdict = findings.iter().filter_map(|finding| finding.supports).max();
    // Where its user ended it nobody knows what would have come.
    let verdict = match verdict {
        Some(Verdict::Interrupted) => Verdict::Inconclusive,
        Some(verdict) => verdict,
        None => Verdict::Clean,
    };
    Told {
        verdict,
        measured: Some(measured(run)),
        allowed: match run.what {
            What::Run(_) => "a run to its end, with both witnesses".to_owned(),
            What::Observation(_) => "an observation to its end".to_owned(),
        },
        message: message(run, &findings),
        evidence: evidence(run),
    }
}

fn measured(run: &Run<'_>) -> String {
    match run.what {
        What::Run(run) => format!(
            "{} of {}, {}",
            grouped(run.ledger.cycles),
            counted(run.ledger.start.scenario.cycles.get(), "cycle"),
            counted(run.ledger.images.made, "image"),
        ),
        What::Observation(diagnosis) => sample_summary(&diagnosis.ledger),
    }
}

/// The findings that keep a run from being believed, gravest first.
fn doubts(judgement: &Judgement) -> Vec<&Finding> {
    let errors = judgement.findings.iter().filter(|finding| finding.level == Level::Error);
    let mut doubts: Vec<&Finding> = errors
        .filter(|finding| finding.supports.is_some_and(|verdict| verdict != Verdict::Leak))
        .collect();
    doubts.sort_by_key(|finding| std::cmp::Reverse(finding.supports));
    doubts
}

fn message(run: &Run<'_>, findings: &[&Finding]) -> String {
    let Some((first, others)) = findings.split_first() else {
        return match run.what {
            What::Run(_) => "all was done, and both witnesses worked".to_owned(),
            What::Observation(_) => "it was looked at to its end".to_owned(),
        };
    };
    let mut message = match first.supports {
        Some(Verdict::Interrupted) => format!("interrupted {}", first.message),
        _ => first.message.clone(),
    };
    if !others.is_empty() {
        let more = counted(others.len() as u64, "more finding");
        message += &format!(", and {more} of this kind");
    }
    message
}

fn evidence(run: &Run<'_>) -> Vec<Evidence> {
    let told = |line, what| Evidence { path: run.path.clone(), line, what };
    match run.what {
        What::Run(recorded) => {
            let subjects = recorded.ledger.subjects.iter().filter(|of| of.counts_line > 0);
            let seen = subjects.clone().map(|of| {
                let (number, counts) = (of.number, &of.counts);
                let cycles = counted(counts.cycles, "cycle");
                let [made, unknown] = [counts.made, counts.unknown].map(grouped);
                told(
                    of.counts_line,
                    format!(
                        "subject {number} as last seen, after {cycles}: {made} images made, \
                         {unknown} given up"
                    ),
                )
            });
            let disagree = subjects.filter_map(|of| {
                let barrier = of.disagreeing.as_ref()?;
                let points = counted(barrier.total, "point");
                let what = format!("subject {}: {points} of disagreement", of.number);
                Some(told(barrier.line, what))
            });
            seen.clone().chain(disagree).collect()
        }
        What::Observation(diagnosis) => {
            let ledger = &diagnosis.ledger;
            let last = ledger.sample_lines.last().zip(ledger.samples.last());
            last.map(|(&line, look)| told(line, format!("the last look, at {} ms", look.at_ms)))
                .into_iter()
                .collect()
        }
    }
}
