//! What the drivers of all versions of Wasmtime have in common. Each driver compiles these files
//! against its own version, whose interfaces agree in all that is used here.

mod artifacts;
mod binary;
mod lru;
mod runtime;
mod sys;

pub(crate) use runtime::{Runtime, told};

/// Name and version of the runtime, the latter from the driver's lock file.
pub(crate) const RUNTIME: &str = concat!("wasmtime ", env!("WASMTIME_VERSION"));
