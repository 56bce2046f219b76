//! `leakbench compare`: the same run on each of several runtimes.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use leakbench_reports::comparison::{Comparison, Kind, Row};
use leakbench_scenarios::{Options, SubjectName};

use super::comparison_flags::ComparisonFlags;
use super::project_file::ConfigFlag;
use super::reproduce;
use super::run_flags::RunFlags;
use crate::comparison::Plan;
use crate::error::Error;
use crate::output::Verbosity;

const EXAMPLES: &str = "\
Examples:
  leakbench compare --subject builtin --subject wasmtime@3 --subject wasmtime@48
  leakbench compare --subject builtin --subject wasmtime@48 --repeat 5 -- --compile fresh
  leakbench compare --subject builtin --subject 'python3 driver.py' -- --cycles 10000

Every run has the same seed and therefore the same steps. A row shows the worst of its runs. Its
rate is the median over the rounds. Its ratio is the rate divided by the first subject's: the
geometric mean of the rounds' ratios with its 95 % confidence interval. If that contains 1, the
ratio is within noise. The exit code is that of the worst verdict.";

/// Rounds by default. An even number has each order equally often. The interval of six is a fifth
/// narrower than that of five.
const ROUNDS: u32 = 6;

/// `leakbench compare`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CompareArgs {
    /// Runtime, once for each
    ///
    /// As for a run. Ratios are relative to the first
    #[arg(long = "subject", value_name = "NAME|COMMAND", required = true)]
    subjects: Vec<SubjectName>,

    /// Folder to search for drivers first
    ///
    /// Before leakbench's own folder and PATH
    #[arg(long, value_name = "DIR")]
    driver_dir: Option<PathBuf>,

    #[command(flatten)]
    config: ConfigFlag,

    #[command(flatten)]
    output: ComparisonFlags,

    /// Flags of a run (see leakbench --help), except --subject
    #[arg(last = true, value_name = "FLAGS OF A RUN", help_heading = "Arguments")]
    flags: Vec<OsString>,
}

impl CompareArgs {
    /// Makes the runs and prints the comparison. `args` is the command line. Returns the exit code.
    ///
    /// # Errors
    /// The flags are wrong, and nothing was run; or as [`Plan::carry_out`].
    pub(super) fn run(self, args: &[OsString], verbosity: Verbosity) -> Result<ExitCode, Error> {
        let flags = RunFlags::parse(self.flags)?;
        if let Some(subject) = &flags.options.subject {
            let message =
                format!("--subject {subject} is among the flags after --: move it before the --");
            return Err(Error::Usage(message));
        }
        let defaults = self.config.read()?;
        // Every row has a subject of its own.
        let given = Options { subject: self.subjects.first().cloned(), ..flags.given()? };
        let mut rows = Vec::new();
        let mut runs = Vec::new();
        for (subject, name) in self.subjects.iter().zip(distinct_names(&self.subjects)) {
            let mut flags = flags.clone();
            flags.options.subject = Some(subject.clone());
            flags.driver_dir = flags.driver_dir.or_else(|| self.driver_dir.clone());
            runs.push(Some(flags.prepare(&defaults)?));
            let subject = subject.to_string();
            let (values, runs) = (Vec::new(), Vec::new());
            rows.push(Row { name, subject, values, runs, refusal: None });
        }
        defaults.report(&given, verbosity);
        let comparison = Comparison {
            kind: Kind::Compare,
            command: reproduce::command(args, &defaults, &given),
            rounds: self.output.repeat.unwrap_or(ROUNDS),
            swept: Vec::new(),
            rows,
            interrupted: false,
        };
        Plan { comparison, runs }.carry_out(&self.output.settings(verbosity))
    }
}

/// A name for each subject, numbered where one is there more than once: `builtin (2)`.
fn distinct_names(subjects: &[SubjectName]) -> Vec<String> {
    let names = subjects.iter().enumerate().map(|(index, subject)| {
        let same = |others: &[SubjectName]| others.iter().filter(|other| *other == subject).count();
        match same(subjects) {
            1 => subject.to_string(),
            _ => format!("{subject} ({})", 1 + same(&subjects[..index])),
        }
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_given_twice_are_numbered() {
        let subjects = ["builtin", "wasmtime@3", "builtin", "builtin"];
        let subjects = subjects.map(|subject| subject.parse().expect("a subject"));
        let names = distinct_names(&subjects);
        assert_eq!(names, ["builtin (1)", "wasmtime@3", "builtin (2)", "builtin (3)"]);
    }
}
