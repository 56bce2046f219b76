//! The `leakbench` binary: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    match leakbench::command_line::run(std::env::args_os()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("leakbench: {error}");
            ExitCode::from(leakbench::command_line::WRONG_USE)
        }
    }
}
