//! The `leakbench` binary; the library has everything else.

use std::io::Write;
use std::process::ExitCode;

use leakbench_model::text::printable;

fn main() -> ExitCode {
    match leakbench::run(std::env::args_os()) {
        Ok(exit_code) => exit_code,
        Err(error) => {
            // Not eprintln!, which panics if standard error is full or closed.
            let message = error.to_string();
            let _ = writeln!(std::io::stderr(), "leakbench: {}", printable(&message));
            ExitCode::from(error.exit_code())
        }
    }
}
