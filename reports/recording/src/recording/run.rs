//! The lines of a recording: what was observed, nothing that was concluded.
//!
//! A recording is a sequence of JSON objects, one a line, each with a `record` field that names
//! its kind. Times are milliseconds since the run began. What was not measured is absent.
//! Counters are totals since the subject began, so that a line can be dropped without spoiling
//! those after it.

use leakbench_model::{Counts, Histogram, LastStep, LingeringImage, SlotCounts};
use leakbench_scenarios::Scenario;
use serde::{Deserialize, Serialize};

use super::SlotMap;

/// Version of the line format, in [`Start::version`].
pub const RECORDING_VERSION: u32 = 2;

/// One line of a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum Record {
    /// The first line.
    Start(Box<Start>),
    /// A subject is up and has built its runtime.
    Subject(SubjectUp),
    /// A look at a running subject, on a timer: approximate, never judged for lingering.
    Sample(Sample),
    /// A quiescent moment: both witnesses, reconciled.
    Barrier(Box<Barrier>),
    /// Something that keeps a witness from being believed.
    WitnessFailure(WitnessFailure),
    /// A subject is gone, or was ended.
    Exit(Exit),
    /// The run was interrupted by its user.
    Interrupted(Interrupted),
    /// The last line of a run that its supervisor ended in good order.
    End(End),
}

/// What was asked for, and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// [`RECORDING_VERSION`] of the writer.
    pub version: u32,
    /// What ran, as its user names it, e.g. `builtin`.
    pub subject: String,
    /// The runtime's name and version, as it gave them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// Everything about the run that was chosen.
    pub scenario: Scenario,
    /// The command that runs the same again.
    pub command: String,
    /// Wall clock, seconds since 1970.
    pub started_unix_s: u64,
    /// The machine: kernel, cpus, limits, as an open set of facts.
    pub fingerprint: serde_json::Map<String, serde_json::Value>,
}

/// A subject that is ready to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubjectUp {
    /// When, in ms since the run began.
    pub at_ms: u64,
    /// Which of the run's subjects, from 0.
    pub subject: u32,
    /// Its process id.
    pub pid: u32,
    /// The name and version that its runtime gave when it was up, where they were not known
    /// before ([`Start::runtime`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// Its share of the cycles.
    pub cycles: u64,
    /// Mappings, descriptors and resident bytes before the first cycle.
    pub at_rest: Footprint,
}

/// How much of the kernel's tables and memory a process has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Footprint {
    /// Memory mappings (VMAs).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mappings: Option<u64>,
    /// Mappings that map a memfd.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memfd_mappings: Option<u64>,
    /// Open descriptors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fds: Option<u64>,
    /// Resident memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rss_bytes: Option<u64>,
    /// Resident shared memory: pages of memfds among it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shmem_bytes: Option<u64>,
    /// Page tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_tables_bytes: Option<u64>,
}

/// A look at a running subject.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When, in ms since the run began.
    pub at_ms: u64,
    /// Which of the run's subjects.
    pub subject: u32,
    /// Read from the subject's status page while it runs: fields may be of slightly different
    /// moments.
    pub counts: Counts,
    /// Read from /proc.
    pub footprint: Footprint,
}

/// A quiescent moment at which the two witnesses were compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Barrier {
    /// When, in ms since the run began.
    pub at_ms: u64,
    /// Which of the run's subjects.
    pub subject: u32,
    /// Whether every module has been dropped and no cycle follows.
    pub last: bool,
    /// The death watch's account, exact.
    pub counts: Counts,
    /// Read from /proc.
    pub footprint: Footprint,
    /// How many slots are in which state, where the subject has slots to tell of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<SlotCounts>,
    /// What each slot is doing, or where the subject cannot tell that, which of them maps what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot_map: Option<SlotMap>,
    /// Lingering images, longest-lingering first; at most [`Barrier::LINGERING_MAX`], the whole
    /// number being `counts.lingering`.
    pub lingering: Vec<LingeringImage>,
    /// Where the witnesses do not agree, in words; at most [`Barrier::DISAGREEMENTS_MAX`].
    pub disagreements: Vec<String>,
    /// How many disagreements there are in all.
    pub disagreements_total: u64,
    /// Time from the beginning of the drop until the release was heard of, which is when the
    /// drop returns, at a later drop of the same thread or at a barrier: of every image released
    /// so far whose drop had begun. Empty where a recorder has cleared it, as it may in all but
    /// the latest barrier of a subject.
    pub release: Histogram,
    /// Its memory to the page, where the kernel tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<ExactMemory>,
    /// Mapping calls of the subject's pool that failed while a slot was reset.
    #[serde(default)]
    pub reset_failures: u64,
}

/// A process's memory to the page, from `smaps_rollup`: too dear for a timer, since the kernel walks
/// every page table for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExactMemory {
    /// Resident, each page divided among the processes that map it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pss_bytes: Option<u64>,
    /// The part of that which is shared memory: pages of memfds among it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pss_shmem_bytes: Option<u64>,
    /// Pages of this process alone that were written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_dirty_bytes: Option<u64>,
}

impl Barrier {
    /// Lingering images listed at most.
    pub const LINGERING_MAX: usize = 2_000;
    /// Disagreements listed at most.
    pub const DISAGREEMENTS_MAX: usize = 20;
}

/// Something that keeps a witness from being believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WitnessFailure {
    /// When, in ms since the run began.
    pub at_ms: u64,
    /// Which of the run's subjects.
    pub subject: u32,
    /// Which witness.
    pub witness: Witness,
    /// What happened, in words.
    pub what: String,
}

/// One of the two witnesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Witness {
    /// The inotify watch inside the subject.
    DeathWatch,
    /// The supervisor's reading of /proc.
    ProcScan,
}

/// How a subject ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// When, in ms since the run began.
    pub at_ms: u64,
    /// Which of the run's subjects.
    pub subject: u32,
    /// In what way.
    pub how: ExitKind,
    /// The last thing each of its threads is known to have begun.
    pub last_steps: Vec<LastStep>,
}

/// In what way a subject ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ExitKind {
    /// It did all it was asked to and left.
    Done,
    /// A step failed, and the subject said so.
    Failed {
        /// The runtime's words.
        error: String,
    },
    /// It left without a word.
    Exited {
        /// Its exit code.
        code: i32,
    },
    /// A signal ended it that leakbench did not send.
    Signaled {
        /// The signal's number.
        signal: i32,
    },
    /// It made no progress for the timeout and was killed.
    Hung {
        /// How long nothing happened.
        silent_ms: u64,
    },
    /// It broke the protocol and was killed.
    ProtocolViolation {
        /// The line that it sent.
        line: String,
    },
    /// It was ended because its user, or the failure of another subject, ended the run.
    Stopped,
}

/// The run was interrupted by its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interrupted {
    /// When, in ms since the run began.
    pub at_ms: u64,
}

/// The run's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// When, in ms since the run began.
    pub at_ms: u64,
    /// From the first cycle to the last drop, without setting up and judging.
    pub running_ms: u64,
    /// Processor time that the supervisor itself used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supervisor_cpu_ms: Option<u64>,
    /// Most memory that the supervisor itself had resident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supervisor_peak_rss_bytes: Option<u64>,
}
