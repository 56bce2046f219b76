//! The cost of a run, and how close it came to the limits of the machine.

use super::run::{open_files, whole_limit};
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
}

impl Peak {
    /// The peak as a share of the limit, which it may exceed.
    pub fn share(&self) -> Option<f64> {
        let (_, limit) = self.limit.as_ref()?;
        (*limit > 0).then(|| self.peak as f64 / *limit as f64)
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
            percent => format!("{percent:.1} %"),
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
        let at_rest = self.at_rest.map(|amount| format!("{} at rest", self.written(amount)));
        limit.into_iter().chain(at_rest).collect::<Vec<_>>().join("; ")
    }

    /// `8,191 of 8,192, RLIMIT_NOFILE`.
    pub(super) fn of_limit(&self) -> String {
        let of =
            self.limit.as_ref().map(|(name, max)| format!(" of {}, {name}", self.written(*max)));
        self.amount() + &of.unwrap_or_default()
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
    let fingerprint = &ledger.start.fingerprint;
    let mappings = whole_limit(fingerprint, "max_map_count");
    let limited = [
        nearest(ledger, Resource::Mappings, "vm.max_map_count", mappings),
        nearest(ledger, Resource::Fds, "RLIMIT_NOFILE", open_files(fingerprint)),
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

/// The peak of the process that has most, since each process has the limit.
fn nearest(ledger: &Ledger, resource: Resource, name: &str, limit: Option<u64>) -> Option<Peak> {
    let peaks = ledger.subjects.iter().filter_map(|it| Some((it, it.peak.of(resource)?)));
    // Of equals the first.
    let (subject, peak) = peaks.rev().max_by_key(|(_, peak)| *peak)?;
    let of = match ledger.subjects.len() {
        0 | 1 => String::new(),
        _ => format!(" of process {}", subject.number),
    };
    Some(Peak {
        name: format!("{}{of}", resource.noun()),
        resource,
        at_rest: subject.at_rest.of(resource),
        peak,
        limit: limit.map(|limit| (name.to_owned(), limit)),
    })
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
    })
}
