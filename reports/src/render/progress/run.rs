//! Progress of a run: cycles, rate, lingering images, time left, mappings and descriptors.

use std::collections::VecDeque;

use leakbench_model::text::{coarse_s, counted, grouped};
use leakbench_model::{Counts, Footprint, Resource};

use super::Progress;

/// All subjects at one time.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunSample {
    /// Time since the first cycle began.
    pub at_ms: u64,
    /// Time in which cycles ran, without barriers.
    pub running_us: u64,
    /// Sum over all subjects.
    pub counts: Counts,
    /// Sum over all subjects.
    pub footprint: Footprint,
}

/// The samples of the last few seconds.
#[derive(Clone, Debug)]
pub struct RunProgress {
    cycles_asked: u64,
    recent: VecDeque<RunSample>,
}

/// The rate is that of the last so many ms.
const RATE_OVER_MS: u64 = 5_000;

impl RunProgress {
    /// The progress of a run of `cycles_asked` cycles, before its first sample.
    pub fn new(cycles_asked: u64) -> RunProgress {
        RunProgress { cycles_asked, recent: VecDeque::new() }
    }

    /// Takes in a sample.
    pub fn see(&mut self, sample: RunSample) {
        self.recent.push_back(sample);
        // The oldest that stays is the youngest of those that are old enough.
        let is_old = |of: &RunSample| of.at_ms.saturating_add(RATE_OVER_MS) <= sample.at_ms;
        while self.recent.get(1).is_some_and(is_old) {
            self.recent.pop_front();
        }
    }

    /// Cycles a second in the time in which they ran, and with barriers.
    fn rates_per_s(&self) -> (Option<u64>, Option<u64>) {
        let Some((first, last)) = self.recent.front().zip(self.recent.back()) else {
            return (None, None);
        };
        let cycles = last.counts.cycles.saturating_sub(first.counts.cycles);
        let rate = |from: u64, to: u64, a_second: u64| {
            let time = to.checked_sub(from).filter(|&time| time > 0)?;
            Some(cycles.saturating_mul(a_second) / time)
        };
        let running = rate(first.running_us, last.running_us, 1_000_000);
        (running, rate(first.at_ms, last.at_ms, 1_000))
    }
}

impl Progress for RunProgress {
    fn parts(&self) -> Vec<String> {
        let RunSample { counts, footprint, .. } = self.recent.back().copied().unwrap_or_default();
        let done = counts.cycles;
        let asked = self.cycles_asked.max(1);
        let percent = u128::from(done) * 100 / u128::from(asked);
        let mut parts = vec![format!(
            "{} of {} cycles ({percent}%)",
            grouped(done),
            grouped(self.cycles_asked)
        )];
        let (rate, overall) = self.rates_per_s();
        parts.extend(rate.map(|rate| format!("{}/s", grouped(rate))));
        parts.push(format!("{} lingering", grouped(counts.lingering)));
        if let Some(rate) = overall.filter(|&rate| rate > 0) {
            let left_s = self.cycles_asked.saturating_sub(done).div_ceil(rate);
            parts.push(format!("{} left", coarse_s(left_s)));
        }
        parts.extend(footprint.of(Resource::Mappings).map(|number| counted(number, "mapping")));
        parts.extend(footprint.of(Resource::Fds).map(|number| counted(number, "fd")));
        parts
    }
}
