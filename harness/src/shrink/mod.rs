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
mod search;
mod sequential;
mod watch;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use leakbench_recording::judge::Finding;
use leakbench_recording::recording::Start;
use leakbench_reports::recorded::RecordedRun;
use leakbench_scenarios::Scenario;

use self::candidate::Candidates;
use self::outcome::{Failure, Outcome};
use self::result::End;
pub(crate) use self::result::Shrunk;
use self::runner::Runner;
use self::search::Search;
use self::watch::Watch;
use crate::driver::Driver;
use crate::error::Error;
use crate::interrupt::Interrupt;
use crate::output::Verbosity;
use crate::supervisor::SuperviseError;

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
