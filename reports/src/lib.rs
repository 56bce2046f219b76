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
pub mod draw;
pub mod gate;
pub mod headline;
mod palette;
pub mod recorded;
pub mod render;
pub mod report;
