//! Expensive reads, each kind of which takes a small part of the time.

use std::time::{Duration, Instant};

use super::sampling_interval::thread_cpu_time;

/// Ratio of the time until the next read to the processor time of a read.
const PAUSE_FACTOR: u32 = 200;
/// The same at first, so that a short observation has enough reads.
const PAUSE_FACTOR_FIRST: u32 = 20;
/// The time that is at first.
const FIRST: Duration = Duration::from_secs(10);

/// Allows reads of one kind as often as their cost permits: at most 0.5 % of a processor, and 5 % at
/// first. Cheap ones are allowed at each sample.
#[derive(Debug)]
pub(super) struct Allowance {
    began: Instant,
    /// `None`: nothing was read yet.
    next: Option<Instant>,
}

impl Allowance {
    pub(super) fn new() -> Allowance {
        Allowance { began: Instant::now(), next: None }
    }

    /// True if a read is allowed now.
    pub(super) fn allows(&self) -> bool {
        self.next.is_none_or(|next| Instant::now() >= next)
    }

    /// Allows the next read, whatever the last one cost.
    pub(super) fn allow(&mut self) {
        self.next = None;
    }

    /// Reads, and adds the cost.
    pub(super) fn spend<T>(&mut self, read: impl FnOnce() -> T) -> T {
        let before = thread_cpu_time();
        let result = read();
        self.add(thread_cpu_time().saturating_sub(before));
        result
    }

    /// Adds the cost of a read.
    pub(super) fn add(&mut self, cost: Duration) {
        let is_first = self.began.elapsed() < FIRST;
        let factor = if is_first { PAUSE_FACTOR_FIRST } else { PAUSE_FACTOR };
        self.next = Instant::now().checked_add(cost * factor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expensive_read_is_followed_by_a_pause() {
        let mut allowance = Allowance::new();
        assert!(allowance.allows());
        allowance.add(Duration::ZERO);
        assert!(allowance.allows());
        allowance.add(Duration::from_secs(1));
        assert!(!allowance.allows());
        allowance.allow();
        assert!(allowance.allows());
        allowance.add(Duration::from_secs(1));
        assert!(!allowance.allows());
    }
}
