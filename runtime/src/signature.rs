//! Signatures: the function types of an engine with their trampolines. Each has a number, so that
//! compiled code compares types as integers.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use crate::compile::CompileError;
use crate::compile::code::CompiledCode;
use crate::engine::Engine;
use crate::error::Error;
use crate::types::{FuncType, FuncTypeId};
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
    /// The code of `entry` from an artifact, so that it need not be compiled.
    entry_text: OnceLock<Box<[u8]>>,
    entry: OnceLock<Arc<LoadedCode>>,
    host: OnceLock<Arc<LoadedCode>>,
    registry: Weak<Registry>,
    /// The signatures of the types in `ty`, so that their ids stay in use.
    parts: Vec<Arc<Signature>>,
    /// The recursion group that it belongs to, if it is not alone; keeps the group's ids in use.
    _group: Option<Arc<Group>>,
}

/// A recursion group of several types, or of one that refers to itself. While one of its types is
/// in use, the others have their ids, even if nothing uses them.
#[derive(Debug)]
struct Group {
    /// The id of the first. The others follow.
    first_id: u32,
    /// The types, which refer to each other by their index in the group.
    types: Box<[FuncType]>,
    registry: Weak<Registry>,
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(registry) = self.registry.upgrade() {
            registry.forget_group(self);
        }
    }
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
    pub(crate) fn entry(&self, engine: &Engine) -> Result<&Arc<LoadedCode>, Error> {
        self.trampoline(&self.entry, engine, "entry", || match self.entry_text.get() {
            Some(text) => Ok(CompiledCode::of_trampoline(text.to_vec())),
            None => engine.compiler().entry_trampoline(&self.ty),
        })
    }

    /// The trampoline in `cell`, which `compile` makes once.
    fn trampoline<'a>(
        &self,
        cell: &'a OnceLock<Arc<LoadedCode>>,
        engine: &Engine,
        kind: &str,
        compile: impl FnOnce() -> Result<CompiledCode, CompileError>,
    ) -> Result<&'a Arc<LoadedCode>, Error> {
        if let Some(code) = cell.get() {
            return Ok(code);
        }
        // Two threads may both compile; the cell keeps one result.
        let code = LoadedCode::new(compile()?, engine.code_spares())?;
        if let Some(perf_map) = engine.perf_map() {
            perf_map.add_trampoline(&code, &format!("({kind} trampoline of {})", self.ty));
        }
        Ok(cell.get_or_init(|| code))
    }

    /// Offers the code of the trampoline, from an artifact that the engine can run.
    pub(crate) fn offer_entry(&self, text: Vec<u8>) {
        if self.entry.get().is_none() {
            self.entry_text.get_or_init(|| text.into());
        }
    }

    /// True if an artifact offered the trampoline.
    #[cfg(test)]
    pub(crate) fn has_offer(&self) -> bool {
        self.entry_text.get().is_some()
    }

    /// The trampoline through which wasm calls host functions of this type.
    pub(crate) fn host(&self, engine: &Engine) -> Result<&Arc<LoadedCode>, Error> {
        let compile = || engine.compiler().host_trampoline(&self.ty);
        self.trampoline(&self.host, engine, "host", compile)
    }
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
    groups: HashMap<Box<[FuncType]>, Weak<Group>>,
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
        let id = state.take_ids(1);
        let signature = self.add(&mut state, id, ty.clone(), parts, None);
        state.by_type.insert(ty.clone(), Arc::downgrade(&signature));
        if state.kept.len() < KEPT_SIGNATURES {
            state.kept.push(Arc::clone(&signature));
        }
        Some(signature)
    }

    /// The signatures of the types of a recursion group, which refer to each other by
    /// [`FuncTypeId::in_group`]. Groups of equal types are one, and differ from types that are alone.
    /// `None` if a type contains the id of a type that is not in use.
    pub(crate) fn intern_group(
        self: &Arc<Self>,
        types: &[FuncType],
    ) -> Option<Vec<Arc<Signature>>> {
        let outside = |ty: &FuncType| {
            let ids = ty.ids().filter(|id| id.index_in_group().is_none());
            ids.map(|id| self.get(id.get())).collect::<Option<Vec<_>>>()
        };
        if let [ty] = types
            && ty.ids().all(|id| id.index_in_group().is_none())
        {
            return Some(vec![self.intern(ty)?]);
        }
        // Both before the lock is held, as above.
        let parts = types.iter().map(outside).collect::<Option<Vec<_>>>()?;
        let mut signatures = Vec::with_capacity(types.len());
        let mut state = self.lock();
        let known = state.groups.get(types).and_then(Weak::upgrade);
        let group = known.unwrap_or_else(|| {
            let first_id = state.take_ids(types.len() as u32);
            let group =
                Arc::new(Group { first_id, types: types.into(), registry: Arc::downgrade(self) });
            state.groups.insert(types.into(), Arc::downgrade(&group));
            group
        });
        for ((ty, parts), id) in types.iter().zip(parts).zip(group.first_id..) {
            let known = state.by_id.get(&id).and_then(Weak::upgrade);
            signatures.push(known.unwrap_or_else(|| {
                let mut ty = ty.clone();
                ty.map_ids(|id| match id.index_in_group() {
                    Some(index) => FuncTypeId::new(group.first_id + index),
                    None => id,
                });
                self.add(&mut state, id, ty, parts, Some(Arc::clone(&group)))
            }));
        }
        Some(signatures)
    }

    fn add(
        self: &Arc<Self>,
        state: &mut State,
        id: u32,
        ty: FuncType,
        parts: Vec<Arc<Signature>>,
        group: Option<Arc<Group>>,
    ) -> Arc<Signature> {
        let signature = Arc::new(Signature {
            id,
            slots: ty.params().len().max(ty.results().len()),
            ty,
            entry_text: OnceLock::new(),
            entry: OnceLock::new(),
            host: OnceLock::new(),
            registry: Arc::downgrade(self),
            parts,
            _group: group,
        });
        state.by_id.insert(id, Arc::downgrade(&signature));
        signature
    }

    /// The signature with number `id`, if it is still in use.
    pub(crate) fn get(&self, id: u32) -> Option<Arc<Signature>> {
        self.lock().by_id.get(&id).and_then(Weak::upgrade)
    }

    fn forget(&self, signature: &Signature) {
        let mut state = self.lock();
        // The type may have been registered again since its last user was dropped.
        if state.by_id.get(&signature.id).is_some_and(|known| known.strong_count() == 0) {
            state.by_id.remove(&signature.id);
        }
        if state.by_type.get(&signature.ty).is_some_and(|known| known.strong_count() == 0) {
            state.by_type.remove(&signature.ty);
        }
    }

    fn forget_group(&self, group: &Group) {
        let mut state = self.lock();
        if state.groups.get(&group.types).is_some_and(|known| known.strong_count() == 0) {
            state.groups.remove(&group.types);
        }
    }
}

impl State {
    /// Takes `count` ids, and returns the first.
    fn take_ids(&mut self, count: u32) -> u32 {
        let first = self.next_id;
        self.next_id = first + count;
        // An engine would have to register 2^31 types.
        assert!(FuncTypeId::new(self.next_id).index_in_group().is_none(), "type ids exhausted");
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{HeapType, RefType, ValType};

    fn of(id: FuncTypeId) -> ValType {
        ValType::Ref(RefType::new(true, HeapType::ConcreteFunc(id)))
    }

    fn takes(id: FuncTypeId) -> FuncType {
        FuncType::of([of(id)], [])
    }

    /// Two types that refer to each other.
    fn pair() -> [FuncType; 2] {
        [takes(FuncTypeId::in_group(1)), takes(FuncTypeId::in_group(0))]
    }

    #[test]
    fn equal_groups_are_one_and_differ_from_others() {
        let registry = Arc::new(Registry::default());
        let group = registry.intern_group(&pair()).unwrap();
        let again = registry.intern_group(&pair()).unwrap();
        assert!(group.iter().zip(&again).all(|(a, b)| Arc::ptr_eq(a, b)));
        let (first, second) = (FuncTypeId::new(group[0].id()), FuncTypeId::new(group[1].id()));
        assert_eq!((group[0].ty(), group[1].ty()), (&takes(second), &takes(first)));
        // The same types alone, in the other order, or in a larger group are others.
        let alone = registry.intern(group[0].ty()).unwrap();
        let itself = registry.intern_group(&[takes(FuncTypeId::in_group(0))]).unwrap();
        let [a, b] = pair();
        let larger = registry.intern_group(&[a, b, FuncType::of([], [])]).unwrap();
        let ids = [&group[..], &[alone], &itself, &larger].concat();
        let mut ids: Vec<u32> = ids.iter().map(|signature| signature.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 7);
        // A group of one type that does not refer to itself is no group.
        let one = registry.intern_group(&[FuncType::of([], [])]).unwrap();
        assert!(Arc::ptr_eq(&one[0], &registry.intern(&FuncType::of([], [])).unwrap()));
    }

    /// While one type of a group is in use, all have their ids. Afterwards nothing remains.
    #[test]
    fn a_group_lives_as_long_as_one_of_its_types() {
        let registry = Arc::new(Registry::default());
        let mut group = registry.intern_group(&pair()).unwrap();
        let (kept, dropped) = (group.swap_remove(0), group.swap_remove(0).id());
        assert!(registry.get(dropped).is_none());
        let again = registry.intern_group(&pair()).unwrap();
        assert!(Arc::ptr_eq(&again[0], &kept));
        assert_eq!(again[1].id(), dropped);
        let outside = registry.intern_group(&[takes(FuncTypeId::new(dropped))]).unwrap();
        drop((kept, again));
        assert!(registry.get(dropped).is_some(), "another type contains it");
        drop(outside);
        // The registry keeps the first types that are in no group.
        let kept = std::mem::take(&mut registry.lock().kept);
        assert_eq!(kept.len(), 1);
        assert_eq!(registry.lock().groups.len(), 1);
        drop(kept);
        let state = registry.lock();
        let remaining = [state.groups.len(), state.by_id.len(), state.by_type.len()];
        drop(state);
        assert_eq!(remaining, [0; 3]);
    }
}
