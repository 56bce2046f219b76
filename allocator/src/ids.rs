//! The numbers of slots and of modules.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The number of a slot in its pool, from zero in the order of the geometry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SlotId(u32);

impl SlotId {
    pub(crate) const fn new(index: u32) -> SlotId {
        SlotId(index)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The number as an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of a module in its pool. A pool never uses a number twice, so a stale affinity is
/// never mistaken for a current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ModuleId(u64);

impl ModuleId {
    /// The module with this number. A [`Pool`](crate::Pool) numbers its modules itself.
    pub const fn new(number: u64) -> ModuleId {
        ModuleId(number)
    }

    /// The number, from zero in the order in which modules were added.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ModuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
