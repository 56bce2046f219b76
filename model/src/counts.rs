//! The progress of a subject, as it reports it.

use serde::{Deserialize, Serialize};

/// The death watch's counts of a subject's images, as totals since the subject began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Completed cycles.
    pub cycles: u64,
    /// Images made, with those that could not be watched.
    pub made: u64,
    /// Released before the drop of their module returned.
    pub synchronous: u64,
    /// Released after that.
    pub late: u64,
    /// Of the late ones, those whose drop returned while leakbench read the process, which delays a
    /// release. Absent in older recordings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_beside_reading: Option<u64>,
    /// Of the other late ones, those that a descriptor or a mapping of the process still held when the drop
    /// had returned. Absent in older recordings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_held_inside: Option<u64>,
    /// Of the other late ones, those that nothing in the process held when the drop had returned: another
    /// program did, or the kernel. Absent in older recordings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_held_outside: Option<u64>,
    /// Images of live modules.
    pub live: u64,
    /// Images of dropped modules that are not released.
    pub lingering: u64,
    /// Images of unknown fate, after a refused watch or an overflowed queue.
    pub unknown: u64,
}

/// The last step of a subject's thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LastStep {
    /// Number of the thread, from 0.
    pub thread: u32,
    /// Cycle of that thread, from 0.
    pub cycle: u64,
    /// The step that it had begun, in words.
    pub step: String,
}
