//! The conversation between supervisor and subject: JSON objects, one a line, over the socket that
//! is the subject's standard input.
//!
//! ```text
//! supervisor                     subject
//!   Begin (+ status page) ──►               with the page as a descriptor beside the line
//!                         ◄── Ready         the runtime and the threads exist, and each guest
//!                                           has run once
//!   Go                    ──►
//!                         ◄── BarrierReached  all threads stand still
//!   Go                    ──►               …
//!                         ◄── BarrierReached  with `last`: every module is dropped
//!   Go                    ──►               the subject shuts its runtime down and exits
//! ```
//!
//! The subject may send `Failed` in place of any event; it exits after it. Each side learns by the end
//! of the socket that the other has ended.

use std::io::{self, Write};

use leakbench_model::{Counts, FailedSteps, Histogram, ObjectId, Slabs};
use leakbench_scenarios::{Offer, Scenario, Share};
use serde::{Deserialize, Serialize};

/// Version of this conversation, of the status page and of [`Scenario`]'s JSON form together.
const PROTOCOL_VERSION: u32 = 9;

/// The line that a driver prints when it is started with the word `offer`.
#[derive(Debug, Serialize, Deserialize)]
pub struct OfferLine {
    protocol: u32,
    offer: serde_json::Value,
}

impl OfferLine {
    /// Prints the line on standard output.
    ///
    /// # Errors
    /// Standard output cannot be written to.
    pub fn print(offer: &Offer) -> io::Result<()> {
        let offer = serde_json::to_value(offer)?;
        let line = serde_json::to_string(&OfferLine { protocol: PROTOCOL_VERSION, offer })?;
        writeln!(io::stdout(), "{line}")
    }

    /// Reads the line of a driver of this version.
    ///
    /// # Errors
    /// In words: the text is not such a line, or the driver has another version of the protocol.
    pub fn read(text: &str) -> Result<Offer, String> {
        let invalid = |error| format!("its offer cannot be read ({error})");
        let line: OfferLine = serde_json::from_str(text).map_err(invalid)?;
        if line.protocol != PROTOCOL_VERSION {
            return Err(format!(
                "it has version {} of the protocol and not {PROTOCOL_VERSION}: build it again",
                line.protocol
            ));
        }
        serde_json::from_value(line.offer).map_err(invalid)
    }
}

/// From supervisor to subject.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum Request {
    /// Build the runtime. The status page comes with this line as a descriptor.
    Begin {
        /// The whole run.
        scenario: Box<Scenario>,
        /// The part of its cycles that this subject runs.
        share: Share,
        /// The processors that the subject may run on.
        cpus: Vec<u32>,
    },
    /// Continue: to the next barrier, or after the last one, exit.
    Go,
}

/// From subject to supervisor.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The runtime is built.
    Ready {
        /// The address ranges of its slots.
        slabs: Slabs,
        /// The process that has the runtime, if it is not the subject's own.
        process: Option<u32>,
        /// The runtime's name and version, if the offer does not have them.
        #[serde(default)]
        runtime: Option<String>,
    },
    /// All threads stand still.
    BarrierReached(Box<BarrierReached>),
    /// A step failed.
    Failed {
        /// The step, in words; before the first cycle, the guest that was tried.
        step: String,
        /// The runtime's own words.
        error: String,
        /// The kind of failure.
        cause: FailureCause,
    },
}

leakbench_model::names! {
    /// The kind of a failure, which decides the exit code.
    FailureCause ("cause of a failure") {
        /// A step of the runtime or of a guest. Before the first cycle: the scenario asks for
        /// something that the runtime cannot do.
        Step = "step",
        /// The subject itself, at any time.
        Subject = "subject",
        /// The machine does not allow the measurement.
        Machine = "machine",
        /// The kernel refused memory, a descriptor or a process. Before the first cycle: the machine
        /// does not allow the run.
        Resources = "resources",
        /// A guest computed a wrong value, since its memory is not its own.
        Guest = "guest",
    }
}

/// The death watch's account at a barrier.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct BarrierReached {
    /// Every module is dropped and no cycle follows.
    pub last: bool,
    /// Totals over the subject's threads.
    pub counts: Counts,
    /// Images of live modules.
    pub live: Vec<ObjectId>,
    /// All images of dropped modules that are not released.
    pub lingering: Vec<Lingering>,
    /// The state of each slot, a letter a slot by [`SlotState::letter`](leakbench_model::SlotState::letter); empty when unknown.
    pub slots: String,
    /// Times from drop to release, in ns.
    pub release: Histogram,
    /// Resets of slots that failed.
    pub reset_failures: u64,
    /// Descriptors that guests have open, if the runtime counts them.
    pub guest_descriptors: Option<u64>,
    /// Steps that failed so far while calls failed on purpose.
    #[serde(default, skip_serializing_if = "FailedSteps::is_empty")]
    pub failed_steps: FailedSteps,
    /// Failures of the death watch since the last barrier.
    pub witness_failures: Vec<String>,
}

/// An image of a dropped module that is not released.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lingering {
    /// The image.
    pub object: ObjectId,
    /// The module's number in the run.
    pub module: u64,
    /// The cycle, counted by its thread, in which the module was dropped.
    pub dropped_at_cycle: u64,
    /// Time since the drop.
    pub lingering_ms: u64,
}
