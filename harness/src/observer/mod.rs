//! Observing a process that knows nothing of leakbench: a look now and then at all that the
//! kernel shows of it, recorded for `leakbench_recording::observation` to judge.
//!
//! ```text
//! target ─► family (who there is) ─► member (what each has) ─► watch (sums) ─► recorder
//!                                        └► survivors (since when) ─► examples
//! ```

mod command;
mod error;
mod examples;
mod family;
mod limits;
mod member;
mod observation;
mod pace;
mod remarks;
mod survivors;
mod target;
mod watch;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use leakbench_recording::observation::{
    OBSERVATION_VERSION, ObservationRecorder, ObservationSample, ObservationStart,
};
use rustix::process::{Resource as RlimitResource, Rlimit, getrlimit, setrlimit};

use self::command::Started;
pub(crate) use self::error::ObserveError;
use self::observation::Observation;
use self::remarks::Remarks;
pub(crate) use self::target::Target;
use crate::interrupt::Interrupt;
use leakbench_kernel::{Machine, Process};

/// How an observation is to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Time between two looks.
    pub(crate) interval: Duration,
    /// When to end; else when the process does.
    pub(crate) duration: Option<Duration>,
    /// Whether its descendants are observed with it.
    pub(crate) tree: bool,
    /// Whether standard output is the result's, so that a command must not print there.
    pub(crate) json: bool,
}

/// Observes a process to its end, or as long as asked for, and records it. `again` is the command
/// that does the same; `show` is called after each look.
///
/// # Errors
/// The observation could not begin. What happens after that is in the recording, not an error.
pub(crate) fn observe(
    target: &Target,
    settings: Settings,
    again: String,
    recorder: &mut ObservationRecorder,
    show: &mut dyn FnMut(&ObservationSample, u32),
) -> Result<(), ObserveError> {
    // Before the command is there, so that no signal finds it without anyone to end it.
    let interrupt = Interrupt::listen()?;
    let mut started = None;
    let (mut process, stat) = match target {
        Target::Process(pid) => target::open(*pid)?,
        Target::Command(words) => {
            let command = Started::spawn(words, settings.json).map_err(|error| {
                let command = words.first().map(|word| word.to_string_lossy().into_owned());
                ObserveError::Start { command: command.unwrap_or_default(), error }
            })?;
            // Not waited for yet, so it is there whether or not it runs still.
            let process = Process::open(command.pid())?;
            let stat = process.stat()?;
            started = Some(command);
            (process, stat)
        }
    };
    raise_open_files_limit();
    let mut remarks = Remarks::default();
    let limits = limits::limits_of(&mut process, settings.tree, &mut remarks);
    let observe = ObservationStart {
        version: OBSERVATION_VERSION,
        command: again,
        pid: process.pid(),
        start_time_ticks: process.start_time_ticks(),
        process: target::command_of(&process, &stat),
        started_here: started.is_some(),
        tree: settings.tree,
        interval_ms: settings.interval.as_millis() as u64,
        started_unix_s: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
        limits,
        fingerprint: fingerprint(),
    };
    let mut observation = Observation::begin(recorder, observe, settings, process, &stat, started);
    observation.remarks = remarks;
    let ending = observation.watch(&interrupt, show)?;
    observation.end(ending, &interrupt)?;
    Ok(())
}

/// A tree of processes takes a descriptor each. Only this process's: the command has started.
fn raise_open_files_limit() {
    let limit = getrlimit(RlimitResource::Nofile);
    // Then what does not fit is told when it comes to that.
    let _ = setrlimit(RlimitResource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

fn fingerprint() -> serde_json::Map<String, serde_json::Value> {
    match serde_json::to_value(Machine::read()) {
        Ok(serde_json::Value::Object(facts)) => facts,
        _ => serde_json::Map::new(),
    }
}
