//! Policies `slope-*`: growth of a subject with its cycles. It fails where growth is beyond the
//! budget with all of its 95 % interval, and goes on to the end: a pool that warms up grows too,
//! and then no more.

use super::{Answer, Checked, Told, figure, verdict};
use crate::gate::Evidence;
use crate::gate::budget::Rule;
use crate::gate::policy::{MAX_PER_1000_CYCLES, Measure, Policy};
use crate::gate::runs::{Run, What};
use leakbench_model::text::counted;
use leakbench_recording::ledger::{SubjectLedger, SubjectSample};
use leakbench_recording::trend::{Trend, TrendClass};

/// A subject's trend; `None` of too few moments.
pub(in crate::gate) fn trends(run: &Run<'_>, measure: Measure) -> Vec<Option<Trend>> {
    match run.what {
        What::Run(run) => {
            let subjects = run.ledger.subjects.iter();
            subjects.map(|subject| trend(&series(subject, measure), measure)).collect()
        }
        What::Observation(_) => Vec::new(),
    }
}

pub(super) fn check(policy: Policy, rule: &Rule, run: &Run<'_>) -> Checked {
    let What::Run(recorded) = run.what else {
        return Err(Answer::other_kind("an observed process has no cycles (see policy growth)"));
    };
    let (Some(measure), Some(most)) = (policy.measure(), rule.bound(MAX_PER_1000_CYCLES)) else {
        return Err(Answer::missing("it has no bound"));
    };
    let subjects = &recorded.ledger.subjects;
    let mut grown = Vec::new();
    for subject in subjects {
        let series = series(subject, measure);
        if series.is_empty() {
            let number = subject.number;
            return Err(Answer::missing(format!("it was never read of subject {number}")));
        }
        match trend(&series, measure) {
            Some(trend) => grown.push(Grown { subject: subject.number, series, trend }),
            None => {
                let why = format!(
                    "subject {} was seen at {} of its cycles, and growth cannot be told from \
                     fewer than {}: run more cycles, or with more --barriers",
                    subject.number,
                    counted(series.len() as u64, "moment"),
                    Trend::POINTS_MIN,
                );
                // Nobody asked: then a short run is no reason to doubt it.
                return if rule.is_explicit() {
                    Ok(Answer::untold(rule, why))
                } else {
                    Err(Answer::missing(why))
                };
            }
        }
    }
    let exceeds = |grown: &Grown<'_>| {
        grown.trend.class == TrendClass::Leak && grown.trend.ci_low * 1e3 > most
    };
    let beyond = grown.iter().filter(|grown| exceeds(grown)).count();
    let worst = grown.iter().max_by(|a, b| {
        (exceeds(a), a.trend.rate)
            .partial_cmp(&(exceeds(b), b.trend.rate))
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    let Some(worst) = worst else {
        return Err(Answer::missing("no subject came up"));
    };
    let mut message = worst.told(measure);
    if beyond > 1 {
        message += &format!(", and {} grow too", counted(beyond as u64 - 1, "more subject"));
    }
    let budget = measure.figure_of(most);
    Ok(Answer::Told(Told {
        verdict: verdict(beyond > 0),
        measured: Some(format!("{} in 1,000 cycles", measure.figure_of(worst.trend.rate * 1e3))),
        allowed: format!("at most {budget} in 1,000 cycles"),
        message: format!("{message}, budget {budget}"),
        evidence: worst.evidence(run, measure),
    }))
}

/// A subject's growth, with the moments that it was read off.
struct Grown<'a> {
    subject: u32,
    series: Vec<(&'a SubjectSample, u64)>,
    trend: Trend,
}

impl Grown<'_> {
    /// `subject 0 gains 3 mappings in 1,000 cycles (95 %: 2.9 to 3.1), from 60 to 3,060, and goes on`.
    fn told(&self, measure: Measure) -> String {
        let Trend { rate, ci_low, ci_high, first, last, class, .. } = self.trend;
        let [rate, low, high] = [rate, ci_low, ci_high].map(|of| measure.figure_of(of * 1e3));
        let then = match class {
            TrendClass::Leak => "and goes on",
            TrendClass::Bounded => "and then no more",
            TrendClass::Sawtooth => "and falls back again and again",
            TrendClass::Flat => "which is no growth",
        };
        format!(
            "subject {} gains {rate} {} in 1,000 cycles (95 %: {low} to {high}), from {} to {}, {then}",
            self.subject,
            measure.noun(),
            measure.figure(first as u64),
            measure.figure(last as u64),
        )
    }

    fn evidence(&self, run: &Run<'_>, measure: Measure) -> Vec<Evidence> {
        let ends = [self.series.first(), self.series.last()];
        let told = ends.into_iter().flatten().map(|(moment, amount)| Evidence {
            path: run.path.clone(),
            line: moment.line,
            what: format!(
                "{} of subject {} after {}: {}",
                if moment.at_barrier { "barrier" } else { "sample" },
                self.subject,
                counted(moment.counts.cycles, "cycle"),
                measure.amount(*amount),
            ),
        });
        told.collect()
    }
}

/// A measure at moments whose cycles rise.
fn series(subject: &SubjectLedger, measure: Measure) -> Vec<(&SubjectSample, u64)> {
    let mut series: Vec<(&SubjectSample, u64)> = Vec::new();
    for moment in &subject.samples {
        let Some(amount) = measure.of(&moment.footprint) else {
            continue;
        };
        if series.last().is_none_or(|(last, _)| last.counts.cycles < moment.counts.cycles) {
            series.push((moment, amount));
        }
    }
    series
}

fn trend(series: &[(&SubjectSample, u64)], measure: Measure) -> Option<Trend> {
    let points =
        series.iter().map(|(moment, amount)| (moment.counts.cycles as f64, *amount as f64));
    Trend::of(&points.collect::<Vec<(f64, f64)>>(), measure.noise())
}

impl Measure {
    /// What a rate is of.
    fn noun(self) -> &'static str {
        match self {
            Measure::Mappings => "mappings",
            Measure::Fds => "descriptors",
            Measure::RssBytes => "resident",
            Measure::ShmemBytes => "of resident shared memory",
            Measure::PageTablesBytes => "of page tables",
        }
    }

    /// An amount that need not be whole, and may be negative.
    fn figure_of(self, amount: f64) -> String {
        match self {
            Measure::Mappings | Measure::Fds => figure(amount),
            _ if amount.round() == 0.0 => "0 bytes".to_owned(),
            _ => {
                let sign = if amount < 0.0 { "−" } else { "" };
                format!("{sign}{}", leakbench_model::text::bytes(amount.abs().round() as u64))
            }
        }
    }
}

/// Growth in a thousand cycles, for a budget that is to be made from it.
pub(in crate::gate) fn per_thousand(trend: &Trend, measure: Measure) -> String {
    format!(
        "{} {} (95 %: {} to {})",
        measure.figure_of(trend.rate * 1e3),
        measure.noun(),
        measure.figure_of(trend.ci_low * 1e3),
        measure.figure_of(trend.ci_high * 1e3)
    )
}
