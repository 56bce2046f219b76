//! The result of a search: its files, its text and its JSON.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use leakbench_model::exit_code;
use leakbench_model::text::{counted, grouped, printable};
use leakbench_scenarios::shell;
use serde::Serialize;

use super::candidate::Candidate;
use super::program::program;
use super::runner::Stop;
use crate::error::Error;
use crate::output::{folder, labelled};

/// Version of the JSON.
const VERSION: u32 = 1;

/// Runs, and those of them that failed as the recorded run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Rate {
    pub(super) failures: u32,
    pub(super) runs: u32,
}

impl Rate {
    pub(super) fn add(&mut self, is_failure: bool) {
        self.runs += 1;
        self.failures += u32::from(is_failure);
    }

    /// True if no run passed.
    pub(super) fn is_always(self) -> bool {
        self.failures == self.runs
    }

    /// The share of runs that failed; 0 without runs.
    pub(super) fn share(self) -> f64 {
        f64::from(self.failures) / f64::from(self.runs.max(1))
    }
}

/// The end of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum End {
    /// No option can become smaller alone.
    Minimum,
    /// The time was used up.
    TimeOver,
    /// The user's signal.
    Interrupted,
}

impl End {
    /// The end of a search that stopped for this reason.
    pub(super) fn of(stop: Option<Stop>) -> End {
        match stop {
            None => End::Minimum,
            Some(Stop::TimeOver) => End::TimeOver,
            Some(Stop::Interrupted) => End::Interrupted,
        }
    }
}

/// The smallest run that was found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Shrunk {
    version: u32,
    pub(super) end: End,
    /// The policy by which it fails, and the causes that its findings name.
    policy: String,
    pub(super) causes: BTreeSet<String>,
    /// Steps of all threads, and of the recorded run; `null` if they are too many to be counted.
    steps: Option<usize>,
    steps_recorded: Option<usize>,
    /// The runs of the result after the search, and their failures.
    pub(super) rate: Rate,
    /// All runs.
    pub(super) runs: u64,
    pub(super) wall_s: f64,
    /// The scenario as TOML, without comments.
    toml: String,
    /// Its file.
    scenario_file: Option<PathBuf>,
    /// The program for Wasmtime alone.
    program_file: Option<PathBuf>,
    /// The reason why there is no program.
    no_program: Option<String>,
    /// The command that runs the scenario.
    command: Option<String>,
    #[serde(skip)]
    smallest: Candidate,
}

impl Shrunk {
    /// The result of a search that has made no run yet.
    pub(super) fn new(first: &Candidate, smallest: &Candidate, policy: String) -> Shrunk {
        Shrunk {
            version: VERSION,
            end: End::Minimum,
            policy,
            causes: BTreeSet::new(),
            steps: smallest.steps(),
            steps_recorded: first.steps(),
            rate: Rate::default(),
            runs: 0,
            wall_s: 0.0,
            toml: smallest.toml(),
            scenario_file: None,
            program_file: None,
            no_program: None,
            command: None,
            smallest: smallest.clone(),
        }
    }

    /// Writes the scenario file to `out`, and the program beside it if `runtime` is a Wasmtime.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn keep(
        &mut self,
        out: &Path,
        runtime: Option<&str>,
        driver_dir: Option<&Path>,
    ) -> Result<(), Error> {
        let write = |path: &Path, text: &str| {
            let written = folder::write_at(path, text.as_bytes());
            written.map_err(|error| Error::Write { path: path.to_owned(), error })
        };
        let summary = self.summary();
        write(out, &format!("# {summary}.\n{}", self.toml))?;
        self.scenario_file = Some(out.to_owned());
        let mut words = vec!["leakbench".into(), "--scenario".into(), out.as_os_str().to_owned()];
        if let Some(folder) = driver_dir {
            words.extend(["--driver-dir".into(), folder.into()]);
        }
        self.command = Some(shell::command(words));
        match program(&self.smallest, runtime, &summary) {
            Ok(text) => {
                let path = out.with_extension("rs");
                write(&path, &text)?;
                self.program_file = Some(path);
            }
            Err(reason) => self.no_program = Some(reason),
        }
        Ok(())
    }

    /// `5 steps fail by lingering-images in 10 of 10 runs, held by queued slots`.
    fn summary(&self) -> String {
        let (steps, verb) = match self.steps {
            Some(1) => ("1 step".to_owned(), "fails"),
            Some(steps) => (counted(steps as u64, "step"), "fail"),
            None => (format!("{} cycles", grouped(self.smallest.scenario.cycles.get())), "fail"),
        };
        let mut text = format!("{steps} {verb} by {}", self.policy);
        if self.rate.runs > 0 {
            let runs = counted(u64::from(self.rate.runs), "run");
            text += &format!(" in {} of {runs}", self.rate.failures);
        }
        let causes: Vec<&str> = self.causes.iter().map(String::as_str).collect();
        if !causes.is_empty() {
            text += &format!(" ({})", causes.join(", "));
        }
        text
    }

    /// The result for people. The last line has what remains, and the command that runs it.
    pub(crate) fn to_text(&self) -> String {
        let mut lines = labelled("scenario", self.toml.lines());
        let end = match self.end {
            End::Minimum => "no option can become smaller alone",
            End::TimeOver => "the time was over before the minimum: allow more --minutes",
            End::Interrupted => "interrupted before the minimum",
        };
        lines +=
            &labelled("runs", [format!("{} in {:.1} s; {end}", grouped(self.runs), self.wall_s)]);
        if let Some(recorded) = self.steps_recorded {
            lines += &labelled("recorded", [counted(recorded as u64, "step")]);
        }
        let is_wasmtime = self.smallest.scenario.subject.to_string().starts_with("wasmtime@");
        match (&self.program_file, &self.no_program) {
            (Some(path), _) => lines += &labelled("program", [path.display().to_string()]),
            (None, Some(reason)) if is_wasmtime => {
                lines += &labelled("program", [format!("none: {reason}")]);
            }
            _ => {}
        }
        let command =
            self.command.as_deref().map_or(String::new(), |command| format!(": {command}"));
        lines + &format!("shrunk: {}{}\n", self.summary(), printable(&command))
    }

    /// The result as one JSON object.
    ///
    /// # Errors
    /// It has no JSON form.
    pub(crate) fn to_json(&self) -> Result<String, Error> {
        Ok(serde_json::to_string(self)? + "\n")
    }

    /// The exit code of the command.
    pub(crate) fn exit_code(&self) -> u8 {
        if self.end == End::Interrupted { exit_code::INTERRUPTED } else { exit_code::CLEAN }
    }
}
