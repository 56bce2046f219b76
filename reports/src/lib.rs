//! Recordings of leakbench runs, and what is judged and drawn from them.
//!
//! ```text
//! recording ─► ledger ─► judge ─► report ─► draw, render
//!                          └────► gate ─┘
//! ```
//!
//! Everything to the right of the recording is a pure function of it, so that a report can be
//! drawn again, and a run judged again, long after the process is gone. Only [`recording`]
//! touches files; nothing here touches /proc or processes. [`observation`] has the same stages for
//! a process that knows nothing of leakbench.

pub mod comparison;
#[cfg(feature = "report")]
pub mod draw;
#[cfg(feature = "report")]
pub mod gate;
pub mod judge;
pub mod ledger;
pub mod observation;
#[cfg(feature = "report")]
mod palette;
#[cfg(feature = "report")]
pub mod recorded;
pub mod recording;
pub mod render;
#[cfg(feature = "report")]
pub mod report;
pub mod trend;

mod words;
