//! Wasmtime of any version as a subject.

use std::cell::Cell;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use leakbench_subject::{
    Compile, Feature, Mode, NewMemfds, Outcome, Scenario, Slab, Slabs, Subject, SubjectError,
};
use tempfile::NamedTempFile;
use wasmtime::{
    Config, Engine, Extern, Linker, OptLevel, Store, StoreLimits, StoreLimitsBuilder, Val,
};

use super::artifacts::Artifacts;
use super::binary::Binary;
use super::reservation::Reservation;
use super::sys;
use crate::{version, wasi};

/// Fuel of each instance: more than a guest consumes.
const FUEL: u64 = 1 << 40;
/// Epochs of each instance. None ends during a run.
const EPOCHS: u64 = 1 << 40;

/// An engine with its artifacts.
pub(crate) struct Runtime {
    /// To make an engine for a module of its own.
    config: Config,
    engine: Engine,
    /// The functions of WASI, if modules come from files. It reports a missing import by name.
    linker: Linker<Host>,
    /// `None` to compile each module.
    artifacts: Option<Artifacts>,
    memfds: NewMemfds,
    slab: Option<Slab>,
    scenario: Scenario,
}

/// What a store keeps for its guest.
pub(crate) struct Host {
    limits: StoreLimits,
    /// Of a module from a file.
    pub(crate) wasi: Option<wasi::Wasi>,
}

/// A module, with its images until they are shown.
pub(crate) struct Module {
    module: wasmtime::Module,
    /// Its linker, if it has an engine of its own, or unknown imports.
    own_linker: Option<Linker<Host>>,
    new_images: Cell<Vec<OwnedFd>>,
}

/// An instance in a store of its own, as in a host that serves requests.
pub(crate) struct Instance {
    store: Store<Host>,
    instance: wasmtime::Instance,
}

impl Runtime {
    /// An engine of this configuration. As in leakbench's own runtime, generated guests are compiled without
    /// optimization. `pool` is the layout of its pool, if it has one.
    ///
    /// # Errors
    /// The pool does not fit the address space, or `/proc` cannot be read.
    pub(crate) fn new(
        mut config: Config,
        scenario: &Scenario,
        pool: Option<Reservation>,
    ) -> Result<Runtime, SubjectError> {
        if scenario.wasm.is_empty() {
            config.cranelift_opt_level(OptLevel::None);
        }
        config.consume_fuel(scenario.has(Feature::Fuel));
        config.epoch_interruption(scenario.has(Feature::Epochs));
        let engine = with_causes(Engine::new(&config))?;
        let linker = linker(&engine, scenario)?;
        let artifacts = (scenario.compile != Some(Compile::Fresh)).then(Artifacts::new);
        let memfds = with_causes(NewMemfds::new())?;
        let slab = match pool {
            Some(pool) => pool.find(&with_causes(std::fs::read_to_string("/proc/self/maps"))?),
            None => None,
        };
        let scenario = scenario.clone();
        Ok(Runtime { config, engine, linker, artifacts, memfds, slab, scenario })
    }

    /// The module of a binary, made as the scenario says.
    fn module(&self, binary: &Binary<'_>) -> Result<wasmtime::Module, SubjectError> {
        let Some(artifacts) = &self.artifacts else {
            return with_causes(wasmtime::Module::from_binary(&self.engine, binary.bytes()));
        };
        let compile = |bytes: &[u8]| self.engine.precompile_module(bytes);
        let artifact = with_causes(artifacts.artifact(binary, compile))?;
        with_causes(sys::deserialize(&self.engine, &artifact))
    }

    /// The module of a file with the artifact of a binary. The file has no name afterwards.
    fn module_from_file(
        &self,
        binary: &Binary<'_>,
    ) -> Result<(wasmtime::Module, File), SubjectError> {
        let artifacts = self.artifacts.as_ref().ok_or_else(|| {
            SubjectError::new("a file has an artifact: leave out --compile fresh")
        })?;
        let compile = |bytes: &[u8]| self.engine.precompile_module(bytes);
        let artifact = with_causes(artifacts.artifact(binary, compile))?;
        let written = (|| -> io::Result<NamedTempFile> {
            let mut file = NamedTempFile::new()?;
            file.write_all(artifact.bytes())?;
            Ok(file)
        })();
        let written = written.map_err(|error| {
            SubjectError::new(format!("cannot write an artifact into TMPDIR: {error}"))
        })?;
        let module = with_causes(sys::deserialize_file(&self.engine, &written))?;
        let (file, path) = written.into_parts();
        with_causes(path.close())?;
        Ok((module, file))
    }

    /// Makes the image of a module, which the first instantiation would make among other descriptors,
    /// and finds it. `file` is what the module was loaded from.
    fn with_images(
        &self,
        module: wasmtime::Module,
        own_linker: Option<Linker<Host>>,
        file: Option<File>,
        memories: usize,
    ) -> Result<Module, SubjectError> {
        let own_linker = match self.scenario.trap_unknown_imports {
            Some(true) => {
                let mut linker = own_linker.unwrap_or_else(|| self.linker.clone());
                with_causes(linker.define_unknown_imports_as_traps(&module))?;
                Some(linker)
            }
            _ => own_linker,
        };
        let make = || module.initialize_copy_on_write_image();
        let (made, found) = self.memfds.during(memories, make);
        with_causes(made)?;
        let mut images = found.map_err(|error| {
            SubjectError::new(format!("cannot find the module's image: {error}"))
        })?;
        images.extend(file.map(OwnedFd::from));
        Ok(Module { module, own_linker, new_images: Cell::new(images) })
    }

    fn store(&self, module: &Module, limits: StoreLimits) -> Result<Store<Host>, SubjectError> {
        let wasi = wasi::context(&self.scenario, module.module.name().unwrap_or("guest"))?;
        let mut store = Store::new(module.module.engine(), Host { limits, wasi });
        if self.scenario.has(Feature::Fuel) {
            with_causes(version::set_fuel(&mut store, FUEL))?;
        }
        if self.scenario.has(Feature::Epochs) {
            store.set_epoch_deadline(EPOCHS);
        }
        Ok(store)
    }

    fn instance(
        &self,
        store: &mut Store<Host>,
        module: &Module,
    ) -> Result<wasmtime::Instance, SubjectError> {
        let linker = module.own_linker.as_ref().unwrap_or(&self.linker);
        with_causes(match self.scenario.has(Feature::AsyncStack) {
            true => version::instantiate_on_fiber(linker, store, &module.module),
            false => linker.instantiate(store, &module.module),
        })
    }
}

/// The host's functions for modules of an engine.
fn linker(engine: &Engine, scenario: &Scenario) -> Result<Linker<Host>, SubjectError> {
    let mut linker = Linker::new(engine);
    if !scenario.wasm.is_empty() {
        with_causes(wasi::add_to_linker(&mut linker))?;
    }
    Ok(linker)
}

impl Subject for Runtime {
    type Module = Module;
    type Instance = Instance;

    fn create_module(&self, bytes: &[u8]) -> Result<Module, SubjectError> {
        let binary = Binary::new(bytes);
        self.with_images(self.module(&binary)?, None, None, binary.memories())
    }

    fn create_module_as(&self, mode: Mode, bytes: &[u8]) -> Result<Module, SubjectError> {
        let binary = Binary::new(bytes);
        match mode {
            Mode::OwnEngine => {
                let engine = with_causes(Engine::new(&self.config))?;
                let module = with_causes(wasmtime::Module::from_binary(&engine, bytes))?;
                let linker = linker(&engine, &self.scenario)?;
                self.with_images(module, Some(linker), None, binary.memories())
            }
            Mode::FromFile => {
                let (module, file) = self.module_from_file(&binary)?;
                self.with_images(module, None, Some(file), binary.memories())
            }
            _ => self.create_module(bytes),
        }
    }

    fn images(&self, module: &Module, show: &mut dyn FnMut(BorrowedFd<'_>)) {
        for image in module.new_images.take() {
            show(image.as_fd());
        }
    }

    fn instantiate(&self, module: &Module) -> Result<Instance, SubjectError> {
        let mut store = self.store(module, StoreLimits::default())?;
        let instance = self.instance(&mut store, module)?;
        Ok(Instance { store, instance })
    }

    fn instantiate_as(&self, mode: Mode, module: &Module) -> Result<Instance, SubjectError> {
        if mode != Mode::Limit {
            return self.instantiate(module);
        }
        let mut store = self.store(module, StoreLimitsBuilder::new().memory_size(1).build())?;
        store.limiter(|host| &mut host.limits);
        let instance = self.instance(&mut store, module)?;
        Ok(Instance { store, instance })
    }

    fn instantiate_beside(
        &self,
        Instance { store, instance }: &mut Instance,
        module: &Module,
    ) -> Result<(), SubjectError> {
        *instance = self.instance(store, module)?;
        Ok(())
    }

    fn call(&self, instance: &mut Instance, export: &str) -> Result<Option<i64>, SubjectError> {
        let Instance { store, instance } = instance;
        let Some(Extern::Func(func)) = instance.get_export(&mut *store, export) else {
            let missing = format!("the module exports no function '{export}' to invoke");
            return Err(SubjectError::new(missing));
        };
        let ty = func.ty(&*store);
        if ty.params().len() != 0 {
            return Err(SubjectError::new(format!(
                "the exported function '{export}' takes {} parameter(s) and can be invoked only \
                 with none",
                ty.params().len()
            )));
        }
        let mut results = vec![Val::I32(0); ty.results().len()];
        let called = match self.scenario.has(Feature::AsyncStack) {
            true => version::call_on_fiber(&func, store, &mut results),
            false => func.call(store, &[], &mut results),
        };
        match called {
            Err(error) if wasi::has_exited(&error) => return Ok(None),
            called => with_causes(called)?,
        }
        Ok(match results[..] {
            [Val::I32(result)] => Some(result.into()),
            [Val::I64(result)] => Some(result),
            _ => None,
        })
    }

    fn slabs(&self) -> Slabs {
        Slabs::new(self.slab.into_iter().collect())
    }
}

/// Converts an error of any version of Wasmtime, with its causes on one line.
pub(crate) fn with_causes<T>(result: Result<T, impl Display>) -> Result<T, SubjectError> {
    result.map_err(|error| {
        let text = format!("{error:#}");
        let words: Vec<&str> = text.split_whitespace().collect();
        let text = words.join(" ");
        let outcome = outcome(&text);
        SubjectError::new(text).with_outcome(outcome)
    })
}

/// The outcome of a step with this error. Its types differ between versions, and its words do not.
fn outcome(error: &str) -> Outcome {
    let known = [
        ("wasm trap: ", Outcome::Trap),
        ("out of bounds memory access", Outcome::Trap),
        ("unknown import: ", Outcome::MissingImport),
        ("maximum concurrent ", Outcome::NoSlot),
        ("concurrent instances has been reached", Outcome::NoSlot),
        ("exceeds memory limits", Outcome::Limit),
        ("Invalid input WebAssembly code", Outcome::Invalid),
    ];
    let found = known.into_iter().find(|(words, _)| error.contains(words));
    found.map_or(Outcome::Failed, |(_, outcome)| outcome)
}
