//! The subjects in this program: the built-in runtime, the bridge to a command, and the program with habits
//! that an observation observes.

mod builtin;
pub(crate) mod habits;
mod piped;
mod planted;
mod sys;
mod truth;

pub(crate) use piped::Piped;
pub(crate) use planted::Planted;
pub(crate) use truth::{TRUTH_FILE, Truth};
