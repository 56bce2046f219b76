//! WASI preview 1 for guests.

use leakbench_subject::{Scenario, SubjectError};
use wasmtime::{Error, Linker};
use wasmtime_wasi::p1::{WasiP1Ctx, add_to_linker_sync};
use wasmtime_wasi::{FsPerms, I32Exit, WasiCtx};

use crate::common::{Host, with_causes};

/// What one guest sees of the host.
pub(crate) type Wasi = WasiP1Ctx;

/// A context with the folders, variables and arguments of the run, and streams that lead nowhere; `None`
/// for generated guests, which have no imports.
///
/// # Errors
/// A folder cannot be opened.
pub(crate) fn context(scenario: &Scenario, name: &str) -> Result<Option<Wasi>, SubjectError> {
    if scenario.wasm.is_empty() {
        return Ok(None);
    }
    let mut context = WasiCtx::builder();
    // As the command `wasmtime` does: its files then need no threads.
    context.allow_blocking_current_thread(true);
    context.arg(name).args(&scenario.arg);
    for variable in &scenario.env {
        context.env(&variable.name, &variable.value);
    }
    for dir in &scenario.dir {
        with_causes(context.preopened_dir(&dir.host, &dir.guest, FsPerms::ReadWrite))?;
    }
    Ok(Some(context.build_p1()))
}

/// Defines the functions of WASI.
pub(crate) fn add_to_linker(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    add_to_linker_sync(linker, |host| {
        host.wasi.as_mut().expect("each module of a file has a context")
    })
}

/// Whether the guest ended itself with the exit code 0.
pub(crate) fn has_exited(error: &Error) -> bool {
    error.downcast_ref::<I32Exit>().is_some_and(|exit| exit.0 == 0)
}
