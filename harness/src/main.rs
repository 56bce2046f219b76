//! The `leakbench` binary: see the library.

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    leakbench::command_line::run(std::env::args_os()).unwrap_or_else(|error| {
        // Not eprintln: a full disk behind standard error must not change the exit code.
        let _ = writeln!(std::io::stderr(), "leakbench: {error}");
        ExitCode::from(leakbench::command_line::WRONG_USE)
    })
}
