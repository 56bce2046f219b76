//! How often to look: as often as asked for, unless that would cost too much.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The part of the time between two looks that a look may take: one in a hundred, and one in ten
/// for who asks for looks closer together than [`OFTEN`].
const COST: u32 = 100;
const COST_OFTEN: u32 = 10;
const OFTEN: Duration = Duration::from_secs(1);

/// Looks are never further apart than this.
const AT_LEAST_EVERY: Duration = Duration::from_secs(60);

/// The time between two looks.
#[derive(Debug)]
pub(super) struct Pace {
    asked: Duration,
    /// Processor time of a look, smoothed: one that came at a bad moment counts little.
    cost: Option<Duration>,
    /// The time between looks that was told.
    told: Duration,
}

impl Pace {
    pub(super) fn new(asked: Duration) -> Pace {
        Pace { asked, cost: None, told: asked }
    }

    /// Takes in what a look has cost in processor time. Returns what is to be said, if looks
    /// become much rarer.
    pub(super) fn spent(&mut self, cost: Duration) -> Option<String> {
        let smoothed = self.cost.map_or(cost, |before| (before * 3 + cost) / 4);
        self.cost = Some(smoothed);
        let every = self.every();
        if every < self.told * 2 {
            return None;
        }
        self.told = every;
        Some(format!(
            "a look takes {:.1} ms of processor time: looking every {:.2} s, not every {:.2} s, to \
             stay below 1 part in {}",
            smoothed.as_secs_f64() * 1e3,
            every.as_secs_f64(),
            self.asked.as_secs_f64(),
            self.parts(),
        ))
    }

    /// The time from one look to the next.
    pub(super) fn every(&self) -> Duration {
        let affordable = self.cost.unwrap_or_default() * self.parts();
        affordable.min(AT_LEAST_EVERY).max(self.asked)
    }

    fn parts(&self) -> u32 {
        if self.asked < OFTEN { COST_OFTEN } else { COST }
    }
}

/// Processor time that this thread has used.
pub(super) fn thread_cpu_time() -> Duration {
    duration_of(ClockId::ThreadCPUTime)
}

/// Processor time that this process has used.
pub(super) fn process_cpu_time() -> Duration {
    duration_of(ClockId::ProcessCPUTime)
}

fn duration_of(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_that_cost_too_much_become_rarer_and_it_is_told_once() {
        let ms = Duration::from_millis;
        let mut pace = Pace::new(ms(1000));
        assert_eq!(pace.every(), ms(1000));
        assert_eq!(pace.spent(ms(2)), None);
        assert_eq!(pace.every(), ms(1000));
        // One bad look in an otherwise cheap series.
        assert_eq!(pace.spent(ms(14)), None);
        let told: Vec<String> = (0..20).filter_map(|_| pace.spent(ms(40))).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(pace.every() > ms(3500) && pace.every() <= ms(4000), "{:?}", pace.every());
        for _ in 0..30 {
            pace.spent(ms(2));
        }
        assert_eq!(pace.every(), ms(1000));
        for _ in 0..50 {
            pace.spent(Duration::from_secs(9));
        }
        assert_eq!(pace.every(), AT_LEAST_EVERY);
        let mut pace = Pace::new(ms(50));
        assert_eq!(pace.spent(ms(5)), None);
        assert_eq!(pace.every(), ms(50));
        assert!(pace.spent(ms(50)).is_some());
        // What was asked for is never too rare.
        assert_eq!(Pace::new(ms(90_000)).every(), ms(90_000));
    }
}
