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

use std::io::{self, Write};

use leakbench_model::{Counts, Histogram};
use leakbench_scenarios::{Offer, Scenario, Share};
use serde::{Deserialize, Serialize};

use leakbench_kernel::ObjectId;

/// Version of this conversation, of the status page and of [`Scenario`]'s JSON form together.
const PROTOCOL_VERSION: u32 = 2;

/// What a driver prints when it is asked what it offers, before any conversation.
#[derive(Debug, Serialize, Deserialize)]
pub struct OfferLine {
    protocol: u32,
    offer: serde_json::Value,
}

impl OfferLine {
    /// Prints what is offered on standard output.
    pub fn print(offer: &Offer) -> io::Result<()> {
        let offer = serde_json::to_value(offer)?;
        let line = serde_json::to_string(&OfferLine { protocol: PROTOCOL_VERSION, offer })?;
        writeln!(io::stdout(), "{line}")
    }

    /// What a driver of this same version offers.
    ///
    /// # Errors
    /// In words: the text is no such line, or the driver speaks another version.
    pub fn read(text: &str) -> Result<Offer, String> {
        let not_one = |error| format!("it does not say what it offers ({error})");
        let line: OfferLine = serde_json::from_str(text).map_err(not_one)?;
        if line.protocol != PROTOCOL_VERSION {
            return Err(format!(
                "it speaks version {} of the protocol and not {PROTOCOL_VERSION}: build it again",
                line.protocol
            ));
        }
        serde_json::from_value(line.offer).map_err(not_one)
    }
}

/// From supervisor to subject.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Order {
    /// Build the runtime. The status page comes with this line as a descriptor.
    Begin {
        /// The whole run.
        scenario: Box<Scenario>,
        /// This subject's part of its cycles.
        share: Share,
        /// The processors that it may run on.
        cpus: Vec<u32>,
    },
    /// Go on: to the next barrier, or after the last one, leave.
    Go,
}

/// From subject to supervisor.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "kebab-case")]
pub enum Report {
    /// The runtime is built.
    Ready {
        /// Where its slots lie.
        slabs: Vec<Slab>,
        /// The process that has the runtime, where it is not the subject's own.
        process: Option<u32>,
        /// The runtime's name and version, where the supervisor does not know them.
        #[serde(default)]
        runtime: Option<String>,
    },
    /// All threads stand still.
    Barrier(Box<BarrierReport>),
    /// A step failed.
    Failed {
        /// Which, in words; before the run, the guest that was tried.
        doing: String,
        /// The runtime's words.
        error: String,
        /// Who is to blame.
        blame: Blame,
    },
}

/// Who is to blame for a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blame {
    /// The runtime or a guest does not do what was asked: before the first cycle, the asking.
    Step,
    /// The subject itself, at any time.
    Subject,
    /// The machine does not allow the measurement.
    Machine,
}

/// The death watch's account at a barrier.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct BarrierReport {
    /// Whether all is dropped and no cycle follows.
    pub last: bool,
    /// In total over the subject's threads.
    pub counts: Counts,
    /// Images of live modules.
    pub live: Vec<ObjectId>,
    /// Images of dropped modules that are not released, all of them.
    pub lingering: Vec<LingeringReport>,
    /// What each slot is doing, a letter a slot as [`SlotLetter`] has it; empty when unknown.
    pub slots: String,
    /// Time from drop to release, in ns.
    pub release: Histogram,
    /// Resets of slots that failed.
    pub reset_failures: u64,
    /// What kept the death watch from seeing everything, since the last barrier.
    pub troubles: Vec<String>,
}

/// An image of a dropped module that is not released.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LingeringReport {
    /// The image.
    pub object: ObjectId,
    /// The module's number in the run.
    pub module: u64,
    /// The cycle, counted by its thread, in which the module was dropped.
    pub dropped_at_cycle: u64,
    /// Time since the drop.
    pub lingering_ms: u64,
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
pub struct SlotLetter;

impl SlotLetter {
    /// The letter of a state.
    pub fn of(state: super::SlotState) -> char {
        match state {
            super::SlotState::Cold => '.',
            super::SlotState::Warm => 'w',
            super::SlotState::InUse => 'u',
            super::SlotState::Affine => 'a',
            super::SlotState::Queued => 'q',
            super::SlotState::Unknown => '?',
        }
    }

    /// The state of a letter; `None` of any other letter.
    pub fn read(letter: u8) -> Option<super::SlotState> {
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
