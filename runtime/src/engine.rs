//! Engines: the compiler, the pool, and everything else that modules share.

use std::fs::File;
use std::hash::Hash;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, OnceLock, Weak};

use leakbench_allocator::Pool;

use crate::cache::CodeCache;
use crate::compile::Compiler;
use crate::config::{Config, Memories};
use crate::error::Error;
use crate::module;
use crate::profile::{PerfMap, ProfilingStrategy};
use crate::signature::Registry;
use crate::sys::code_memory::CodeSpares;
use crate::sys::epoch::{self, Epochs};
use crate::types::{FuncType, FuncTypeId};

/// The compiler, the pool of slots, the code cache and the function types that modules and stores
/// share. Clones are cheap and share one engine, which lives as long as any clone, module or store.
#[derive(Clone, Debug)]
pub struct Engine(Arc<Inner>);

/// A kind of compiled code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precompiled {
    /// A module.
    Module,
}

struct Inner {
    config: Config,
    compiler: Compiler,
    cache: Option<CodeCache>,
    signatures: Arc<Registry>,
    pool: Arc<Pool>,
    code_spares: Arc<CodeSpares>,
    perf_map: Option<PerfMap>,
    epochs: Epochs,
    /// The settings of artifacts, described when the first artifact needs them.
    artifact_settings: OnceLock<String>,
}

/// A reference to an [`Engine`] that does not keep it alive.
#[derive(Clone, Debug)]
pub struct EngineWeak(Weak<Inner>);

impl EngineWeak {
    /// The engine, if a clone, a module or a store still has it.
    pub fn upgrade(&self) -> Option<Engine> {
        self.0.upgrade().map(Engine)
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Default for Engine {
    /// With the default configuration.
    ///
    /// # Panics
    /// Where [`Engine::new`] returns an error.
    fn default() -> Self {
        Engine::new(&Config::default()).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Engine {
    /// Creates an engine with a pool of its own.
    ///
    /// # Errors
    /// If the pool cannot be reserved, the compiler does not support this processor, the profiler's
    /// file cannot be created, or the thread that interrupts guests cannot be started.
    pub fn new(config: &Config) -> Result<Self, Error> {
        if config.epoch_interruption {
            epoch::prepare()?;
        }
        Ok(Engine(Arc::new(Inner {
            config: config.clone(),
            compiler: Compiler::new(
                config.opt_level,
                config.regalloc_algorithm,
                config.limits.clone(),
                config.consume_fuel,
            )?,
            cache: config.code_cache_modules.map(CodeCache::new),
            signatures: Arc::default(),
            pool: match config.memories {
                Memories::Pooled => Pool::new(&config.pool)?,
                Memories::OnDemand => Pool::without_slots(&config.pool),
            },
            code_spares: Arc::default(),
            perf_map: match config.profiler {
                ProfilingStrategy::None => None,
                ProfilingStrategy::PerfMap => Some(PerfMap::open()?),
            },
            epochs: Epochs::default(),
            artifact_settings: OnceLock::new(),
        })))
    }

    /// The configuration that it was created with.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The pool that allocates memories for its stores. It has no slots with [`Memories::OnDemand`].
    pub fn pool(&self) -> &Arc<Pool> {
        &self.0.pool
    }

    /// The function type with this id; `None` if nothing uses it any more.
    pub fn func_type(&self, id: FuncTypeId) -> Option<FuncType> {
        Some(self.0.signatures.get(id.get())?.ty().clone())
    }

    /// Compiles a module in the binary format or as text to the bytes that
    /// [`Module::serialize`](crate::Module::serialize) makes, without its image.
    ///
    /// # Errors
    /// If the bytes are not a module that this runtime can load, or the compiler cannot compile it.
    pub fn precompile_module(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        module::precompile(self, bytes)
    }

    /// A value that is equal for engines that run each other's compiled modules.
    pub fn precompile_compatibility_hash(&self) -> impl Hash + '_ {
        self.artifact_settings()
    }

    /// The kind of compiled code that the bytes begin as, if they do. They may be damaged, or of
    /// another engine.
    pub fn detect_precompiled(bytes: &[u8]) -> Option<Precompiled> {
        module::artifact::is_artifact(bytes).then_some(Precompiled::Module)
    }

    /// As [`Self::detect_precompiled`], of a file.
    ///
    /// # Errors
    /// [`Error::File`] if the file cannot be read.
    pub fn detect_precompiled_file(path: impl AsRef<Path>) -> Result<Option<Precompiled>, Error> {
        let path = path.as_ref();
        let failed = |source| Error::File { path: path.to_owned(), source };
        let mut start = Vec::new();
        let file = File::open(path).map_err(failed)?;
        file.take(64).read_to_end(&mut start).map_err(failed)?;
        Ok(Engine::detect_precompiled(&start))
    }

    /// Begins the next epoch. Guests whose store's deadline it is stop with [`Trap::Interrupt`]. Any thread
    /// may call it; it waits for other calls of it and of [`Store::set_epoch_deadline`] only. Its time is in
    /// proportion to the number of stores.
    ///
    /// A guest in a host function stops when the host function returns, and some of the host function's system
    /// calls may end with EINTR. One that waits in a shared memory stops within 10 ms. Without
    /// [`Config::epoch_interruption`] it has no effect.
    ///
    /// ```
    /// use leakbench_runtime::{Config, Engine, Instance, Module, Store, Trap};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::new(&Config { epoch_interruption: true, ..Config::default() })?;
    /// let module = Module::new(&engine, "(module (func (export \"run\") (loop (br 0))))")?;
    /// let mut store = Store::new(&engine, ());
    /// store.set_epoch_deadline(1);
    /// let instance = Instance::new(&mut store, &module, &[])?;
    /// let run = instance.get_typed_func::<(), ()>(&store, "run")?;
    /// let other = engine.clone();
    /// std::thread::spawn(move || other.increment_epoch());
    /// assert_eq!(run.call(&mut store, ()).unwrap_err().trap(), Some(Trap::Interrupt));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`Trap::Interrupt`]: crate::Trap::Interrupt
    /// [`Store::set_epoch_deadline`]: crate::Store::set_epoch_deadline
    pub fn increment_epoch(&self) {
        self.0.epochs.increment();
    }

    pub(crate) fn epochs(&self) -> &Epochs {
        &self.0.epochs
    }

    pub(crate) fn artifact_settings(&self) -> &str {
        let describe = || module::artifact::describe(self.config(), self.compiler());
        self.0.artifact_settings.get_or_init(describe)
    }

    pub(crate) fn compiler(&self) -> &Compiler {
        &self.0.compiler
    }

    pub(crate) fn cache(&self) -> Option<&CodeCache> {
        self.0.cache.as_ref()
    }

    pub(crate) fn code_spares(&self) -> &Arc<CodeSpares> {
        &self.0.code_spares
    }

    pub(crate) fn perf_map(&self) -> Option<&PerfMap> {
        self.0.perf_map.as_ref()
    }

    pub(crate) fn signatures(&self) -> &Arc<Registry> {
        &self.0.signatures
    }

    /// The target for which it compiles.
    pub fn target(&self) -> String {
        self.0.compiler.isa().triple().to_string()
    }

    /// A reference that does not keep the engine alive.
    pub fn weak(&self) -> EngineWeak {
        EngineWeak(Arc::downgrade(&self.0))
    }

    /// Returns true if both are clones of one engine.
    pub fn same(&self, other: &Engine) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
