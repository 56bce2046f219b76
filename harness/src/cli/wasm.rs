//! `leakbench wasm`: WebAssembly programs on the built-in runtime.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use leakbench_scenarios::{ByteSize, GuestDir, GuestVariable, parse_count, parse_time};

use crate::error::Error;
use crate::output::{print, print_note};
use crate::wasm::{Guest, GuestEnd, GuestLimits, World};

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
  leakbench wasm run app.wasm --invoke 'run(1, \"text\", [2, 3])'
                                                        calls a function of a component
  leakbench wasm run app.wasm --timeout 5s --max-memory 64MiB --max-written 1GiB
                                                        a guest that is not trusted

Exit code:
  the guest's own; 0 if it returns
  134  it trapped, also at --timeout, --fuel or --max-stack: standard error has the reason and the
       functions that ran
  2    it did not run, also because it needs more than --max-memory, --max-table-elements or --max-fds
       allow: the message names the reason

A guest that runs learns of --max-memory and --max-table-elements by a result of -1, of --max-fds by the error
MFILE and of --max-written by the error DQUOT, and decides itself how it ends.";

/// `leakbench wasm`.
#[derive(Debug, clap::Args)]
pub(super) struct WasmArgs {
    #[command(subcommand)]
    command: WasmCommand,
}

#[derive(Debug, Subcommand)]
enum WasmCommand {
    /// Run a program that uses WASI preview 1, or call a component that imports nothing
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
    /// It receives the words after -- as numbers. Its results are printed, each on a line. Of a component it is
    /// a call with its arguments, as 'run(1, "text")'
    #[arg(long, value_name = "NAME")]
    invoke: Option<String>,

    /// Run the program though it imports functions that nothing provides
    ///
    /// A call of one stops it, with the function's name
    #[arg(long)]
    trap_unknown_imports: bool,

    #[command(flatten)]
    limits: LimitFlags,

    /// The guest's arguments
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<OsString>,
}

/// Limits of a guest.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
struct LimitFlags {
    /// Time after which the guest stops, without its compilation
    ///
    /// One that is in a host function then, such as a read of standard input, has one more second
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    timeout: Option<Duration>,

    /// Operators that the guest may execute, such as 10M; always the same for the same input
    #[arg(long, value_name = "N", value_parser = parse_count)]
    fuel: Option<u64>,

    /// Size of all memories together
    #[arg(long, value_name = "SIZE")]
    max_memory: Option<ByteSize>,

    /// Elements of all tables together
    #[arg(long, value_name = "N", value_parser = parse_count)]
    max_table_elements: Option<u64>,

    /// Size of the stack of the guest's functions [default: 512KiB]
    #[arg(long, value_name = "SIZE")]
    max_stack: Option<ByteSize>,

    /// Open descriptors, with the three streams and the folders [default: 1000]
    #[arg(long, value_name = "N", value_parser = parse_count)]
    max_fds: Option<u64>,

    /// Bytes that the guest may write to files and streams together
    #[arg(long, value_name = "SIZE")]
    max_written: Option<ByteSize>,
}

impl LimitFlags {
    fn limits(&self) -> GuestLimits {
        // On the supported machines every u64 is a usize.
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        GuestLimits {
            timeout: self.timeout,
            fuel: self.fuel,
            memory_bytes: self.max_memory.map(|size| size.0),
            table_elements: self.max_table_elements,
            stack_bytes: self.max_stack.map(|bytes| size(bytes.0)),
            descriptors: self.max_fds.map(size),
            written_bytes: self.max_written.map(|size| size.0),
        }
    }
}

impl WasmArgs {
    /// Runs the guest. Returns its exit code.
    ///
    /// # Errors
    /// The guest did not run, or its results cannot be printed.
    pub(super) fn run(self) -> Result<ExitCode, Error> {
        let WasmCommand::Run(RunGuestArgs {
            module,
            dir,
            env,
            invoke,
            trap_unknown_imports,
            limits,
            args,
        }) = self.command;
        let name = module.display().to_string();
        let world = World { dirs: dir, env, args };
        let limits = limits.limits();
        match (Guest { module, world, invoke, trap_unknown_imports, limits }).run()? {
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

#[cfg(test)]
mod tests {
    use clap::Args;
    use leakbench_runtime::Config;

    use super::*;

    #[test]
    fn the_help_has_the_defaults_of_the_crates() {
        let mut command = RunGuestArgs::augment_args(clap::Command::new("run"));
        let help = command.render_long_help().to_string();
        let stack = ByteSize(Config::default().max_wasm_stack_bytes as u64);
        for default in [stack.to_string(), leakbench_wasi::DESCRIPTORS_MAX.to_string()] {
            assert!(help.contains(&format!("[default: {default}]")), "{default}: {help}");
        }
    }
}
