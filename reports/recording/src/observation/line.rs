//! The lines of an observation: observations, no conclusions.
//!
//! Each line is a JSON object whose `record` field names its kind. Times are milliseconds since
//! the observation began. Values that were not measured are absent.

use std::collections::BTreeMap;
use std::fmt;

use leakbench_model::{FaultCount, Footprint, Resource, text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::OldObjects;

/// Version of the line format, in [`ObservationStart::version`].
pub const OBSERVATION_VERSION: u32 = 3;

leakbench_model::names! {
    /// The processes that an observation samples.
    Scope ("scope of an observation") {
        /// The process and its descendants.
        Family = "family",
        /// The process. Descendants that were not sampled keep the verdict from being clean.
        Process = "process",
        /// The process, and what its descendants do does not matter.
        Alone = "alone",
    }
}

/// One line of an observation's recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum ObservationRecord {
    /// The first line.
    #[serde(rename = "observation-start")]
    Start(Box<ObservationStart>),
    /// A sample of all processes in the [`Scope`].
    Sample(Box<ObservationSample>),
    /// Examples of growth. A later line replaces an earlier one.
    Examples(Examples),
    /// Limits that have changed. A later line replaces an earlier one.
    Limits(Limits),
    /// The ages of objects. A later line replaces an earlier one.
    OldObjects(OldObjects),
    /// A remark: a failure to observe, or a process of the tree that started or ended.
    Remark(Remark),
    /// A process ended at one of its limits.
    LimitReached(LimitReached),
    /// The observed process ended. Samples of its descendants may follow.
    Exit(ProcessExit),
    /// The last line of an observation that its observer completed.
    End(ObservationEnd),
}

/// The observed process and the machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObservationStart {
    /// [`OBSERVATION_VERSION`] of the writer.
    pub version: u32,
    /// The reproduce command.
    pub command: String,
    /// Process id.
    pub pid: u32,
    /// Start time in clock ticks since boot. With the process id, it identifies the process.
    pub start_time_ticks: u64,
    /// Command line, if it can be read.
    pub process: String,
    /// True if leakbench started it (`exec`), false if it attached to it (`attach`).
    pub started_here: bool,
    /// The sampled processes.
    pub scope: Scope,
    /// Time between two samples. It may begin shorter.
    pub interval_ms: u64,
    /// Start of the observation by the wall clock, in seconds since 1970.
    pub started_unix_s: u64,
    /// The known limits of all processes together, which may change. Those of single processes are in
    /// samples.
    pub limits: Vec<Limit>,
    /// Facts about the machine: kernel, cpus, limits. The set is open.
    pub fingerprint: serde_json::Map<String, serde_json::Value>,
}

/// The limit of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// The resource.
    pub resource: Resource,
    /// The maximum, in the resource's unit.
    pub max: u64,
    /// Name of the limit, e.g. `RLIMIT_NOFILE`, `vm.max_map_count`, `memory.max of /system.slice/x`.
    pub name: String,
    /// The part of it that processes outside of the observation have, as far as it is known.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub others: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Limit {
    /// What is left of it for processes that have `amount`.
    pub fn room(&self, amount: u64) -> u64 {
        self.max.saturating_sub(self.others).saturating_sub(amount)
    }

    /// Its name and what others have of it: `pids.max of /x, of which others have 312`.
    pub fn set_by(&self) -> String {
        match self.others {
            0 => self.name.clone(),
            others => {
                format!("{}, of which others have {}", self.name, self.resource.amount(others))
            }
        }
    }
}

/// The limits of all processes together, when they have changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Time in ms since the observation began.
    pub at_ms: u64,
    /// All of them. They replace those of the start.
    pub limits: Vec<Limit>,
}

/// The amounts of all resources at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservationSample {
    /// Time in ms since the observation began.
    pub at_ms: u64,
    /// The amount of each resource that could be read.
    pub amounts: Footprint,
    /// Number of sampled processes.
    pub processes: u32,
    /// For each limit that holds for a single process, the process that is nearest to it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub nearest: BTreeMap<Resource, Nearest>,
}

/// The process that is nearest to a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nearest {
    /// Its id.
    pub pid: u32,
    /// Its amount of the resource.
    pub amount: u64,
    /// Its limit.
    pub max: u64,
}

impl Nearest {
    /// True if it is nearer to its limit than `other`.
    pub fn is_nearer_than(&self, other: &Nearest) -> bool {
        u128::from(self.amount) * u128::from(other.max)
            > u128::from(other.amount) * u128::from(self.max)
    }
}

/// The name of the limit on `resource` of a single process; `None` if there is none. `max` is the
/// limit: address space is limited by its size too, which is a power of two.
pub fn own_limit_name(resource: Resource, max: u64) -> Option<String> {
    match resource {
        Resource::Fds => Some("RLIMIT_NOFILE".to_owned()),
        Resource::Mappings => Some("vm.max_map_count".to_owned()),
        Resource::LockedBytes => Some("RLIMIT_MEMLOCK".to_owned()),
        Resource::AddressSpaceBytes if max.is_power_of_two() && max >= 1 << 40 => {
            Some(format!("address space of {} bits", max.trailing_zeros()))
        }
        Resource::AddressSpaceBytes => Some("RLIMIT_AS".to_owned()),
        _ => None,
    }
}

/// A process that ended at a limit: it had nearly as much as the limit allows, and its growth would
/// have reached it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimitReached {
    /// Time of its end in ms since the observation began.
    pub at_ms: u64,
    /// The process.
    pub pid: u32,
    /// Its name.
    pub name: String,
    /// The limited resource.
    pub resource: Resource,
    /// Its last known amount.
    pub amount: u64,
    /// The limit.
    pub max: u64,
    /// Its growth in the resource's unit a second.
    pub rate_per_s: f64,
}

/// Objects that appeared after the first samples and still exist, the most frequent of each
/// resource first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examples {
    /// Time in ms since the observation began.
    pub at_ms: u64,
    /// At most [`Examples::OF_EACH_MAX`] of each resource.
    pub objects: BTreeMap<Resource, Vec<Example>>,
}

impl Examples {
    /// Maximum number of listed objects of one resource.
    pub const OF_EACH_MAX: usize = 5;
}

/// Equal objects that may be leaked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// Identity of the object: `inode 4711 on 0:1, /memfd:cache (deleted)`,
    /// `7f12a000-7f12b000 r-xp`. Of several, what they have in common: `/etc/hostname`,
    /// `CLOSE_WAIT to 10.0.0.7:443`. The process chooses names, so it is data, never markup.
    pub what: String,
    /// Number of objects.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub count: u64,
    /// Holders of the oldest: `fd 17`, `2 mappings`, `fd 3 of child 4242`.
    pub holders: Vec<String>,
    /// Time of the first sample that has the oldest, in ms since the observation began.
    pub first_seen_ms: u64,
}

/// Recordings without counts have single objects.
fn one() -> u64 {
    1
}

fn is_one(count: &u64) -> bool {
    *count == 1
}

/// The objects without holders: `/etc/hostname`, `180 x /etc/hostname`.
impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            1 => f.write_str(&self.what),
            count => write!(f, "{} x {}", text::grouped(count), self.what),
        }
    }
}

/// A remark of the observer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Remark {
    /// Time in ms since the observation began.
    pub at_ms: u64,
    /// True if the observation is incomplete because of it. Then findings are valid, but their
    /// absence does not mean clean.
    pub prevents_clean: bool,
    /// The remark, in words.
    pub what: String,
    /// The event that it describes, if it is one of a process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<ProcessEvent>,
}

/// A change of an observed process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessEvent {
    /// The kind of change.
    pub kind: ProcessEventKind,
    /// Name of the program that it runs. The process chooses it, so it is data, never markup.
    pub program: String,
}

leakbench_model::names! {
    /// The kind of a process's change.
    ProcessEventKind ("kind of event") {
        /// It runs another program.
        Exec = "exec",
        /// A descendant began.
        Started = "started",
        /// A descendant ended.
        Ended = "ended",
    }
}

/// In few words, for a label: `exec python3`, `+ sleep`, `− sleep`.
impl fmt::Display for ProcessEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ProcessEventKind::Exec => "exec",
            ProcessEventKind::Started => "+",
            ProcessEventKind::Ended => "−",
        };
        write!(f, "{kind} {}", self.program)
    }
}

/// The end of the process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessExit {
    /// Time in ms since the observation began.
    pub at_ms: u64,
    /// The kind of end.
    pub how: ProcessExitKind,
    /// The calls of each fault until then. Empty of an observation without faults.
    #[serde(default)]
    pub faults: Vec<FaultCount>,
}

/// The kind of a process's end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ProcessExitKind {
    /// It exited with this code. Known only of a command that leakbench started.
    Exited {
        /// The exit code.
        code: i32,
    },
    /// A signal that leakbench did not send killed it. Known only of a command that leakbench
    /// started.
    Signaled {
        /// The signal's number.
        signal: i32,
    },
    /// leakbench stopped it at the end of the duration or when the user interrupted.
    Stopped,
    /// It no longer exists, and only its parent knows its exit status.
    Vanished,
}

/// The end as a predicate: `exited with code 1`, `was killed by signal 9 (SIGKILL)`.
impl fmt::Display for ProcessExitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ProcessExitKind::Exited { code } => write!(f, "exited with code {code}"),
            ProcessExitKind::Signaled { signal } => {
                write!(f, "was killed by {}", text::signal(signal))
            }
            ProcessExitKind::Stopped => f.write_str("was stopped by leakbench"),
            ProcessExitKind::Vanished => f.write_str("ended in an unknown way"),
        }
    }
}

/// The end of the observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservationEnd {
    /// Time in ms since the observation began.
    pub at_ms: u64,
    /// True if the user ended it before its duration.
    pub interrupted: bool,
    /// Processor time of leakbench itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observer_cpu_ms: Option<u64>,
}
