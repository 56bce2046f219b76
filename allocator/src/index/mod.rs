//! The index allocator: chooses the slot for an allocation, and remembers to which module each free
//! slot is affine. It computes with slot numbers only. Every operation is O(1).

mod affinity;
mod free_list;
mod links;
#[cfg(test)]
mod tests;

use affinity::Affinity;
use free_list::FreeList;

use crate::ids::{ModuleId, SlotId};
use leakbench_model::Strategy;

/// The state of a slot in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexState {
    /// Free. All of it is reserved address space, without access.
    Cold,
    /// Free, with the mappings of its last use. Affine to the module, if that use had one.
    Warm(Option<ModuleId>),
    /// In use. If it is freed warm, it becomes affine to this module.
    InUse(Option<ModuleId>),
    /// Its memory is dropped, but the slot is not reset yet, so it is not free.
    Queued(Option<ModuleId>),
}

/// Allocates slots by one strategy, and keeps their affinity.
#[derive(Debug)]
pub struct IndexAllocator {
    states: Vec<IndexState>,
    free: FreeList,
    affinity: Affinity,
    prefers_affine: bool,
    free_count: u32,
}

impl IndexAllocator {
    /// Creates an index of cold slots. Only [`Strategy::WarmLru`] uses `warm_slots`; only
    /// [`Strategy::Random`] and [`Strategy::ReuseAffinity`] use `seed`.
    pub fn new(slots: u32, strategy: Strategy, warm_slots: u32, seed: u64) -> IndexAllocator {
        IndexAllocator {
            states: vec![IndexState::Cold; slots as usize],
            free: FreeList::new(slots, strategy, warm_slots, seed),
            affinity: Affinity::new(slots),
            prefers_affine: match strategy {
                Strategy::ReuseAffinity | Strategy::WarmLru => true,
                Strategy::NextAvailable | Strategy::Random => false,
            },
            free_count: slots,
        }
    }

    /// Allocates a free slot, for a module if there is one. `None` if no slot is free.
    pub fn allocate(&mut self, module: Option<ModuleId>) -> Option<SlotId> {
        let affine =
            module.filter(|_| self.prefers_affine).and_then(|module| self.affinity.latest(module));
        let slot = affine.or_else(|| self.free.pick())?;
        Some(self.take(slot, module))
    }

    /// Allocates a slot that is affine to a module, if there is one, and records no new affinity. A
    /// purge does this until none is left.
    pub fn take_affine_without_affinity(&mut self, module: ModuleId) -> Option<SlotId> {
        let slot = self.affinity.latest(module)?;
        Some(self.take(slot, None))
    }

    fn take(&mut self, slot: u32, module: Option<ModuleId>) -> SlotId {
        let state = &mut self.states[slot as usize];
        let is_warm = *state != IndexState::Cold;
        if let IndexState::Warm(Some(last)) = *state {
            self.affinity.remove(last, slot);
        }
        *state = IndexState::InUse(module);
        self.free.remove(slot, is_warm);
        self.free_count -= 1;
        SlotId::new(slot)
    }

    /// Marks a slot in use as queued for a reset. The slot keeps its module.
    pub fn queue(&mut self, slot: SlotId) {
        let state = &mut self.states[slot.index()];
        if let IndexState::InUse(module) = *state {
            *state = IndexState::Queued(module);
        }
    }

    /// Frees a slot that is in use or queued and keeps its mappings: it becomes affine to its
    /// module.
    pub fn free_warm(&mut self, slot: SlotId) {
        let module = match self.states[slot.index()] {
            IndexState::InUse(module) | IndexState::Queued(module) => module,
            IndexState::Cold | IndexState::Warm(_) => return self.reject_double_free(slot),
        };
        if let Some(module) = module {
            self.affinity.insert(module, slot.get());
        }
        self.set_free(slot, IndexState::Warm(module));
    }

    /// Frees a slot that is in use or queued and maps nothing.
    pub fn free_cold(&mut self, slot: SlotId) {
        match self.states[slot.index()] {
            IndexState::InUse(_) | IndexState::Queued(_) => self.set_free(slot, IndexState::Cold),
            IndexState::Cold | IndexState::Warm(_) => self.reject_double_free(slot),
        }
    }

    fn set_free(&mut self, slot: SlotId, state: IndexState) {
        self.states[slot.index()] = state;
        self.free.insert(slot.get(), state != IndexState::Cold);
        self.free_count += 1;
    }

    /// A slot that is freed twice would be allocated twice. The pool owns each slot once, so this
    /// cannot happen. Debug builds panic; release builds ignore the second call.
    fn reject_double_free(&self, slot: SlotId) {
        debug_assert!(false, "slot {slot} is already free");
    }

    /// The number of free slots.
    pub fn free_count(&self) -> u32 {
        self.free_count
    }

    /// The state of every slot, indexed by slot number.
    pub fn states(&self) -> &[IndexState] {
        &self.states
    }
}
