//! How an engine is to behave.

use std::num::NonZeroUsize;

use leakbench_allocator::PoolConfig;

pub use crate::compile::OptLevel;

/// Configuration of an [`Engine`](crate::Engine).
#[derive(Clone, Debug)]
pub struct Config {
    /// The pool that lends memories.
    pub pool: PoolConfig,
    /// How much work the compiler does for faster code.
    pub opt_level: OptLevel,
    /// Stack that guest code may use at most, in bytes. A thread with less gives less.
    pub max_wasm_stack_bytes: usize,
    /// How many modules' code to keep for modules that differ in their data at most, up to some
    /// 256 MiB of it; `None` compiles every module anew.
    pub code_cache_modules: Option<NonZeroUsize>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            pool: PoolConfig::default(),
            opt_level: OptLevel::Speed,
            max_wasm_stack_bytes: 512 << 10,
            code_cache_modules: NonZeroUsize::new(1024),
        }
    }
}
