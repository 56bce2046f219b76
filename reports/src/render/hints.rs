//! Next steps for the end of a summary: a line or two that fit the recording and its verdict. Formats
//! for programs have none.

use std::ffi::OsStr;
use std::path::Path;

use leakbench_scenarios::shell;

use crate::comparison::Comparison;
use crate::report::{Means, NextStep, next_steps};
use leakbench_recording::judge::Judgement;
use leakbench_recording::ledger::Ledger;
use leakbench_recording::observation::Diagnosis;

/// Hints at most.
const HINTS_MAX: usize = 2;

/// Files that already exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept<'a> {
    /// The folder that has the recording, if there is one.
    pub folder: Option<&'a Path>,
    /// True if the page was drawn.
    pub is_drawn: bool,
}

impl Kept<'_> {
    /// A step in words; `None` if it has no effect any more, or needs a recording that was not kept.
    fn words(&self, step: &NextStep) -> Option<String> {
        let effect = &step.effect;
        Some(match &step.means {
            Means::Choice { words, .. } => format!("{words} {effect}"),
            Means::Command(name) => format!("leakbench {name} {effect}"),
            Means::Whole(command) => format!("{command} {effect}"),
            Means::Same(_) => format!("the same command {effect}"),
            Means::Outside(words) => format!("{words} {effect}"),
            Means::OnRecording("report") if self.is_drawn => return None,
            Means::OnRecording(name) => match self.folder {
                Some(folder) => {
                    let words = [OsStr::new("leakbench"), OsStr::new(name), folder.as_os_str()];
                    format!("{} {effect}", shell::command(words))
                }
                None if *name == "report" => {
                    format!("the same command with --report html {effect}")
                }
                None => return None,
            },
        })
    }

    fn hints(&self, steps: &[NextStep]) -> Vec<String> {
        steps.iter().filter_map(|step| self.words(step)).take(HINTS_MAX).collect()
    }
}

/// Next steps after a run.
pub fn run_hints(ledger: &Ledger, judgement: &Judgement, kept: Kept<'_>) -> Vec<String> {
    kept.hints(&next_steps::of_run(ledger, judgement))
}

/// Next steps after an observation.
pub fn observation_hints(diagnosis: &Diagnosis, kept: Kept<'_>) -> Vec<String> {
    kept.hints(&next_steps::of_observation(diagnosis))
}

/// Next steps after a comparison.
pub fn comparison_hints(comparison: &Comparison, kept: Kept<'_>) -> Vec<String> {
    kept.hints(&next_steps::of_comparison(comparison))
}
