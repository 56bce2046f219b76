//! What to do next after a run, an observation or a comparison, by its outcome: for the end of a
//! summary and for the page. Each outcome has a step, besides drawing the page.

mod comparison;
mod observation;
mod run;

pub(crate) use comparison::of_comparison;
pub(crate) use observation::of_observation;
pub(crate) use run::of_run;

/// Something to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextStep {
    /// The means.
    pub means: Means,
    /// Its effect, as the rest of a sentence: `waits longer at barriers`.
    pub effect: String,
}

/// The means of a [`NextStep`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Means {
    /// Another choice for the run, or a tool.
    Choice {
        /// The flag, the setting of the kernel, or the tool: `--on-drop purge`.
        words: String,
        /// The whole command with that choice, if it is known.
        command: Option<String>,
    },
    /// A command of leakbench by name: `doctor`.
    Command(&'static str),
    /// A command of leakbench, by name, that reads the recording: `gate`.
    OnRecording(&'static str),
    /// A whole command.
    Whole(String),
    /// The same command, whole.
    Same(String),
    /// Something that no command does, as the subject of a sentence: `a run of 5 min`.
    Outside(String),
}

impl NextStep {
    /// Draws the report.
    fn draw(shows: &str) -> NextStep {
        NextStep { means: Means::OnRecording("report"), effect: format!("draws {shows}") }
    }

    fn gate() -> NextStep {
        let effect = "judges it by a budget".to_owned();
        NextStep { means: Means::OnRecording("gate"), effect }
    }

    fn doctor() -> NextStep {
        let effect = "shows what this machine can measure, and what to change".to_owned();
        NextStep { means: Means::Command("doctor"), effect }
    }

    /// The same command.
    fn same(command: &str, effect: &str) -> NextStep {
        NextStep { means: Means::Same(command.to_owned()), effect: effect.to_owned() }
    }

    /// A means outside leakbench, without a command to copy.
    fn other(words: impl Into<String>, effect: impl Into<String>) -> NextStep {
        let means = Means::Choice { words: words.into(), command: None };
        NextStep { means, effect: effect.into() }
    }

    /// Keeps a core file of a process that a signal killed.
    fn core_file() -> NextStep {
        NextStep::other("ulimit -c unlimited", "keeps a core file, which shows where it crashed")
    }
}
