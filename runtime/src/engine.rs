//! Engines: the compiler, the pool, and what modules share.

use std::sync::Arc;

use leakbench_allocator::Pool;

use crate::cache::CodeCache;
use crate::compile::Compiler;
use crate::config::Config;
use crate::error::Error;
use crate::signature::Registry;

/// Compiler, pool of slots, code cache and function types, shared by modules and stores. Cheap to
/// clone; all of it goes with the last clone, module and store.
#[derive(Clone, Debug)]
pub struct Engine(Arc<Inner>);

struct Inner {
    config: Config,
    compiler: Compiler,
    cache: Option<CodeCache>,
    signatures: Arc<Registry>,
    pool: Arc<Pool>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine with a pool of its own.
    ///
    /// # Errors
    /// When the pool cannot be reserved, or the compiler cannot work for this processor.
    pub fn new(config: &Config) -> Result<Self, Error> {
        Ok(Engine(Arc::new(Inner {
            config: config.clone(),
            compiler: Compiler::new(config.opt_level)?,
            cache: config.code_cache_modules.map(CodeCache::new),
            signatures: Arc::default(),
            pool: Pool::new(&config.pool)?,
        })))
    }

    /// What it was made with.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The pool that lends memories to its stores.
    pub fn pool(&self) -> &Arc<Pool> {
        &self.0.pool
    }

    pub(crate) fn compiler(&self) -> &Compiler {
        &self.0.compiler
    }

    pub(crate) fn cache(&self) -> Option<&CodeCache> {
        self.0.cache.as_ref()
    }

    pub(crate) fn signatures(&self) -> &Arc<Registry> {
        &self.0.signatures
    }

    /// Whether both are the same engine.
    pub fn same(&self, other: &Engine) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
