//! The policies by name: what each bounds, by which keys, and what it does where a budget file
//! says nothing of it.
//!
//! | policy | keys | by default |
//! |---|---|---|
//! | `lingering-at-end`, `lingering-peak`, `unaccounted` | `max`, `over-baseline` | error, `max = 0` |
//! | `lingering-by-reason` | a reason's name = the most images | off |
//! | `late-releases` | `max`, `max-share` | warn, `max-share = 0.01` |
//! | `time-to-release` | `p50-us`, `p99-us`, `max-us` | off |
//! | `slope-mappings`, `-fds`, `-rss-bytes`, `-page-tables-bytes` | `max-per-1000-cycles` | off; 0 where on |
//! | `peak-mappings`, `-fds`, `-rss-bytes`, `-shmem-bytes`, `-page-tables-bytes` | `max`, `over-baseline` | off |
//! | `throughput` | `min-ratio` | off, and error with baseline runs (`--against`); 0.9 where on |
//! | `growth` | `max`, `allow` | error, `max = 0` |
//!
//! A table without a `level` means `error`, and one without bounds the default ones. Baseline runs
//! beside a `throughput` that a file has off, and a baseline beside no `over-baseline` of a policy
//! that is on, are errors: what was asked for is not passed over.

use super::PolicyLevel;
use leakbench_recording::observation::Resource;
use leakbench_recording::recording::Footprint;

/// The name under which [`super::judge`] tells of deaths and failed witnesses. No budget changes
/// it.
pub const MEASUREMENT: &str = "measurement";

/// What a budget has a rule for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Policy {
    /// Images of dropped modules that the kernel still has after the last drop.
    LingeringAtEnd,
    /// Images that lingered at the barrier with the most of them.
    LingeringPeak,
    /// Images that linger at the end, by what holds them.
    LingeringByReason,
    /// Images released after the drop of their module had returned.
    LateReleases,
    /// Time from the beginning of a drop to the release.
    TimeToRelease,
    /// Objects that neither rest nor lingering images explain, and where witnesses disagree.
    Unaccounted,
    /// Growth of mappings with the cycles.
    SlopeMappings,
    /// Growth of descriptors with the cycles.
    SlopeFds,
    /// Growth of resident memory with the cycles.
    SlopeRssBytes,
    /// Growth of page tables with the cycles.
    SlopePageTablesBytes,
    /// Most mappings.
    PeakMappings,
    /// Most descriptors.
    PeakFds,
    /// Most resident memory.
    PeakRssBytes,
    /// Most resident shared memory.
    PeakShmemBytes,
    /// Most page tables.
    PeakPageTablesBytes,
    /// Cycles a second beside those of baseline runs.
    Throughput,
    /// Resources that grow without end.
    Growth,
}

/// Key of a bound that is an amount.
pub(super) const MAX: &str = "max";
/// Key of a bound that is a multiple of what the baseline has.
pub(super) const OVER_BASELINE: &str = "over-baseline";
/// Key of a bound that is a part of all images.
pub(super) const MAX_SHARE: &str = "max-share";
/// Key of a bound on growth.
pub(super) const MAX_PER_1000_CYCLES: &str = "max-per-1000-cycles";
/// Key of a bound that is a part of the baseline runs' rate.
pub(super) const MIN_RATIO: &str = "min-ratio";
/// Key of the resources that may grow.
pub(super) const ALLOW: &str = "allow";

/// A bound that a policy may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: KeyKind,
}

/// Which numbers a bound may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    /// A whole number from 0.
    Count,
    /// A number from 0.
    Amount,
    /// A number from 0 to 1.
    Share,
    /// A number above 0.
    Ratio,
}

impl KeyKind {
    /// Which numbers it takes, after "must be".
    pub(super) fn wanted(self) -> &'static str {
        match self {
            KeyKind::Count => "a whole number from 0",
            KeyKind::Amount => "a number from 0",
            KeyKind::Share => "a number from 0 to 1",
            KeyKind::Ratio => "a number above 0",
        }
    }
}

const fn key(name: &'static str, kind: KeyKind) -> Key {
    Key { name, kind }
}

const AMOUNTS: &[Key] = &[key(MAX, KeyKind::Count), key(OVER_BASELINE, KeyKind::Ratio)];
const COUNTS: &[Key] = &[key(MAX, KeyKind::Count)];
const LATE: &[Key] = &[key(MAX, KeyKind::Count), key(MAX_SHARE, KeyKind::Share)];
const TIMES: &[Key] = &[
    key("p50-us", KeyKind::Amount),
    key("p99-us", KeyKind::Amount),
    key("max-us", KeyKind::Amount),
];
const SLOPES: &[Key] = &[key(MAX_PER_1000_CYCLES, KeyKind::Amount)];
const RATIOS: &[Key] = &[key(MIN_RATIO, KeyKind::Ratio)];
/// The names of [`leakbench_recording::ledger::Reason`].
const REASONS: &[Key] = &[
    key("in-use-slot", KeyKind::Count),
    key("queued-slot", KeyKind::Count),
    key("affine-slot", KeyKind::Count),
    key("cold-slot", KeyKind::Count),
    key("unknown-slot", KeyKind::Count),
    key("other-mapping", KeyKind::Count),
    key("descriptor-only", KeyKind::Count),
    key("not-in-subject", KeyKind::Count),
];

impl Policy {
    /// Every policy, in the order in which they are told.
    pub const ALL: [Policy; 17] = [
        Policy::LingeringAtEnd,
        Policy::LingeringPeak,
        Policy::LingeringByReason,
        Policy::LateReleases,
        Policy::TimeToRelease,
        Policy::Unaccounted,
        Policy::SlopeMappings,
        Policy::SlopeFds,
        Policy::SlopeRssBytes,
        Policy::SlopePageTablesBytes,
        Policy::PeakMappings,
        Policy::PeakFds,
        Policy::PeakRssBytes,
        Policy::PeakShmemBytes,
        Policy::PeakPageTablesBytes,
        Policy::Throughput,
        Policy::Growth,
    ];

    /// Its key in a budget file.
    pub fn name(self) -> &'static str {
        match self {
            Policy::LingeringAtEnd => "lingering-at-end",
            Policy::LingeringPeak => "lingering-peak",
            Policy::LingeringByReason => "lingering-by-reason",
            Policy::LateReleases => "late-releases",
            Policy::TimeToRelease => "time-to-release",
            Policy::Unaccounted => "unaccounted",
            Policy::SlopeMappings => "slope-mappings",
            Policy::SlopeFds => "slope-fds",
            Policy::SlopeRssBytes => "slope-rss-bytes",
            Policy::SlopePageTablesBytes => "slope-page-tables-bytes",
            Policy::PeakMappings => "peak-mappings",
            Policy::PeakFds => "peak-fds",
            Policy::PeakRssBytes => "peak-rss-bytes",
            Policy::PeakShmemBytes => "peak-shmem-bytes",
            Policy::PeakPageTablesBytes => "peak-page-tables-bytes",
            Policy::Throughput => "throughput",
            Policy::Growth => "growth",
        }
    }

    /// The policy of that name.
    pub fn named(name: &str) -> Option<Policy> {
        Policy::ALL.into_iter().find(|policy| policy.name() == name)
    }

    /// The bounds that it may have.
    pub(super) fn keys(self) -> &'static [Key] {
        match self {
            Policy::LingeringAtEnd | Policy::LingeringPeak | Policy::Unaccounted => AMOUNTS,
            Policy::PeakMappings
            | Policy::PeakFds
            | Policy::PeakRssBytes
            | Policy::PeakShmemBytes
            | Policy::PeakPageTablesBytes => AMOUNTS,
            Policy::LingeringByReason => REASONS,
            Policy::LateReleases => LATE,
            Policy::TimeToRelease => TIMES,
            Policy::SlopeMappings
            | Policy::SlopeFds
            | Policy::SlopeRssBytes
            | Policy::SlopePageTablesBytes => SLOPES,
            Policy::Throughput => RATIOS,
            Policy::Growth => COUNTS,
        }
    }

    /// Its level where a budget file says nothing of it. What only time or the size of a machine
    /// decides is off: it fails for reasons that are no leak.
    pub(super) fn default_level(self) -> PolicyLevel {
        match self {
            Policy::LingeringAtEnd
            | Policy::LingeringPeak
            | Policy::Unaccounted
            | Policy::Growth => PolicyLevel::Error,
            // A sample that reads `maps` now and then makes a release late.
            Policy::LateReleases => PolicyLevel::Warn,
            _ => PolicyLevel::Off,
        }
    }

    /// Its bounds where a budget file gives it none.
    pub(super) fn default_bounds(self) -> &'static [(&'static str, f64)] {
        match self {
            Policy::LingeringAtEnd
            | Policy::LingeringPeak
            | Policy::Unaccounted
            | Policy::Growth => &[(MAX, 0.0)],
            Policy::LateReleases => &[(MAX_SHARE, 0.01)],
            Policy::SlopeMappings
            | Policy::SlopeFds
            | Policy::SlopeRssBytes
            | Policy::SlopePageTablesBytes => &[(MAX_PER_1000_CYCLES, 0.0)],
            // What noise between two runs of one job comes to.
            Policy::Throughput => &[(MIN_RATIO, 0.9)],
            Policy::LingeringByReason
            | Policy::TimeToRelease
            | Policy::PeakMappings
            | Policy::PeakFds
            | Policy::PeakRssBytes
            | Policy::PeakShmemBytes
            | Policy::PeakPageTablesBytes => &[],
        }
    }

    /// What it is about, for a comment of a line.
    pub(super) fn about(self) -> &'static str {
        match self {
            Policy::LingeringAtEnd => "images of dropped modules that are there at the end",
            Policy::LingeringPeak => "images that linger at the barrier with the most of them",
            Policy::LingeringByReason => "images that linger at the end, by what holds them",
            Policy::LateReleases => "images released after the drop of their module had returned",
            Policy::TimeToRelease => "from the beginning of a drop to the release",
            Policy::Unaccounted => "objects that neither rest nor lingering images explain",
            Policy::SlopeMappings => "mappings gained in a thousand cycles",
            Policy::SlopeFds => "descriptors gained in a thousand cycles",
            Policy::SlopeRssBytes => "resident bytes gained in a thousand cycles",
            Policy::SlopePageTablesBytes => "bytes of page tables gained in a thousand cycles",
            Policy::PeakMappings => "most mappings, over all processes",
            Policy::PeakFds => "most descriptors, over all processes",
            Policy::PeakRssBytes => "most resident memory, over all processes",
            Policy::PeakShmemBytes => "most resident shared memory, over all processes",
            Policy::PeakPageTablesBytes => "most page tables, over all processes",
            Policy::Throughput => "cycles a second beside baseline runs of the same job",
            Policy::Growth => "resources that grow without end",
        }
    }

    /// The measure that it bounds, of those that bound one.
    pub(super) fn measure(self) -> Option<Measure> {
        match self {
            Policy::SlopeMappings | Policy::PeakMappings => Some(Measure::Mappings),
            Policy::SlopeFds | Policy::PeakFds => Some(Measure::Fds),
            Policy::SlopeRssBytes | Policy::PeakRssBytes => Some(Measure::RssBytes),
            Policy::PeakShmemBytes => Some(Measure::ShmemBytes),
            Policy::SlopePageTablesBytes | Policy::PeakPageTablesBytes => {
                Some(Measure::PageTablesBytes)
            }
            _ => None,
        }
    }
}

/// An amount that runs and observed processes both have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    Mappings,
    Fds,
    RssBytes,
    ShmemBytes,
    PageTablesBytes,
}

impl Measure {
    /// In a run.
    pub(super) fn of(self, footprint: &Footprint) -> Option<u64> {
        match self {
            Measure::Mappings => footprint.mappings,
            Measure::Fds => footprint.fds,
            Measure::RssBytes => footprint.rss_bytes,
            Measure::ShmemBytes => footprint.shmem_bytes,
            Measure::PageTablesBytes => footprint.page_tables_bytes,
        }
    }

    /// In an observed process.
    pub(super) fn resource(self) -> Resource {
        match self {
            Measure::Mappings => Resource::Mappings,
            Measure::Fds => Resource::Fds,
            Measure::RssBytes => Resource::ResidentBytes,
            Measure::ShmemBytes => Resource::SharedBytes,
            Measure::PageTablesBytes => Resource::PageTableBytes,
        }
    }

    /// An amount with its noun: `2,045 mappings`, `20.0 MiB resident`.
    pub(super) fn amount(self, amount: u64) -> String {
        use leakbench_model::text::{bytes, counted};
        match self {
            Measure::Mappings => counted(amount, "mapping"),
            Measure::Fds => counted(amount, "descriptor"),
            Measure::RssBytes => format!("{} resident", bytes(amount)),
            Measure::ShmemBytes => format!("{} of resident shared memory", bytes(amount)),
            Measure::PageTablesBytes => format!("{} of page tables", bytes(amount)),
        }
    }

    /// An amount alone: `2,045`, `20.0 MiB`.
    pub(super) fn figure(self, amount: u64) -> String {
        match self {
            Measure::Mappings | Measure::Fds => leakbench_model::text::grouped(amount),
            _ => leakbench_model::text::bytes(amount),
        }
    }

    /// Growth of a subject that says nothing: mappings and descriptors that come and go by themselves,
    /// the pages of a heap, the first touches of page tables.
    pub(super) fn noise(self) -> f64 {
        match self {
            Measure::Mappings => 16.0,
            Measure::Fds => 3.0,
            Measure::RssBytes | Measure::ShmemBytes => 4_194_304.0,
            Measure::PageTablesBytes => 65_536.0,
        }
    }
}
