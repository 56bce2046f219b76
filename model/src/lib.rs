//! The vocabulary that every crate of leakbench shares: plain data and its words. No system call,
//! no file, no rule lives here.

mod choices;
mod counts;
mod histogram;
mod names;
pub mod text;

pub use choices::{Allocation, Compile, ImageKind, OnDrop, Strategy};
pub use counts::{Counts, LastStep};
pub use histogram::Histogram;
pub use names::UnknownName;
