//! The cost of a run, and how close it came to the limits of the machine.

use super::run::whole_limit;
use super::{Chart, Plot, Tone};
use leakbench_model::text::{bytes, counted, duration_us, grouped};
use leakbench_model::{Footprint, Resource, Unit};
use leakbench_recording::ledger::{Ledger, SubjectLedger};

/// Peaks of resources beside their limits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Peaks {
    /// Those with a limit first.
    pub rows: Vec<Peak>,
}

impl Peaks {
    /// A share of a limit from which on its line is drawn to scale above the amounts.
    pub(super) const NEAR: f64 = 0.625;

    /// The peak nearest to its limit.
    pub(super) fn nearest(&self) -> Option<&Peak> {
        let shares = self.rows.iter().filter_map(|peak| Some((peak, peak.share()?)));
        shares.max_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(peak, _)| peak)
    }
}

/// The peak of a resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Peak {
    /// The resource.
    pub resource: Resource,
    /// Its name: `mappings of process 1`.
    pub name: String,
    /// The amount before the first cycle; `None` if it was not measured.
    pub at_rest: Option<u64>,
    /// The largest amount.
    pub peak: u64,
    /// The name and the amount of its limit; `None` if the recording has none.
    pub limit: Option<(String, u64)>,
    /// The part of the peak that does not count towards the limit: inherited descriptors.
    pub uncounted: u64,
}

impl Peak {
    /// The peak as a share of the limit. It exceeds a limit that the process raised after its start.
    pub fn share(&self) -> Option<f64> {
        let (_, limit) = self.limit.as_ref()?;
        (*limit > 0).then(|| self.counted() as f64 / *limit as f64)
    }

    fn counted(&self) -> u64 {
        self.peak.saturating_sub(self.uncounted)
    }

    /// The meaning of the share's colour.
    pub fn tone(&self) -> Tone {
        match self.share() {
            Some(share) if share >= 0.9 => Tone::Bad,
            Some(share) if share >= 0.5 => Tone::Warning,
            Some(_) => Tone::Good,
            None => Tone::Neutral,
        }
    }

    /// The share in words: `3.1 %`.
    pub fn percent(&self) -> Option<String> {
        let percent = self.share()? * 100.0;
        Some(match percent {
            percent if percent > 0.0 && percent < 0.1 => "below 0.1 %".to_owned(),
            // The kernel allows one mapping more, and `[vsyscall]` is none.
            percent if percent > 100.5 => "above the limit at its start".to_owned(),
            percent => format!("{:.1} %", percent.min(100.0)),
        })
    }

    /// The peak with its unit.
    pub fn amount(&self) -> String {
        self.written(self.peak)
    }

    /// The numbers beside the peak: `of 65,530, vm.max_map_count; 783 at rest`.
    pub fn beside(&self) -> String {
        let limit = self.limit.as_ref();
        let limit = limit.map(|(name, limit)| format!("of {}, {name}", self.written(*limit)));
        let uncounted = (self.uncounted > 0)
            .then(|| format!("{} inherited and not counted", self.written(self.uncounted)));
        let at_rest = self.at_rest.map(|amount| format!("{} at rest", self.written(amount)));
        [limit, uncounted, at_rest].into_iter().flatten().collect::<Vec<_>>().join("; ")
    }

    /// `8,191 of 8,192, RLIMIT_NOFILE`.
    pub(super) fn of_limit(&self) -> String {
        let of =
            self.limit.as_ref().map(|(name, max)| format!(" of {}, {name}", self.written(*max)));
        self.written(self.counted()) + &of.unwrap_or_default()
    }

    fn written(&self, amount: u64) -> String {
        match self.resource.unit() {
            Unit::Bytes => bytes(amount),
            Unit::Count => grouped(amount),
        }
    }
}

/// The chart; `None` if nothing was measured.
pub(super) fn chart(ledger: &Ledger) -> Option<Chart> {
    let mappings = whole_limit(&ledger.start.fingerprint, "max_map_count");
    let descriptors =
        |subject: &SubjectLedger| ledger.open_files(subject).map(|files| (files.max, files.beyond));
    let limited = [
        nearest(ledger, Resource::Mappings, "vm.max_map_count", |_| Some((mappings?, 0))),
        nearest(ledger, Resource::Fds, "RLIMIT_NOFILE", descriptors),
    ];
    let costs = [Resource::RssBytes, Resource::PageTablesBytes].map(|it| cost(ledger, it));
    let rows: Vec<Peak> = limited.into_iter().chain(costs).flatten().collect();
    (!rows.is_empty()).then(|| Chart {
        id: "peaks".to_owned(),
        title: "Cost, and distance to the limits".to_owned(),
        reads: reads(ledger),
        plot: Plot::Peaks(Peaks { rows }),
    })
}

fn reads(ledger: &Ledger) -> String {
    let rate =
        ledger.rate_per_s().map(|rate| format!(", {} a second", grouped(rate.round() as u64)));
    format!(
        "{} ran in {}{}, without barriers. Each number is the largest of its resource; beyond the \
         limit the kernel refuses more.",
        counted(ledger.cycles, "cycle"),
        duration_us(ledger.running_us()),
        rate.unwrap_or_default(),
    )
}

/// The peak of the process that came nearest to its limit or, without a limit, that has most. A limit is
/// an amount and what does not count towards it.
fn nearest(
    ledger: &Ledger,
    resource: Resource,
    name: &str,
    limit: impl Fn(&SubjectLedger) -> Option<(u64, u64)>,
) -> Option<Peak> {
    let peaks = ledger.subjects.iter().filter_map(|subject| {
        let of = match ledger.subjects.len() {
            0 | 1 => String::new(),
            _ => format!(" of process {}", subject.number),
        };
        let limit = limit(subject);
        Some(Peak {
            name: format!("{}{of}", resource.noun()),
            resource,
            at_rest: subject.at_rest.of(resource),
            peak: subject.peak.of(resource)?,
            limit: limit.map(|(max, _)| (name.to_owned(), max)),
            uncounted: limit.map_or(0, |(_, uncounted)| uncounted),
        })
    });
    let share = |peak: &Peak| peak.share().unwrap_or(0.0);
    // Of equals the first.
    peaks.rev().max_by(|a, b| share(a).total_cmp(&share(b)).then(a.peak.cmp(&b.peak)))
}

/// The sum over all processes of a resource without a known limit.
fn cost(ledger: &Ledger, resource: Resource) -> Option<Peak> {
    let at_rest = |subject: &SubjectLedger| subject.at_rest;
    let of = match ledger.subjects.len() {
        0 | 1 => String::new(),
        processes => format!(" of {} processes", grouped(processes as u64)),
    };
    Some(Peak {
        name: format!("{}{of}", resource.noun()),
        resource,
        at_rest: Footprint::sum(ledger.subjects.iter().map(at_rest)).of(resource),
        peak: ledger.peak.of(resource)?,
        limit: None,
        uncounted: 0,
    })
}
