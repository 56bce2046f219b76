//! The built-in runtime with plants: objects that it keeps on purpose in cycles at random, so that the
//! judge of leakbench can be tested against a known truth.

mod ballast;
mod kept;

use std::num::NonZeroU32;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use leakbench_runtime::allocator::{PurgeFault, PurgeFaultKind};
use leakbench_scenarios::{Mode, Outcome, Plant, Scenario};
use leakbench_subject::{Slabs, SlotState, Subject, SubjectError};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use self::ballast::Ballast;
use self::kept::Kept;
use super::builtin::{Builtin, BuiltinInstance, BuiltinModule};
use super::truth::Truth;

/// The built-in runtime with the plants of its scenario.
#[derive(Debug)]
pub(crate) struct Planted {
    runtime: Builtin,
    plants: Vec<Planting>,
    seed: u64,
    failure: Mutex<Option<SubjectError>>,
}

/// One plant, with its choice of cycles.
#[derive(Debug)]
struct Planting {
    plant: Plant,
    /// It keeps something in one of so many steps on average.
    one_in: NonZeroU32,
    /// Steps so far in which it could have kept something.
    steps: AtomicU64,
    kept: Mutex<Kept>,
}

impl Planted {
    /// Builds the runtime. The one that only tries the guests has no plants.
    ///
    /// # Errors
    /// As [`Builtin::new`].
    pub(crate) fn new(scenario: &Scenario, is_preflight: bool) -> Result<Planted, SubjectError> {
        let plants: &[Plant] = if is_preflight { &[] } else { &scenario.plant };
        let purge_fault = plants.iter().find_map(|plant| purge_fault(*plant, scenario));
        let plants = plants.iter().map(|plant| Planting {
            plant: *plant,
            one_in: plant.one_in(scenario.cycles),
            steps: AtomicU64::new(0),
            kept: Mutex::new(Kept::new(*plant)),
        });
        Ok(Planted {
            runtime: Builtin::new(scenario, purge_fault)?,
            plants: plants.collect(),
            seed: scenario.seed,
            failure: Mutex::new(None),
        })
    }

    /// The plants that keep something in this step, of those that `can`.
    fn chosen(&self, can: impl Fn(Plant) -> bool) -> impl Iterator<Item = &Planting> {
        self.plants.iter().filter(move |planting| can(planting.plant)).filter(|planting| {
            let step = planting.steps.fetch_add(1, Relaxed);
            let mut rng = SmallRng::seed_from_u64(self.seed.rotate_left(32) ^ step);
            rng.random_ratio(1, planting.one_in.get())
        })
    }

    /// Keeps a descriptor after a step that failed as its mode expects.
    fn after_failure(&self, expected: Outcome, error: &SubjectError) {
        if expected == Outcome::Done || error.outcome() != expected {
            return;
        }
        for planting in self.chosen(|plant| plant == Plant::DescriptorOnError) {
            self.keep(planting, |kept| kept.keep_other());
        }
    }

    fn truth(&self) -> Truth {
        let mut truth = Truth::default();
        for planting in &self.plants {
            let kept = planting.kept();
            truth.kept += kept.count;
            truth.images += if is_of_an_image(planting.plant) { kept.images() } else { 0 };
            drop(kept);
            if planting.plant.is_of_the_purge() {
                truth.kept += self.runtime.purge_faults();
                truth.images += self.runtime.images_in_slots();
            }
            if planting.plant == Plant::MappingLimit {
                // Each still maps the image that it could not unmap.
                let mut states = Vec::new();
                self.runtime.slot_states(&mut states);
                truth.images +=
                    states.iter().filter(|state| **state == SlotState::Unknown).count() as u64;
            }
        }
        truth
    }

    fn keep(&self, planting: &Planting, keep: impl FnOnce(&mut Kept) -> std::io::Result<()>) {
        if let Err(error) = keep(&mut planting.kept()) {
            let message = format!("cannot keep {}: {error}", planting.plant);
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert(SubjectError::new(message));
        }
    }
}

impl Planting {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The fault of the pool that is this plant.
fn purge_fault(plant: Plant, scenario: &Scenario) -> Option<PurgeFault> {
    let kind = match plant {
        Plant::SkippedPurge => PurgeFaultKind::Skip,
        Plant::MissedSlot => PurgeFaultKind::MissOne,
        Plant::WrongPurge => PurgeFaultKind::OtherModule,
        Plant::LateFlush => PurgeFaultKind::FlushAfter,
        _ => return None,
    };
    Some(PurgeFault { kind, one_in: plant.one_in(scenario.cycles), seed: scenario.seed })
}

/// True if it keeps a reference to the image of a module that is dropped.
fn is_of_an_image(plant: Plant) -> bool {
    use Plant::{
        ImageDescriptor, ImageInChild, ImageInFlight, ImageLate, ImageMapping, ImageQueue,
        ImageVeryLate,
    };
    matches!(
        plant,
        ImageDescriptor
            | ImageQueue
            | ImageMapping
            | ImageInFlight
            | ImageInChild
            | ImageLate
            | ImageVeryLate
    )
}

/// True if it keeps an object that has nothing to do with images when a module is dropped.
fn is_of_a_drop(plant: Plant) -> bool {
    use Plant::{DescriptorOnError, Engine, MappingLimit, RenumberedDescriptor, WasiContext};
    let is_elsewhere = matches!(
        plant,
        DescriptorOnError | Engine | MappingLimit | RenumberedDescriptor | WasiContext
    );
    !is_elsewhere && !is_of_an_image(plant) && !plant.is_of_the_purge()
}

impl Subject for Planted {
    type Module = BuiltinModule;
    type Instance = BuiltinInstance;

    fn create_module(&self, binary: &[u8]) -> Result<BuiltinModule, SubjectError> {
        self.create_module_as(Mode::Plain, binary)
    }

    fn create_module_as(&self, mode: Mode, binary: &[u8]) -> Result<BuiltinModule, SubjectError> {
        let made = self.runtime.create_module_as(mode, binary);
        made.inspect_err(|error| self.after_failure(mode.created(), error))
    }

    fn images(&self, module: &BuiltinModule, show: &mut dyn FnMut(BorrowedFd<'_>)) {
        self.runtime.images(module, show);
    }

    fn instantiate(&self, module: &BuiltinModule) -> Result<BuiltinInstance, SubjectError> {
        self.instantiate_as(Mode::Plain, module)
    }

    fn instantiate_as(
        &self,
        mode: Mode,
        module: &BuiltinModule,
    ) -> Result<BuiltinInstance, SubjectError> {
        let expected = match mode {
            Mode::OutOfSlots => Outcome::NoSlot,
            mode => mode.instantiated(),
        };
        let made = self.runtime.instantiate_as(mode, module);
        made.inspect_err(|error| self.after_failure(expected, error))
    }

    fn instantiate_beside(
        &self,
        instance: &mut BuiltinInstance,
        module: &BuiltinModule,
    ) -> Result<(), SubjectError> {
        self.runtime.instantiate_beside(instance, module)
    }

    fn call(
        &self,
        instance: &mut BuiltinInstance,
        export: &str,
    ) -> Result<Option<i64>, SubjectError> {
        for planting in self.chosen(|plant| plant == Plant::RenumberedDescriptor) {
            if let Some(context) = instance.context() {
                planting.kept().count += 1;
                context.forget_replaced_descriptors();
            }
        }
        let called = self.runtime.call(instance, export);
        // The only outcome of a call that a mode expects.
        called.inspect_err(|error| self.after_failure(Outcome::Trap, error))
    }

    fn drop_instance(&self, mut instance: BuiltinInstance) {
        for planting in self.chosen(|plant| plant == Plant::WasiContext) {
            if let Some(context) = instance.take_context() {
                planting.kept().count += 1;
                std::mem::forget(context);
            }
        }
        self.runtime.drop_instance(instance);
    }

    fn drop_module(&self, module: BuiltinModule) {
        for planting in self.chosen(is_of_an_image) {
            self.runtime.images(&module, &mut |image| {
                self.keep(planting, |kept| kept.keep_image(image));
            });
        }
        for planting in self.chosen(is_of_a_drop) {
            self.keep(planting, |kept| kept.keep_other());
        }
        for planting in self.chosen(|plant| plant == Plant::Engine) {
            if let Some(engine) = module.own_engine() {
                planting.kept().count += 1;
                std::mem::forget(engine.clone());
            }
        }
        let mut ballast = None;
        for planting in self.chosen(|plant| plant == Plant::MappingLimit) {
            self.keep(planting, |kept| {
                kept.count += 1;
                ballast = Some(Ballast::of_all_mappings()?);
                Ok(())
            });
        }
        self.runtime.drop_module(module);
        drop(ballast);
    }

    fn slabs(&self) -> Slabs {
        self.runtime.slabs()
    }

    fn slot_states(&self, states: &mut Vec<SlotState>) {
        self.runtime.slot_states(states);
    }

    fn failure(&self) -> Option<SubjectError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn shut_down(&self) -> Result<(), SubjectError> {
        if self.plants.is_empty() {
            return Ok(());
        }
        self.truth().record().map_err(|error| SubjectError::new(error.to_string()))
    }

    fn reset_failures(&self) -> u64 {
        self.runtime.reset_failures()
    }

    fn guest_descriptors(&self) -> Option<u64> {
        self.runtime.guest_descriptors()
    }
}
