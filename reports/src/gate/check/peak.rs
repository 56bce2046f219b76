//! Policies `peak-*`: the most that there was at any look. Of several subjects each one's own peak
//! is taken and all are added, as everywhere that leakbench tells of peaks.

use super::{Against, Answer, Checked, Most, Told, verdict};
use crate::gate::Evidence;
use crate::gate::budget::Rule;
use crate::gate::policy::{Measure, Policy};
use crate::gate::runs::{Run, What};
use leakbench_model::text::counted;
use leakbench_recording::ledger::Ledger;
use leakbench_recording::observation::ObservationLedger;

/// The peak; `None` where it was not read.
pub(in crate::gate) fn value(run: &Run<'_>, measure: Measure) -> Option<u64> {
    match run.what {
        What::Run(run) => measure.of(&run.ledger.peak),
        What::Observation(diagnosis) => {
            let looks = diagnosis.ledger.samples.iter();
            looks.filter_map(|look| look.amounts.get(&measure.resource()).copied()).max()
        }
    }
}

pub(super) fn check(policy: Policy, rule: &Rule, run: &Run<'_>, against: Against<'_>) -> Checked {
    let Some(measure) = policy.measure() else {
        return Err(Answer::missing("it has no measure"));
    };
    let peak = value(run, measure).ok_or_else(|| Answer::missing("it was not read"))?;
    let most = Most::of(policy, rule, run, against, |amount| measure.figure(amount))?;
    let (evidence, of) = match run.what {
        What::Run(recorded) => {
            let subjects = recorded.ledger.subjects.len();
            let of =
                if subjects > 1 { format!(" ({subjects} subjects added)") } else { String::new() };
            (of_run(run, &recorded.ledger, measure), of)
        }
        What::Observation(diagnosis) => {
            (of_observation(run, &diagnosis.ledger, measure, peak), String::new())
        }
    };
    Ok(Answer::Told(Told {
        verdict: verdict(most.exceeded_by(peak)),
        measured: Some(measure.figure(peak)),
        allowed: most.allowed(),
        message: format!("{} at the most{of}, budget {}", measure.amount(peak), most.budget),
        evidence,
    }))
}

/// Each subject's first moment at its peak. A peak at rest has none.
fn of_run(run: &Run<'_>, ledger: &Ledger, measure: Measure) -> Vec<Evidence> {
    let told = ledger.subjects.iter().filter_map(|subject| {
        let peak = measure.of(&subject.peak)?;
        let mut moments = subject.samples.iter();
        let moment = moments.find(|moment| measure.of(&moment.footprint) == Some(peak))?;
        let what = format!(
            "{} of subject {} after {}: {}",
            if moment.at_barrier { "barrier" } else { "sample" },
            subject.number,
            counted(moment.counts.cycles, "cycle"),
            measure.amount(peak),
        );
        Some(Evidence { path: run.path.clone(), line: moment.line, what })
    });
    told.collect()
}

fn of_observation(
    run: &Run<'_>,
    ledger: &ObservationLedger,
    measure: Measure,
    peak: u64,
) -> Vec<Evidence> {
    let mut looks = ledger.samples.iter().zip(&ledger.sample_lines);
    let at_peak = looks.find(|(look, _)| look.amounts.get(&measure.resource()) == Some(&peak));
    let told = at_peak.map(|(look, &line)| Evidence {
        path: run.path.clone(),
        line,
        what: format!("look at {} ms: {}", look.at_ms, measure.amount(peak)),
    });
    told.into_iter().collect()
}
