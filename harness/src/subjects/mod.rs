//! The subjects in this program: the built-in runtime, and the bridge to a command.

mod builtin;
mod piped;
mod planted;
mod sys;

pub(crate) use piped::Piped;
pub(crate) use planted::{Planted, TRUTH_FILE, Truth};
