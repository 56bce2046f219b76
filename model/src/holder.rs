//! An image that the kernel still has, and what holds it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ObjectId, SlotState};

/// An image whose module was dropped and that the kernel still has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LingeringImage {
    /// The image's memfd.
    #[serde(flatten)]
    pub object: ObjectId,
    /// The module's number in the run.
    pub module: u64,
    /// The cycle in which the module was dropped: in a recording counted by the module's thread, in
    /// reports and results that of the run.
    pub dropped_at_cycle: u64,
    /// Time since the drop, in ms.
    pub lingering_ms: u64,
    /// The holders that `/proc` shows, the first ones of many.
    pub holders: Vec<Holder>,
    /// The number of all holders. 0: `/proc` shows none in the subject.
    pub holders_total: u64,
}

impl LingeringImage {
    /// Holders listed at most for an image.
    pub const HOLDERS_MAX: usize = 16;
}

/// A reference that keeps an image alive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Holder {
    /// A descriptor.
    Fd {
        /// Its number.
        fd: i32,
    },
    /// A mapping in a slot of the pool.
    Slot {
        /// The slot's number.
        slot: u32,
        /// The state that its subject reports; a warm slot that holds an image counts as cold.
        #[cfg_attr(feature = "schema", schemars(extend("enum" = SlotState::OF_HOLDERS)))]
        state: SlotState,
    },
    /// A mapping outside every slot.
    Mapping {
        /// Its first address.
        start: u64,
        /// The address behind its last one.
        end: u64,
    },
}

/// `slot 17 (affine)`, `fd 9`, `mapping 0x7f00-0x8000`.
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Holder::Fd { fd } => write!(f, "fd {fd}"),
            Holder::Slot { slot, state: SlotState::Unknown } => write!(f, "slot {slot}"),
            Holder::Slot { slot, state: SlotState::InUse } => write!(f, "slot {slot} (in use)"),
            Holder::Slot { slot, state } => write!(f, "slot {slot} ({state})"),
            Holder::Mapping { start, end } => write!(f, "mapping {start:#x}-{end:#x}"),
        }
    }
}
