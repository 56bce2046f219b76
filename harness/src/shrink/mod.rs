//! The smallest run that still fails as a recorded one does.
//!
//! ```text
//! recording ─► failure, parameters ─► reduce ─► candidate ─► runs ─► does it fail as the recording does?
//!                                       ▲                              │
//!                                       └──────────────────────────────┘
//!                                       └─► scenario file, program
//! ```
//!
//! The search is pure, and so is the decision from several runs. Each run is a process of its own, as users
//! start it, with the candidate's scenario file.

mod candidate;
mod outcome;
mod program;
mod reduce;
mod result;
mod runner;
mod sequential;
mod watch;

use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use leakbench_recording::judge::Finding;
use leakbench_recording::recording::Start;
use leakbench_reports::recorded::RecordedRun;
use leakbench_scenarios::Scenario;

use self::candidate::{Candidate, Candidates};
use self::outcome::{Failure, Outcome};
use self::reduce::{Parameter, Precision, reduce};
pub(crate) use self::result::Shrunk;
use self::result::{End, Rate};
use self::runner::{Break, Runner, Stop};
use self::sequential::{MOST, SequentialTest};
use self::watch::{Watch, changes, size};
use crate::driver::Driver;
use crate::error::Error;
use crate::interrupt::Interrupt;
use crate::output::{Verbosity, folder};
use crate::supervisor::SuperviseError;

/// The part of the time in which the recorded run is measured, at most, and in which the result is.
const MEASURED_SHARE: f64 = 0.15;
/// Runs of the result.
const FINAL_RUNS: u32 = 10;
/// Runs of the recorded options if all of them fail: with one thread, and with several.
const ALWAYS_AFTER: [u32; 2] = [3, 5];
/// Time of a run in proportion to the longest of the recorded options, and at least.
const RUN_MAX: (u32, Duration) = (3, Duration::from_secs(10));

/// Barriers of a run whose race shows too rarely, in proportion to the recorded ones.
const MORE_BARRIERS: [u32; 2] = [4, 16];

/// A search.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The recorded run.
    pub(crate) run: RecordedRun,
    /// The policy by which it must fail; without one, that of its first error.
    pub(crate) policy: Option<String>,
    /// The scenario file to write.
    pub(crate) out: PathBuf,
    pub(crate) driver_dir: Option<PathBuf>,
    /// Time for everything.
    pub(crate) budget: Duration,
    /// Maximum of runs of a candidate whose failure is a matter of chance.
    pub(crate) runs_max: NonZeroU32,
}

/// The outcome of a search.
#[derive(Debug)]
pub(crate) enum Found {
    /// A run that fails, and its files.
    Shrunk(Box<Shrunk>),
    /// The recorded run did not fail again in this number of runs. The last one did not end in time if
    /// `is_time_over`.
    Nothing { runs: u64, is_time_over: bool },
}

impl Plan {
    /// Searches until the minimum, the end of the time or a signal, and keeps the smallest candidate at each
    /// improvement.
    ///
    /// # Errors
    /// The recorded run did not fail, its options cannot run here, or a file cannot be written.
    pub(crate) fn carry_out(self, verbosity: Verbosity) -> Result<Found, Error> {
        let started = Instant::now();
        let failure = self.failure()?;
        let start = &self.run.ledger.start;
        let scenario = with_absolute_folders(start)?;
        let driver = Driver::find(&scenario.subject, self.driver_dir.as_deref())?;
        Scenario::new(scenario.options(), &driver.offer, NonZeroU32::MIN)?;
        let candidates = Candidates::new(&scenario, driver.offer);
        let Some(first) = candidates.candidate(&candidates.start()) else {
            let message = "the recorded options are no scenario file of this leakbench";
            return Err(Error::Usage(message.to_owned()));
        };
        let interrupt = Interrupt::listen().map_err(SuperviseError::Own)?;
        let after = |share: f64| started + self.budget.mul_f64(share);
        let mut search = Search {
            candidates,
            failure: &failure,
            out: &self.out,
            runs_max: self.runs_max.get(),
            share: 1.0,
            is_certain: false,
            known: HashMap::new(),
            watch: Watch::new(verbosity, started, self.budget, &first),
            runner: Runner::new(self.driver_dir.clone(), &interrupt, after(1.0))?,
            smallest: first.clone(),
            causes: failure.causes.clone(),
        };
        let found = search.carry_out(after);
        search.watch.clear();
        let (rate, stop) = match found {
            Ok(Ok(found)) => found,
            Ok(Err(nothing)) => return Ok(nothing),
            Err(error) => return Err(error),
        };
        let mut shrunk = Shrunk::new(&first, &search.smallest, failure.policy.clone());
        (shrunk.rate, shrunk.end, shrunk.causes) = (rate, End::of(stop), search.causes);
        (shrunk.runs, shrunk.wall_s) = (search.runner.runs, started.elapsed().as_secs_f64());
        shrunk.keep(&self.out, start.runtime.as_deref(), self.driver_dir.as_deref())?;
        Ok(Found::Shrunk(Box::new(shrunk)))
    }

    /// The failure of the recorded run.
    fn failure(&self) -> Result<Failure, Error> {
        let findings = &self.run.judgement.findings;
        let outcome =
            Outcome::of(findings.iter().map(|Finding { rule, level, message, .. }| {
                [(*rule).to_owned(), level.to_string(), message.clone()]
            }));
        outcome.failure(self.policy.as_deref()).ok_or_else(|| {
            let policies: Vec<String> = outcome.policies().into_iter().collect();
            Error::Usage(match (&self.policy, policies.as_slice()) {
                (_, []) => "the recorded run has no error finding: there is no failure to shrink"
                    .to_owned(),
                (policy, policies) => format!(
                    "the recorded run has no error of the policy {}: it has errors of {}",
                    policy.as_deref().unwrap_or_default(),
                    policies.join(", ")
                ),
            })
        })
    }
}

/// The recorded scenario with the host's folders as absolute paths, since a scenario file's are relative to it.
fn with_absolute_folders(start: &Start) -> Result<Scenario, Error> {
    let mut scenario = start.scenario.clone();
    for dir in &mut scenario.dir {
        dir.host = std::path::absolute(&dir.host)
            .map_err(|error| Error::Read { path: dir.host.clone(), error })?;
    }
    Ok(scenario)
}

/// The trials, and the smallest candidate that failed.
struct Search<'a> {
    candidates: Candidates,
    failure: &'a Failure,
    out: &'a Path,
    runs_max: u32,
    /// The share of runs that must fail, or most if it is more.
    share: f64,
    /// All repetitions of the recorded run failed.
    is_certain: bool,
    /// The outcome of each scenario file that was tried.
    known: HashMap<String, bool>,
    smallest: Candidate,
    /// The causes that the latest failing run names.
    causes: BTreeSet<String>,
    watch: Watch,
    runner: Runner<'a>,
}

impl Search<'_> {
    /// Measures the recorded run, searches, and measures the result, whose rate it returns with the reason of
    /// an early end. [`Found::Nothing`] if the recorded run does not fail again.
    ///
    /// # Errors
    /// A run cannot be started, or a file cannot be written.
    fn carry_out(
        &mut self,
        after: impl Fn(f64) -> Instant,
    ) -> Result<Result<(Rate, Option<Stop>), Found>, Error> {
        let first = self.smallest.clone();
        let (recorded, stop) = self.measure(&first, self.runs_max, after(MEASURED_SHARE))?;
        if stop == Some(Stop::Interrupted) {
            return Ok(Ok((recorded, stop)));
        }
        if recorded.failures == 0 {
            let is_time_over = stop == Some(Stop::TimeOver);
            return Ok(Err(Found::Nothing { runs: self.runner.runs, is_time_over }));
        }
        (self.share, self.is_certain) = (recorded.share(), recorded.is_always());
        self.runner.deadline = after(1.0 - MEASURED_SHARE);
        let stop = match self.search() {
            Ok(()) => None,
            Err(Break::Stop(Stop::Interrupted)) => {
                return Ok(Ok((Rate::default(), Some(Stop::Interrupted))));
            }
            Err(Break::Stop(stop)) => Some(stop),
            Err(Break::Error(error)) => return Err(error),
        };
        self.runner.deadline = after(1.0);
        let smallest = self.smallest.clone();
        let (rate, end) = self.measure(&smallest, FINAL_RUNS, after(1.0))?;
        Ok(Ok((rate, stop.max(end.filter(|end| *end == Stop::Interrupted)))))
    }

    /// Reduces the run to the minimum, after it has barriers enough to fail in most runs.
    fn search(&mut self) -> Result<(), Break> {
        if self.share < MOST {
            self.add_barriers()?;
        }
        let is_by_chance = !(self.is_certain && self.smallest.is_repeatable());
        let precision = if is_by_chance { Precision::Eighth } else { Precision::Exact };
        reduce(self.candidates.start(), precision, |parameters| self.fails(parameters)).1
    }

    /// Takes more barriers if the run then fails in most runs: a race shows only for a moment, and barriers
    /// see it.
    fn add_barriers(&mut self) -> Result<(), Break> {
        let share = std::mem::replace(&mut self.share, 1.0);
        for times in MORE_BARRIERS {
            let more = self.candidates.with_barriers(&self.smallest.scenario, times);
            let Some(more) = more else { continue };
            let Some(candidate) = more.candidate(&more.start()) else { continue };
            self.runner.run_max *= 4;
            if self.decide(&candidate)? {
                self.candidates = more;
                return Ok(self.keep(candidate)?);
            }
        }
        self.share = share;
        Ok(())
    }

    /// Runs a candidate `runs` times, or until the time is over; the recorded one not so often if all runs
    /// fail. Returns the reason of an early end too.
    ///
    /// # Errors
    /// A run cannot be started.
    fn measure(
        &mut self,
        candidate: &Candidate,
        runs: u32,
        until: Instant,
    ) -> Result<(Rate, Option<Stop>), Error> {
        let mut rate = Rate::default();
        let mut longest = Duration::ZERO;
        let is_start = self.known.is_empty();
        self.watch.trial = "it again".to_owned();
        while rate.runs < runs && (rate.runs == 0 || Instant::now() < until) {
            let began = Instant::now();
            match self.is_failure(candidate) {
                Ok(is_failure) => rate.add(is_failure),
                Err(Break::Stop(stop)) => return Ok((rate, Some(stop))),
                Err(Break::Error(error)) => return Err(error),
            }
            longest = longest.max(began.elapsed());
            let enough = ALWAYS_AFTER[usize::from(!candidate.is_repeatable())];
            if is_start && rate.is_always() && rate.runs >= enough {
                break;
            }
        }
        let (factor, least) = RUN_MAX;
        self.runner.run_max = least.max(longest * factor);
        Ok((rate, None))
    }

    /// Makes one run. True if it fails as the recorded run.
    fn is_failure(&mut self, candidate: &Candidate) -> Result<bool, Break> {
        let (watch, runs) = (&mut self.watch, self.runner.runs);
        let outcome = self.runner.run(&candidate.toml(), &mut || watch.show(runs))?;
        let is_failure = outcome.fails_as(self.failure);
        if is_failure {
            self.causes = outcome.causes(&self.failure.policy);
        }
        Ok(is_failure)
    }

    /// Tries a candidate, and keeps it if it fails.
    fn fails(&mut self, parameters: &[Parameter]) -> Result<bool, Break> {
        let Some(candidate) = self.candidates.candidate(parameters) else { return Ok(false) };
        let toml = candidate.toml();
        let is_failing = match self.known.get(&toml).copied() {
            Some(known) => known,
            None => self.decide(&candidate)?,
        };
        self.known.insert(toml, is_failing);
        if is_failing && candidate != self.smallest {
            self.keep(candidate)?;
        }
        Ok(is_failing)
    }

    /// Takes a candidate that fails for the smallest, and writes its file.
    fn keep(&mut self, candidate: Candidate) -> Result<(), Error> {
        let policy = &self.failure.policy;
        let text =
            format!("# The smallest run so far that fails by {policy}.\n{}", candidate.toml());
        folder::write_at(self.out, text.as_bytes())
            .map_err(|error| Error::Write { path: self.out.to_owned(), error })?;
        self.watch.smallest = size(&candidate);
        self.smallest = candidate;
        Ok(())
    }

    /// Runs a candidate as often as it takes. One run decides if each takes the same steps, and all of the
    /// recorded run's repetitions failed.
    fn decide(&mut self, candidate: &Candidate) -> Result<bool, Break> {
        self.watch.trial = changes(&self.smallest, candidate);
        if self.is_certain && candidate.is_repeatable() {
            return self.is_failure(candidate);
        }
        let mut test = SequentialTest::new(self.share, self.runs_max);
        loop {
            if let Some(is_failing) = test.add(self.is_failure(candidate)?) {
                return Ok(is_failing);
            }
        }
    }
}
