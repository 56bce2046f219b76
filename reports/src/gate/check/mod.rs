//! What each policy reads off a run: one file a family. Pure.

mod growth;
mod late;
mod lingering;
mod measurement;
mod peak;
mod slope;
mod throughput;
mod time;
mod unaccounted;

pub(super) use measurement::check as measurement;

use super::Evidence;
use super::baseline::Baseline;
use super::budget::Rule;
use super::policy::{MAX, OVER_BASELINE, Policy};
use super::runs::Run;
use leakbench_model::Verdict;
use leakbench_model::text::grouped;

pub(super) use growth::number as growing;
pub(super) use late::share as late_share;
pub(super) use lingering::{at_end_count, peak_count};
pub(super) use peak::value as peak_value;
pub(super) use slope::{per_thousand, trends};
pub(super) use unaccounted::total as unaccounted_total;

/// How a policy came out for one run.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// Clean if it passed.
    pub(super) verdict: Verdict,
    pub(super) measured: Option<String>,
    pub(super) allowed: String,
    pub(super) message: String,
    pub(super) evidence: Vec<Evidence>,
}

/// What a policy has to say of a run.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Told(Told),
    /// Recordings of this kind have no such number, whatever their run did.
    OtherKind(String),
    /// This one has not, where others may.
    Missing {
        key: Option<&'static str>,
        why: String,
    },
}

/// What runs are held against.
#[derive(Clone, Copy)]
pub(super) struct Against<'a> {
    pub(super) baseline: Option<&'a Baseline>,
    pub(super) runs: &'a [Run<'a>],
}

/// Applies a policy to a run.
pub(super) fn check(policy: Policy, rule: &Rule, run: &Run<'_>, against: Against<'_>) -> Answer {
    let answer = match policy {
        Policy::LingeringAtEnd => lingering::at_end(rule, run, against),
        Policy::LingeringPeak => lingering::peak(rule, run, against),
        Policy::LingeringByReason => lingering::by_reason(rule, run),
        Policy::LateReleases => late::check(rule, run),
        Policy::TimeToRelease => time::check(rule, run),
        Policy::Unaccounted => unaccounted::check(rule, run, against),
        Policy::SlopeMappings
        | Policy::SlopeFds
        | Policy::SlopeRssBytes
        | Policy::SlopePageTablesBytes => slope::check(policy, rule, run),
        Policy::PeakMappings
        | Policy::PeakFds
        | Policy::PeakRssBytes
        | Policy::PeakShmemBytes
        | Policy::PeakPageTablesBytes => peak::check(policy, rule, run, against),
        Policy::Throughput => throughput::check(rule, run, against),
        Policy::Growth => growth::check(rule, run),
    };
    answer.unwrap_or_else(|no_answer| no_answer)
}

/// An answer; the error is one that ends the reading early.
type Checked = Result<Answer, Answer>;

impl Answer {
    fn other_kind(why: &str) -> Answer {
        Answer::OtherKind(why.to_owned())
    }

    fn missing(why: impl Into<String>) -> Answer {
        Answer::Missing { key: None, why: why.into() }
    }

    /// That there is too little to tell from.
    pub(super) fn untold(rule: &Rule, why: impl Into<String>) -> Answer {
        Answer::Told(Told {
            verdict: Verdict::Inconclusive,
            measured: None,
            allowed: rule.allowed(),
            message: why.into(),
            evidence: Vec::new(),
        })
    }
}

/// A leak if `exceeds`.
fn verdict(exceeds: bool) -> Verdict {
    if exceeds { Verdict::Leak } else { Verdict::Clean }
}

impl Rule {
    /// Its bounds as people read them: `at most 0`, `p99-us 200, max-us 5,000`.
    pub(super) fn allowed(&self) -> String {
        let bounds = self.bounds.iter();
        let bounds = bounds.map(|bound| match bound.key {
            MAX => format!("at most {}", figure(bound.value)),
            key => format!("{key} {}", figure(bound.value)),
        });
        bounds.collect::<Vec<String>>().join(", ")
    }
}

/// The most that `max` and `over-baseline` allow together.
#[derive(Clone, Debug)]
struct Most {
    most: f64,
    /// `budget 0`, `budget 2,250 (1.1 of the 2,045 in baseline.toml)`.
    budget: String,
}

impl Most {
    /// `show` makes text of an amount.
    fn of(
        policy: Policy,
        rule: &Rule,
        run: &Run<'_>,
        against: Against<'_>,
        show: impl Fn(u64) -> String,
    ) -> Result<Most, Answer> {
        let by_max = rule.bound(MAX).map(|most| Most { most, budget: show(most as u64) });
        let by_baseline = match rule.bound(OVER_BASELINE) {
            None => None,
            Some(ratio) => {
                let missing = |why| Answer::Missing { key: Some(OVER_BASELINE), why };
                let baseline = against.baseline.ok_or_else(|| {
                    missing("no baseline file was given (--baseline FILE)".to_owned())
                })?;
                let identity = run.identity();
                let had = baseline.value(&identity, policy).ok_or_else(|| {
                    missing(format!(
                        "{} has no {} of `{identity}`: make it anew with `leakbench gate baseline`, \
                         and give runs --processes and --cpus, so that those of all machines are \
                         alike",
                        baseline.name(),
                        policy.name(),
                    ))
                })?;
                // 1.15 of 100 is 115, and in floating point a little less.
                let most = (had as f64 * ratio * (1.0 + 1e-12)).floor();
                let (ratio, had, file) = (figure(ratio), show(had), baseline.name());
                let budget = format!("{} ({ratio} of the {had} in {file})", show(most as u64));
                Some(Most { most, budget })
            }
        };
        let least = [by_max, by_baseline].into_iter().flatten();
        let least = least.min_by(|a, b| a.most.total_cmp(&b.most));
        // A rule that is on has a bound, and a policy with these keys no others.
        least.ok_or_else(|| Answer::missing("it has no bound"))
    }

    fn exceeded_by(&self, amount: u64) -> bool {
        amount as f64 > self.most
    }

    /// `at most 0`.
    fn allowed(&self) -> String {
        format!("at most {}", self.budget)
    }
}

/// A number as people read it, with as many decimals as say something: `1,500`, `12.3`, `0.0042`.
pub(super) fn figure(value: f64) -> String {
    if value.fract() == 0.0 || value.abs() >= 100.0 {
        let sign = if value < 0.0 && value.round() != 0.0 { "−" } else { "" };
        return format!("{sign}{}", grouped(value.abs().round() as u64));
    }
    // Two digits after the leading zeros.
    let places = (1.0 - value.abs().log10().floor()).clamp(1.0, 9.0) as usize;
    let text = format!("{value:.places$}");
    text.trim_end_matches('0').trim_end_matches('.').replace('-', "−")
}

/// A part of a whole: `69 %`, `0.012 %`.
fn percent(part: f64) -> String {
    format!("{} %", figure(part * 100.0))
}
