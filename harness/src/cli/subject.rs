//! The commands as which leakbench starts itself. They are no clap commands, so that help,
//! manual and completions omit them.

use std::cell::Cell;
use std::ffi::OsString;
use std::process::ExitCode;

use leakbench_subject::wire::serve;

use crate::error::Error;
use crate::subjects::{Piped, Planted, habits};

/// A subject.
#[derive(Clone, Copy, Debug)]
pub(super) enum SubjectKind<'a> {
    /// The built-in runtime. Its supervisor is at the other end of standard input.
    Builtin,
    /// A bridge to a command that speaks the step protocol. So is its supervisor.
    Piped,
    /// A program that leaks on purpose, for observations, with its words.
    Habits(&'a [OsString]),
}

impl SubjectKind<'_> {
    /// `leakbench subject`, `leakbench bridge` or `leakbench habits NAME`; `None` for any other command line.
    pub(super) fn of_command_line(args: &[OsString]) -> Option<SubjectKind<'_>> {
        let [_, word, words @ ..] = args else { return None };
        match (word.to_str()?, words) {
            ("subject", []) => Some(SubjectKind::Builtin),
            ("bridge", []) => Some(SubjectKind::Piped),
            ("habits", words) => Some(SubjectKind::Habits(words)),
            _ => None,
        }
    }

    /// Serves the supervisor until the run is over, or goes on with its habits.
    ///
    /// # Errors
    /// The supervisor cannot be reached or understood, or there is no such habit.
    pub(super) fn serve(self) -> Result<ExitCode, Error> {
        match self {
            SubjectKind::Builtin => {
                // The first runtime only tries the guests.
                let is_preflight = Cell::new(true);
                serve(|scenario| Planted::new(scenario, is_preflight.replace(false)))?;
            }
            SubjectKind::Piped => serve(Piped::new)?,
            SubjectKind::Habits(words) => {
                return habits::run(words.to_vec())
                    .map_err(|error| Error::Usage(error.to_string()));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
