//! The two commands as which leakbench starts itself. They are no clap commands, so that help,
//! manual and completions omit them.

use std::cell::Cell;
use std::ffi::OsString;
use std::process::ExitCode;

use leakbench_subject::wire::serve;

use crate::error::Error;
use crate::subjects::{Piped, Planted};

/// A subject whose supervisor is at the other end of standard input.
#[derive(Clone, Copy, Debug)]
pub(super) enum SubjectKind {
    /// The built-in runtime.
    Builtin,
    /// A bridge to a command that speaks the step protocol.
    Piped,
}

impl SubjectKind {
    /// `leakbench subject` or `leakbench bridge`; `None` for any other command line.
    pub(super) fn of_command_line(args: &[OsString]) -> Option<SubjectKind> {
        let [_, word] = args else { return None };
        match word.to_str()? {
            "subject" => Some(SubjectKind::Builtin),
            "bridge" => Some(SubjectKind::Piped),
            _ => None,
        }
    }

    /// Serves the supervisor until the run is over.
    ///
    /// # Errors
    /// The supervisor cannot be reached or understood.
    pub(super) fn serve(self) -> Result<ExitCode, Error> {
        match self {
            SubjectKind::Builtin => {
                // The first runtime only tries the guests.
                let is_preflight = Cell::new(true);
                serve(|scenario| Planted::new(scenario, is_preflight.replace(false)))?;
            }
            SubjectKind::Piped => serve(Piped::new)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
