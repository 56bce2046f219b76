//! The built-in Cranelift runtime as a subject.

use std::os::fd::BorrowedFd;
use std::sync::Arc;

use leakbench_runtime::allocator::{Pool, PoolConfig, PoolError, PurgeFault};
use leakbench_runtime::{
    Config, Engine, Error, Instance, LinkError, Linker, Memories, Module, OptLevel,
    RegallocAlgorithm, Store, StoreLimits, Val, ValType,
};
use leakbench_scenarios::{Compile, Feature, Mode, Outcome, Scenario};
use leakbench_wasi::{Exit, OpenDescriptors, WasiCtx, add_to_linker};

use leakbench_runtime::allocator::AllocError;
use leakbench_subject::{Slabs, SlotState, Subject, SubjectError};

use super::sys::{FileError, module_from_file};
use crate::wasm::{World, import_advice};

/// Fuel of each instance: more than a guest consumes.
const FUEL: u64 = 1 << 40;
/// Epochs of each instance. None ends during a run.
const EPOCHS: u64 = 1 << 40;

/// The built-in runtime, configured by a scenario.
#[derive(Debug)]
pub(super) struct Builtin {
    /// To make an engine for a module of its own.
    config: Config,
    engine: Engine,
    /// The functions of WASI, if modules come from files. It reports a missing import by name.
    linker: Linker<Option<WasiCtx>>,
    /// Whether a module may import functions that nothing provides.
    trap_unknown_imports: bool,
    /// What instances of such modules see of the host. Their streams lead nowhere.
    world: Option<World>,
    guest_descriptors: OpenDescriptors,
    pool: Arc<Pool>,
}

/// A module, with a linker of its own if it has an engine of its own, or unknown imports.
pub(crate) struct BuiltinModule {
    module: Module,
    own_linker: Option<Linker<Option<WasiCtx>>>,
}

/// An instance in a store of its own, as in a host that serves requests.
pub(crate) struct BuiltinInstance {
    store: Store<Option<WasiCtx>>,
    instance: Instance,
}

impl BuiltinInstance {
    /// Its guest's part of the host, if it has WASI.
    pub(super) fn context(&mut self) -> Option<&mut WasiCtx> {
        self.store.data_mut().as_mut()
    }

    /// Takes what its guest has of the host, if it has WASI.
    pub(super) fn take_context(&mut self) -> Option<WasiCtx> {
        self.store.data_mut().take()
    }
}

impl BuiltinModule {
    /// Its engine, unless it shares the runtime's.
    pub(super) fn own_engine(&self) -> Option<&Engine> {
        self.own_linker.is_some().then(|| self.module.engine())
    }
}

impl Builtin {
    /// Builds the runtime.
    ///
    /// # Errors
    /// The pool does not fit the address space or `vm.max_map_count`.
    pub(super) fn new(
        scenario: &Scenario,
        purge_fault: Option<PurgeFault>,
    ) -> Result<Builtin, SubjectError> {
        let pool = pool_config(scenario, purge_fault)
            .ok_or_else(|| SubjectError::new("the scenario is for another runtime"))?;
        // A run has only the threads of its scenario.
        let memories = match scenario.has_pool() {
            true => Memories::Pooled,
            false => Memories::OnDemand,
        };
        let mut config =
            Config { pool, memories, parallel_compilation: false, ..Config::default() };
        if scenario.wasm.is_empty() {
            // Generated guests are compiled to be dropped at once.
            config.opt_level = OptLevel::None;
            config.regalloc_algorithm = RegallocAlgorithm::SinglePass;
        }
        config.consume_fuel(scenario.has(Feature::Fuel));
        config.epoch_interruption(scenario.has(Feature::Epochs));
        if scenario.compile == Some(Compile::Fresh) {
            config.code_cache_modules = None;
        }
        let engine = Engine::new(&config).map_err(failed)?;
        let pool = engine.pool().clone();
        let world = (!scenario.wasm.is_empty()).then(|| World {
            dirs: scenario.dir.clone(),
            env: scenario.env.clone(),
            args: scenario.arg.iter().map(Into::into).collect(),
        });
        let linker = linker(&engine, world.as_ref())?;
        let guest_descriptors = OpenDescriptors::default();
        let trap_unknown_imports = scenario.trap_unknown_imports == Some(true);
        Ok(Builtin { config, engine, linker, trap_unknown_imports, world, guest_descriptors, pool })
    }

    /// The number of images that slots map which are free or queued.
    pub(super) fn images_in_slots(&self) -> u64 {
        let mut modules = Vec::new();
        self.pool.mapped_modules(&mut modules);
        modules.sort_unstable();
        modules.dedup();
        modules.len() as u64
    }

    /// The number of purges that went wrong on purpose.
    pub(super) fn purge_faults(&self) -> u64 {
        self.pool.stats().purge_faults
    }

    /// A module with the linker of its engine; `None` for the runtime's.
    fn linked(
        &self,
        module: Module,
        own_linker: Option<Linker<Option<WasiCtx>>>,
    ) -> Result<BuiltinModule, SubjectError> {
        if !self.trap_unknown_imports {
            return Ok(BuiltinModule { module, own_linker });
        }
        let mut linker = own_linker.unwrap_or_else(|| self.linker.clone());
        linker.define_unknown_imports_as_traps(&module).map_err(failed)?;
        Ok(BuiltinModule { module, own_linker: Some(linker) })
    }

    fn linker_of<'a>(&'a self, module: &'a BuiltinModule) -> &'a Linker<Option<WasiCtx>> {
        module.own_linker.as_ref().unwrap_or(&self.linker)
    }
}

/// The host's functions for modules of an engine.
fn linker(engine: &Engine, world: Option<&World>) -> Result<Linker<Option<WasiCtx>>, SubjectError> {
    let mut linker = Linker::new(engine);
    if world.is_some() {
        let context: fn(&mut Option<WasiCtx>) -> &mut WasiCtx =
            |data| data.as_mut().expect("each module of a file has a context");
        add_to_linker(&mut linker, context).map_err(failed)?;
    }
    Ok(linker)
}

/// `None` if the scenario lacks a choice that `Offer::builtin` has.
fn pool_config(scenario: &Scenario, purge_fault: Option<PurgeFault>) -> Option<PoolConfig> {
    Some(PoolConfig {
        slots: scenario.slots?,
        strategy: scenario.strategy?,
        warm_slots: scenario.warm_slots?,
        on_drop: scenario.on_drop?,
        decommit_batch: scenario.decommit_batch?,
        flush_on_drop: scenario.flush_on_drop?,
        image: scenario.image?,
        seed: scenario.seed,
        purge_fault,
    })
}

fn failed(error: Error) -> SubjectError {
    let outcome = match &error {
        Error::Module(_) => Outcome::Invalid,
        Error::Trap(_) => Outcome::Trap,
        Error::Link(error) if matches!(**error, LinkError::Unknown { .. }) => {
            Outcome::MissingImport
        }
        Error::Memory(AllocError::PoolExhausted { .. }) => Outcome::NoSlot,
        Error::Limit(_) => Outcome::Limit,
        _ => Outcome::Failed,
    };
    let error = match &error {
        // Fewer slots would do.
        Error::Pool(PoolError::AddressSpace { fits: 1.., .. }) => {
            SubjectError::new(error.to_string())
        }
        Error::Link(_) => SubjectError::new(format!("{error}{}", import_advice(&error))),
        _ => SubjectError::of(&error),
    };
    error.with_outcome(outcome)
}

impl Subject for Builtin {
    type Module = BuiltinModule;
    type Instance = BuiltinInstance;

    fn create_module(&self, binary: &[u8]) -> Result<BuiltinModule, SubjectError> {
        self.linked(Module::new(&self.engine, binary).map_err(failed)?, None)
    }

    fn create_module_as(&self, mode: Mode, binary: &[u8]) -> Result<BuiltinModule, SubjectError> {
        match mode {
            Mode::OwnEngine => {
                let engine = Engine::new(&self.config).map_err(failed)?;
                let module = Module::new(&engine, binary).map_err(failed)?;
                self.linked(module, Some(linker(&engine, self.world.as_ref())?))
            }
            Mode::FromFile => {
                let module =
                    module_from_file(&self.engine, binary).map_err(|error| match error {
                        FileError::Compile(error) => failed(error),
                        error => SubjectError::of(&error),
                    })?;
                self.linked(module, None)
            }
            _ => self.create_module(binary),
        }
    }

    fn images(&self, module: &BuiltinModule, show: &mut dyn FnMut(BorrowedFd<'_>)) {
        if let Some(fd) = module.module.image().and_then(|image| image.as_fd()) {
            show(fd);
        }
    }

    fn instantiate(&self, module: &BuiltinModule) -> Result<BuiltinInstance, SubjectError> {
        self.instantiate_as(Mode::Plain, module)
    }

    fn instantiate_as(
        &self,
        mode: Mode,
        module: &BuiltinModule,
    ) -> Result<BuiltinInstance, SubjectError> {
        let linker = self.linker_of(module);
        let module = &module.module;
        let context = self.world.as_ref().map(|world| {
            let name = module.name().unwrap_or("guest");
            world.context(name.as_bytes())?.counted_by(&self.guest_descriptors).build()
        });
        let context = context.transpose().map_err(|error| SubjectError::of(&error))?;
        let mut store = Store::new(module.engine(), context);
        if mode == Mode::Limit {
            store.set_limits(StoreLimits { memory_bytes: Some(1), ..StoreLimits::default() });
        }
        if self.config.consume_fuel {
            store.set_fuel(FUEL).map_err(failed)?;
        }
        if self.config.epoch_interruption {
            store.set_epoch_deadline(EPOCHS);
        }
        let instance = linker.instantiate(&mut store, module).map_err(failed)?;
        Ok(BuiltinInstance { store, instance })
    }

    fn instantiate_beside(
        &self,
        instance: &mut BuiltinInstance,
        module: &BuiltinModule,
    ) -> Result<(), SubjectError> {
        let BuiltinInstance { store, instance } = instance;
        *instance = self.linker_of(module).instantiate(store, &module.module).map_err(failed)?;
        Ok(())
    }

    fn call(
        &self,
        instance: &mut BuiltinInstance,
        export: &str,
    ) -> Result<Option<i64>, SubjectError> {
        let BuiltinInstance { store, instance } = instance;
        let module = instance.module(&*store);
        let ty = module.exported_func(export).ok_or_else(|| {
            SubjectError::new(format!("the module exports no function '{export}' to invoke"))
        })?;
        if !ty.params().is_empty() {
            return Err(SubjectError::new(format!(
                "the exported function '{export}' takes {} parameter(s) and can be invoked only \
                 with none: it is a {ty}",
                ty.params().len()
            )));
        }
        if let [ValType::I64] = ty.results() {
            let func = instance.get_typed_func::<(), i64>(&*store, export).map_err(failed)?;
            return func.call(store, ()).map(Some).map_err(failed);
        }
        let mut results = vec![Val::I32(0); ty.results().len()];
        let func = instance.get_func(&*store, export).expect("the module exports this function");
        match func.call(store, &[], &mut results) {
            Err(error) if error.downcast_ref() == Some(&Exit(0)) => return Ok(None),
            ended => ended.map_err(failed)?,
        }
        Ok(match results[..] {
            [Val::I32(result)] => Some(result.into()),
            _ => None,
        })
    }

    fn slabs(&self) -> Slabs {
        self.pool.geometry().slabs().clone()
    }

    fn slot_states(&self, states: &mut Vec<SlotState>) {
        let mut uses = Vec::new();
        self.pool.slot_uses(&mut uses);
        states.clear();
        states.extend(uses.into_iter().map(|slot| slot.state));
    }

    fn reset_failures(&self) -> u64 {
        let stats = self.pool.stats();
        stats.reset_failures + stats.purge_failures
    }

    fn guest_descriptors(&self) -> Option<u64> {
        self.world.as_ref().map(|_| self.guest_descriptors.count())
    }
}
