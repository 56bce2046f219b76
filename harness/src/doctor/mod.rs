//! Checks of this machine: the measurements that it allows, and the settings to change.
//!
//! Most checks try what they are about: they watch a death, sample a child, reserve address space,
//! make a clean run and one with a planted leak. Others read a setting, because a trial would take
//! the resource from other programs.

mod capacity;
mod check;
mod control_runs;
mod environment;
mod interfaces;
mod limits;
mod text;
mod witnesses;

use std::path::Path;

use leakbench_kernel::Machine;

use self::capacity::Capacity;
use self::check::{Check, Fitness};
use crate::error::Error;

/// The checks of this machine and their results.
#[derive(Debug)]
pub(crate) struct Diagnosis {
    machine: Machine,
    capacity: Capacity,
    checks: Vec<Check>,
}

impl Diagnosis {
    /// Makes every check, and looks for drivers in `driver_dir` first.
    pub(crate) fn of_this_machine(driver_dir: Option<&Path>) -> Diagnosis {
        let machine = Machine::read();
        let capacity = Capacity::measure(&machine);
        let mut checks = environment::checks(&machine);
        checks.extend(witnesses::checks(&machine));
        checks.extend(interfaces::checks(&machine));
        checks.extend(capacity.checks(&machine));
        checks.extend(limits::checks(&machine));
        checks.extend(environment::drivers(driver_dir));
        checks.extend(control_runs::checks(capacity.slots()));
        Diagnosis { machine, capacity, checks }
    }

    /// One JSON object.
    ///
    /// # Errors
    /// The diagnosis has no JSON form.
    pub(crate) fn to_json(&self) -> Result<String, Error> {
        Ok(text::json(&self.checks, &self.machine, &self.capacity)?)
    }

    /// A line for each check, and the verdict.
    pub(crate) fn to_text(&self, colour: bool) -> String {
        text::lines(&self.checks, colour)
    }

    /// 0 if the machine can measure, else 4.
    pub(crate) fn exit_code(&self) -> u8 {
        Fitness::of(&self.checks).exit_code()
    }
}
