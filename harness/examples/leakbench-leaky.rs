//! A driver with a planted leak: each dropped module leaves the object that the variable
//! `LEAKY_LEAVES` names, by default a descriptor. It runs no code, so give it a module without
//! exports to call. `tests/died_at.rs` tests leakbench's findings on it, and `tests/gate_planted/`
//! the gate's.
//!
//! ```sh
//! cargo build --example leakbench-leaky
//! (ulimit -n 512; leakbench --subject leaky --driver-dir target/debug/examples \
//!    --wasm any.wasm)
//! ```

#[path = "../kernel/tests/sys/mod.rs"]
mod sys;

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use leakbench_subject::{Offer, Scenario, Subject, SubjectError};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::ProtFlags;

use crate::sys::{OwnMapping, Sharing, page};

const LEAVES: &str = "LEAKY_LEAVES";
/// The variable with the exit status of a subject after its run.
const EXIT_STATUS: &str = "LEAKY_EXIT_STATUS";

/// Bytes of heap that a module leaves: too few for malloc to map them separately.
const MEMORY_BYTES: usize = 64 << 10;
/// Pages that one page table covers.
const PAGES_A_TABLE: usize = 512;
/// Images that are kept before all of them are released.
const IMAGES_MAX: usize = 100;
/// Duration of a slow drop.
const SLOW_DROP: Duration = Duration::from_millis(10);

/// The object that each module leaves.
#[derive(Clone, Copy)]
enum Leaves {
    Nothing,
    Descriptor,
    Mappings,
    Memory,
    PageTable,
    SharedMemory,
    /// Its image, until there are [`IMAGES_MAX`] of them.
    ImageForNow,
    /// Nothing, but the drop is slow.
    NothingSlowly,
}

impl Leaves {
    fn named(name: &str) -> Option<Leaves> {
        Some(match name {
            "nothing" => Leaves::Nothing,
            "descriptor" => Leaves::Descriptor,
            "mappings" => Leaves::Mappings,
            "memory" => Leaves::Memory,
            "page-table" => Leaves::PageTable,
            "shared-memory" => Leaves::SharedMemory,
            "image-for-now" => Leaves::ImageForNow,
            "nothing-slowly" => Leaves::NothingSlowly,
            _ => return None,
        })
    }
}

struct Leaky {
    leaves: Leaves,
    images: Mutex<Vec<OwnedFd>>,
}

struct Module {
    image: OwnedFd,
    log: File,
}

impl Leaky {
    fn new(_: &Scenario) -> Result<Leaky, SubjectError> {
        let name = std::env::var(LEAVES).unwrap_or_else(|_| "descriptor".to_owned());
        let leaves = Leaves::named(&name).ok_or_else(|| {
            SubjectError::new(format!("{LEAVES} is {name:?}, which is no known object"))
        })?;
        Ok(Leaky { leaves, images: Mutex::default() })
    }
}

impl Subject for Leaky {
    type Module = Module;
    type Instance = ();

    fn create_module(&self, _: &[u8]) -> Result<Module, SubjectError> {
        let image = memfd_create(c"image", MemfdFlags::CLOEXEC)
            .and_then(|image| ftruncate(&image, page() as u64).map(|()| image));
        let image = image.map_err(|error| cannot("make an image", error.into()))?;
        let log = File::open("/dev/null").map_err(|error| cannot("open a log", error))?;
        Ok(Module { image, log })
    }

    fn images(&self, module: &Module, show: &mut dyn FnMut(BorrowedFd<'_>)) {
        show(module.image.as_fd());
    }

    fn instantiate(&self, _: &Module) -> Result<(), SubjectError> {
        Ok(())
    }

    fn call(&self, (): &mut (), export: &str) -> Result<Option<i64>, SubjectError> {
        Err(SubjectError::new(format!("no export {export}: this runtime runs no code")))
    }

    fn drop_module(&self, Module { image, log }: Module) {
        match self.leaves {
            Leaves::Nothing => (),
            Leaves::Descriptor => std::mem::forget(log),
            // The kernel would merge equal neighbours into one mapping.
            Leaves::Mappings => std::mem::forget(
                [ProtFlags::empty(), ProtFlags::WRITE]
                    .map(|protection| OwnMapping::private(1, protection)),
            ),
            Leaves::Memory => std::mem::forget(vec![1u8; MEMORY_BYTES]),
            Leaves::PageTable => {
                let mut mapping = OwnMapping::reserve(PAGES_A_TABLE);
                mapping.open_page(0);
                mapping.touch(0);
                std::mem::forget(mapping);
            }
            Leaves::SharedMemory => {
                let mapping = OwnMapping::anonymous(1, Sharing::Shared);
                mapping.touch(0);
                std::mem::forget(mapping);
            }
            Leaves::ImageForNow => {
                let mut images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
                images.push(image);
                if images.len() == IMAGES_MAX {
                    images.clear();
                }
            }
            Leaves::NothingSlowly => std::thread::sleep(SLOW_DROP),
        }
    }
}

fn cannot(what: &str, error: std::io::Error) -> SubjectError {
    SubjectError::new(format!("cannot {what}: {error}"))
}

fn main() -> ExitCode {
    let code = leakbench_subject::main(&Offer::none("leaky 1.0.0"), Leaky::new);
    let is_subject = std::env::args().nth(1).as_deref() == Some("subject");
    match std::env::var(EXIT_STATUS).map(|status| status.parse::<u8>()) {
        Ok(Ok(status)) if is_subject => ExitCode::from(status),
        _ => code,
    }
}
