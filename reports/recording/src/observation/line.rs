//! The lines of an observation's recording: what was seen of a process that knows nothing of
//! leakbench, and nothing that was concluded.
//!
//! A recording is a sequence of JSON objects, one a line, each with a `record` field that names
//! its kind. Times are milliseconds since the observation began. What was not measured is absent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Resource;

/// Version of the line format, in [`ObservationStart::version`].
pub const OBSERVATION_VERSION: u32 = 2;

/// One line of an observation's recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum ObservationRecord {
    /// The first line.
    #[serde(rename = "observation-start")]
    Start(Box<ObservationStart>),
    /// A look at the process, or with its tree at all of them.
    Sample(ObservationSample),
    /// What the growth is made of, seen so far: a later line replaces an earlier one.
    Examples(Examples),
    /// Something that could not be seen, or a process of the tree that came or went, in words.
    Remark(Remark),
    /// The process ended.
    Exit(ProcessExit),
    /// The last line of an observation that was ended in good order.
    End(ObservationEnd),
}

/// What is observed, and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObservationStart {
    /// [`OBSERVATION_VERSION`] of the writer.
    pub version: u32,
    /// The command that observes the same again.
    pub command: String,
    /// The process's number.
    pub pid: u32,
    /// When it started, in clock ticks since boot: with the number, who it is.
    pub start_time_ticks: u64,
    /// Its command line, as far as it can be read.
    pub process: String,
    /// Whether leakbench started it (`exec`), or found it running (`attach`).
    pub started_here: bool,
    /// Whether its descendants are observed with it, as one.
    pub tree: bool,
    /// Time between two looks, as asked for.
    pub interval_ms: u64,
    /// Wall clock, seconds since 1970.
    pub started_unix_s: u64,
    /// What each resource may come to, where there is a limit.
    pub limits: Vec<Limit>,
    /// The machine: kernel, cpus, limits, as an open set of facts.
    pub fingerprint: serde_json::Map<String, serde_json::Value>,
}

/// The most that a resource may come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Which resource.
    pub resource: Resource,
    /// The most, in the resource's unit.
    pub max: u64,
    /// Who says so, e.g. `RLIMIT_NOFILE`, `vm.max_map_count`, `memory.max of /system.slice/x`.
    pub name: String,
}

/// How much there was of each resource at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservationSample {
    /// When, in ms since the observation began.
    pub at_ms: u64,
    /// Each resource that could be read.
    pub amounts: BTreeMap<Resource, u64>,
    /// How many processes were looked at.
    pub processes: u32,
}

/// Objects that came after the first looks and are still there, the oldest of each resource first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examples {
    /// When, in ms since the observation began.
    pub at_ms: u64,
    /// At most [`Examples::OF_EACH_MAX`] of each resource.
    pub objects: BTreeMap<Resource, Vec<Example>>,
}

impl Examples {
    /// Objects of one resource listed at most.
    pub const OF_EACH_MAX: usize = 5;
}

/// An object that may be leaked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// What it is, by what identifies it: `inode 4711 on 0:1, /memfd:cache (deleted)`,
    /// `7f12a000-7f12b000 r-xp`. From the process: data, never markup.
    pub what: String,
    /// Who has it: `fd 17`, `2 mappings`, `fd 3 of child 4242`.
    pub holders: Vec<String>,
    /// When it was first seen, in ms since the observation began.
    pub first_seen_ms: u64,
}

/// Something that could not be seen, or that came or went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// When, in ms since the observation began.
    pub at_ms: u64,
    /// Whether it keeps the observation from being believed: then what was found stands, and
    /// that nothing was found does not.
    pub prevents_clean: bool,
    /// In words.
    pub what: String,
}

/// The process is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessExit {
    /// When, in ms since the observation began.
    pub at_ms: u64,
    /// In what way.
    pub how: ProcessExitKind,
}

/// In what way a process went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ProcessExitKind {
    /// It left with this code. Known of a command that leakbench started.
    Exited {
        /// The code.
        code: i32,
    },
    /// A signal ended it that leakbench did not send. Known of a command that leakbench started.
    Signaled {
        /// The signal's number.
        signal: i32,
    },
    /// leakbench ended it, when the time was up or its user asked to.
    Stopped,
    /// It is not there any more, and only its parent knows how it left.
    Vanished,
}

/// The observation's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservationEnd {
    /// When, in ms since the observation began.
    pub at_ms: u64,
    /// Whether its user ended it before its time was up.
    pub interrupted: bool,
    /// Processor time that leakbench itself used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observer_cpu_ms: Option<u64>,
}
