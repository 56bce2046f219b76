//! Wasmtime of any version as a subject.

use std::cell::Cell;
use std::fmt::Display;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use leakbench_subject::{Compile, NewMemfds, Slab, Slabs, Subject, SubjectError};
use wasmtime::{Config, Engine, Extern, Linker, OptLevel, Store, Val};

use super::artifacts::Artifacts;
use super::binary::Binary;
use super::reservation::Reservation;
use super::sys;

/// An engine with its artifacts.
pub(crate) struct Runtime {
    engine: Engine,
    /// Without definitions: it reports a missing import by name.
    linker: Linker<()>,
    /// `None` to compile each module.
    artifacts: Option<Artifacts>,
    memfds: NewMemfds,
    slab: Option<Slab>,
}

/// A module, with its images until they are shown.
pub(crate) struct Module {
    module: wasmtime::Module,
    new_images: Cell<Vec<OwnedFd>>,
}

/// An instance in a store of its own, as in a host that serves requests.
pub(crate) struct Instance {
    store: Store<()>,
    instance: wasmtime::Instance,
}

impl Runtime {
    /// An engine of this configuration, without optimization, as in leakbench's own runtime. `pool` is
    /// the layout of its pool, if it has one.
    ///
    /// # Errors
    /// The pool does not fit the address space, or `/proc` cannot be read.
    pub(crate) fn new(
        mut config: Config,
        compile: Option<Compile>,
        pool: Option<Reservation>,
    ) -> Result<Runtime, SubjectError> {
        config.cranelift_opt_level(OptLevel::None);
        let engine = with_causes(Engine::new(&config))?;
        let linker = Linker::new(&engine);
        let artifacts = (compile != Some(Compile::Fresh)).then(Artifacts::new);
        let memfds = with_causes(NewMemfds::new())?;
        let slab = match pool {
            Some(pool) => pool.find(&with_causes(std::fs::read_to_string("/proc/self/maps"))?),
            None => None,
        };
        Ok(Runtime { engine, linker, artifacts, memfds, slab })
    }
}

impl Subject for Runtime {
    type Module = Module;
    type Instance = Instance;

    fn create_module(&self, bytes: &[u8]) -> Result<Module, SubjectError> {
        let binary = Binary::new(bytes);
        let module = match &self.artifacts {
            None => with_causes(wasmtime::Module::from_binary(&self.engine, bytes))?,
            Some(artifacts) => {
                let compile = |bytes: &[u8]| self.engine.precompile_module(bytes);
                let artifact = with_causes(artifacts.artifact(&binary, compile))?;
                with_causes(sys::deserialize(&self.engine, &artifact))?
            }
        };
        // Otherwise the first instantiation would make the image, among other descriptors.
        let make = || module.initialize_copy_on_write_image();
        let (made, found) = self.memfds.during(binary.memories(), make);
        with_causes(made)?;
        let found = found.map_err(|error| {
            SubjectError::new(format!("cannot find the module's image: {error}"))
        })?;
        Ok(Module { module, new_images: Cell::new(found) })
    }

    fn images(&self, module: &Module, show: &mut dyn FnMut(BorrowedFd<'_>)) {
        for image in module.new_images.take() {
            show(image.as_fd());
        }
    }

    fn instantiate(&self, module: &Module) -> Result<Instance, SubjectError> {
        let mut store = Store::new(&self.engine, ());
        let instance = with_causes(self.linker.instantiate(&mut store, &module.module))?;
        Ok(Instance { store, instance })
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
        with_causes(func.call(store, &[], &mut results))?;
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
        SubjectError::new(words.join(" "))
    })
}
