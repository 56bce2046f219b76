//! The errors that end a command before it has a verdict. Every room below has an error of its
//! own; [`Error`] is their sum.

use std::path::PathBuf;

use leakbench_components::ComponentError;
use leakbench_fuse::FuseError;
use leakbench_kernel::is_for_lack_of_resources;
use leakbench_model::exit_code;
use leakbench_recording::ledger::NoStart;
use leakbench_recording::recording::RecordingError;
use leakbench_reports::gate::{BudgetError, GateError};
use leakbench_reports::recorded::RecordedError;
use leakbench_reports::render::FormatError;
use leakbench_scenarios::{BUILTIN, GuestFileError, ScenarioError, ScenarioFileError};
use leakbench_subject::wire::ServeError;

use crate::driver::DriverError;
use crate::observer::ObserveError;
use crate::supervisor::SuperviseError;
use crate::wasm::WasmError;

/// A component that was not compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// The component cannot be compiled.
    #[error(transparent)]
    Component(#[from] leakbench_components::RunError),
    /// One of the two cannot be made or called.
    #[error(transparent)]
    Runtime(#[from] leakbench_runtime::Error),
    /// The progress cannot be interrupted.
    #[error(transparent)]
    Signals(#[from] std::io::Error),
}

/// A command that did nothing, or whose result could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line cannot be parsed, or its arguments contradict each other.
    #[error("{0}")]
    Usage(String),
    /// No scenario has this name, and no file either.
    #[error(
        "no scenario is called '{name}', and no file of that name exists; the scenarios are {}",
        BUILTIN.iter().map(|scenario| scenario.name).collect::<Vec<_>>().join(", ")
    )]
    UnknownScenario {
        /// The name or path as given.
        name: String,
    },
    /// The scenario file cannot be used.
    #[error(transparent)]
    ScenarioFile(#[from] ScenarioFileError),
    /// The options contradict each other, or the runtime does not offer one of them.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// A module's file cannot be used.
    #[error(transparent)]
    Guest(#[from] GuestFileError),
    /// The subject's driver cannot be used.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// The run could not begin.
    #[error(transparent)]
    Supervise(#[from] SuperviseError),
    /// The observation could not begin.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// A command that makes runs cannot go on: a run cannot be started, or did not end as it must.
    #[error("{0}")]
    Runs(String),
    /// A guest with WASI did not run.
    #[error(transparent)]
    Wasm(#[from] WasmError),
    /// The file has no component that has a plan.
    #[error("cannot plan {}: {error}", path.display())]
    Component {
        /// The file.
        path: PathBuf,
        /// The reason, with its place in the file.
        error: ComponentError,
    },
    /// The component cannot be fused.
    #[error("cannot fuse {}: {error}", path.display())]
    Fuse {
        /// The component's file.
        path: PathBuf,
        /// The reason.
        error: FuseError,
    },
    /// No function of the component takes and returns numbers.
    #[error("cannot fuse {}: it exports no function that takes and returns numbers only", path.display())]
    NothingToFuse {
        /// The component's file.
        path: PathBuf,
    },
    /// The component cannot be compared with the fused module.
    #[error("cannot compare {}: {error}", path.display())]
    Compare {
        /// The component's file.
        path: PathBuf,
        /// The reason.
        error: CompareError,
    },
    /// The built-in runtime cannot load a core module of a component.
    #[error("cannot plan {}: the built-in runtime cannot load its core module {module}: {error}", path.display())]
    ComponentModule {
        /// The file.
        path: PathBuf,
        /// The index of the module.
        module: usize,
        /// The runtime's reason.
        error: leakbench_runtime::Error,
    },
    /// The recording cannot be written.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The folder has no recording that can be read.
    #[error(transparent)]
    Recorded(#[from] RecordedError),
    /// The budget or the baseline cannot be used.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// The gate cannot judge these recordings.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// A file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The kernel's error.
        error: std::io::Error,
    },
    /// A report cannot be drawn in one of the formats.
    #[error("no {format} report: {error}")]
    Draw {
        /// The format's name.
        format: &'static str,
        /// The reason.
        error: FormatError,
    },
    /// A file or stream cannot be written.
    #[error("cannot write {}: {error}", path.display())]
    Write {
        /// The file, or the name of the stream.
        path: PathBuf,
        /// The kernel's error.
        error: std::io::Error,
    },
    /// A file cannot be shown.
    #[error("cannot show {}: {why}; the page is written: open it in a browser", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What is missing, and what to do.
        why: String,
    },
    /// The recording lacks its first line.
    #[error(transparent)]
    NoStart(#[from] NoStart),
    /// The result has no JSON form.
    #[error("the result cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// This process was started as a subject and could not serve its supervisor.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

impl Error {
    /// The exit code of the program.
    pub fn exit_code(&self) -> u8 {
        let lacks_resources = match self {
            Error::Supervise(error) => error.lacks_resources(),
            Error::Observe(error) => is_for_lack_of_resources(error),
            _ => false,
        };
        if lacks_resources { exit_code::INCONCLUSIVE } else { exit_code::WRONG_USE }
    }
}
