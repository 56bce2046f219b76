//! The subjects in this program: the built-in runtime, and the bridge to a command.

mod builtin;
mod piped;
mod sys;

pub(crate) use builtin::Builtin;
pub(crate) use piped::Piped;
