//! The vocabulary that every crate of leakbench shares: plain data and its words. No system call,
//! no file, no rule lives here.

mod choices;
mod counts;
mod footprint;
mod histogram;
mod holder;
mod names;
mod reason;
mod resource;
mod slab;
mod slot_counts;
mod slot_state;
pub mod text;
mod verdict;

pub use choices::{Allocation, Compile, ImageKind, OnDrop, Strategy};
pub use counts::{Counts, LastStep};
pub use footprint::Footprint;
pub use histogram::Histogram;
pub use holder::{Holder, LingeringImage};
pub use names::UnknownName;
pub use reason::Reason;
pub use resource::{Resource, Unit};
pub use slab::{Slab, Slabs};
pub use slot_counts::SlotCounts;
pub use slot_state::SlotState;
pub use verdict::{Verdict, exit_code};
