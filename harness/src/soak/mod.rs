//! Hours of runs, one after the other, in a folder that keeps what is done: a soak that was killed goes on.
//!
//! ```text
//! plan ─► phase: a run of some minutes ─► checkpoint ─► next phase ─► … ─► summary
//!             └► recording, in a folder of its own
//! ```

mod checkpoint;
mod phase;
mod summary;

use std::path::PathBuf;
use std::time::Duration;

use leakbench_model::text::{coarse_s, grouped};
use leakbench_reports::render::Progress;

use self::checkpoint::Log;
pub(crate) use self::checkpoint::Plan;
use self::phase::Ended;
pub(crate) use self::summary::Summary;
use crate::error::Error;
use crate::interrupt::Interrupt;
use crate::output::{ProgressDisplay, Verbosity};
use crate::supervisor::SuperviseError;

/// A soak in a folder.
#[derive(Clone, Debug)]
pub(crate) struct Soak {
    pub(crate) folder: PathBuf,
    pub(crate) plan: Plan,
}

impl Soak {
    /// Makes the phases that are not done yet, until the user interrupts.
    ///
    /// # Errors
    /// The folder has another soak or cannot be written, or a run cannot be started.
    pub(crate) fn carry_out(&self, verbosity: Verbosity) -> Result<Summary, Error> {
        let interrupt = Interrupt::listen().map_err(SuperviseError::Own)?;
        let mut log = Log::open(&self.folder, &self.plan)?;
        let resumed_after = log.done().len() as u64;
        let mut display = ProgressDisplay::new(verbosity);
        let mut interrupted = false;
        while !self.plan.is_done(log.done()) {
            let number = log.done().len() as u64;
            let done_s = checkpoint::seconds(log.done());
            let mut show = |since: Duration| {
                display.show(&Count { number, plan: &self.plan, since, done_s });
            };
            match phase::make(&self.plan, number, log.done(), &self.folder, &interrupt, &mut show)?
            {
                Ended::Checkpoint(checkpoint) => log.add(*checkpoint)?,
                Ended::Interrupted => {
                    interrupted = true;
                    break;
                }
            }
        }
        display.clear();
        Ok(Summary {
            folder: self.folder.clone(),
            plan: self.plan.clone(),
            done: log.done().to_vec(),
            resumed_after,
            interrupted,
        })
    }
}

/// The progress of a soak.
struct Count<'a> {
    number: u64,
    plan: &'a Plan,
    /// Since the phase began.
    since: Duration,
    /// Time of the phases that are done, in seconds.
    done_s: u64,
}

impl Progress for Count<'_> {
    fn parts(&self) -> Vec<String> {
        let Count { number, plan, since, done_s } = self;
        let of = |part: u64, whole: u64| format!("{} of {}", coarse_s(part), coarse_s(whole));
        vec![
            format!("phase {} ({})", grouped(number + 1), plan.kind(*number).name),
            of(since.as_secs(), plan.phase_s),
            format!("{} done", of(*done_s, plan.total_s)),
        ]
    }
}
