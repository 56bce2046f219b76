//! In place of WASI, which the drivers for versions 3, 4 and 36 do not have.

use leakbench_subject::{Scenario, SubjectError};
use wasmtime::Linker;

use crate::common::Host;

/// What one guest sees of the host: nothing.
pub(crate) enum Wasi {}

/// No context. leakbench refuses runs that would give one.
pub(crate) fn context(_: &Scenario, _: &str) -> Result<Option<Wasi>, SubjectError> {
    Ok(None)
}

/// Defines nothing.
pub(crate) fn add_to_linker(_: &mut Linker<Host>) -> Result<(), std::convert::Infallible> {
    Ok(())
}

/// Whether the guest ended itself with the exit code 0, which it cannot.
pub(crate) fn has_exited<E>(_: &E) -> bool {
    false
}
