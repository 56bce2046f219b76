//! The status page: memory that a subject shares with its supervisor. The supervisor reads the
//! subject's steps and counts there at any time, also after the subject's death; the subject pays a
//! store a step.

use std::sync::atomic::{
    AtomicU64,
    Ordering::{Relaxed, SeqCst},
};
use std::time::Duration;

use leakbench_model::{Counts, LastStep};
use leakbench_scenarios::Scenario;
use rustix::time::{ClockId, clock_gettime};

/// The page. All zeros is a valid page of a subject that has done nothing.
#[repr(C)]
#[derive(Debug)]
pub struct StatusPage {
    /// Not 0: begin no further cycle. Not a bool, since the other process may write any value.
    stop: AtomicU64,
    /// Calls of the subject that failed on purpose.
    faults: AtomicU64,
    readings: Readings,
    clock: CycleClock,
    threads: [ThreadStatus; Scenario::THREADS_MAX as usize],
}

/// The time in which a subject's cycles run, without barriers. The subject's main thread starts and stops
/// it.
///
/// One word, so that another process reads it whole: its lowest bit is set while the clock runs. The
/// other bits are the total in ns while it stands still, and while it runs the time on the system's
/// monotonic clock at which the total would have been 0.
#[repr(transparent)]
#[derive(Debug, Default)]
pub struct CycleClock(AtomicU64);

impl CycleClock {
    const RUNS: u64 = 1;

    /// Cycles begin to run.
    pub fn start(&self) {
        self.start_at(monotonic_ns());
    }

    /// Every thread stands still.
    pub fn stop(&self) {
        self.stop_at(monotonic_ns());
    }

    /// The total until now.
    pub fn total(&self) -> Duration {
        Duration::from_nanos(self.total_at(monotonic_ns()))
    }

    fn start_at(&self, now_ns: u64) {
        let began = now_ns.saturating_sub(self.total_at(now_ns));
        self.0.store(began << 1 | Self::RUNS, Relaxed);
    }

    fn stop_at(&self, now_ns: u64) {
        self.0.store(self.total_at(now_ns) << 1, Relaxed);
    }

    fn total_at(&self, now_ns: u64) -> u64 {
        let word = self.0.load(Relaxed);
        match word & Self::RUNS {
            0 => word >> 1,
            _ => now_ns.saturating_sub(word >> 1),
        }
    }
}

/// The same in all processes.
fn monotonic_ns() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32).as_nanos() as u64
}

/// The readings of a process that hold references to its objects for a moment, so that a release at that
/// moment is late. Several threads may make them.
///
/// The upper half of the number counts the readings that have begun, the lower half those in progress.
#[repr(transparent)]
#[derive(Debug, Default)]
pub struct Readings(AtomicU64);

/// A look at the [`Readings`] of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadingsSeen(u64);

impl Readings {
    const BEGUN: u64 = 1 << 32;

    /// None yet.
    pub const fn new() -> Readings {
        Readings(AtomicU64::new(0))
    }

    /// Makes a reading.
    pub fn during<R>(&self, read: impl FnOnce() -> R) -> R {
        // Before the first reference is taken, and after the last is given back, in the order of all
        // threads. The upper half may wrap around.
        self.0.fetch_add(Self::BEGUN + 1, SeqCst);
        let result = read();
        self.0.fetch_sub(1, SeqCst);
        result
    }

    /// A look at the present number.
    pub fn look(&self) -> ReadingsSeen {
        ReadingsSeen(self.0.load(SeqCst))
    }
}

impl ReadingsSeen {
    /// True if there was a reading since `self`, until `now`.
    pub fn is_beside_reading(self, now: ReadingsSeen) -> bool {
        let in_progress = |seen: ReadingsSeen| seen.0 & (Readings::BEGUN - 1) != 0;
        self != now || in_progress(now)
    }
}

/// One thread's part, written by that thread alone. It has cache lines of its own, so that threads do
/// not slow each other.
#[repr(C, align(128))]
#[derive(Debug, Default)]
pub struct ThreadStatus {
    /// The number of the latest cycle, shifted left by 8, and the latest step.
    step: AtomicU64,
    /// The number of steps begun, which distinguishes equal steps of one cycle.
    steps: AtomicU64,
    cycles: AtomicU64,
    made: AtomicU64,
    synchronous: AtomicU64,
    late: AtomicU64,
    late_beside_reading: AtomicU64,
    late_held_inside: AtomicU64,
    late_held_outside: AtomicU64,
    live: AtomicU64,
    lingering: AtomicU64,
    unknown: AtomicU64,
}

/// A step of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum StepKind {
    /// The thread has not begun.
    NotStarted,
    /// The preflight: trying a guest before the first cycle.
    Preflight,
    /// Creating a module.
    CreateModule,
    /// Instantiating a module.
    Instantiate,
    /// Calling an export.
    Call,
    /// Dropping an instance.
    DropInstance,
    /// Dropping a module.
    DropModule,
    /// Standing still at a barrier.
    Barrier,
}

impl StepKind {
    const ALL: [(StepKind, &str); 8] = [
        (StepKind::NotStarted, "starting"),
        (StepKind::Preflight, "trying a guest"),
        (StepKind::CreateModule, "creating a module"),
        (StepKind::Instantiate, "instantiating"),
        (StepKind::Call, "calling"),
        (StepKind::DropInstance, "dropping an instance"),
        (StepKind::DropModule, "dropping a module"),
        (StepKind::Barrier, "at a barrier"),
    ];

    /// The step in words that follow "while".
    pub fn words(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

impl ThreadStatus {
    /// Publishes that `step` of cycle `cycle` begins.
    pub fn begin(&self, cycle: u64, step: StepKind) {
        self.step.store(cycle << 8 | step as u64, Relaxed);
        // There is one writer, so the addition need not be atomic.
        self.steps.store(self.steps.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// Publishes the thread's account.
    pub fn publish(&self, counts: &Counts) {
        let Counts { cycles, made, synchronous, late, live, lingering, unknown, .. } = *counts;
        self.cycles.store(cycles, Relaxed);
        self.made.store(made, Relaxed);
        self.synchronous.store(synchronous, Relaxed);
        self.late.store(late, Relaxed);
        self.late_beside_reading.store(counts.late_beside_reading.unwrap_or(0), Relaxed);
        self.late_held_inside.store(counts.late_held_inside.unwrap_or(0), Relaxed);
        self.late_held_outside.store(counts.late_held_outside.unwrap_or(0), Relaxed);
        self.live.store(live, Relaxed);
        self.lingering.store(lingering, Relaxed);
        self.unknown.store(unknown, Relaxed);
    }

    fn counts(&self) -> Counts {
        Counts {
            cycles: self.cycles.load(Relaxed),
            made: self.made.load(Relaxed),
            synchronous: self.synchronous.load(Relaxed),
            late: self.late.load(Relaxed),
            late_beside_reading: Some(self.late_beside_reading.load(Relaxed)),
            late_held_inside: Some(self.late_held_inside.load(Relaxed)),
            late_held_outside: Some(self.late_held_outside.load(Relaxed)),
            live: self.live.load(Relaxed),
            lingering: self.lingering.load(Relaxed),
            unknown: self.unknown.load(Relaxed),
        }
    }
}

impl StatusPage {
    /// Asks the subject to begin no further cycle.
    pub fn ask_to_stop(&self) {
        self.stop.store(1, Relaxed);
    }

    /// Returns true once [`StatusPage::ask_to_stop`] was called.
    pub fn is_asked_to_stop(&self) -> bool {
        self.stop.load(Relaxed) != 0
    }

    /// A call of the subject is about to fail on purpose.
    pub fn count_fault(&self) {
        // Before the call returns, in the order of all threads.
        self.faults.fetch_add(1, SeqCst);
    }

    /// The number of calls that failed on purpose until now.
    pub fn faults(&self) -> u64 {
        self.faults.load(SeqCst)
    }

    /// The supervisor's readings.
    pub fn readings(&self) -> &Readings {
        &self.readings
    }

    /// The time in which cycles run.
    pub fn clock(&self) -> &CycleClock {
        &self.clock
    }

    /// The part of one thread.
    pub fn thread(&self, thread: u32) -> &ThreadStatus {
        &self.threads[thread as usize]
    }

    /// The sum of the counts of the first `threads` threads.
    pub fn counts(&self, threads: u32) -> Counts {
        self.threads[..threads as usize]
            .iter()
            .fold(NO_COUNTS, |sum, thread| add_counts(sum, thread.counts()))
    }

    /// The latest step of each of the first `threads` threads.
    pub fn last_steps(&self, threads: u32) -> Vec<LastStep> {
        (0..threads)
            .zip(&self.threads)
            .map(|(thread, status)| {
                let step = status.step.load(Relaxed);
                let words = StepKind::ALL.get((step & 0xff) as usize).map_or("?", |(_, w)| w);
                LastStep { thread, cycle: step >> 8, step: words.to_owned() }
            })
            .collect()
    }

    /// The number of steps that a thread has begun, or `None` while it waits for others.
    pub fn steps_of_busy(&self, thread: u32) -> Option<u64> {
        let status = self.thread(thread);
        let kind = status.step.load(Relaxed) & 0xff;
        let waits = kind == StepKind::NotStarted as u64 || kind == StepKind::Barrier as u64;
        (!waits).then(|| status.steps.load(Relaxed))
    }
}

/// The sum of no accounts.
pub const NO_COUNTS: Counts = Counts {
    cycles: 0,
    made: 0,
    synchronous: 0,
    late: 0,
    late_beside_reading: Some(0),
    late_held_inside: Some(0),
    late_held_outside: Some(0),
    live: 0,
    lingering: 0,
    unknown: 0,
};

/// The sum; `None` if one of them is unknown.
fn of_both(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    a.zip(b).map(|(a, b)| a + b)
}

/// The sum of two accounts.
pub fn add_counts(a: Counts, b: Counts) -> Counts {
    Counts {
        cycles: a.cycles + b.cycles,
        made: a.made + b.made,
        synchronous: a.synchronous + b.synchronous,
        late: a.late + b.late,
        late_beside_reading: of_both(a.late_beside_reading, b.late_beside_reading),
        late_held_inside: of_both(a.late_held_inside, b.late_held_inside),
        late_held_outside: of_both(a.late_held_outside, b.late_held_outside),
        live: a.live + b.live,
        lingering: a.lingering + b.lingering,
        unknown: a.unknown + b.unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_beside_a_reading_that_overlaps_it() {
        let readings = Readings::new();
        let before = readings.look();
        assert!(!before.is_beside_reading(readings.look()));
        let within = readings.during(|| {
            let within = readings.look();
            assert!(before.is_beside_reading(within));
            assert!(within.is_beside_reading(readings.look()), "it goes on");
            within
        });
        let after = readings.look();
        assert!(within.is_beside_reading(after) && before.is_beside_reading(after));
        assert!(!after.is_beside_reading(readings.look()));
    }

    #[test]
    fn readings_of_several_threads_may_overlap() {
        let readings = Readings::new();
        let (both, one) = readings.during(|| {
            let both = readings.during(|| {
                let both = readings.look();
                assert!(both.is_beside_reading(readings.look()), "two go on");
                both
            });
            let one = readings.look();
            assert!(both.is_beside_reading(one) && one.is_beside_reading(readings.look()));
            (both, one)
        });
        let none = readings.look();
        assert!(both.is_beside_reading(none) && one.is_beside_reading(none));
        assert!(!none.is_beside_reading(readings.look()));
    }

    #[test]
    fn the_clock_counts_only_while_it_runs() {
        let clock = CycleClock::default();
        assert_eq!(clock.total_at(5_000), 0);
        clock.start_at(10_000);
        assert_eq!(clock.total_at(10_700), 700);
        clock.stop_at(11_000);
        assert_eq!(clock.total_at(900_000), 1_000);
        clock.start_at(1_000_000);
        assert_eq!(clock.total_at(1_000_250), 1_250);
        // Starting and stopping twice changes nothing.
        clock.start_at(1_000_300);
        clock.stop_at(1_000_500);
        clock.stop_at(2_000_000);
        assert_eq!(clock.total_at(3_000_000), 1_500);
    }
}
