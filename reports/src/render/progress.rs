//! How far a run is: one line for a terminal, redrawn, or a plain one for a log.

use std::collections::{BTreeMap, VecDeque};

use leakbench_model::text::{coarse_s, counted, grouped, sum};
use leakbench_recording::recording::{Counts, Footprint};

/// The latest looks at all subjects.
#[derive(Clone, Debug)]
pub struct Progress {
    cycles_asked: u64,
    latest: BTreeMap<u32, (Counts, Footprint)>,
    /// Times in ms and cycles done by then, over the last few seconds.
    recent: VecDeque<(u64, u64)>,
}

/// Over how long the rate is taken.
const RATE_OVER_MS: u64 = 5_000;

impl Progress {
    /// Nothing seen yet of a run of `cycles_asked` cycles.
    pub fn new(cycles_asked: u64) -> Progress {
        Progress { cycles_asked, latest: BTreeMap::new(), recent: VecDeque::new() }
    }

    /// Takes in a sample or barrier of `subject`, `at_ms` since the run began.
    pub fn see(&mut self, at_ms: u64, subject: u32, counts: &Counts, footprint: &Footprint) {
        self.latest.insert(subject, (*counts, *footprint));
        let cycles = self.cycles();
        match self.recent.back_mut() {
            // Subjects are looked at one after the other.
            Some(last) if at_ms < last.0.saturating_add(RATE_OVER_MS / 50) => last.1 = cycles,
            _ => self.recent.push_back((at_ms, cycles)),
        }
        // The oldest that stays is the last that is old enough.
        while self.recent.get(1).is_some_and(|&(ms, _)| ms.saturating_add(RATE_OVER_MS) <= at_ms) {
            self.recent.pop_front();
        }
    }

    /// One line of at most `width` columns, without a newline: what fits of cycles, rate, images
    /// lingering now, time left, mappings and descriptors, in the order of their use.
    pub fn line(&self, width: usize) -> String {
        let mut line = String::new();
        for part in self.parts() {
            let gap = if line.is_empty() { "" } else { "  " };
            let length = line.chars().count() + gap.len() + part.chars().count();
            if length > width {
                break;
            }
            line = line + gap + &part;
        }
        line
    }

    /// The same in full, for a log.
    pub fn plain(&self) -> String {
        self.parts().join(", ")
    }

    fn cycles(&self) -> u64 {
        sum(self.latest.values().map(|(counts, _)| counts.cycles))
    }

    fn rate_per_s(&self) -> Option<u64> {
        let (&(from_ms, from), &(to_ms, to)) = (self.recent.front()?, self.recent.back()?);
        let span_ms = to_ms.checked_sub(from_ms).filter(|&ms| ms > 0)?;
        Some(to.saturating_sub(from).saturating_mul(1_000) / span_ms)
    }

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
        let added = |field: fn(&Footprint) -> Option<u64>| -> Option<u64> {
            let values = self.latest.values().map(|(_, footprint)| field(footprint));
            values.collect::<Option<Vec<u64>>>().map(sum)
        };
        if !self.latest.is_empty() {
            parts.extend(added(|footprint| footprint.mappings).map(|n| counted(n, "mapping")));
            parts.extend(added(|footprint| footprint.fds).map(|n| counted(n, "fd")));
        }
        parts
    }
}
