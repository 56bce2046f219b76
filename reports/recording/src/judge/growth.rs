//! Policy `growth`: a runtime behind a pipe may keep no image in a memfd, or for some modules
//! only, and then what can be judged is whether its mappings, descriptors and memory grow with the
//! cycles.

use leakbench_scenarios::SubjectName;

use super::{Finding, Level, Verdict};
use crate::ledger::{Ledger, SubjectLedger, SubjectSample};
use crate::observation::Resource;
use crate::recording::Footprint;
use crate::trend::{Trend, TrendClass};
use leakbench_model::text::{bytes, counted, grouped};

pub(super) const POLICY: &str = "growth";

/// What is judged, and how much of it may come and go by itself: a garbage collector's arenas, a
/// log file, the pages of a heap.
const MEASURES: [Measure; 3] = [
    Measure {
        resource: Resource::Mappings,
        name: "mappings",
        grow: "grow",
        of: |seen| seen.mappings,
        noise: 16.0,
        show: grouped,
    },
    Measure {
        resource: Resource::Fds,
        name: "descriptors",
        grow: "grow",
        of: |seen| seen.fds,
        noise: 2.0,
        show: grouped,
    },
    Measure {
        resource: Resource::ResidentBytes,
        name: "resident memory",
        grow: "grows",
        of: |seen| seen.rss_bytes,
        noise: 4_194_304.0,
        show: bytes,
    },
];

struct Measure {
    resource: Resource,
    name: &'static str,
    /// The verb, as the name has it.
    grow: &'static str,
    of: fn(&Footprint) -> Option<u64>,
    noise: f64,
    show: fn(u64) -> String,
}

/// Whether growth is what such a run is judged by.
pub fn applies(ledger: &Ledger) -> bool {
    matches!(ledger.start.scenario.subject, SubjectName::Command(_))
        && ledger.images.made < ledger.cycles
        && ledger.cycles > 0
}

pub(super) fn judge(ledger: &Ledger) -> Vec<Finding> {
    if !applies(ledger) {
        return Vec::new();
    }
    let ended = ledger.subjects.iter().filter(|subject| subject.reached_last_barrier());
    ended.flat_map(judge_subject).collect()
}

/// How one measure grew with the cycles, in words.
#[derive(Clone, Debug, PartialEq)]
pub struct Growth {
    /// What is measured: `resident memory`.
    pub name: &'static str,
    /// Whether it is a leak.
    pub leaks: bool,
    /// How much more there is after a thousand cycles: `1.2 MiB`.
    pub a_thousand: String,
    /// From what to what it went: `44 to 1,044`.
    pub span: String,
}

impl Growth {
    /// Each measure in the process in which it grew most; nothing of a run that growth does not
    /// judge, and of what was seen too rarely.
    pub fn of(ledger: &Ledger) -> Vec<Growth> {
        if !applies(ledger) {
            return Vec::new();
        }
        let fastest = MEASURES.iter().filter_map(|measure| {
            let subjects = ledger.subjects.iter();
            let trends = subjects
                .filter_map(|subject| Trend::of(&points(&subject.samples, measure), measure.noise));
            let leaks = |trend: &Trend| trend.class == TrendClass::Leak;
            let trend = trends
                .max_by(|a, b| leaks(a).cmp(&leaks(b)).then_with(|| a.rate.total_cmp(&b.rate)))?;
            let show = measure.show;
            Some(Growth {
                name: measure.name,
                leaks: leaks(&trend),
                a_thousand: show(per_thousand(trend.rate)),
                span: format!("{} to {}", show(trend.first as u64), show(trend.last as u64)),
            })
        });
        fastest.collect()
    }
}

fn judge_subject(subject: &SubjectLedger) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut steady = Vec::new();
    for measure in &MEASURES {
        let points = points(&subject.samples, measure);
        match Trend::of(&points, measure.noise) {
            Some(trend) if trend.class == TrendClass::Leak => {
                let message = grows(measure, subject, &trend);
                findings.push(Finding::error(POLICY, Verdict::Leak, message));
            }
            Some(trend) => steady.push(format!(
                "{} ({} to {})",
                measure.name,
                (measure.show)(trend.first as u64),
                (measure.show)(trend.last as u64)
            )),
            None => {
                let seen = points.len() as u64;
                let message = format!(
                    "the {} of subject {} were seen at {} only, and growth cannot be told from \
                     fewer than {}: run more cycles",
                    measure.name,
                    subject.number,
                    counted(seen, "moment"),
                    Trend::POINTS_MIN
                );
                findings.push(Finding::error(POLICY, Verdict::Inconclusive, message));
            }
        }
    }
    if !steady.is_empty() {
        let message = format!(
            "{} in subject {}, so it is judged by growth with the cycles: none of {}",
            match subject.images.made {
                0 => "no memfd was seen".to_owned(),
                made => format!(
                    "{} for {}",
                    counted(made, "memfd"),
                    counted(subject.counts.cycles, "cycle")
                ),
            },
            subject.number,
            steady.join(", ")
        );
        findings.push(Finding::aside(POLICY, Level::Note, message));
    }
    findings
}

fn per_thousand(rate: f64) -> u64 {
    (rate * 1000.0).round().max(0.0) as u64
}

/// Resources that grow with the cycles, with what is said of each. None where [`applies`] does not.
pub fn leaks(ledger: &Ledger) -> Vec<(Resource, String)> {
    let judged = ledger.subjects.iter().filter(|subject| subject.reached_last_barrier());
    let judged = judged.filter(|_| applies(ledger));
    let leaks = judged.flat_map(|subject| {
        MEASURES.iter().filter_map(move |measure| {
            let trend = Trend::of(&points(&subject.samples, measure), measure.noise)?;
            let leaks = trend.class == TrendClass::Leak;
            leaks.then(|| (measure.resource, grows(measure, subject, &trend)))
        })
    });
    leaks.collect()
}

fn grows(measure: &Measure, subject: &SubjectLedger, trend: &Trend) -> String {
    format!(
        "the {} of subject {} {} with the cycles: {}",
        measure.name,
        subject.number,
        measure.grow,
        grown(measure, trend)
    )
}

fn grown(measure: &Measure, trend: &Trend) -> String {
    let show = |rate| (measure.show)(per_thousand(rate));
    format!(
        "{} more in a thousand (95 %: {} to {}), from {} to {}",
        show(trend.rate),
        show(trend.ci_low),
        show(trend.ci_high),
        (measure.show)(trend.first as u64),
        (measure.show)(trend.last as u64)
    )
}

/// A measure by cycles, whose numbers rise.
fn points(moments: &[SubjectSample], measure: &Measure) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for moment in moments {
        let Some(amount) = (measure.of)(&moment.footprint) else {
            continue;
        };
        let cycles = moment.counts.cycles as f64;
        if points.last().is_none_or(|&(last, _)| last < cycles) {
            points.push((cycles, amount as f64));
        }
    }
    points
}
