//! The two names that everything else is keyed by: which slot, and which module.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A slot of one pool, counted from zero in the order of its geometry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SlotId(u32);

impl SlotId {
    pub(crate) const fn new(index: u32) -> SlotId {
        SlotId(index)
    }

    /// The slot's number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The slot's number, to index with.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A module of one pool. Unique within the pool for as long as the pool lives: a number is never
/// given out twice, so that a stale affinity cannot be mistaken for a fresh one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ModuleId(u64);

impl ModuleId {
    /// Names a module by its number. A [`Pool`](crate::Pool) numbers its own modules.
    pub const fn new(number: u64) -> ModuleId {
        ModuleId(number)
    }

    /// The module's number, from zero in the order in which modules were added.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ModuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
