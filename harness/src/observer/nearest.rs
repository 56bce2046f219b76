//! The limits of single processes at a sample, and processes that end at one of them.

use std::collections::BTreeMap;

use leakbench_kernel::{Bound, Process};
use leakbench_model::{Footprint, Resource};
use leakbench_recording::observation::{LimitReached, Nearest};

/// Bits of an address that `mmap` uses unless the caller asks for more.
#[cfg(target_arch = "x86_64")]
const ADDRESS_BITS: Option<u32> = Some(47);
/// Bits of an address that `mmap` uses: usually 48 with 4 KiB pages, but not always.
#[cfg(not(target_arch = "x86_64"))]
const ADDRESS_BITS: Option<u32> = None;

/// Minimum ratio of a process's largest amount to its limit, for an end at the limit.
const PEAK_RATIO_MIN: f64 = 0.8;
/// The same of the amount that its growth would have reached before the next sample.
const REACHED_RATIO_MIN: f64 = 0.98;
/// Maximum time from the peak to the end, as a part of the life. A process that fails gives back what
/// it has before it ends.
const TEARDOWN_MAX: f64 = 0.25;

/// Time for which the limits of a process far from them are taken as unchanged. Those of a young
/// process are taken as unchanged for its present age: it may set them and fail within a second.
const READ_EVERY_MS: u64 = 1_000;
/// Ratio of an amount to its limit from which the limits are read at each sample.
const NEAR_RATIO: f64 = 0.75;

/// The limits of one process, each with its maximum. A process may change them at any time.
#[derive(Debug, Default)]
pub(super) struct OwnLimits {
    known: Vec<(Resource, u64)>,
    /// `None` before the first reading.
    readings: Option<Readings>,
}

/// The times of readings.
#[derive(Clone, Copy, Debug)]
struct Readings {
    first_ms: u64,
    last_ms: u64,
}

impl Readings {
    fn is_next_due(self, at_ms: u64) -> bool {
        let age_ms = self.last_ms.saturating_sub(self.first_ms);
        at_ms.saturating_sub(self.last_ms) >= age_ms.min(READ_EVERY_MS)
    }
}

impl OwnLimits {
    /// The limits at a sample, at which the process has `amounts`. They are read again after some
    /// time, and near a limit at once. `mappings_max` is `vm.max_map_count`.
    pub(super) fn at(
        &mut self,
        at_ms: u64,
        process: &mut Process,
        amounts: &Footprint,
        mappings_max: Option<u64>,
    ) -> &[(Resource, u64)] {
        let is_near = |&(resource, max): &(Resource, u64)| {
            let amount = amounts.of(resource).unwrap_or(0);
            // Address space may be reserved up to its limit by design.
            resource != Resource::AddressSpaceBytes && amount as f64 >= NEAR_RATIO * max as f64
        };
        let is_due = self.readings.is_none_or(|readings| readings.is_next_due(at_ms));
        if is_due || self.known.iter().any(is_near) {
            let first_ms = self.readings.map_or(at_ms, |readings| readings.first_ms);
            self.readings = Some(Readings { first_ms, last_ms: at_ms });
            self.known = own_limits(process, mappings_max);
        }
        &self.known
    }
}

fn own_limits(process: &mut Process, mappings_max: Option<u64>) -> Vec<(Resource, u64)> {
    let mut own = Vec::with_capacity(4);
    own.extend(mappings_max.map(|max| (Resource::Mappings, max)));
    let Ok(limits) = process.limits() else {
        return own;
    };
    if let Bound::At(max) = limits.open_files.soft {
        own.push((Resource::Fds, max));
    }
    let size = ADDRESS_BITS.map(|bits| 1 << bits);
    let set = match limits.address_space_bytes.soft {
        Bound::At(max) => Some(max),
        Bound::Unlimited => None,
    };
    own.extend(size.into_iter().chain(set).min().map(|max| (Resource::AddressSpaceBytes, max)));
    // Root is exempt.
    if let (Bound::At(max), Ok(ids)) = (limits.locked_bytes.soft, process.ids())
        && ids.user != 0
    {
        own.push((Resource::LockedBytes, max));
    }
    own
}

/// The first and the largest amount of one process for each of its limits.
#[derive(Debug, Default)]
pub(super) struct OwnGrowth(BTreeMap<Resource, Growth>);

#[derive(Clone, Copy, Debug)]
struct Growth {
    /// Time in ms, and amount.
    first: (u64, u64),
    peak: (u64, u64),
    /// Time in ms of the first sample after the peak.
    after_peak_ms: Option<u64>,
    max: u64,
}

impl OwnGrowth {
    /// Adds the amounts of a sample, and offers each to `nearest`, where the process that is nearest
    /// to its limit stays.
    pub(super) fn add(
        &mut self,
        at_ms: u64,
        pid: u32,
        limits: &[(Resource, u64)],
        amounts: &Footprint,
        nearest: &mut BTreeMap<Resource, Nearest>,
    ) {
        for &(resource, max) in limits {
            let Some(amount) = amounts.of(resource).filter(|_| max > 0) else { continue };
            let point = (at_ms, amount);
            let known = Growth { first: point, peak: point, after_peak_ms: None, max };
            self.0.entry(resource).or_insert(known).add(point, max);
            let offered = Nearest { pid, amount, max };
            let held = nearest.entry(resource).or_insert(offered);
            if offered.is_nearer_than(held) {
                *held = offered;
            }
        }
    }

    /// The limit at which a process was that ended at `at_ms`.
    pub(super) fn limit_reached(&self, at_ms: u64, pid: u32, name: &str) -> Option<LimitReached> {
        // Address space may be reserved up to its limit by design.
        let used = self.0.iter().filter(|(resource, _)| **resource != Resource::AddressSpaceBytes);
        let mut reached = used.filter(|(_, growth)| growth.reached_limit(at_ms));
        reached.next().map(|(&resource, growth)| LimitReached {
            at_ms,
            pid,
            name: name.to_owned(),
            resource,
            amount: growth.peak.1,
            max: growth.max,
            rate_per_s: growth.rate_per_ms() * 1e3,
        })
    }
}

impl Growth {
    fn add(&mut self, point: (u64, u64), max: u64) {
        self.max = max;
        if point.1 >= self.peak.1 {
            (self.peak, self.after_peak_ms) = (point, None);
        } else {
            self.after_peak_ms.get_or_insert(point.0);
        }
    }

    /// 0 if it did not grow.
    fn rate_per_ms(&self) -> f64 {
        let ms = self.peak.0.saturating_sub(self.first.0);
        let by = self.peak.1.saturating_sub(self.first.1);
        if ms == 0 { 0.0 } else { by as f64 / ms as f64 }
    }

    /// True if its growth would have reached the limit before the sample after the peak, and it ended
    /// soon after that.
    fn reached_limit(&self, at_ms: u64) -> bool {
        let (peak_ms, peak) = self.peak;
        let gap_ms = self.after_peak_ms.unwrap_or(at_ms).saturating_sub(peak_ms) as f64;
        let (max, rate_per_ms) = (self.max as f64, self.rate_per_ms());
        let teardown_ms = at_ms.saturating_sub(peak_ms) as f64 - gap_ms;
        rate_per_ms > 0.0
            && peak as f64 >= PEAK_RATIO_MIN * max
            && peak as f64 + rate_per_ms * gap_ms >= REACHED_RATIO_MIN * max
            && teardown_ms <= TEARDOWN_MAX * at_ms.saturating_sub(self.first.0) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a process with these amounts at these times, and the limit 64, that ended at `at_ms`.
    fn ended(at_ms: u64, points: &[(u64, u64)]) -> Option<LimitReached> {
        let mut points = points.iter();
        let &first = points.next().expect("a first point");
        let mut growth = Growth { first, peak: first, after_peak_ms: None, max: 64 };
        points.for_each(|&point| growth.add(point, 64));
        OwnGrowth([(Resource::Fds, growth)].into()).limit_reached(at_ms, 7, "worker")
    }

    #[test]
    fn limits_of_a_young_process_are_never_older_than_half_its_age() {
        let mut readings = Readings { first_ms: 500, last_ms: 500 };
        let mut times_ms = Vec::new();
        for at_ms in (520..10_500).step_by(20) {
            if readings.is_next_due(at_ms) {
                readings.last_ms = at_ms;
                times_ms.push(at_ms);
            }
            let age_ms = at_ms - readings.first_ms;
            assert!(at_ms - readings.last_ms < age_ms.div_ceil(2).min(READ_EVERY_MS), "{at_ms}");
        }
        assert_eq!(times_ms[..7], [520, 540, 580, 660, 820, 1_140, 1_780]);
        // One a second from then on.
        assert_eq!(times_ms[7..], [2_780, 3_780, 4_780, 5_780, 6_780, 7_780, 8_780, 9_780]);
    }

    #[test]
    fn growth_that_reaches_its_limit_before_the_end_is_found() {
        // 6.25 a second; 1 s after the last sample it would have 64.
        let reached = ended(9_000, &[(0, 8), (8_000, 58)]).expect("at its limit");
        assert_eq!((reached.pid, reached.amount, reached.max), (7, 58, 64));
        assert!((reached.rate_per_s - 6.25).abs() < 1e-9);
        // It closes what it has before it ends.
        assert!(ended(9_500, &[(0, 8), (8_000, 58), (9_000, 30), (9_200, 3)]).is_some());
        assert!(ended(9_000, &[(0, 8), (8_000, 63)]).is_some());
    }

    #[test]
    fn other_ends_are_not_at_a_limit() {
        for (at_ms, points) in [
            // Too early for its rate.
            (8_100, &[(0, 8), (8_000, 58)][..]),
            // Far from its limit at the last sample: it could have stopped growing.
            (20_000, &[(0, 8), (8_000, 40)]),
            // Steady near its limit.
            (9_000, &[(0, 63), (8_000, 63)]),
            (9_000, &[(0, 64), (8_000, 60)]),
            // It went on with less.
            (30_000, &[(0, 8), (8_000, 58), (9_000, 10), (29_000, 10)]),
            (9_000, &[(0, 8)]),
        ] {
            assert_eq!(ended(at_ms, points), None, "{points:?}");
        }
    }
}
