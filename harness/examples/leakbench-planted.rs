//! A driver that has every mode, with a leak planted in the one that the variable `PLANTED_LEAK` names: the
//! step that the mode is about keeps a descriptor of the module's image, or of another file if there is no
//! module. `PLANTED_OUTCOME` names a mode whose step has the wrong outcome, from the third module on. With
//! `PLANTED_POISON` it makes no module after it failed to make one. It runs no code, and answers calls with the stamp that
//! it finds in the binary. `tests/modes.rs` and `tests/faults.rs` test leakbench on it.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use leakbench_subject::{Mode, Offer, Outcome, Scenario, Subject, SubjectError};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};

/// Slots of the pool by default. A pool of as many counts its instances; its slots are nowhere mapped.
const SLOTS: u32 = 8;
/// Modules before the first wrong outcome: more than the preflight has.
const RIGHT_MODULES: u32 = 3;
/// Bytes of a generated module's image from its 25th on.
const FILLER: [u8; 8] = [25, 25, 27, 27, 29, 29, 31, 31];

/// Runtimes of this process. The first is that of the preflight, which leaves nothing behind.
static RUNTIMES: AtomicU32 = AtomicU32::new(0);

struct Planted {
    leak: Option<Mode>,
    wrong: Option<Mode>,
    slots: u32,
    instances: AtomicU32,
    /// Modules of the mode with the wrong outcome.
    wrong_modules: AtomicU32,
    /// No module can be made after one could not.
    is_poisonable: bool,
    is_poisoned: AtomicBool,
}

struct Module {
    mode: Mode,
    image: Arc<OwnedFd>,
    /// The number that its export returns, if it is a generated module.
    stamp: Option<i64>,
    instances: AtomicU32,
}

struct Instance {
    mode: Mode,
    image: Arc<OwnedFd>,
    stamp: Option<i64>,
}

impl Planted {
    fn new(scenario: &Scenario) -> Result<Planted, SubjectError> {
        let [leak, wrong] = ["PLANTED_LEAK", "PLANTED_OUTCOME"].map(|variable| {
            let Ok(name) = std::env::var(variable) else { return Ok(None) };
            name.parse::<Mode>().map(Some).map_err(|error| SubjectError::new(error.to_string()))
        });
        let is_preflight = RUNTIMES.fetch_add(1, Relaxed) == 0;
        Ok(Planted {
            leak: leak?.filter(|_| !is_preflight),
            wrong: wrong?,
            slots: scenario.slots.map_or(SLOTS, |slots| slots.get()),
            instances: AtomicU32::new(0),
            wrong_modules: AtomicU32::new(0),
            is_poisonable: std::env::var_os("PLANTED_POISON").is_some(),
            is_poisoned: AtomicBool::new(false),
        })
    }

    /// Keeps what the step has, if the leak is planted in its mode.
    fn leak(&self, mode: Mode, image: &Arc<OwnedFd>) {
        if self.leak == Some(mode) {
            std::mem::forget(image.clone());
        }
    }

    /// The outcome of a step that should have `right`.
    fn outcome(&self, mode: Mode, right: Outcome) -> Result<(), SubjectError> {
        let is_wrong = self.wrong == Some(mode)
            && right != Outcome::Done
            && self.wrong_modules.fetch_add(1, Relaxed) >= RIGHT_MODULES;
        match right {
            _ if is_wrong => Ok(()),
            Outcome::Done => Ok(()),
            _ => Err(SubjectError::new(format!("planted: {right}")).with_outcome(right)),
        }
    }

    fn instance(&self, module: &Module) -> Instance {
        self.instances.fetch_add(1, Relaxed);
        Instance { mode: module.mode, image: module.image.clone(), stamp: module.stamp }
    }
}

impl Subject for Planted {
    type Module = Module;
    type Instance = Instance;

    fn create_module(&self, binary: &[u8]) -> Result<Module, SubjectError> {
        self.create_module_as(Mode::Plain, binary)
    }

    fn create_module_as(&self, mode: Mode, binary: &[u8]) -> Result<Module, SubjectError> {
        if mode == Mode::Invalid && self.leak == Some(mode) {
            let file = File::open("/dev/null").map_err(|error| SubjectError::of(&error))?;
            std::mem::forget(file);
        }
        self.outcome(mode, mode.created())?;
        if self.is_poisoned.load(Relaxed) {
            return Err(SubjectError::new("planted: the lock is poisoned"));
        }
        let image = memfd_create(c"image", MemfdFlags::CLOEXEC)
            .and_then(|image| ftruncate(&image, 4096).map(|()| image))
            .map_err(|error| {
                self.is_poisoned.store(self.is_poisonable, Relaxed);
                SubjectError::of(&error)
            })?;
        let image = Arc::new(image);
        if matches!(mode, Mode::OwnEngine | Mode::FromFile) {
            self.leak(mode, &image);
        }
        let filler = binary.windows(FILLER.len()).position(|bytes| bytes == FILLER);
        let stamp = filler.and_then(|at| {
            let bytes = binary.get(at.checked_sub(24)?..)?.first_chunk::<8>()?;
            Some(i64::from_le_bytes(*bytes))
        });
        Ok(Module { mode, image, stamp, instances: AtomicU32::new(0) })
    }

    fn images(&self, module: &Module, show: &mut dyn FnMut(BorrowedFd<'_>)) {
        show(module.image.as_fd());
    }

    fn instantiate(&self, module: &Module) -> Result<Instance, SubjectError> {
        self.instantiate_as(Mode::Plain, module)
    }

    fn instantiate_as(&self, mode: Mode, module: &Module) -> Result<Instance, SubjectError> {
        // A module that makes no other instances than these is a long-lived one.
        let is_reuse = module.instances.fetch_add(1, Relaxed) > 0 && mode == Mode::Plain;
        self.leak(if is_reuse { Mode::Reuse } else { Mode::Plain }, &module.image);
        if mode == Mode::OutOfSlots && self.instances.load(Relaxed) >= self.slots {
            self.leak(mode, &module.image);
            self.outcome(mode, Outcome::NoSlot)?;
        }
        if mode.instantiated() != Outcome::Done {
            self.leak(mode, &module.image);
            self.outcome(mode, mode.instantiated())?;
        }
        Ok(self.instance(module))
    }

    fn instantiate_beside(
        &self,
        instance: &mut Instance,
        module: &Module,
    ) -> Result<(), SubjectError> {
        self.leak(Mode::OneStore, &module.image);
        instance.stamp = module.stamp;
        Ok(())
    }

    fn call(&self, instance: &mut Instance, _: &str) -> Result<Option<i64>, SubjectError> {
        if matches!(instance.mode, Mode::Trap | Mode::Grow) {
            self.leak(instance.mode, &instance.image);
        }
        self.outcome(instance.mode, instance.mode.called())?;
        Ok(instance.stamp)
    }

    fn drop_instance(&self, instance: Instance) {
        let is_worker = std::thread::current().name().is_some_and(|it| it.starts_with("worker"));
        if !is_worker {
            self.leak(Mode::DropElsewhere, &instance.image);
        }
        // The module has given up its own reference.
        if Arc::strong_count(&instance.image) == 1 {
            self.leak(Mode::ModuleFirst, &instance.image);
        }
        self.instances.fetch_sub(1, Relaxed);
    }
}

fn main() -> ExitCode {
    let offer = Offer {
        mode: Mode::ALL.to_vec(),
        slots: std::num::NonZeroU32::new(SLOTS),
        ..Offer::none("planted 1.0.0")
    };
    leakbench_subject::main(&offer, Planted::new)
}
