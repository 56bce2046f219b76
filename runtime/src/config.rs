//! The configuration of an engine.

use std::num::NonZeroUsize;

use leakbench_allocator::PoolConfig;

pub use crate::compile::OptLevel;
use crate::features::WasmFeatures;
use crate::profile::ProfilingStrategy;

/// Configuration of an [`Engine`](crate::Engine).
#[derive(Clone, Debug)]
pub struct Config {
    /// The pool that allocates memories.
    pub pool: PoolConfig,
    /// The compiler's effort for fast code.
    pub opt_level: OptLevel,
    /// Maximum stack of guest code in bytes. A thread with a smaller stack gives guests less.
    pub max_wasm_stack_bytes: usize,
    /// Number of modules whose compiled code the cache keeps, up to 256 MiB. Modules that differ
    /// only in their data share the code. `None` compiles every module.
    pub code_cache_modules: Option<NonZeroUsize>,
    /// How profilers find the names of compiled functions. Default: they do not.
    pub profiler: ProfilingStrategy,
    /// The proposals that modules may use. Default: all that this runtime supports.
    pub features: WasmFeatures,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            pool: PoolConfig::default(),
            opt_level: OptLevel::Speed,
            max_wasm_stack_bytes: 512 << 10,
            code_cache_modules: NonZeroUsize::new(1024),
            profiler: ProfilingStrategy::None,
            features: WasmFeatures::default(),
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

    /// Sets the maximum stack of guest code in bytes.
    pub fn max_wasm_stack(&mut self, bytes: usize) -> &mut Self {
        self.max_wasm_stack_bytes = bytes;
        self
    }
}
