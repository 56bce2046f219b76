//! `leakbench compare`: the same steps on each of several runtimes.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use leakbench_reports::comparison::{Comparison, Kind, Row};
use leakbench_scenarios::SubjectName;

use super::{Output, Plan};
use crate::command_line::{Error, RunFlags};

const EXAMPLES: &str = "\
Examples:
  leakbench compare --subject builtin --subject wasmtime@3 --subject wasmtime@48
  leakbench compare --subject builtin --subject wasmtime@48 --repeat 5 -- --compile fresh
  leakbench compare --subject builtin --subject 'python3 driver.py' -- --cycles 10000

Each run has the same seed and so the same steps. A row shows its gravest run, its rate is the
median of its rounds, and its ratio to the first subject that of the rounds' ratios, with the
least and the greatest. The exit code is that of the gravest verdict of all.";

/// What to compare.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CompareArgs {
    /// Runtime to run, as in a run; given once for each, the first being what ratios are to
    #[arg(long = "subject", value_name = "NAME|COMMAND", required = true)]
    subjects: Vec<SubjectName>,

    /// Folder in which drivers are looked for first; else beside leakbench and on PATH
    #[arg(long, value_name = "DIR")]
    driver_dir: Option<PathBuf>,

    #[command(flatten)]
    output: Output,

    /// Flags of a run (see leakbench --help), but --subject
    #[arg(last = true, value_name = "FLAGS OF A RUN", help_heading = "Arguments")]
    flags: Vec<OsString>,
}

impl CompareArgs {
    /// Does it; `command` is what makes it [`again`](super::again()).
    ///
    /// # Errors
    /// Something is wrong with what was asked for, and nothing was run; or as
    /// [`Plan::carry_out`].
    pub(crate) fn run(self, command: &str) -> Result<ExitCode, Error> {
        let flags = RunFlags::read(self.flags)?;
        if let Some(subject) = &flags.options.subject {
            let message = format!("--subject {subject} stands after the --: name it before");
            return Err(Error::Usage(message));
        }
        let mut rows = Vec::new();
        let mut runs = Vec::new();
        for (subject, name) in self.subjects.iter().zip(told_apart(&self.subjects)) {
            let mut flags = flags.clone();
            flags.options.subject = Some(subject.clone());
            flags.driver_dir = flags.driver_dir.or_else(|| self.driver_dir.clone());
            runs.push(Some(flags.prepare()?));
            let subject = subject.to_string();
            let (values, runs) = (Vec::new(), Vec::new());
            rows.push(Row { name, subject, values, runs, refusal: None });
        }
        let comparison = Comparison {
            kind: Kind::Compare,
            command: command.to_owned(),
            rounds: self.output.repeat,
            swept: Vec::new(),
            rows,
            interrupted: false,
        };
        Plan { comparison, runs }.carry_out(&self.output)
    }
}

/// A name for each subject, numbered where one is there more than once: `builtin (2)`.
fn told_apart(subjects: &[SubjectName]) -> Vec<String> {
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
    fn subjects_that_are_there_twice_are_told_apart() {
        let subjects = ["builtin", "wasmtime@3", "builtin", "builtin"];
        let subjects = subjects.map(|subject| subject.parse().expect("a subject"));
        let names = told_apart(&subjects);
        assert_eq!(names, ["builtin (1)", "wasmtime@3", "builtin (2)", "builtin (3)"]);
    }
}
