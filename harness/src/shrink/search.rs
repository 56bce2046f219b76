//! The search: it measures, makes trials, and keeps the smallest run that failed.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::time::{Duration, Instant};

use super::Found;
use super::candidate::{Candidate, Candidates};
use super::outcome::Failure;
use super::reduce::{Parameter, Precision, reduce};
use super::result::Rate;
use super::runner::{Break, Runner, Stop};
use super::sequential::{MOST, SequentialTest};
use super::watch::{Watch, changes, size};
use crate::error::Error;
use crate::output::folder;

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

/// The trials, and the smallest candidate that failed.
pub(super) struct Search<'a> {
    pub(super) candidates: Candidates,
    pub(super) failure: &'a Failure,
    pub(super) out: &'a Path,
    pub(super) runs_max: u32,
    /// The share of runs that must fail, or most if it is more.
    pub(super) share: f64,
    /// All repetitions of the recorded run failed.
    pub(super) is_certain: bool,
    /// The outcome of each scenario file that was tried.
    pub(super) known: HashMap<String, bool>,
    pub(super) smallest: Candidate,
    /// The causes that the latest failing run names.
    pub(super) causes: BTreeSet<String>,
    pub(super) watch: Watch,
    pub(super) runner: Runner<'a>,
}

impl Search<'_> {
    /// Measures the recorded run, searches, and measures the result, whose rate it returns with the reason of
    /// an early end. [`Found::Nothing`] if the recorded run does not fail again.
    ///
    /// # Errors
    /// A run cannot be started, or a file cannot be written.
    pub(super) fn carry_out(
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

    /// Reduces the run to the minimum, after it has barriers enough to fail in most runs. Unless it always
    /// fails, the cycles become fewer at last: they cost most, and other options may make the failure more frequent.
    fn search(&mut self) -> Result<(), Break> {
        if self.share < MOST {
            self.add_barriers()?;
        }
        let is_by_chance = !(self.is_certain && self.smallest.is_repeatable());
        let precision = if is_by_chance { Precision::Eighth } else { Precision::Exact };
        let mut parameters = self.candidates.start();
        if !self.is_certain {
            parameters = self.candidates.with_cycles(parameters, true);
            let end;
            (parameters, end) = reduce(parameters, precision, |candidate| self.fails(candidate));
            end?;
            self.raise_share()?;
            parameters = self.candidates.with_cycles(parameters, false);
        }
        reduce(parameters, precision, |candidate| self.fails(candidate)).1
    }

    /// Demands most runs from now on if the smallest run fails in most, though the recorded one did not.
    fn raise_share(&mut self) -> Result<(), Break> {
        let share = std::mem::replace(&mut self.share, 1.0);
        let smallest = self.smallest.clone();
        if share < MOST && !self.decide(&smallest)? {
            self.share = share;
        }
        Ok(())
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
