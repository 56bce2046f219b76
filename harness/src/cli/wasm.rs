//! `leakbench wasm`: WebAssembly programs on the built-in runtime.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use crate::error::Error;
use crate::output::{print, print_note};
use crate::wasm::{Guest, GuestEnd};

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
    #[arg(long, value_name = "HOST::GUEST", value_parser = parse_dir)]
    dir: Vec<(PathBuf, String)>,

    /// Variable of the guest's environment; repeat for several
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_variable)]
    env: Vec<(String, String)>,

    /// Exported function to call in place of _start
    ///
    /// It receives the words after -- as numbers. Its results are printed, each on a line
    #[arg(long, value_name = "NAME")]
    invoke: Option<String>,

    /// The guest's arguments
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<OsString>,
}

fn parse_dir(text: &str) -> Result<(PathBuf, String), String> {
    match text.split_once("::") {
        Some(("", _) | (_, "")) => Err("a name is empty: write HOST::GUEST".to_owned()),
        Some((host, guest)) => Ok((host.into(), guest.to_owned())),
        None => Ok((text.into(), text.to_owned())),
    }
}

fn parse_variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

impl WasmArgs {
    /// Runs the guest. Returns its exit code.
    ///
    /// # Errors
    /// The guest did not run, or its results cannot be printed.
    pub(super) fn run(self) -> Result<ExitCode, Error> {
        let WasmCommand::Run(RunGuestArgs { module, dir, env, invoke, args }) = self.command;
        let name = module.display().to_string();
        match (Guest { module, dirs: dir, env, invoke, args }).run()? {
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
