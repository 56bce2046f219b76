//! Steps that may fail, since system calls fail on purpose.

use leakbench_model::FailedSteps;
use leakbench_scenarios::Scenario;

use crate::wire::{FailureCause, StatusPage};
use crate::worker::StepFailed;

/// A thread's account of its failed steps.
#[derive(Debug, Default)]
pub(crate) struct Tolerance {
    /// False in a run without faults: each failure ends it.
    is_on: bool,
    /// The faults of the process when the present cycle began.
    at_cycle_start: u64,
    pub(crate) failed: FailedSteps,
}

impl Tolerance {
    pub(crate) fn of(scenario: &Scenario) -> Tolerance {
        Tolerance { is_on: !scenario.inject.is_empty(), ..Tolerance::default() }
    }

    /// True if a step may have failed, so that later ones lack its module or instance.
    pub(crate) fn is_on(&self) -> bool {
        self.is_on
    }

    pub(crate) fn cycle_begins(&mut self, page: &StatusPage) {
        if self.is_on {
            self.at_cycle_start = page.faults();
        }
    }

    /// Counts a failed step, if a call had failed before.
    ///
    /// # Errors
    /// The failure ends the run: no call has failed on purpose, or a fault is no reason for such a failure.
    pub(crate) fn count(
        &mut self,
        failure: StepFailed,
        page: &StatusPage,
    ) -> Result<(), StepFailed> {
        let faults = page.faults();
        let is_tolerable =
            matches!(failure.error.cause(), FailureCause::Step | FailureCause::Resources);
        if !self.is_on || faults == 0 || !is_tolerable {
            return Err(failure);
        }
        let in_words = || format!("{}: {}", failure.step, failure.error);
        if faults > self.at_cycle_start {
            self.failed.under_faults += 1;
            self.failed.first_under_faults.get_or_insert_with(in_words);
        } else {
            self.failed.later += 1;
            self.failed.first_later.get_or_insert_with(in_words);
        }
        Ok(())
    }
}
