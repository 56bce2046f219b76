//! The observer samples a process that is unaware of leakbench: everything that the kernel shows of
//! it, at intervals. `leakbench_recording::observation` judges the recording.
//!
//! ```text
//! target ─► process tree ─► observed process ─► sampler (sums over the tree) ─► recorder
//!           (who exists)    (its objects) └► lifetimes (age of each object) ─► examples
//! ```

mod ages;
mod allowance;
mod command;
mod error;
mod examples;
mod held_bytes;
mod lifetimes;
mod limits;
mod nearest;
mod observation;
mod observed_process;
mod pipe_peers;
mod process_tree;
mod remarks;
mod sampler;
mod sampling_interval;
mod shared_memory;
mod sockets;
mod survivors;
mod sysv;
mod target;
mod watches;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use leakbench_recording::observation::{
    OBSERVATION_VERSION, ObservationRecorder, ObservationSample, ObservationStart, Scope,
};
use rustix::process::{Resource as RlimitResource, Rlimit, getrlimit, setrlimit};

use self::command::Started;
pub(crate) use self::error::ObserveError;
use self::limits::SharedLimits;
use self::observation::Observation;
use self::remarks::Remarks;
use self::sampling_interval::INTERVAL_DEFAULT;
pub(crate) use self::sampling_interval::INTERVAL_FIRST;
pub(crate) use self::target::Target;
use crate::interrupt::Interrupt;
use leakbench_kernel::{Machine, Process};

/// The settings of an observation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Minimum time between two samples; `None`: short at first, then [`INTERVAL_DEFAULT`].
    pub(crate) interval: Option<Duration>,
    /// Time to observe; `None`: until the process ends.
    pub(crate) duration: Option<Duration>,
    /// The processes to observe.
    pub(crate) scope: Scope,
    /// Standard output is reserved for the result; a command must not print there.
    pub(crate) json: bool,
}

/// Observes a process until it ends or the time is up, and records it. `reproduce` is the reproduce
/// command. Calls `show` after each sample, with the process id.
///
/// # Errors
/// The observation could not begin. Later failures are lines of the recording.
pub(crate) fn observe(
    target: &Target,
    settings: Settings,
    reproduce: String,
    recorder: &mut ObservationRecorder,
    show: &mut dyn FnMut(&ObservationSample, u32),
) -> Result<(), ObserveError> {
    // Before the command starts, so that a signal cannot end leakbench and leave the command behind.
    let interrupt = Interrupt::listen()?;
    let mut started = None;
    let (mut process, stat) = match target {
        Target::Process(pid) => target::open(*pid)?,
        Target::Command { words, leave_running, faults } => {
            let command =
                Started::spawn(words, settings.json, *leave_running, faults).map_err(|error| {
                    let command = words.first().map(|word| word.to_string_lossy().into_owned());
                    ObserveError::Start { command: command.unwrap_or_default(), error }
                })?;
            // It has not been reaped, so its entry in /proc exists even if it has ended.
            let process = Process::open(command.pid())?;
            let stat = process.stat()?;
            started = Some(command);
            (process, stat)
        }
    };
    raise_open_files_limit();
    let mut remarks = Remarks::default();
    let mut shared_limits = SharedLimits::new();
    let limits = shared_limits.first(&mut process, &mut remarks);
    let observe = ObservationStart {
        version: OBSERVATION_VERSION,
        command: reproduce,
        pid: process.pid(),
        start_time_ticks: process.start_time_ticks(),
        process: target::command_of(&process, &stat, target),
        started_here: started.is_some(),
        scope: settings.scope,
        interval_ms: settings.interval.unwrap_or(INTERVAL_DEFAULT).as_millis() as u64,
        started_unix_s: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
        limits,
        fingerprint: fingerprint(),
    };
    let mut observation = Observation::begin(recorder, observe, settings, process, &stat, started);
    observation.remarks = remarks;
    observation.limits = shared_limits;
    let ending = observation.run(&interrupt, show);
    observation.end(ending, &interrupt)?;
    Ok(())
}

/// Every observed process takes a descriptor. Called after the command has started, which keeps the
/// original limit.
fn raise_open_files_limit() {
    let limit = getrlimit(RlimitResource::Nofile);
    // If that fails, the processes beyond the limit are remarks of the recording.
    let _ = setrlimit(RlimitResource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

fn fingerprint() -> serde_json::Map<String, serde_json::Value> {
    match serde_json::to_value(Machine::read()) {
        Ok(serde_json::Value::Object(facts)) => facts,
        _ => serde_json::Map::new(),
    }
}
