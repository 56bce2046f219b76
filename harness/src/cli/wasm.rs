//! `leakbench wasm`: WebAssembly programs on the built-in runtime.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use leakbench_scenarios::{GuestDir, GuestVariable};

use crate::error::Error;
use crate::output::{print, print_note};
use crate::wasm::{Guest, GuestEnd, World};

/// Exit code of a guest that trapped: that of a process which SIGABRT ended, as of the command
/// `wasmtime`.
const STOPPED: u8 = 134;

const EXAMPLES: &str = "\
Examples:
  leakbench wasm run hello.wasm                         calls _start
  leakbench wasm run app.wasm -- --verbose input.txt    words after -- are the guest's arguments
  leakbench wasm run app.wasm --dir data::/             the guest finds the folder data as /
  leakbench wasm run app.wasm --env LANG=C              the guest's only variable
  leakbench wasm run sums.wat --invoke add -- 2 3       calls one function and prints its results

Exit code:
  the guest's own; 0 if it returns
  134  it trapped: standard error has the reason and the functions that ran
  2    it did not run: the message names the reason";

/// `leakbench wasm`.
#[derive(Debug, clap::Args)]
pub(super) struct WasmArgs {
    #[command(subcommand)]
    command: WasmCommand,
}

#[derive(Debug, Subcommand)]
enum WasmCommand {
    /// Run a program that uses WASI preview 1
    Run(RunGuestArgs),
}

/// `leakbench wasm run`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
struct RunGuestArgs {
    /// The program, `.wasm` or `.wat`
    #[arg(value_name = "FILE")]
    module: PathBuf,

    /// Folder that the guest may read and write, and its name there; repeat for several
    ///
    /// The guest reaches nothing outside. Without ::GUEST the name is HOST
    #[arg(long, value_name = "HOST::GUEST")]
    dir: Vec<GuestDir>,

    /// Variable of the guest's environment; repeat for several
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<GuestVariable>,

    /// Exported function to call in place of _start
    ///
    /// It receives the words after -- as numbers. Its results are printed, each on a line
    #[arg(long, value_name = "NAME")]
    invoke: Option<String>,

    /// The guest's arguments
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<OsString>,
}

impl WasmArgs {
    /// Runs the guest. Returns its exit code.
    ///
    /// # Errors
    /// The guest did not run, or its results cannot be printed.
    pub(super) fn run(self) -> Result<ExitCode, Error> {
        let WasmCommand::Run(RunGuestArgs { module, dir, env, invoke, args }) = self.command;
        let name = module.display().to_string();
        let world = World { dirs: dir, env, args };
        match (Guest { module, world, invoke }).run()? {
            GuestEnd::Exited { code, results } => {
                let lines: String = results.iter().map(|result| format!("{result}\n")).collect();
                print(&lines)?;
                Ok(ExitCode::from(code))
            }
            GuestEnd::Stopped { message } => {
                for line in format!("leakbench: {name} stopped: {message}").lines() {
                    print_note(line);
                }
                Ok(ExitCode::from(STOPPED))
            }
        }
    }
}
