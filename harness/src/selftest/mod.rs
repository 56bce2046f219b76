//! The judges of leakbench tried against a known truth: runs and observations with planted leaks, each of
//! which they must find and name, and some without one, which must be clean.
//!
//! ```text
//! case, seed ─► leakbench run --plant, exec -- habits ─► result ──┐
//!                     └► truth, by the subject ───────────────────┴─► score ─► tally ─► text, JSON
//! ```
//!
//! Each trial is a run or an observation as users make it, in a process of its own. The subject writes what
//! it kept into a file of its own, which neither the supervisor, the observer nor the judge reads.

mod case;
mod clean;
mod tally;
mod trial;

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use leakbench_model::text::{counted, grouped};
use leakbench_reports::render::Progress;

use self::case::Case;
pub(crate) use self::case::cases;
pub(crate) use self::tally::Tally;
use self::trial::{Outcome, Trial, Workplace};
use crate::error::Error;
use crate::interrupt::Interrupt;
use crate::output::{ProgressDisplay, Verbosity};
use crate::supervisor::SuperviseError;

/// The cases of a short test.
const SHORT: [&str; 11] = [
    "skipped-purge",
    "image-descriptor",
    "image-in-flight",
    "trap",
    "thread",
    "heap",
    "code-mapping",
    "cache",
    "sawtooth",
    "exec-sockets",
    "exec-bounded-cache",
];

/// Observations at the same time, for each run at the same time. They sleep most of the time.
const OBSERVATIONS_A_RUN: u32 = 8;

/// Maximum time between two checks for a signal.
const SIGNAL_CHECK_INTERVAL: Duration = Duration::from_millis(200);

/// The trials to make.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Seeds of each case.
    pub(crate) seeds: u32,
    /// Runs without a plant.
    pub(crate) clean_runs: u32,
    /// Runs at the same time. Observations are made beside them.
    pub(crate) jobs: NonZeroU32,
    /// The names of the cases. If it is empty, all but those that other observations of the user would see.
    pub(crate) cases: Vec<String>,
}

impl Plan {
    /// A case of each kind once, to see that leaks are found on this machine at all.
    pub(crate) fn short() -> Plan {
        let cases = SHORT.map(str::to_owned).to_vec();
        Plan { seeds: 1, clean_runs: 3, jobs: cores(), cases }
    }

    /// Makes all trials, until the user interrupts.
    ///
    /// # Errors
    /// A trial cannot be started, or its files cannot be written.
    pub(crate) fn carry_out(&self, verbosity: Verbosity) -> Result<Tally, Error> {
        let interrupt = Interrupt::listen().map_err(SuperviseError::Own)?;
        let workplace = Workplace::create()
            .map_err(|error| Error::Write { path: std::env::temp_dir(), error })?;
        let trials = self.trials();
        let mut tally = Tally::new(&trials);
        let mut display = ProgressDisplay::new(verbosity);
        let (mut observations, runs): (Vec<&Trial>, Vec<&Trial>) =
            trials.iter().partition(|trial| trial.is_observation());
        // Each waits for all others to end.
        observations.sort_by_key(|trial| trial.is_alone());
        let (runs, observations) = (Queue::new(runs), Queue::new(observations));
        let stop = AtomicBool::new(false);
        let jobs = self.jobs.get();
        let workers = [(&runs, jobs), (&observations, jobs.saturating_mul(OBSERVATIONS_A_RUN))];
        let workers = workers.into_iter().flat_map(|(queue, jobs)| {
            let jobs = queue.trials.len().min(jobs as usize);
            std::iter::repeat_n(queue, jobs)
        });
        let outcome = thread::scope(|scope| {
            let (done, results) = mpsc::channel();
            for (job, queue) in (0..).zip(workers) {
                let (done, stop, workplace) = (done.clone(), &stop, &workplace);
                scope.spawn(move || {
                    while !stop.load(Relaxed)
                        && let Some(trial) = queue.take()
                        && done.send((trial, trial.perform(workplace, job, stop))).is_ok()
                    {
                    }
                });
            }
            drop(done);
            loop {
                match results.recv_timeout(SIGNAL_CHECK_INTERVAL) {
                    // It was interrupted, so there is a signal for this process too.
                    Ok((_, Ok(Outcome::Interrupted))) => tally.interrupted = true,
                    Ok((trial, Ok(Outcome::Judged(score)))) => tally.add(trial, score),
                    Ok((trial, Ok(Outcome::Refused(reason)))) => tally.skip(trial, reason),
                    Ok((_, Err(error))) => {
                        stop.store(true, Relaxed);
                        return Err(error);
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return Ok(()),
                }
                if interrupt.take() > 0 || tally.interrupted {
                    tally.interrupted = true;
                    stop.store(true, Relaxed);
                }
                display.show(&Count { tally: &tally, total: trials.len() });
            }
        });
        display.clear();
        outcome.map_err(SuperviseError::Own)?;
        if !tally.failures.is_empty() {
            workplace.keep();
        }
        Ok(tally)
    }

    /// Cases in turn, so that an interrupted test has tried all of them.
    fn trials(&self) -> Vec<Trial> {
        let is_chosen = |case: &&Case| match self.cases.is_empty() {
            true => !case.is_alone(),
            false => self.cases.iter().any(|name| name == case.name),
        };
        let chosen = || cases().filter(is_chosen);
        let seeds = u64::from(self.seeds);
        let planted =
            (0..seeds).flat_map(|seed| chosen().map(move |case| Trial::of_case(case, seed)));
        let clean = (0..u64::from(self.clean_runs)).map(Trial::without_plant);
        planted.chain(clean).collect()
    }
}

/// Trials that are made in turn, several at a time.
#[derive(Debug)]
struct Queue<'a> {
    trials: Vec<&'a Trial>,
    next: AtomicUsize,
}

impl<'a> Queue<'a> {
    fn new(trials: Vec<&'a Trial>) -> Queue<'a> {
        Queue { trials, next: AtomicUsize::new(0) }
    }

    fn take(&self) -> Option<&'a Trial> {
        self.trials.get(self.next.fetch_add(1, Relaxed)).copied()
    }
}

/// The number of processors that this process may use.
pub(crate) fn cores() -> NonZeroU32 {
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
    u32::try_from(cores).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN)
}

/// The progress of a test.
struct Count<'a> {
    tally: &'a Tally,
    total: usize,
}

impl Progress for Count<'_> {
    fn parts(&self) -> Vec<String> {
        let failures = self.tally.failures.len() as u64;
        vec![
            format!("{} of {}", grouped(self.tally.trials()), counted(self.total as u64, "trial")),
            counted(failures, "failure"),
        ]
    }
}
