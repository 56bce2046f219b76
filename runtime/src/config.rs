//! The configuration of an engine.

use std::num::NonZeroUsize;

use leakbench_allocator::PoolConfig;

pub use crate::compile::OptLevel;
use crate::features::WasmFeatures;

/// Configuration of an [`Engine`](crate::Engine).
#[derive(Clone, Debug)]
pub struct Config {
    /// The pool that allocates memories.
    pub pool: PoolConfig,
    /// The compiler's effort for fast code.
    pub opt_level: OptLevel,
    /// If true, all available processors compile a large module. The code is the same.
    pub parallel_compilation: bool,
    /// Maximum stack of guest code in bytes. A thread with a smaller stack gives guests less.
    pub max_wasm_stack_bytes: usize,
    /// Number of modules whose compiled code the cache keeps, up to 256 MiB. Modules that differ
    /// only in their data share the code. `None` compiles every module.
    pub code_cache_modules: Option<NonZeroUsize>,
    /// The proposals that modules may use. Default: all that this runtime supports.
    pub features: WasmFeatures,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            pool: PoolConfig::default(),
            opt_level: OptLevel::Speed,
            parallel_compilation: true,
            max_wasm_stack_bytes: 512 << 10,
            code_cache_modules: NonZeroUsize::new(1024),
            features: WasmFeatures::default(),
        }
    }
}
