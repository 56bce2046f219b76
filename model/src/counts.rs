//! What a subject reports of its progress.

use serde::{Deserialize, Serialize};

/// The death watch's account of a subject's images, in total since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Cycles done.
    pub cycles: u64,
    /// Images made, whether or not they could be watched.
    pub made: u64,
    /// Released before the drop of their module returned.
    pub synchronous: u64,
    /// Released later than that.
    pub late: u64,
    /// Of modules that are still live.
    pub live: u64,
    /// Of dropped modules, and not released.
    pub lingering: u64,
    /// Whose release can no longer be known (a refused watch, an overflowed queue).
    pub unknown: u64,
}

/// What a thread of a subject was doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastStep {
    /// Which thread, from 0.
    pub thread: u32,
    /// In which cycle of that thread, from 0.
    pub cycle: u64,
    /// The step it had begun.
    pub step: String,
}
