//! Engines: the compiler, the pool, and everything else that modules share.

use std::sync::Arc;

use leakbench_allocator::Pool;

use crate::cache::CodeCache;
use crate::compile::Compiler;
use crate::config::{Config, Memories};
use crate::error::Error;
use crate::signature::Registry;
use crate::types::{FuncType, FuncTypeId};

/// The compiler, the pool of slots, the code cache and the function types that modules and stores
/// share. Clones are cheap and share one engine, which lives as long as any clone, module or store.
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
    /// If the pool cannot be reserved, or the compiler does not support this processor.
    pub fn new(config: &Config) -> Result<Self, Error> {
        Ok(Engine(Arc::new(Inner {
            config: config.clone(),
            compiler: Compiler::new(
                config.opt_level,
                config.regalloc_algorithm,
                config.limits.clone(),
            )?,
            cache: config.code_cache_modules.map(CodeCache::new),
            signatures: Arc::default(),
            pool: match config.memories {
                Memories::Pooled => Pool::new(&config.pool)?,
                Memories::OnDemand => Pool::without_slots(&config.pool),
            },
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

    pub(crate) fn compiler(&self) -> &Compiler {
        &self.0.compiler
    }

    pub(crate) fn cache(&self) -> Option<&CodeCache> {
        self.0.cache.as_ref()
    }

    pub(crate) fn signatures(&self) -> &Arc<Registry> {
        &self.0.signatures
    }

    /// Returns true if both are clones of one engine.
    pub fn same(&self, other: &Engine) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
