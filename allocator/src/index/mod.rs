//! The index allocator: which slot an allocation gets, and which module a free slot still belongs
//! to. Pure: it knows numbers, not addresses. Every step is O(1), whatever the number of slots.

mod affinity;
mod links;
mod order;
#[cfg(test)]
mod tests;

use affinity::Affinity;
use order::Order;

use crate::ids::{ModuleId, SlotId};
use leakbench_model::Strategy;

/// What the index knows of one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexState {
    /// Free, and nothing but reservation.
    Cold,
    /// Free, still mapped as it was last used; if for a module, then affine to it.
    Warm(Option<ModuleId>),
    /// Handed out; when it is freed warm it becomes affine to this module.
    InUse(Option<ModuleId>),
    /// Given back, but not yet reset and so not free.
    Queued(Option<ModuleId>),
}

/// Hands out slots by one strategy and remembers their affinity.
#[derive(Debug)]
pub struct IndexAllocator {
    states: Vec<IndexState>,
    order: Order,
    affinity: Affinity,
    prefers_affine: bool,
    free_count: u32,
}

impl IndexAllocator {
    /// An index of so many cold slots. `warm_slots` matters to [`Strategy::WarmLru`], `seed` to
    /// [`Strategy::Random`] and [`Strategy::ReuseAffinity`].
    pub fn new(slots: u32, strategy: Strategy, warm_slots: u32, seed: u64) -> IndexAllocator {
        IndexAllocator {
            states: vec![IndexState::Cold; slots as usize],
            order: Order::new(slots, strategy, warm_slots, seed),
            affinity: Affinity::new(slots),
            prefers_affine: match strategy {
                Strategy::ReuseAffinity | Strategy::WarmLru => true,
                Strategy::NextAvailable | Strategy::Random => false,
            },
            free_count: slots,
        }
    }

    /// Takes a free slot for a module, or for none; `None` when no slot is free.
    pub fn allocate(&mut self, module: Option<ModuleId>) -> Option<SlotId> {
        let affine =
            module.filter(|_| self.prefers_affine).and_then(|module| self.affinity.latest(module));
        let slot = affine.or_else(|| self.order.pick())?;
        Some(self.take(slot, module))
    }

    /// Takes a slot that is affine to a module, if there is one, without recording affinity: when
    /// it is freed it belongs to no one. The step by which a module is purged.
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
        self.order.remove(slot, is_warm);
        self.free_count -= 1;
        SlotId::new(slot)
    }

    /// Notes that a slot in use was given back and waits to be reset. Its module is remembered.
    pub fn queue(&mut self, slot: SlotId) {
        let state = &mut self.states[slot.index()];
        if let IndexState::InUse(module) = *state {
            *state = IndexState::Queued(module);
        }
    }

    /// Frees a slot that is in use or queued, still mapped for its module: it becomes affine to it.
    pub fn free_warm(&mut self, slot: SlotId) {
        let module = match self.states[slot.index()] {
            IndexState::InUse(module) | IndexState::Queued(module) => module,
            IndexState::Cold | IndexState::Warm(_) => return self.refuse_second_free(slot),
        };
        if let Some(module) = module {
            self.affinity.insert(module, slot.get());
        }
        self.free(slot, IndexState::Warm(module));
    }

    /// Frees a slot that is in use or queued, of which nothing but its reservation is left.
    pub fn free_cold(&mut self, slot: SlotId) {
        match self.states[slot.index()] {
            IndexState::InUse(_) | IndexState::Queued(_) => self.free(slot, IndexState::Cold),
            IndexState::Cold | IndexState::Warm(_) => self.refuse_second_free(slot),
        }
    }

    fn free(&mut self, slot: SlotId, state: IndexState) {
        self.states[slot.index()] = state;
        self.order.insert(slot.get(), state != IndexState::Cold);
        self.free_count += 1;
    }

    /// Freed twice, a slot would be handed out twice. The pool cannot do it; should it, then the
    /// second time is ignored where there is no one to tell.
    fn refuse_second_free(&self, slot: SlotId) {
        debug_assert!(false, "slot {slot} is already free");
    }

    /// How many slots can be allocated now.
    pub fn free_count(&self) -> u32 {
        self.free_count
    }

    /// The state of every slot, by its number.
    pub fn states(&self) -> &[IndexState] {
        &self.states
    }
}
