//! A budget made from runs, as a file to be read, changed and checked in.

use super::Budget;
use crate::gate::baseline::{rounded_up, whole};
use crate::gate::check::{
    at_end_count, figure, growing, late_share, peak_count, peak_value, per_thousand, trends,
    unaccounted_total,
};
use crate::gate::policy::{MAX, MAX_PER_1000_CYCLES, MAX_SHARE, MIN_RATIO, Measure, Policy};
use crate::gate::runs::{Run, What, runs};
use crate::recorded::Recorded;
use leakbench_model::Verdict;
use leakbench_model::text::{duration_ns, grouped, printable};
use leakbench_recording::trend::TrendClass;

/// Peaks may be half as much again: other machines have other libraries, limits and timing.
const HEADROOM_PERCENT: u64 = 150;
/// Times may be ten times as long, where somebody wants them judged at all.
const TIME_HEADROOM: u64 = 10;
/// The share of late releases that says nothing.
const LATE_SHARE: f64 = 0.01;
/// Runs that are named.
const NAMED: usize = 8;

impl Budget {
    /// The text of a budget file for runs like these: what was measured is in comments, and peaks
    /// have room. These runs pass it, unless they leaked: what is to be none stays none.
    pub fn init(recordings: &[(String, Recorded)]) -> String {
        let runs = runs(recordings);
        let mut text = head(&runs);
        for policy in Policy::ALL {
            if let Some(entry) = entry(policy, &runs) {
                text += &entry.text(policy);
            }
        }
        text
    }
}

fn head(runs: &[Run<'_>]) -> String {
    let mut text = String::from(
        "# What `leakbench gate` allows. Each policy is \"off\", \"warn\" (it is told) or \"error\" (the\n\
         # gate fails). Made by `leakbench gate init` from:\n",
    );
    for run in runs.iter().take(NAMED) {
        let doubt = match verdict(run) {
            Verdict::Clean => "",
            Verdict::Leak => " — IT LEAKED, and does not pass",
            Verdict::SubjectDied => " — ITS SUBJECT DIED: make this file again from a whole run",
            Verdict::Inconclusive | Verdict::Interrupted => {
                " — NOT MEASURED TO ITS END: make this file again from a whole run"
            }
        };
        text += &format!("#   {}: {}{doubt}\n", printable(&run.name), printable(run.command()));
    }
    if runs.len() > NAMED {
        text += &format!("#   and {} more\n", runs.len() - NAMED);
    }
    text += &format!(
        "version = {}\n\n\
         [gate]\n\
         # What failed at one attempt and passed at another: \"error\" or \"warn\".\n\
         flaky = \"error\"\n",
        Budget::VERSION
    );
    text
}

fn verdict(run: &Run<'_>) -> Verdict {
    match run.what {
        What::Run(run) => run.judgement.verdict,
        What::Observation(diagnosis) => diagnosis.judgement.verdict,
    }
}

/// Whether numbers of these runs are those of a leak, which no budget is to be made from.
fn leaked(runs: &[Run<'_>]) -> bool {
    runs.iter().any(|run| verdict(run) == Verdict::Leak)
}

/// A policy's part of the file.
struct Entry {
    /// What was measured.
    measured: String,
    /// Why the bounds are what they are; a line each.
    why: Vec<String>,
    level: &'static str,
    /// Keys with their values.
    bounds: Vec<(&'static str, String)>,
}

impl Entry {
    fn text(&self, policy: Policy) -> String {
        let mut about = policy.about().chars();
        let capital = about.next().map(|first| first.to_ascii_uppercase());
        let about: String = capital.into_iter().chain(about).collect();
        let mut text = format!("\n# {about}. Measured: {}.\n", self.measured);
        for why in &self.why {
            text += &format!("# {why}\n");
        }
        text += &format!("[policy.{}]\nlevel = \"{}\"\n", policy.name(), self.level);
        for (key, value) in &self.bounds {
            text += &format!("{key} = {value}\n");
        }
        text
    }
}

/// `None` of what these runs have no number of.
fn entry(policy: Policy, runs: &[Run<'_>]) -> Option<Entry> {
    match policy {
        Policy::LingeringAtEnd => none_allowed(most(runs, at_end_count)?),
        Policy::LingeringPeak => none_allowed(most(runs, peak_count)?),
        Policy::Unaccounted => none_allowed(most(runs, unaccounted_total)?),
        Policy::Growth => none_allowed(most(runs, growing)?),
        // A run without a leak has no reasons, and one with has a budget of none already.
        Policy::LingeringByReason => None,
        Policy::LateReleases => late(runs),
        Policy::TimeToRelease => times(runs),
        Policy::SlopeMappings
        | Policy::SlopeFds
        | Policy::SlopeRssBytes
        | Policy::SlopePageTablesBytes => slope(runs, policy.measure()?),
        Policy::PeakMappings
        | Policy::PeakFds
        | Policy::PeakRssBytes
        | Policy::PeakShmemBytes
        | Policy::PeakPageTablesBytes => peak(runs, policy.measure()?),
        Policy::Throughput => throughput(runs),
    }
}

fn most(runs: &[Run<'_>], of: impl Fn(&Run<'_>) -> Option<u64>) -> Option<u64> {
    runs.iter().filter_map(of).max()
}

fn none_allowed(measured: u64) -> Option<Entry> {
    let why = match measured {
        0 => Vec::new(),
        _ => vec!["THE RUN DOES NOT PASS: none are allowed.".to_owned()],
    };
    let bounds = vec![(MAX, "0".to_owned())];
    Some(Entry { measured: grouped(measured), why, level: "error", bounds })
}

fn late(runs: &[Run<'_>]) -> Option<Entry> {
    let share = runs
        .iter()
        .filter_map(late_share)
        .fold(None, |most: Option<f64>, share| Some(most.map_or(share, |most| most.max(share))))?;
    let few = 2.0 * share <= LATE_SHARE || leaked(runs);
    let allowed = if few { LATE_SHARE } else { ((200.0 * share).ceil() / 100.0).min(1.0) };
    let why = if leaked(runs) {
        "Late is no leak. Not made from this run, which leaked."
    } else if few {
        "Late is no leak, and a look at the process now and then makes a release late."
    } else {
        "Late is no leak; twice what was measured is allowed."
    };
    Some(Entry {
        measured: format!("{} %", figure(100.0 * share)),
        why: vec![why.to_owned()],
        level: "warn",
        bounds: vec![(MAX_SHARE, allowed.to_string())],
    })
}

fn times(runs: &[Run<'_>]) -> Option<Entry> {
    if leaked(runs) {
        return None;
    }
    let p99_ns = most(runs, |run| match run.what {
        What::Run(run) => run.ledger.release.p99_ns,
        What::Observation(_) => None,
    })?;
    let allowed_us = rounded_up(p99_ns.saturating_mul(TIME_HEADROOM).div_ceil(1_000));
    Some(Entry {
        measured: format!("p99 {}", duration_ns(p99_ns)),
        why: vec!["Off: on a busy machine time alone proves nothing. Ten times that:".to_owned()],
        level: "off",
        bounds: vec![("p99-us", whole(allowed_us))],
    })
}

fn slope(runs: &[Run<'_>], measure: Measure) -> Option<Entry> {
    let trends: Vec<_> = runs.iter().flat_map(|run| trends(run, measure)).collect();
    let told: Vec<_> = trends.iter().flatten().collect();
    if trends.is_empty() {
        return None;
    }
    let bounds = vec![(MAX_PER_1000_CYCLES, "0".to_owned())];
    let worst = told.iter().max_by(|a, b| a.rate.total_cmp(&b.rate));
    let Some(worst) = worst.filter(|_| told.len() == trends.len()) else {
        return Some(Entry {
            measured: "too few looks to tell".to_owned(),
            why: vec!["Off: it needs longer runs.".to_owned()],
            level: "off",
            bounds,
        });
    };
    let goes_on = told.iter().any(|trend| trend.class == TrendClass::Leak);
    let (level, why) = match (goes_on, leaked(runs)) {
        (true, true) => ("warn", "THE RUN DOES NOT PASS: it leaked, and this grew to its end."),
        (true, false) => (
            "off",
            "Off: it grew to the end of the run, as a pool does that warms up. Judge longer runs.",
        ),
        (false, _) => (
            "warn",
            "Growth that comes to an end is none. Make it \"error\" once longer runs have passed.",
        ),
    };
    Some(Entry { measured: per_thousand(worst, measure), why: vec![why.to_owned()], level, bounds })
}

fn peak(runs: &[Run<'_>], measure: Measure) -> Option<Entry> {
    let peak = most(runs, |run| peak_value(run, measure))?;
    let (allowed, why) = if leaked(runs) {
        (
            rounded_up(peak),
            "No more than in a run that leaked: make this again from one that does not.".to_owned(),
        )
    } else {
        // Of little, half as much again is less than what comes and goes by itself.
        let room = (peak.saturating_mul(HEADROOM_PERCENT) / 100)
            .max(peak.saturating_add(measure.noise() as u64));
        let allowed = rounded_up(room);
        (allowed, format!("With room for other machines: {}.", measure.figure(allowed)))
    };
    Some(Entry {
        measured: measure.amount(peak),
        why: vec![why],
        level: "error",
        bounds: vec![(MAX, whole(allowed))],
    })
}

fn throughput(runs: &[Run<'_>]) -> Option<Entry> {
    let rate = runs.iter().find_map(|run| match run.what {
        What::Run(run) => run.ledger.rate_per_s(),
        What::Observation(_) => None,
    })?;
    Some(Entry {
        measured: format!(
            "{} a second, which says nothing of another machine",
            grouped(rate as u64)
        ),
        why: vec![
            "Off: it needs runs of what came before, made by the same job. Set it to \"error\", and"
                .to_owned(),
            "give those with --against DIR, which is an error where this is off.".to_owned(),
        ],
        level: "off",
        bounds: vec![(MIN_RATIO, "0.9".to_owned())],
    })
}
