//! A driver with a planted fault: what each module leaves behind when it is dropped is named by the
//! variable `LEAKY_LEAVES`, and is a descriptor where that is not set. It runs no code, so it is to
//! be given a module of which nothing is called. What leakbench makes of its end is in
//! `tests/died_at.rs`, and what its gate makes of each fault in `tests/gate_planted/`.
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

/// Bytes of heap that a module leaves: less than malloc maps by itself.
const MEMORY_BYTES: usize = 64 << 10;
/// Pages that one page table is for.
const PAGES_A_TABLE: usize = 512;
/// Images that are kept before all of them are let go.
const IMAGES_MAX: usize = 100;
/// How long a drop takes that takes long.
const DROP_TAKES: Duration = Duration::from_millis(10);

/// What is left behind by each module.
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
    /// Nothing, after a while.
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
            SubjectError::new(format!("nobody knows how to leave {name:?} behind ({LEAVES})"))
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
        Err(SubjectError::new(format!("there is no export {export}: nothing is run here")))
    }

    fn drop_module(&self, Module { image, log }: Module) {
        match self.leaves {
            Leaves::Nothing => (),
            Leaves::Descriptor => std::mem::forget(log),
            // Neighbours alike would become one mapping.
            Leaves::Mappings => std::mem::forget(
                [ProtFlags::empty(), ProtFlags::WRITE].map(|may| OwnMapping::private(1, may)),
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
            Leaves::NothingSlowly => std::thread::sleep(DROP_TAKES),
        }
    }
}

fn cannot(what: &str, error: std::io::Error) -> SubjectError {
    SubjectError::new(format!("cannot {what}: {error}"))
}

fn main() -> ExitCode {
    leakbench_subject::main(&Offer::none("leaky 1.0.0"), Leaky::new)
}
