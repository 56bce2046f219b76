//! `measurement`: the check that no budget sets. A run whose subject died, that was interrupted, or
//! whose witnesses failed proves nothing by having no leak.

use leakbench_model::Verdict;
use leakbench_model::text::{counted, grouped};
use leakbench_recording::judge::{Finding, Judgement, Level};
use leakbench_recording::observation::sample_summary;

use super::measurement::Evaluation;
use super::runs::{Run, Source};
use super::{Evidence, GateVerdict};

impl Evaluation {
    /// Checks that a run was measured to its end.
    pub(super) fn of_completeness(run: &Run<'_>) -> Evaluation {
        let findings = doubts(run.judgement());
        let gravest = findings.iter().filter_map(|finding| finding.supports).max();
        Evaluation {
            verdict: gravest.map_or(GateVerdict::Pass, of_run),
            measured: Some(measured(run)),
            allowed: allowed(run).to_owned(),
            message: message(run, &findings),
            evidence: evidence(run),
        }
    }

    /// The runs that were asked for were not all done, for the reason `why`.
    pub(super) fn of_missing_runs(why: &str, evidence: Vec<Evidence>) -> Evaluation {
        let allowed = "every run that was asked for".to_owned();
        Evaluation { evidence, ..Evaluation::inconclusive(allowed, why.to_owned()) }
    }
}

/// The verdict of the gate for a run that cannot be clean.
fn of_run(verdict: Verdict) -> GateVerdict {
    match verdict {
        Verdict::Clean => GateVerdict::Pass,
        // The rest of an interrupted run is unknown.
        Verdict::Inconclusive | Verdict::Interrupted => GateVerdict::Inconclusive,
        Verdict::Leak => GateVerdict::Fail,
        Verdict::SubjectDied => GateVerdict::SubjectDied,
    }
}

/// The findings that keep a run from being trusted, gravest first. A leak is not among them: that
/// is for the policies of a budget.
fn doubts(judgement: &Judgement) -> Vec<&Finding> {
    let errors = judgement.findings.iter().filter(|finding| finding.level == Level::Error);
    let mut doubts: Vec<&Finding> = errors
        .filter(|finding| finding.supports.is_some_and(|verdict| verdict != Verdict::Leak))
        .collect();
    doubts.sort_by_key(|finding| std::cmp::Reverse(finding.supports));
    doubts
}

fn measured(run: &Run<'_>) -> String {
    match run.source {
        Source::Run(run) => format!(
            "{} of {}, {}",
            grouped(run.ledger.cycles),
            counted(run.ledger.start.scenario.cycles.get(), "cycle"),
            counted(run.ledger.images.made, "image"),
        ),
        Source::Observation(diagnosis) => sample_summary(&diagnosis.ledger),
    }
}

fn allowed(run: &Run<'_>) -> &'static str {
    match run.source {
        Source::Run(_) => "a run to its end, with both witnesses",
        Source::Observation(_) => "an observation to its end",
    }
}

fn message(run: &Run<'_>, findings: &[&Finding]) -> String {
    let Some((first, others)) = findings.split_first() else {
        return match run.source {
            Source::Run(_) => "the run ended as asked, and both witnesses worked".to_owned(),
            Source::Observation(_) => "the process was observed to the end".to_owned(),
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
    let evidence = |line, what| Evidence { path: run.path.clone(), line, what };
    match run.source {
        Source::Run(recorded) => {
            let subjects = recorded.ledger.subjects.iter().filter(|of| of.counts_line > 0);
            let counts = subjects.clone().map(|of| {
                let (number, cycles) = (of.number, counted(of.counts.cycles, "cycle"));
                let [made, unknown] = [of.counts.made, of.counts.unknown].map(grouped);
                let what = format!(
                    "last counts of subject {number}, after {cycles}: {made} images made, \
                     {unknown} of unknown fate"
                );
                evidence(of.counts_line, what)
            });
            let disagreements = subjects.filter_map(|of| {
                let barrier = of.disagreeing.as_ref()?;
                let disagreements = counted(barrier.total, "disagreement");
                let what = format!("subject {}: {disagreements} of the witnesses", of.number);
                Some(evidence(barrier.line, what))
            });
            counts.clone().chain(disagreements).collect()
        }
        Source::Observation(diagnosis) => {
            let ledger = &diagnosis.ledger;
            let last = ledger.sample_lines.last().zip(ledger.samples.last());
            let line = last.map(|(&line, sample)| {
                evidence(line, format!("the last sample, at {} ms", sample.at_ms))
            });
            line.into_iter().collect()
        }
    }
}
