//! A runtime behind a pipe: a command that speaks the step protocol on its standard input and
//! output.

use std::os::fd::BorrowedFd;

use leakbench_scenarios::Scenario;

use super::{Subject, SubjectError};

/// A command that is driven step by step.
#[derive(Debug)]
pub struct Piped;

impl Piped {
    /// Starts the command.
    ///
    /// # Errors
    /// It does not start.
    pub fn new(_: &Scenario) -> Result<Piped, SubjectError> {
        Err(SubjectError::broken("not yet"))
    }
}

impl Subject for Piped {
    type Module = ();
    type Instance = ();

    fn create_module(&self, _: &[u8]) -> Result<(), SubjectError> {
        Ok(())
    }

    fn images(&self, (): &(), _: &mut dyn FnMut(BorrowedFd<'_>)) {}

    fn instantiate(&self, (): &()) -> Result<(), SubjectError> {
        Ok(())
    }

    fn call(&self, (): &mut (), _: &str) -> Result<Option<i64>, SubjectError> {
        Ok(None)
    }
}
