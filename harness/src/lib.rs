//! leakbench verifies that the kernel gets back what a program no longer needs, and names the
//! holder of what stays.
//!
//! [`run`] is the whole program. Its rooms, each of which imports only from those to its right:
//!
//! ```text
//! cli ─► doctor, components, comparison, selftest, faults, … ─► run ─► output ─► error ─► supervisor, …
//! ```
//!
//! - `cli` has a file for each command: its flags, its help, and the calls that carry it out;
//! - `doctor` checks what this machine can measure;
//! - `components` prints what a component consists of, what it costs, and how many instances of it fit;
//! - `comparison` makes several runs, one after the other;
//! - `selftest` tries the judges of runs and of observations against planted leaks;
//! - `faults` runs a command again and again, each time with another system call that fails;
//! - `soak` makes runs for hours, and goes on after a kill;
//! - `replay` makes a recorded run again, and `shrink` searches for the smallest one that fails as it does;
//! - `run` prepares one run and makes it;
//! - `output` shows progress, prints the result, and keeps the files;
//! - [`Error`] is the sum of the errors of the rooms below it;
//! - `supervisor` starts subjects, samples them from outside and records both witnesses;
//! - `observer` samples a process that is unaware of leakbench;
//! - `driver` finds the program that has the runtime; `subjects` has the subjects that leakbench
//!   itself starts; `interrupt` receives signals; `timed_recorder` writes lines of a recording;
//! - `slot_capacity` computes how many slots fit into a process;
//! - `wasm` has what guests with WASI see of the host, and runs one of them.
//!
//! The exit codes are those of [`leakbench_model::exit_code`].
//!
//! `tests/layers.rs` fails when a room imports from one to its left.
//!
//! ```
//! let exit_code = leakbench::run(["leakbench", "--version"].map(Into::into))?;
//! assert_eq!(exit_code, std::process::ExitCode::SUCCESS);
//! # Ok::<(), leakbench::Error>(())
//! ```

mod cli;
mod comparison;
mod components;
mod doctor;
mod driver;
mod error;
mod faults;
mod fusion;
mod interrupt;
mod observer;
mod output;
mod replay;
mod run;
mod selftest;
mod shrink;
mod slot_capacity;
mod soak;
mod subjects;
mod supervisor;
mod timed_recorder;
mod wasm;

pub use cli::run;
pub use error::Error;
