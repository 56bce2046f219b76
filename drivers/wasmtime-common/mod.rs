//! The common part of the drivers of all versions of Wasmtime. Each driver compiles these files against
//! its own version; the interfaces that they use are the same in all versions.

mod artifacts;
mod binary;
mod lru;
mod reservation;
mod runtime;
mod sys;

pub(crate) use reservation::Reservation;
pub(crate) use runtime::{Runtime, with_causes};

/// The name of the runtime, with the version from the driver's lock file.
pub(crate) const RUNTIME: &str = concat!("wasmtime ", env!("WASMTIME_VERSION"));
