//! A driver with a planted leak: each dropped module leaves the object that the variable
//! `LEAKY_LEAVES` names, by default a descriptor. Its images are memfds, or what `LEAKY_IMAGE` names. It
//! runs no code, so give it a module without exports to call. `tests/died_at.rs` tests leakbench's findings on it, and `tests/gate_planted/`
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
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use leakbench_subject::{Offer, Scenario, Subject, SubjectError};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::ProtFlags;
use tempfile::{NamedTempFile, TempPath};

use crate::sys::{OwnMapping, Sharing, page};

const LEAVES: &str = "LEAKY_LEAVES";
/// The variable that names the kind of image.
const IMAGE: &str = "LEAKY_IMAGE";
/// The variable with the exit status of a subject after its run.
const EXIT_STATUS: &str = "LEAKY_EXIT_STATUS";

/// Bytes of heap that a module leaves: too few for malloc to map them separately.
const MEMORY_BYTES: usize = 64 << 10;
/// Pages that one page table covers.
const PAGES_A_TABLE: usize = 512;
/// Images that are kept before all of them are released.
const IMAGES_MAX: usize = 100;
/// Duration for which another thread keeps an image: longer than a drop, and shorter than a settle time.
const MOMENT: Duration = Duration::from_millis(2);
/// The same for the image of the preflight, which leakbench must not take for a leak of another one.
const PREFLIGHT_MOMENT: Duration = Duration::from_millis(300);
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
    /// A descriptor of its image.
    OpenImage,
    /// A mapping of its image.
    MappedImage,
    /// Its image, until there are [`IMAGES_MAX`] of them.
    ImageForNow,
    /// Its image, which another thread releases soon.
    ImageForAMoment,
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
            "open-image" => Leaves::OpenImage,
            "mapped-image" => Leaves::MappedImage,
            "image-for-now" => Leaves::ImageForNow,
            "image-for-a-moment" => Leaves::ImageForAMoment,
            "nothing-slowly" => Leaves::NothingSlowly,
            _ => return None,
        })
    }
}

/// The object that is an image.
#[derive(Clone, Copy)]
enum ImageObject {
    Memfd,
    /// A file without a name.
    File,
    /// A file that still has its name when it is shown.
    NamedFile,
}

impl ImageObject {
    fn named(name: &str) -> Option<ImageObject> {
        Some(match name {
            "memfd" => ImageObject::Memfd,
            "file" => ImageObject::File,
            "named-file" => ImageObject::NamedFile,
            _ => return None,
        })
    }

    fn make(self) -> std::io::Result<(OwnedFd, Option<TempPath>)> {
        // Some temporary folders are on overlayfs.
        let folder = Path::new("/dev/shm");
        let (image, path) = match self {
            ImageObject::Memfd => (memfd_create(c"image", MemfdFlags::CLOEXEC)?, None),
            ImageObject::File => (tempfile::tempfile_in(folder)?.into(), None),
            ImageObject::NamedFile => {
                let (file, path) = NamedTempFile::new_in(folder)?.into_parts();
                (file.into(), Some(path))
            }
        };
        ftruncate(&image, page() as u64)?;
        Ok((image, path))
    }
}

/// Runtimes of this process, the first of which is that of the preflight.
static RUNTIMES: AtomicU32 = AtomicU32::new(0);

struct Leaky {
    image: ImageObject,
    leaves: Leaves,
    images: Mutex<Vec<OwnedFd>>,
}

struct Module {
    image: OwnedFd,
    log: File,
    /// The name of the image's file, which ends with the module.
    _path: Option<TempPath>,
}

impl Leaky {
    fn new(_: &Scenario) -> Result<Leaky, SubjectError> {
        let leaves = named_by(LEAVES, "descriptor", Leaves::named)?;
        let is_preflight = RUNTIMES.fetch_add(1, Relaxed) == 0;
        // An image of the preflight would be one that leakbench does not know.
        let leaves = match leaves {
            Leaves::OpenImage | Leaves::MappedImage if is_preflight => Leaves::Nothing,
            leaves => leaves,
        };
        let image = named_by(IMAGE, "memfd", ImageObject::named)?;
        Ok(Leaky { image, leaves, images: Mutex::default() })
    }
}

impl Subject for Leaky {
    type Module = Module;
    type Instance = ();

    fn create_module(&self, _: &[u8]) -> Result<Module, SubjectError> {
        let (image, path) = self.image.make().map_err(|error| cannot("make an image", error))?;
        let log = File::open("/dev/null").map_err(|error| cannot("open a log", error))?;
        Ok(Module { image, log, _path: path })
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

    fn drop_module(&self, Module { image, log, _path }: Module) {
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
            Leaves::OpenImage => std::mem::forget(image),
            Leaves::MappedImage => {
                std::mem::forget(OwnMapping::file(&image, 0, 1, Sharing::Private));
            }
            Leaves::ImageForNow => {
                let mut images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
                images.push(image);
                if images.len() == IMAGES_MAX {
                    images.clear();
                }
            }
            Leaves::ImageForAMoment => {
                // Only the preflight has made one runtime, and leakbench waits longer for its image.
                let is_preflight = RUNTIMES.load(Relaxed) == 1;
                let moment = if is_preflight { PREFLIGHT_MOMENT } else { MOMENT };
                let release = move || {
                    std::thread::sleep(moment);
                    drop(image);
                };
                std::thread::spawn(release);
            }
            Leaves::NothingSlowly => std::thread::sleep(SLOW_DROP),
        }
    }
}

/// The value that the variable names, which has a default.
fn named_by<T>(
    variable: &str,
    default: &str,
    named: impl Fn(&str) -> Option<T>,
) -> Result<T, SubjectError> {
    let name = std::env::var(variable).unwrap_or_else(|_| default.to_owned());
    named(&name)
        .ok_or_else(|| SubjectError::new(format!("{variable} is {name:?}, which names nothing")))
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
