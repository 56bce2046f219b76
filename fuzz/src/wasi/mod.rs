//! Functions of WASI, called with what no program passes.

pub mod calls;
/// The guest of the tests of `wasi`, which exports each function.
#[allow(dead_code, clippy::unwrap_used, clippy::duplicate_mod, reason = "as its tests have it")]
#[path = "../../../wasi/tests/calls/guest.rs"]
mod guest;
pub mod paths;

use std::cell::RefCell;

use guest::Guest;
use leakbench_wasi::WasiCtx;
use tempfile::TempDir;

thread_local! {
    static GUEST: RefCell<Option<Guest>> = const { RefCell::new(None) };
}

/// Runs `use_guest` with a guest that has this context. The guest is kept, since a module compiles slowly.
fn with_guest(context: WasiCtx, use_guest: impl FnOnce(&mut Guest)) {
    let mut guest = match GUEST.take() {
        None => Guest::new(context),
        Some(mut guest) => {
            *guest.store.data_mut() = context;
            guest.reset();
            guest
        }
    };
    use_guest(&mut guest);
    // Its descriptors are closed.
    *guest.store.data_mut() = WasiCtx::builder().build().expect("an empty context");
    GUEST.set(Some(guest));
}

/// A new folder, in memory if there is such a file system.
fn folder() -> TempDir {
    let memory = std::path::Path::new("/dev/shm");
    let folder = match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    };
    folder.expect("a folder")
}
