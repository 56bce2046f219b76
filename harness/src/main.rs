//! The `leakbench` binary: see the library.

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    leakbench::command_line::run(std::env::args_os()).unwrap_or_else(|error| {
        // Not eprintln: a full disk behind standard error must not change the exit code.
        // One line, whatever a guest calls its functions.
        let error = error.to_string();
        let line = leakbench_model::text::printable(&error);
        let _ = writeln!(std::io::stderr(), "leakbench: {line}");
        ExitCode::from(leakbench::command_line::WRONG_USE)
    })
}
