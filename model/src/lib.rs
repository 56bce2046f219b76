//! The vocabulary that every crate of leakbench shares: plain data and its words. It makes no system
//! call, reads no file and judges nothing.
//!
//! In the order in which data passes them:
//!
//! - [`Strategy`], [`OnDrop`], [`ImageKind`], [`Compile`] and [`Allocation`] are the named choices of a
//!   run;
//! - [`Slab`] and [`Slabs`] give the slot of an address;
//! - [`Counts`], [`LastStep`] and [`Histogram`] are reported by a subject, and so is a [`SlotState`]
//!   for each slot, of which [`SlotCounts`] are the numbers;
//! - [`ObjectId`] identifies a kernel object, such as an image;
//! - [`Footprint`] is the amount of each [`Resource`] that `/proc` shows of a process;
//! - a [`Fault`] is a system call that fails on purpose, and [`FaultCount`] what came of it;
//! - [`LingeringImage`] has its [`Holder`]s, and [`Reason`] is their kind;
//! - [`Estimate`] is a number with its confidence interval;
//! - [`Verdict`] is the end of it, and [`exit_code`] has its exit code;
//! - [`text`] prints numbers and names for people.
//!
//! ```
//! use leakbench_model::{Holder, LingeringImage, ObjectId, Reason, SlotState, Verdict};
//!
//! let holder = Holder::Slot { slot: 17, state: SlotState::Affine };
//! let image = LingeringImage {
//!     object: ObjectId { dev: 1, ino: 4711 },
//!     module: 88,
//!     dropped_at_cycle: 90,
//!     lingering_ms: 210,
//!     holders: vec![holder],
//!     holders_total: 1,
//! };
//! assert_eq!(image.holders[0].to_string(), "slot 17 (affine)");
//! assert_eq!(Reason::of(&image).singular(), "an affine slot");
//! assert_eq!(Verdict::Leak.exit_code(), leakbench_model::exit_code::LEAK);
//! ```

mod choices;
mod counts;
mod estimate;
mod fault;
mod footprint;
mod histogram;
mod holder;
mod names;
mod object_id;
mod reason;
mod resource;
#[cfg(feature = "schema")]
#[doc(hidden)]
pub mod schema;
mod slab;
mod slot_counts;
mod slot_state;
pub mod text;
mod verdict;

pub use choices::{
    Allocation, Compile, DEFAULT_SLOTS, DEFAULT_WARM_SLOTS, ImageKind, OnDrop, Strategy,
};
pub use counts::{Counts, LastStep};
pub use estimate::Estimate;
pub use fault::{Call, ErrorNumber, FailedSteps, Fault, FaultCount, When};
pub use footprint::Footprint;
pub use histogram::Histogram;
pub use holder::{Holder, LingeringImage};
pub use names::UnknownName;
pub use object_id::ObjectId;
pub use reason::Reason;
pub use resource::{Resource, Unit};
pub use slab::{Slab, Slabs};
pub use slot_counts::SlotCounts;
pub use slot_state::SlotState;
pub use verdict::{Verdict, exit_code};

#[cfg(feature = "schema")]
#[doc(hidden)]
pub use schemars;
