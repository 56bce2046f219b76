//! Rule `growth`: mappings, descriptors and resident memory must not grow with the cycles.
//!
//! Growth is the evidence for a runtime behind a pipe that makes fewer images than cycles: it may keep
//! images in ordinary memory, where neither witness sees them. The same holds for a run whose modes make
//! no image. Such a run is inconclusive without samples enough. In other runs the images are the evidence,
//! and what grows [beside them](beside_images) is a leak too.

mod beside_images;

use leakbench_model::text::counted;
use leakbench_model::{Resource, Verdict};
use leakbench_scenarios::SubjectName;

use super::{Finding, Rule};
use crate::ledger::{Ledger, SubjectLedger};
use crate::rate::Rate;
use crate::trend::{Trend, TrendClass};

pub(super) const RULE: Rule<Ledger> = Rule { name: "growth", judge };

/// The resources that are evidence.
const RESOURCES: [Resource; 3] = [Resource::Mappings, Resource::Fds, Resource::RssBytes];

/// Factor of cycles after which a run with too few samples probably has enough.
const MORE_SAMPLES: f64 = 10.0;

/// True if growth is the evidence for this run.
pub fn applies(ledger: &Ledger) -> bool {
    let scenario = &ledger.start.scenario;
    let by_command = matches!(scenario.subject, SubjectName::Command(_));
    let without_image = scenario.modes().iter().all(|mode| !mode.makes_image());
    (by_command || without_image) && ledger.images.made < ledger.cycles && ledger.cycles > 0
}

/// Change of one resource of one subject with its cycles.
#[derive(Clone, Debug, PartialEq)]
pub struct Growth {
    /// The resource.
    pub resource: Resource,
    /// The subject.
    pub subject: u32,
    /// The amount over the number of cycles.
    pub trend: Trend,
}

impl Growth {
    /// Each resource, in the subject in which it grew most. Empty where growth does not
    /// [apply](applies), or without enough samples.
    pub fn fastest(ledger: &Ledger) -> Vec<Growth> {
        if !applies(ledger) {
            return Vec::new();
        }
        let fastest = RESOURCES.into_iter().filter_map(|resource| {
            let subjects = ledger.subjects.iter();
            let growths = subjects.filter_map(|subject| Growth::of(subject, resource));
            growths.max_by(|a, b| {
                let by_class = a.is_leak().cmp(&b.is_leak());
                by_class.then_with(|| a.trend.rate.value.total_cmp(&b.trend.rate.value))
            })
        });
        fastest.collect()
    }

    /// Every growth of subjects that completed their cycles and that is a leak. Empty where growth
    /// does not [apply](applies).
    pub fn leaks(ledger: &Ledger) -> Vec<Growth> {
        let growths = judged(ledger).flat_map(|subject| {
            RESOURCES.into_iter().filter_map(|resource| Growth::of(subject, resource))
        });
        growths.filter(Growth::is_leak).collect()
    }

    /// True if it grows without bound.
    pub fn is_leak(&self) -> bool {
        self.trend.class == TrendClass::Leak
    }

    /// Amount added in 1,000 cycles, with its unit: `1.2 MiB`.
    pub fn per_thousand_cycles(&self) -> String {
        let amount = (self.trend.rate.value * 1_000.0).round().max(0.0);
        self.resource.amount(amount as u64)
    }

    /// The first and the last amount: `44 to 1,044`.
    pub fn span(&self) -> String {
        let amount = |amount: f64| self.resource.amount(amount as u64);
        format!("{} to {}", amount(self.trend.first), amount(self.trend.last))
    }

    /// The growth in a sentence: `mappings of subject 0 grow by 3,000 ± 10 per 1,000 cycles (95 %
    /// CI), from 400 to 30,400`.
    pub fn sentence(&self) -> String {
        format!(
            "{} of subject {} grow{} by {}, from {}",
            self.resource.noun(),
            self.subject,
            if self.resource.is_singular() { "s" } else { "" },
            Rate::over_cycles(self.trend.rate, self.resource.unit()).in_words(),
            self.span(),
        )
    }

    /// The number of cycles of a run that would decide what this one left open because it was too
    /// short; `None` if nothing is open.
    pub fn decisive_cycles(ledger: &Ledger) -> Option<u64> {
        let factors = judged(ledger).flat_map(|subject| {
            RESOURCES.into_iter().filter_map(|resource| match Growth::of(subject, resource) {
                Some(growth) => growth.decisive_factor(),
                None => Some(MORE_SAMPLES),
            })
        });
        let factor = factors.max_by(f64::total_cmp)?;
        Some((ledger.start.scenario.cycles.get() as f64 * factor) as u64)
    }

    /// Factor of cycles that would decide; `None` if it is decided.
    fn decisive_factor(&self) -> Option<f64> {
        Some((self.trend.decisive_span? / self.trend.span).ceil())
    }

    /// `descriptors of subject 0 rose from 8 to 15, which proves neither a leak nor a bound: run 3
    /// times as many cycles`.
    fn undecided_sentence(&self, factor: f64) -> String {
        format!(
            "{} of subject {} rose from {}, which proves neither a leak nor a bound: run {factor} \
             times as many cycles",
            self.resource.noun(),
            self.subject,
            self.span(),
        )
    }

    fn of(subject: &SubjectLedger, resource: Resource) -> Option<Growth> {
        Growth::since(subject, resource, 0)
    }

    /// The growth from a number of cycles on.
    fn since(subject: &SubjectLedger, resource: Resource, cycles: u64) -> Option<Growth> {
        let mut points = points(subject, resource);
        points.retain(|(at, _)| *at >= cycles as f64);
        let trend = Trend::of(&points, resource.noise() as f64)?;
        Some(Growth { resource, subject: subject.number, trend })
    }
}

fn judge(ledger: &Ledger) -> Vec<Finding> {
    if applies(ledger) {
        judged(ledger).flat_map(judge_subject).collect()
    } else {
        beside_images::judge(ledger)
    }
}

/// True if the rule can find anything: growth is the evidence, or a subject has samples enough.
pub(super) fn is_judged(ledger: &Ledger) -> bool {
    let has_samples = |subject: &SubjectLedger| subject.samples.len() >= Trend::POINTS_MIN;
    applies(ledger) || ledger.subjects.iter().any(has_samples)
}

/// The growth that names a leak: the first one of the first subject that leaks.
pub fn leading(ledger: &Ledger) -> Option<Growth> {
    let mut subjects = ledger.subjects.iter();
    subjects.find_map(|subject| leaks(ledger, subject).into_iter().next())
}

/// The growths of a subject that the rule finds.
pub(super) fn leaks(ledger: &Ledger, subject: &SubjectLedger) -> Vec<Growth> {
    if !applies(ledger) {
        return beside_images::leaks(ledger, subject);
    }
    let growths = RESOURCES.into_iter().filter_map(|it| Growth::of(subject, it));
    growths.filter(Growth::is_leak).collect()
}

/// The subjects whose growth is the evidence.
fn judged(ledger: &Ledger) -> impl Iterator<Item = &SubjectLedger> {
    let applies = applies(ledger);
    ledger.subjects.iter().filter(move |subject| applies && subject.reached_last_barrier())
}

fn judge_subject(subject: &SubjectLedger) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut bounded = Vec::new();
    for resource in RESOURCES {
        match Growth::of(subject, resource) {
            Some(growth) if growth.is_leak() => {
                findings.push(Finding::error(RULE.name, Verdict::Leak, growth.sentence()));
            }
            Some(growth) => match growth.decisive_factor() {
                Some(factor) => {
                    let message = growth.undecided_sentence(factor);
                    findings.push(Finding::error(RULE.name, Verdict::Inconclusive, message));
                }
                None => bounded.push(format!("{} ({})", resource.noun(), growth.span())),
            },
            None => {
                let message = format!(
                    "subject {} has {} of {}, and a trend needs {}: run more cycles",
                    subject.number,
                    counted(points(subject, resource).len() as u64, "sample"),
                    resource.noun(),
                    Trend::POINTS_MIN,
                );
                findings.push(Finding::error(RULE.name, Verdict::Inconclusive, message));
            }
        }
    }
    if !bounded.is_empty() {
        let message = format!(
            "subject {} showed {} for {}, so growth with the cycles decides; no growth: {}",
            subject.number,
            match subject.images.made {
                0 => "no memfd".to_owned(),
                made => counted(made, "memfd"),
            },
            counted(subject.counts.cycles, "cycle"),
            bounded.join(", ")
        );
        findings.push(Finding::note(RULE.name, message));
    }
    findings
}

/// Amounts of a resource at rising numbers of cycles.
fn points(subject: &SubjectLedger, resource: Resource) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for sample in &subject.samples {
        let Some(amount) = sample.footprint.of(resource) else {
            continue;
        };
        let cycles = sample.counts.cycles as f64;
        if points.last().is_none_or(|&(last, _)| last < cycles) {
            points.push((cycles, amount as f64));
        }
    }
    points
}
