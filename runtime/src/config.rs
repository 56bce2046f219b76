//! The configuration of an engine.

use std::num::NonZeroUsize;

use leakbench_allocator::PoolConfig;

pub use crate::compile::{OptLevel, RegallocAlgorithm};
use crate::features::WasmFeatures;
use crate::limits::CompileLimits;
use crate::profile::ProfilingStrategy;

/// Configuration of an [`Engine`](crate::Engine).
#[derive(Clone, Debug)]
pub struct Config {
    /// The place of memories. Default: the pool.
    pub memories: Memories,
    /// The pool of slots, and the form of images.
    pub pool: PoolConfig,
    /// The compiler's effort for fast code.
    pub opt_level: OptLevel,
    /// The register allocator. Default: [`RegallocAlgorithm::Backtracking`].
    pub regalloc_algorithm: RegallocAlgorithm,
    /// If true, all available processors compile a large module. The code is the same.
    pub parallel_compilation: bool,
    /// Maximum stack of guest code in bytes. A thread with a smaller stack gives guests less.
    pub max_wasm_stack_bytes: usize,
    /// Number of modules whose compiled code the cache keeps, up to 256 MiB. Modules that differ
    /// only in their data share the code. `None` compiles every module.
    pub code_cache_modules: Option<NonZeroUsize>,
    /// How profilers find the names of compiled functions. Default: they do not.
    pub profiler: ProfilingStrategy,
    /// The proposals that modules may use. Default: all that this runtime supports.
    pub features: WasmFeatures,
    /// Limits on what is compiled.
    pub limits: CompileLimits,
    /// If true, guests end at the deadline of their store, see
    /// [`Engine::increment_epoch`](crate::Engine::increment_epoch). Code is the same with and without it; the
    /// process has a thread more, and a handler for SIGURG. Default: false.
    pub epoch_interruption: bool,
    /// If true, guests consume the fuel of their store, see
    /// [`Store::set_fuel`](crate::Store::set_fuel). Default: false, and code counts nothing.
    pub consume_fuel: bool,
}

/// The place of an engine's memories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Memories {
    /// Slots of the engine's pool, which are reserved with the engine. A slot holds up to 4 GiB.
    #[default]
    Pooled,
    /// Mappings of their own, from instantiation to the drop of the store. A memory with 32-bit
    /// addresses and pages of 64 KiB reserves 4 GiB of address space. Others are as long as their
    /// pages, also beyond 4 GiB, and move when they grow.
    OnDemand,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            memories: Memories::default(),
            pool: PoolConfig::default(),
            opt_level: OptLevel::Speed,
            regalloc_algorithm: RegallocAlgorithm::Backtracking,
            parallel_compilation: true,
            max_wasm_stack_bytes: 512 << 10,
            code_cache_modules: NonZeroUsize::new(1024),
            profiler: ProfilingStrategy::None,
            features: WasmFeatures::default(),
            limits: CompileLimits::default(),
            epoch_interruption: false,
            consume_fuel: false,
        }
    }
}

impl Config {
    /// Sets how profilers find the names of compiled functions.
    pub fn profiler(&mut self, strategy: ProfilingStrategy) -> &mut Self {
        self.profiler = strategy;
        self
    }

    /// Sets the compiler's effort for fast code.
    pub fn cranelift_opt_level(&mut self, level: OptLevel) -> &mut Self {
        self.opt_level = level;
        self
    }

    /// Sets whether a large module is compiled on several threads.
    pub fn parallel_compilation(&mut self, parallel: bool) -> &mut Self {
        self.parallel_compilation = parallel;
        self
    }

    /// Sets the register allocator.
    pub fn cranelift_regalloc_algorithm(&mut self, algorithm: RegallocAlgorithm) -> &mut Self {
        self.regalloc_algorithm = algorithm;
        self
    }

    /// Sets the maximum stack of guest code in bytes.
    pub fn max_wasm_stack(&mut self, bytes: usize) -> &mut Self {
        self.max_wasm_stack_bytes = bytes;
        self
    }

    /// Sets whether guests end at the deadline of their store.
    pub fn epoch_interruption(&mut self, enable: bool) -> &mut Self {
        self.epoch_interruption = enable;
        self
    }

    /// Sets whether guests consume the fuel of their store.
    pub fn consume_fuel(&mut self, enable: bool) -> &mut Self {
        self.consume_fuel = enable;
        self
    }
}
