//! Signatures: the function types of an engine with their trampolines. Each has a number, so that
//! compiled code compares types as integers.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use crate::compile::Compiler;
use crate::error::Error;
use crate::types::FuncType;
use crate::vm::code::LoadedCode;

/// Number of signatures that an engine keeps, so that new modules do not compile their trampolines
/// again. Later signatures live as long as their users.
const KEPT_SIGNATURES: usize = 1024;

/// A function type of an engine.
pub(crate) struct Signature {
    id: u32,
    ty: FuncType,
    /// The number of parameters or of results, whichever is more.
    slots: usize,
    entry: OnceLock<Arc<LoadedCode>>,
    host: OnceLock<Arc<LoadedCode>>,
    registry: Weak<Registry>,
    /// The signatures of the types in `ty`, so that their ids stay in use.
    parts: Vec<Arc<Signature>>,
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature {} ({})", self.id, self.ty)
    }
}

impl Signature {
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn ty(&self) -> &FuncType {
        &self.ty
    }

    pub(crate) fn slots(&self) -> usize {
        self.slots
    }

    /// Returns true if `registry` numbered it. The numbers of other registries mean other types.
    pub(crate) fn is_of(&self, registry: &Arc<Registry>) -> bool {
        std::ptr::eq(self.registry.as_ptr(), Arc::as_ptr(registry))
    }

    /// The trampoline through which the host calls functions of this type.
    pub(crate) fn entry(&self, compiler: &Compiler) -> Result<&Arc<LoadedCode>, Error> {
        compiled_once(&self.entry, || Ok(compiler.entry_trampoline(&self.ty)?))
    }

    /// The trampoline through which wasm calls host functions of this type.
    pub(crate) fn host(&self, compiler: &Compiler) -> Result<&Arc<LoadedCode>, Error> {
        compiled_once(&self.host, || Ok(compiler.host_trampoline(&self.ty)?))
    }
}

fn compiled_once(
    cell: &OnceLock<Arc<LoadedCode>>,
    compile: impl FnOnce() -> Result<crate::compile::code::CompiledCode, Error>,
) -> Result<&Arc<LoadedCode>, Error> {
    if let Some(code) = cell.get() {
        return Ok(code);
    }
    // Two threads may both compile; the cell keeps one result.
    let code = LoadedCode::new(compile()?)?;
    Ok(cell.get_or_init(|| code))
}

impl Drop for Signature {
    fn drop(&mut self) {
        if let Some(registry) = self.registry.upgrade() {
            registry.forget(self);
        }
        // One after the other: types can be nested more deeply than the stack allows.
        let mut parts = std::mem::take(&mut self.parts);
        while let Some(part) = parts.pop() {
            if let Some(mut part) = Arc::into_inner(part) {
                parts.append(&mut part.parts);
            }
        }
    }
}

/// The signatures of an engine.
#[derive(Debug, Default)]
pub(crate) struct Registry(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    by_type: HashMap<FuncType, Weak<Signature>>,
    by_id: HashMap<u32, Weak<Signature>>,
    kept: Vec<Arc<Signature>>,
    next_id: u32,
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No critical section panics midway through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The signature of type `ty`; `None` if it contains the id of a type that is not in use.
    pub(crate) fn intern(self: &Arc<Self>, ty: &FuncType) -> Option<Arc<Signature>> {
        // Before the lock is held, because dropping the last reference to a signature takes it.
        let parts: Vec<Arc<Signature>> =
            ty.ids().map(|id| self.get(id.get())).collect::<Option<_>>()?;
        let mut state = self.lock();
        if let Some(known) = state.by_type.get(ty).and_then(Weak::upgrade) {
            return Some(known);
        }
        let id = state.next_id;
        // An engine would have to register 2^32 types.
        state.next_id = id.checked_add(1).unwrap_or_else(|| unreachable!("type ids exhausted"));
        let signature = Arc::new(Signature {
            id,
            ty: ty.clone(),
            slots: ty.params().len().max(ty.results().len()),
            entry: OnceLock::new(),
            host: OnceLock::new(),
            registry: Arc::downgrade(self),
            parts,
        });
        let weak = Arc::downgrade(&signature);
        state.by_type.insert(ty.clone(), weak.clone());
        state.by_id.insert(id, weak);
        if state.kept.len() < KEPT_SIGNATURES {
            state.kept.push(Arc::clone(&signature));
        }
        Some(signature)
    }

    /// The signature with number `id`, if it is still in use.
    pub(crate) fn get(&self, id: u32) -> Option<Arc<Signature>> {
        self.lock().by_id.get(&id).and_then(Weak::upgrade)
    }

    fn forget(&self, signature: &Signature) {
        let mut state = self.lock();
        state.by_id.remove(&signature.id);
        // The type may have been registered again since its last user was dropped.
        if state.by_type.get(&signature.ty).is_some_and(|known| known.strong_count() == 0) {
            state.by_type.remove(&signature.ty);
        }
    }
}
