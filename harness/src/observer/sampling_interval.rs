//! The time between two samples: the requested one, or longer if sampling would cost too much.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Minimum ratio of the interval to the processor time of a sample, for intervals of at least
/// [`SHORT`].
const COST_FACTOR: u32 = 100;
/// The same for intervals below [`SHORT`].
const COST_FACTOR_SHORT: u32 = 10;
const SHORT: Duration = Duration::from_secs(1);

/// The cost of samples does not lengthen the interval beyond this.
const INTERVAL_MAX: Duration = Duration::from_secs(60);

/// The interval that observations reach without a requested one.
pub(super) const INTERVAL_DEFAULT: Duration = Duration::from_secs(1);
/// The interval with which they begin, so that a command of two seconds has enough samples.
pub(crate) const INTERVAL_FIRST: Duration = Duration::from_millis(25);
/// Samples with the first interval.
const SAMPLES_FIRST: u32 = 40;
/// Samples with each other one before it is doubled. So at each interval there are as many samples
/// with even spacing as with the one before.
const SAMPLES_EACH: u32 = 20;

/// The time between two samples.
#[derive(Debug)]
pub(super) struct SamplingInterval {
    /// Without the cost of samples.
    base: Duration,
    /// Samples until the base is doubled; `None` if it stays.
    until_doubled: Option<u32>,
    /// Processor time of a sample, smoothed, so that one outlier counts little.
    cost: Option<Duration>,
    /// The interval of the last remark.
    reported: Duration,
}

impl SamplingInterval {
    /// `None`: short at first, then up to [`INTERVAL_DEFAULT`].
    pub(super) fn new(requested: Option<Duration>) -> SamplingInterval {
        let (base, until_doubled) = match requested {
            Some(requested) => (requested, None),
            None => (INTERVAL_FIRST, Some(SAMPLES_FIRST)),
        };
        SamplingInterval { base, until_doubled, cost: None, reported: base }
    }

    /// Adds the processor time of a sample. Returns a remark if the interval has doubled since the
    /// last remark, because of the cost.
    pub(super) fn add_cost(&mut self, cost: Duration) -> Option<String> {
        let smoothed = self.cost.map_or(cost, |before| (before * 3 + cost) / 4);
        self.cost = Some(smoothed);
        if let Some(left) = &mut self.until_doubled {
            *left -= 1;
            if *left == 0 {
                self.base = (self.base * 2).min(INTERVAL_DEFAULT);
                self.until_doubled = (self.base < INTERVAL_DEFAULT).then_some(SAMPLES_EACH);
                self.reported = self.reported.max(self.base);
            }
        }
        let interval = self.get();
        if interval < self.reported * 2 {
            return None;
        }
        self.reported = interval;
        Some(format!(
            "a sample takes {:.1} ms of processor time: sampling every {:.2} s instead of every \
             {:.2} s, to use at most {} % of a processor",
            smoothed.as_secs_f64() * 1e3,
            interval.as_secs_f64(),
            self.base.as_secs_f64(),
            100 / self.cost_factor(),
        ))
    }

    /// The time from the start of a sample to the start of the next.
    pub(super) fn get(&self) -> Duration {
        let affordable = self.cost.unwrap_or_default() * self.cost_factor();
        affordable.min(INTERVAL_MAX).max(self.base)
    }

    fn cost_factor(&self) -> u32 {
        if self.base < SHORT { COST_FACTOR_SHORT } else { COST_FACTOR }
    }
}

/// Processor time of this thread.
pub(super) fn thread_cpu_time() -> Duration {
    duration_of(ClockId::ThreadCPUTime)
}

/// Processor time of this process.
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
    fn expensive_samples_lengthen_the_interval_with_one_remark() {
        let ms = Duration::from_millis;
        let mut interval = SamplingInterval::new(Some(ms(1000)));
        assert_eq!(interval.get(), ms(1000));
        assert_eq!(interval.add_cost(ms(2)), None);
        assert_eq!(interval.get(), ms(1000));
        // One outlier in a cheap series.
        assert_eq!(interval.add_cost(ms(14)), None);
        let remarks: Vec<String> = (0..20).filter_map(|_| interval.add_cost(ms(40))).collect();
        assert_eq!(remarks.len(), 1, "{remarks:?}");
        assert!(interval.get() > ms(3500) && interval.get() <= ms(4000), "{:?}", interval.get());
        for _ in 0..30 {
            interval.add_cost(ms(2));
        }
        assert_eq!(interval.get(), ms(1000));
        for _ in 0..50 {
            interval.add_cost(Duration::from_secs(9));
        }
        assert_eq!(interval.get(), INTERVAL_MAX);
        let mut interval = SamplingInterval::new(Some(ms(50)));
        assert_eq!(interval.add_cost(ms(5)), None);
        assert_eq!(interval.get(), ms(50));
        assert!(interval.add_cost(ms(50)).is_some());
        // The requested interval may exceed the maximum.
        assert_eq!(SamplingInterval::new(Some(ms(90_000))).get(), ms(90_000));
    }

    #[test]
    fn without_a_request_the_interval_begins_short() {
        let mut interval = SamplingInterval::new(None);
        let (mut at, mut times) = (Duration::ZERO, Vec::new());
        while at < Duration::from_secs(60) {
            times.push(at);
            assert_eq!(interval.add_cost(Duration::from_micros(100)), None);
            at += interval.get();
        }
        let until = |s| times.iter().filter(|at| **at < Duration::from_secs(s)).count();
        assert_eq!((until(1), until(2)), (40, 60));
        assert_eq!(interval.get(), INTERVAL_DEFAULT);
        // 25 ms to 800 ms take 31 s.
        assert!(until(60) < 175, "{}", until(60));
    }
}
