//! `leakbench doctor`: what this machine can measure, and what to change.
//!
//! Whatever can be tried is tried: a death is watched, a child is looked at, address space is
//! reserved, a run is made and a leak planted. Settings are read for what cannot be tried without
//! taking it from others.

mod check;
mod numbers;
mod room;
mod show;
mod surroundings;
mod trial;
mod witnesses;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use self::check::Diagnosis;
use self::room::Room;
use crate::command_line::Error;
use leakbench_kernel::Machine;

/// Flags of `leakbench doctor`.
#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArgs {
    /// Print the diagnosis as one JSON object
    #[arg(long)]
    json: bool,

    /// Folder in which drivers are looked for first; else beside leakbench and on PATH
    #[arg(long, value_name = "DIR")]
    driver_dir: Option<PathBuf>,
}

/// Examines the machine and shows what was found. Exit code 0 if it can measure, 4 if it cannot.
///
/// # Errors
/// The diagnosis cannot be shown.
pub(crate) fn run(args: &DoctorArgs) -> Result<ExitCode, Error> {
    let machine = Machine::read();
    let room = Room::measure(&machine);
    let mut checks = surroundings::machine(&machine);
    checks.extend(witnesses::checks(&machine));
    checks.extend(room.checks(&machine));
    checks.extend(surroundings::drivers(args.driver_dir.as_deref()));
    checks.extend(trial::checks(room.slots()));
    let diagnosis = Diagnosis { checks };

    let stdout = std::io::stdout();
    let text = if args.json {
        show::json(&diagnosis, &machine, &room)?
    } else {
        let colour = stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none();
        show::text(&diagnosis, colour)
    };
    match stdout.lock().write_all(text.as_bytes()).and_then(|()| stdout.lock().flush()) {
        // A reader that has seen enough is no failure.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::Write { path: "standard output".into(), error })
        }
        _ => Ok(ExitCode::from(diagnosis.fitness().exit_code())),
    }
}
