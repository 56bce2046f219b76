//! The common part of the drivers of all versions of Wasmtime. Each driver compiles these files against
//! its own version; the interfaces that they use are the same in all versions. Those that are not are in
//! the driver's modules `version` and `wasi`.

mod artifacts;
mod binary;
mod lru;
mod reservation;
mod runtime;
mod sys;

use leakbench_subject::Mode;

pub(crate) use reservation::Reservation;
pub(crate) use runtime::{Host, Runtime, with_causes};

/// The name of the runtime, with the version from the driver's lock file.
pub(crate) const RUNTIME: &str = concat!("wasmtime ", env!("WASMTIME_VERSION"));

/// The modes that every version has.
pub(crate) const MODES: &[Mode] = &Mode::ALL;
