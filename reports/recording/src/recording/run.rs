//! The lines of a run: observations, no conclusions.
//!
//! Each line is a JSON object whose `record` field names its kind. Times are milliseconds since
//! the run began. Values that were not measured are absent. Counters are totals since the subject
//! began, so dropping a line does not change the meaning of later ones.

use leakbench_model::{
    Counts, FailedSteps, FaultCount, Footprint, Histogram, LastStep, LingeringImage, SlotCounts,
};
use leakbench_scenarios::Scenario;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SlotMap;

/// Version of the line format, in [`Start::version`].
pub const RECORDING_VERSION: u32 = 3;

/// One line of a run's recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum Record {
    /// The first line.
    Start(Box<Start>),
    /// A subject has started and built its runtime.
    Subject(SubjectUp),
    /// A sample of a running subject, on a timer. It is approximate: no proof of lingering.
    Sample(Sample),
    /// A barrier: the subject is quiescent, and both witnesses are compared.
    Barrier(Box<Barrier>),
    /// A failure of a witness: its evidence is incomplete.
    WitnessFailure(WitnessFailure),
    /// A subject ended.
    Exit(Exit),
    /// The user interrupted the run.
    Interrupted(Interrupted),
    /// The last line of a run that its supervisor completed.
    End(End),
}

/// The requested run and the machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// [`RECORDING_VERSION`] of the writer.
    pub version: u32,
    /// Name of the subject, e.g. `builtin`.
    pub subject: String,
    /// Name and version that the runtime reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// All options of the run.
    pub scenario: Scenario,
    /// The reproduce command.
    pub command: String,
    /// Start of the run by the wall clock, in seconds since 1970.
    pub started_unix_s: u64,
    /// Facts about the machine: kernel, cpus, limits. The set is open.
    pub fingerprint: serde_json::Map<String, serde_json::Value>,
}

/// A subject that is ready to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubjectUp {
    /// Time in ms since the run began.
    pub at_ms: u64,
    /// Number of the subject, from 0.
    pub subject: u32,
    /// Process id.
    pub pid: u32,
    /// Name and version of the runtime, if [`Start::runtime`] does not have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// Number of cycles requested of this subject.
    pub cycles: u64,
    /// Footprint before the first cycle.
    pub at_rest: Footprint,
    /// The limit of its descriptors. Absent in older recordings, and if it is unlimited or unreadable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_files: Option<OpenFiles>,
}

/// The limit of the descriptors of a process before its first cycle, which may differ from the
/// supervisor's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenFiles {
    /// `RLIMIT_NOFILE`: new descriptors have lower numbers.
    pub max: u64,
    /// Descriptors with other numbers. They are older than the limit, as inherited ones may be, and do
    /// not count towards it.
    pub beyond: u64,
}

/// A sample of a running subject.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Time in ms since the run began.
    pub at_ms: u64,
    /// Number of the subject.
    pub subject: u32,
    /// From the subject's status page while it runs, so fields may differ slightly in time.
    pub counts: Counts,
    /// Time in which cycles ran so far, without barriers, in µs. Absent in older recordings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_us: Option<u64>,
    /// From `/proc`.
    pub footprint: Footprint,
}

/// A barrier: the subject is quiescent, and both witnesses are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Barrier {
    /// Time in ms since the run began.
    pub at_ms: u64,
    /// Number of the subject.
    pub subject: u32,
    /// True if all modules are dropped and no cycle follows.
    pub last: bool,
    /// The exact counts of the death watch.
    pub counts: Counts,
    /// Time in which cycles ran so far, without barriers, in µs. Absent in older recordings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_us: Option<u64>,
    /// From `/proc`.
    pub footprint: Footprint,
    /// Number of slots in each state, if the subject reports them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<SlotCounts>,
    /// State of each slot or, if the subject does not report states, what it maps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot_map: Option<SlotMap>,
    /// Lingering images, the longest-lingering first; at most [`Barrier::LINGERING_MAX`] of the
    /// `counts.lingering`.
    pub lingering: Vec<LingeringImage>,
    /// Disagreements of the witnesses, in words; at most [`Barrier::DISAGREEMENTS_MAX`].
    pub disagreements: Vec<String>,
    /// Number of all disagreements.
    pub disagreements_total: u64,
    /// Times from the beginning of a drop until the subject learned of the release, for all
    /// releases so far after a drop began. A subject learns of it when the drop returns, at a later
    /// drop of the same thread, or at a barrier. A recorder may clear all but the latest barrier's.
    pub release: Histogram,
    /// Exact memory, if the kernel provides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<ExactMemory>,
    /// Failed mapping calls of the subject's pool while it reset slots.
    #[serde(default)]
    pub reset_failures: u64,
    /// Descriptors that guests have open, as their runtime counts them, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest_descriptors: Option<u64>,
    /// Steps that failed so far while calls failed on purpose.
    #[serde(default, skip_serializing_if = "FailedSteps::is_empty")]
    pub failed_steps: FailedSteps,
}

/// Exact memory of a process, from `smaps_rollup`. The kernel walks all page tables for it, so it
/// is too slow for a timer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExactMemory {
    /// Resident bytes, each page divided among the processes that map it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pss_bytes: Option<u64>,
    /// The part that is shared memory, which includes pages of memfds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pss_shmem_bytes: Option<u64>,
    /// Bytes in written pages that only this process maps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_dirty_bytes: Option<u64>,
}

impl Barrier {
    /// Maximum number of listed images.
    pub const LINGERING_MAX: usize = 2_000;
    /// Maximum number of listed disagreements.
    pub const DISAGREEMENTS_MAX: usize = 20;
}

/// A failure of a witness: its evidence is incomplete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WitnessFailure {
    /// Time in ms since the run began.
    pub at_ms: u64,
    /// Number of the subject.
    pub subject: u32,
    /// The witness.
    pub witness: Witness,
    /// The failure, in words.
    pub what: String,
}

leakbench_model::names! {
    /// One of the two witnesses.
    #[derive(PartialOrd, Ord)]
    Witness ("witness") {
        /// The inotify watch inside the subject.
        DeathWatch = "death-watch",
        /// The supervisor's scan of `/proc`.
        ProcScan = "proc-scan",
    }
}

impl Witness {
    /// Its name in a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Witness::DeathWatch => "the death watch",
            Witness::ProcScan => "the /proc scan",
        }
    }
}

/// The end of a subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exit {
    /// Time in ms since the run began.
    pub at_ms: u64,
    /// Number of the subject.
    pub subject: u32,
    /// The kind of end.
    pub how: ExitKind,
    /// The last step that each thread is known to have begun.
    pub last_steps: Vec<LastStep>,
    /// The calls of each fault of the run. Empty of a run without faults.
    #[serde(default)]
    pub faults: Vec<FaultCount>,
}

/// The kind of a subject's end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ExitKind {
    /// It completed its cycles and exited.
    Done,
    /// It reported that a step failed.
    Failed {
        /// The runtime's error.
        error: String,
    },
    /// It exited without reporting an error.
    Exited {
        /// The exit code.
        code: i32,
    },
    /// A signal that leakbench did not send killed it.
    Signaled {
        /// The signal's number.
        signal: i32,
    },
    /// It made no progress until the timeout and was killed.
    Hung {
        /// Time without progress, in ms.
        silent_ms: u64,
    },
    /// It violated the protocol and was killed.
    ProtocolViolation {
        /// The line that it sent.
        line: String,
    },
    /// It was stopped, because the user or the failure of another subject ended the run.
    Stopped,
}

impl ExitKind {
    /// The words of the runtime about its end, if it sent any.
    pub fn error(&self) -> Option<&str> {
        match self {
            ExitKind::Failed { error } | ExitKind::ProtocolViolation { line: error } => Some(error),
            ExitKind::Exited { .. }
            | ExitKind::Signaled { .. }
            | ExitKind::Hung { .. }
            | ExitKind::Done
            | ExitKind::Stopped => None,
        }
    }
}

/// The user interrupted the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interrupted {
    /// Time in ms since the run began.
    pub at_ms: u64,
}

/// The end of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Time in ms since the run began.
    pub at_ms: u64,
    /// Time from the first cycle to the end of the last barrier, with all barriers.
    pub running_ms: u64,
    /// Processor time of the supervisor itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supervisor_cpu_ms: Option<u64>,
    /// Peak resident memory of the supervisor itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supervisor_peak_rss_bytes: Option<u64>,
}
