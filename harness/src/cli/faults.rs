//! `leakbench faults`: lets each system call of a command fail in turn.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;
use leakbench_model::{Call, Fault};
use leakbench_reports::render::{fault_page, fault_text};
use leakbench_scenarios::{parse_time, shell};

use super::help::RESULT;
use crate::error::Error;
use crate::faults::{Plan, Under};
use crate::output::{Verbosity, folder, print};
use crate::selftest::cores;

/// The files in the folder of `--out`.
const JSON_FILE: &str = "faults.json";
const PAGE_FILE: &str = "faults.html";

const EXAMPLES: &str = "\
Examples:
  leakbench faults -- ./server --self-test            each call of a command fails in turn
  leakbench faults --call openat --call mmap -- python3 job.py
                                                      two kinds of call
  leakbench faults --subject wasmtime@48 -- --cycles 200 --slots 20
                                                      calls of a subject, while its cycles run
  leakbench faults --out DIR -- ./server --self-test  with a page: DIR/faults.html
  leakbench exec --inject openat=EMFILE@5+ -- ./server
                                                      one observation with faults

A cell is a run in which the k-th call of a kind fails with an error that the kernel gives, once or from then on.
  survived  it ended as without the fault, and had no more descriptors, threads and mappings at its exit
  named     it reported an error, and its words name the error of the call
  unnamed   it reported an error without it
  leaked    it ended as without the fault and had more, or processes are left
  died      a signal or a panic ended it, or a subject did not recover
  hung      it did not end in time
  unmet     it made fewer calls this time

Exit codes:
  0 no cell leaked, died or hung   1 one did   2 it cannot be tried   4 no call failed   130 interrupted";

/// `leakbench faults`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct FaultsArgs {
    /// Runtime under test, whose calls fail while its cycles run
    ///
    /// The words after -- are then flags of a run
    #[arg(long, value_name = "NAME|COMMAND")]
    subject: Option<String>,

    /// System call that fails, in place of all
    ///
    /// May be given again
    #[arg(long = "call", value_name = "NAME", value_parser = PossibleValuesParser::new(Call::NAMES).try_map(|name| name.parse::<Call>()))]
    calls: Vec<Call>,

    /// Cell to try, in place of all: openat=EMFILE@5
    ///
    /// May be given again
    #[arg(long = "cell", value_name = "FAULT", conflicts_with = "calls")]
    cells: Vec<Fault>,

    /// Maximum number of cells
    ///
    /// Of more, positions from everywhere in the run are tried
    #[arg(long, value_name = "N", default_value_t = 1000)]
    cells_max: u64,

    /// Maximum time of a run [default: ten times that of a run without faults, at least 10s]
    #[arg(long, value_name = "TIME", value_parser = parse_limit)]
    timeout: Option<Duration>,

    #[arg(long, value_name = "N", help = format!("Runs at the same time [default: one a core, {}]", cores()))]
    jobs: Option<NonZeroU32>,

    /// Keep the result and its page in this folder
    #[arg(long, value_name = "DIR", help_heading = RESULT)]
    out: Option<PathBuf>,

    /// Print the result as one JSON object
    #[arg(long, help_heading = RESULT)]
    json: bool,

    /// The command and its arguments; with --subject, flags of a run
    #[arg(last = true, value_name = "COMMAND")]
    words: Vec<OsString>,
}

impl FaultsArgs {
    /// Makes the runs and prints their outcomes. Returns the exit code.
    ///
    /// # Errors
    /// The run without faults does not end as it should, or a run cannot be started.
    pub(super) fn run(self, verbosity: Verbosity) -> Result<ExitCode, Error> {
        let command = self.reproduce();
        let under = match self.subject {
            Some(subject) => Under::Subject(words_of_run(&subject, self.words)?),
            None if self.words.is_empty() => {
                let message =
                    "what is to be run? Write leakbench faults -- COMMAND, or --subject NAME";
                return Err(Error::Usage(message.to_owned()));
            }
            None => Under::Command(self.words),
        };
        let plan = Plan {
            under,
            calls: self.calls,
            cells: self.cells,
            cells_max: self.cells_max,
            limit: self.timeout,
            jobs: self.jobs.unwrap_or_else(cores),
            command,
        };
        let matrix = plan.carry_out(verbosity)?;
        let json = matrix.to_json()?;
        if let Some(out) = &self.out {
            folder::write(out, JSON_FILE, json.as_bytes())?;
            folder::write(out, PAGE_FILE, fault_page(&matrix).as_bytes())?;
        }
        match self.json {
            true => print(&json)?,
            false => print(verbosity.of_summary(&fault_text(&matrix)))?,
        }
        Ok(ExitCode::from(matrix.exit_code()))
    }

    fn reproduce(&self) -> String {
        let mut words: Vec<OsString> = vec!["leakbench".into(), "faults".into()];
        let mut add = |flag: &str, value: String| words.extend([flag.into(), value.into()]);
        if let Some(subject) = &self.subject {
            add("--subject", subject.clone());
        }
        self.calls.iter().for_each(|call| add("--call", call.to_string()));
        self.cells.iter().for_each(|cell| add("--cell", cell.to_string()));
        add("--cells-max", self.cells_max.to_string());
        if let Some(limit) = self.timeout {
            add("--timeout", format!("{}ms", limit.as_millis()));
        }
        words.push("--".into());
        words.extend(self.words.iter().cloned());
        shell::command(words)
    }
}

/// The words of a run of `subject`, which ignores the defaults of the folder.
fn words_of_run(subject: &str, words: Vec<OsString>) -> Result<Vec<String>, Error> {
    let mut all = vec!["--subject".to_owned(), subject.to_owned()];
    for word in words {
        all.push(
            word.into_string().map_err(|word| {
                Error::Usage(format!("the flag {} is not UTF-8", word.display()))
            })?,
        );
    }
    all.push("--no-config".to_owned());
    Ok(all)
}

fn parse_limit(text: &str) -> Result<Duration, String> {
    match parse_time(text)? {
        limit if limit.is_zero() => Err("more than 0".to_owned()),
        limit => Ok(limit),
    }
}
