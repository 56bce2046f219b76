//! What supervisor and subject say to each other: JSON objects, one a line, over the socket that
//! is the subject's standard input.
//!
//! ```text
//! supervisor                 subject
//!   Begin (+ status page) ──►           as a descriptor beside the message
//!                         ◄── Ready     the runtime and the threads are there, and each guest
//!                                       has run once
//!   Go                    ──►
//!                         ◄── Barrier   all threads stand still
//!   Go                    ──►           …
//!                         ◄── Barrier   with `last`: all is dropped
//!   Go                    ──►           the subject leaves
//! ```
//!
//! `Failed` may come in place of anything the subject says; it leaves after it. The end of the
//! socket tells each side that the other is gone.

use leakbench_reports::recording::{Counts, Histogram};
use leakbench_scenarios::{Scenario, Share};
use serde::{Deserialize, Serialize};

use crate::kernel::ObjectId;

/// From supervisor to subject.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub(crate) enum Order {
    /// Build the runtime. The status page comes with this line as a descriptor.
    Begin {
        /// The whole run.
        scenario: Box<Scenario>,
        /// This subject's part of its cycles.
        share: Share,
    },
    /// Go on: to the next barrier, or after the last one, leave.
    Go,
}

/// From subject to supervisor.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "kebab-case")]
pub(crate) enum Report {
    /// The runtime is built.
    Ready {
        /// Where its slots lie.
        slabs: Vec<Slab>,
    },
    /// All threads stand still.
    Barrier(Box<BarrierReport>),
    /// A step failed.
    Failed {
        /// Which, in words; before the run, the guest that was tried.
        doing: String,
        /// The runtime's words.
        error: String,
        /// Whether it is the machine that does not allow the measurement, rather than the runtime
        /// or a guest that does not do what was asked.
        cannot_measure: bool,
    },
}

/// The death watch's account at a barrier.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct BarrierReport {
    /// Whether all is dropped and no cycle follows.
    pub(crate) last: bool,
    /// In total over the subject's threads.
    pub(crate) counts: Counts,
    /// Images of live modules.
    pub(crate) live: Vec<ObjectId>,
    /// Images of dropped modules that are not released, all of them.
    pub(crate) lingering: Vec<LingeringReport>,
    /// What each slot is doing, a letter a slot as [`SlotLetter`] has it; empty when unknown.
    pub(crate) slots: String,
    /// Time from drop to release, in ns.
    pub(crate) release: Histogram,
    /// Resets of slots that failed.
    pub(crate) reset_failures: u64,
    /// What kept the death watch from seeing everything, since the last barrier.
    pub(crate) troubles: Vec<String>,
}

/// An image of a dropped module that is not released.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LingeringReport {
    pub(crate) object: ObjectId,
    /// The module's number in the run.
    pub(crate) module: u64,
    pub(crate) dropped_at_cycle: u64,
    pub(crate) lingering_ms: u64,
}

/// A contiguous run of slots, all of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slab {
    /// Address of its first slot.
    pub base: u64,
    /// From one slot to the next, in bytes.
    pub stride_bytes: u64,
    /// How many slots.
    pub slots: u32,
}

/// Spells [`super::SlotState`] in a [`BarrierReport`].
pub(crate) struct SlotLetter;

impl SlotLetter {
    pub(crate) fn of(state: super::SlotState) -> char {
        match state {
            super::SlotState::Cold => '.',
            super::SlotState::Warm => 'w',
            super::SlotState::InUse => 'u',
            super::SlotState::Affine => 'a',
            super::SlotState::Queued => 'q',
            super::SlotState::Unknown => '?',
        }
    }

    pub(crate) fn read(letter: u8) -> Option<super::SlotState> {
        Some(match letter {
            b'.' => super::SlotState::Cold,
            b'w' => super::SlotState::Warm,
            b'u' => super::SlotState::InUse,
            b'a' => super::SlotState::Affine,
            b'q' => super::SlotState::Queued,
            b'?' => super::SlotState::Unknown,
            _ => return None,
        })
    }
}
