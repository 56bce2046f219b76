//! `slope-*`: growth of a resource with the cycles of a subject. It fails if growth still goes on at
//! the end, and the whole 95 % interval of its rate is above the limit: a pool that warms up grows
//! too, and stops.

use leakbench_model::Resource;
use leakbench_model::text::counted;
use leakbench_recording::ledger::{SubjectLedger, SubjectSample};
use leakbench_recording::rate::Rate;
use leakbench_recording::trend::{Trend, TrendClass};

use super::samples;
use crate::gate::budget::{MeasuredRuns, PolicySetting, Suggestion};
use crate::gate::measurement::{Measurement, NotMeasured, Reading};
use crate::gate::policy::{Key, LimitKind, Numbers, Policy, Unit};
use crate::gate::runs::{Run, Source};
use crate::gate::{Evidence, PolicyLevel};

const MAX_PER_1000_CYCLES: &str = "max-per-1000-cycles";

pub(super) const fn policy(resource: Resource) -> Policy {
    Policy {
        name: "slope-{}",
        about: "growth of {} with the cycles",
        unit: Unit::Resource(resource),
        level: PolicyLevel::Off,
        keys: &[Key {
            name: MAX_PER_1000_CYCLES,
            limit: LimitKind::Maximum,
            numbers: Numbers::NotNegative,
            default: Some(0.0),
            words: "at most {} in 1,000 cycles",
        }],
        exempts_resources: false,
        needs_baseline_runs: false,
        sentence: "{value}, budget {limit}",
        measure,
        suggest,
    }
}

fn measure(
    setting: &PolicySetting,
    run: &Run<'_>,
    _: &[Run<'_>],
) -> Result<Measurement, NotMeasured> {
    let Source::Run(recorded) = run.source else {
        let why = "an observed process has no cycles (see policy growth)";
        return Err(NotMeasured::other_kind(why));
    };
    let resource = setting.policy.resource();
    let resource = resource.ok_or_else(|| NotMeasured::missing("it has no resource"))?;
    let subjects = recorded.ledger.subjects.iter();
    let slopes = subjects.map(|subject| Slope::of(subject, resource));
    let slopes = slopes.collect::<Result<Vec<Slope<'_>>, NotMeasured>>()?;
    let fastest = slopes.iter().max_by(|a, b| {
        a.lasting().total_cmp(&b.lasting()).then(a.trend.rate.value.total_cmp(&b.trend.rate.value))
    });
    let fastest = fastest.ok_or_else(|| NotMeasured::missing("no subject started"))?;
    let others = slopes.iter().filter(|slope| slope.lasting() > 0.0).count().saturating_sub(1);
    let details = match others as u64 {
        0 => Vec::new(),
        others => vec![format!("{} with lasting growth", counted(others, "more subject"))],
    };
    let lasting = fastest.lasting();
    Ok(Measurement {
        value: Some(lasting),
        text: fastest.rate(resource),
        readings: vec![Reading::exact(MAX_PER_1000_CYCLES, lasting, fastest.described(resource))],
        details,
        evidence: fastest.evidence(run, resource),
    })
}

/// A subject's growth, with the samples that it was read from.
struct Slope<'a> {
    subject: u32,
    series: Vec<(&'a SubjectSample, u64)>,
    trend: Trend,
}

impl<'a> Slope<'a> {
    fn of(subject: &'a SubjectLedger, resource: Resource) -> Result<Slope<'a>, NotMeasured> {
        let series = series(subject, resource);
        let number = subject.number;
        if series.is_empty() {
            return Err(NotMeasured::missing(format!("subject {number} has no sample of it")));
        }
        let points =
            series.iter().map(|(sample, amount)| (sample.counts.cycles as f64, *amount as f64));
        let points: Vec<(f64, f64)> = points.collect();
        match Trend::of(&points, resource.noise() as f64) {
            Some(trend) => Ok(Slope { subject: number, series, trend }),
            None => Err(NotMeasured::Inconclusive(format!(
                "subject {number} has {} at different cycles, and a trend needs at least {}: run \
                 more cycles, or with more --barriers",
                counted(series.len() as u64, "sample"),
                Trend::POINTS_MIN,
            ))),
        }
    }

    /// The proved growth in 1,000 cycles that goes on to the end; 0 if it stopped.
    fn lasting(&self) -> f64 {
        match self.trend.class {
            TrendClass::Leak => self.trend.rate.low * 1e3,
            TrendClass::Bounded
            | TrendClass::Sawtooth
            | TrendClass::Flat
            | TrendClass::Inconclusive => 0.0,
        }
    }

    /// `3.0 ± 0.1 mappings in 1,000 cycles (95 % CI)`.
    fn rate(&self, resource: Resource) -> String {
        let rate = Rate::over_cycles(self.trend.rate, resource.unit()).amount();
        let of = if resource.unit() == leakbench_model::Unit::Bytes { " of" } else { "" };
        format!("{rate}{of} {} in 1,000 cycles (95 % CI)", resource.noun())
    }

    /// `subject 0 gains 3.0 ± 0.1 mappings in 1,000 cycles (95 % CI), from 60 to 3,060, and still
    /// grows at the end`.
    fn described(&self, resource: Resource) -> String {
        let [first, last] =
            [self.trend.first, self.trend.last].map(|of| resource.amount(of as u64));
        let ending = match self.trend.class {
            TrendClass::Leak => "and still grows at the end",
            TrendClass::Bounded => "and stops growing",
            TrendClass::Sawtooth => "and gives it back repeatedly",
            TrendClass::Flat => "which is within its noise",
            TrendClass::Inconclusive => "and is not proved to grow on",
        };
        let (subject, rate) = (self.subject, self.rate(resource));
        format!("subject {subject} gains {rate}, from {first} to {last}, {ending}")
    }

    fn evidence(&self, run: &Run<'_>, resource: Resource) -> Vec<Evidence> {
        let ends = [self.series.first(), self.series.last()];
        let lines = ends.into_iter().flatten().map(|(sample, amount)| Evidence {
            path: run.path.clone(),
            line: sample.line,
            what: format!(
                "{}: {}",
                samples::described(self.subject, sample),
                resource.counted(*amount)
            ),
        });
        lines.collect()
    }
}

/// The amounts of a resource in samples whose cycles rise.
fn series(subject: &SubjectLedger, resource: Resource) -> Vec<(&SubjectSample, u64)> {
    let mut series: Vec<(&SubjectSample, u64)> = Vec::new();
    for sample in &subject.samples {
        let Some(amount) = sample.footprint.of(resource) else {
            continue;
        };
        if series.last().is_none_or(|(last, _)| last.counts.cycles < sample.counts.cycles) {
            series.push((sample, amount));
        }
    }
    series
}

fn suggest(_: &Policy, runs: &MeasuredRuns<'_>) -> Option<Suggestion> {
    let bounds = vec![(MAX_PER_1000_CYCLES, "0".to_owned())];
    if runs.has_unmeasured() {
        return Some(Suggestion {
            measured: "too few samples for a trend".to_owned(),
            comments: vec!["Off: it needs longer runs.".to_owned()],
            level: PolicyLevel::Off,
            bounds,
        });
    }
    let largest = runs.largest_measurement()?;
    let (level, comment) = match (largest.value > Some(0.0), runs.leaked) {
        (true, true) => {
            (PolicyLevel::Warn, "THE RUN DOES NOT PASS: it leaked, and this grew to its end.")
        }
        (true, false) => (
            PolicyLevel::Off,
            "Off: it grew to the end of the run, as a pool does that warms up. Judge longer runs.",
        ),
        (false, _) => (
            PolicyLevel::Warn,
            "Growth that stops passes. Set the level \"error\" once longer runs have passed.",
        ),
    };
    let (measured, comments) = (largest.text.clone(), vec![comment.to_owned()]);
    Some(Suggestion { measured, comments, level, bounds })
}
