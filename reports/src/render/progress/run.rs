//! Progress of a run: cycles, rate, lingering images, time left, mappings and descriptors.

use std::collections::{BTreeMap, VecDeque};

use leakbench_model::text::{coarse_s, counted, grouped, sum};
use leakbench_model::{Counts, Footprint, Resource};

use super::Progress;

/// The latest samples of all subjects.
#[derive(Clone, Debug)]
pub struct RunProgress {
    cycles_asked: u64,
    latest: BTreeMap<u32, (Counts, Footprint)>,
    /// Times in ms and cycles done by then, over the last few seconds.
    recent: VecDeque<(u64, u64)>,
}

/// The rate is that of the last so many ms.
const RATE_OVER_MS: u64 = 5_000;

impl RunProgress {
    /// The progress of a run of `cycles_asked` cycles, before its first sample.
    pub fn new(cycles_asked: u64) -> RunProgress {
        RunProgress { cycles_asked, latest: BTreeMap::new(), recent: VecDeque::new() }
    }

    /// Takes in a sample or barrier of `subject`, `at_ms` since the run began.
    pub fn see(&mut self, at_ms: u64, subject: u32, counts: &Counts, footprint: &Footprint) {
        self.latest.insert(subject, (*counts, *footprint));
        let cycles = self.cycles();
        match self.recent.back_mut() {
            // Subjects are sampled one after the other.
            Some(last) if at_ms < last.0.saturating_add(RATE_OVER_MS / 50) => last.1 = cycles,
            _ => self.recent.push_back((at_ms, cycles)),
        }
        // The oldest that stays is the youngest of those that are old enough.
        while self.recent.get(1).is_some_and(|&(ms, _)| ms.saturating_add(RATE_OVER_MS) <= at_ms) {
            self.recent.pop_front();
        }
    }

    fn cycles(&self) -> u64 {
        sum(self.latest.values().map(|(counts, _)| counts.cycles))
    }

    fn rate_per_s(&self) -> Option<u64> {
        let (&(from_ms, from), &(to_ms, to)) = (self.recent.front()?, self.recent.back()?);
        let span_ms = to_ms.checked_sub(from_ms).filter(|&ms| ms > 0)?;
        Some(to.saturating_sub(from).saturating_mul(1_000) / span_ms)
    }
}

impl Progress for RunProgress {
    fn parts(&self) -> Vec<String> {
        let done = self.cycles();
        let asked = self.cycles_asked.max(1);
        let percent = u128::from(done) * 100 / u128::from(asked);
        let mut parts = vec![format!(
            "{} of {} cycles ({percent}%)",
            grouped(done),
            grouped(self.cycles_asked)
        )];
        let rate = self.rate_per_s();
        parts.extend(rate.map(|rate| format!("{}/s", grouped(rate))));
        let lingering = self.latest.values().map(|(counts, _)| counts.lingering);
        parts.push(format!("{} lingering", grouped(sum(lingering))));
        if let Some(rate) = rate.filter(|&rate| rate > 0) {
            let left_s = self.cycles_asked.saturating_sub(done).div_ceil(rate);
            parts.push(format!("{} left", coarse_s(left_s)));
        }
        let all = Footprint::sum(self.latest.values().map(|(_, footprint)| *footprint));
        parts.extend(all.of(Resource::Mappings).map(|number| counted(number, "mapping")));
        parts.extend(all.of(Resource::Fds).map(|number| counted(number, "fd")));
        parts
    }
}
