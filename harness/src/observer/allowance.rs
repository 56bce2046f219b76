//! Expensive reads, each kind of which takes a small part of the time.

use std::time::{Duration, Instant};

use super::sampling_interval::thread_cpu_time;

/// Ratio of the time until the next read to the processor time of a read.
const PAUSE_FACTOR: u32 = 200;

/// Allows reads of one kind as often as their cost permits: at most 0.5 % of a processor. Cheap ones
/// are allowed at each sample.
#[derive(Debug, Default)]
pub(super) struct Allowance {
    /// `None`: nothing was read yet.
    next: Option<Instant>,
}

impl Allowance {
    /// True if a read is allowed now.
    pub(super) fn allows(&self) -> bool {
        self.next.is_none_or(|next| Instant::now() >= next)
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
        self.next = Instant::now().checked_add(cost * PAUSE_FACTOR);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expensive_read_is_followed_by_a_pause() {
        let mut allowance = Allowance::default();
        assert!(allowance.allows());
        allowance.add(Duration::ZERO);
        assert!(allowance.allows());
        allowance.add(Duration::from_secs(1));
        assert!(!allowance.allows());
    }
}
