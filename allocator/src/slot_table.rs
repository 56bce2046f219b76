//! The slot table: free slots, queued slots, and a list of the slots that threads have checked out.
//! The pool's lock guards it.

use crate::ids::ModuleId;
use crate::index::{IndexAllocator, IndexState};
use leakbench_model::SlotState;

use crate::pool::{PoolConfig, SlotUse};
use crate::queue::DecommitQueue;
use crate::sys::SlotMapping;

/// The slots that are not in use.
#[derive(Debug)]
pub(crate) struct SlotTable {
    index: IndexAllocator,
    /// The free slots, indexed by slot number.
    free: Vec<Option<SlotMapping>>,
    queue: DecommitQueue,
    checkouts: Vec<Checkout>,
    /// Modules whose image a slot may still map that was allocated to another module.
    evictions: Vec<ModuleId>,
    next_checkout: u64,
    /// Empty buffers for later checkouts.
    buffers: Vec<Vec<SlotMapping>>,
    /// Number of threads that wait for slots to be freed.
    pub(crate) waiters: u32,
}

/// Slots that a thread has checked out: it changes their mappings without the lock, and then frees
/// them. Checkouts are numbered in the order in which they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Checkout(u64);

impl SlotTable {
    pub(crate) fn new(config: &PoolConfig, mappings: Vec<SlotMapping>) -> SlotTable {
        // As many as the pool has.
        let slots = mappings.len() as u32;
        SlotTable {
            index: IndexAllocator::new(slots, config.strategy, config.warm_slots, config.seed),
            free: mappings.into_iter().map(Some).collect(),
            queue: DecommitQueue::new(config.decommit_batch),
            checkouts: Vec::new(),
            evictions: Vec::new(),
            next_checkout: 0,
            buffers: Vec::new(),
            waiters: 0,
        }
    }

    /// Allocates a free slot by the pool's strategy. If the slot maps the image of another module,
    /// also returns that module, whose eviction lasts until [`Self::end_eviction`].
    pub(crate) fn allocate(
        &mut self,
        module: Option<ModuleId>,
    ) -> Option<(SlotMapping, Option<ModuleId>)> {
        let slot = self.index.allocate(module)?;
        let mapping = self.free[slot.index()].take()?;
        let evicted = mapping.mapped_module().filter(|mapped| Some(*mapped) != module);
        self.evictions.extend(evicted);
        Some((mapping, evicted))
    }

    /// Records that a slot no longer maps a module's image.
    pub(crate) fn end_eviction(&mut self, module: ModuleId) {
        // The list has at most one entry for each thread.
        if let Some(nth) = self.evictions.iter().position(|evicted| *evicted == module) {
            self.evictions.swap_remove(nth);
        }
    }

    /// Returns true if a slot that was allocated to another module may still map this one's image.
    pub(crate) fn is_being_evicted(&self, module: ModuleId) -> bool {
        self.evictions.contains(&module)
    }

    /// Takes a slot that is affine to a module, and ends the slot's affinity.
    pub(crate) fn take_affine(&mut self, module: ModuleId) -> Option<SlotMapping> {
        let slot = self.index.take_affine_without_affinity(module)?;
        self.free[slot.index()].take()
    }

    /// Frees a slot. It becomes affine to its module unless it is cold.
    pub(crate) fn free(&mut self, mapping: SlotMapping) {
        let slot = mapping.slot();
        if mapping.is_cold() {
            self.index.free_cold(slot);
        } else {
            self.index.free_warm(slot);
        }
        self.free[slot.index()] = Some(mapping);
    }

    /// Queues a slot for a reset. Returns true if the decommit batch is complete.
    #[must_use]
    pub(crate) fn enqueue(&mut self, mapping: SlotMapping) -> bool {
        self.index.queue(mapping.slot());
        self.queue.push(mapping)
    }

    pub(crate) fn queue_is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Takes all queued slots.
    pub(crate) fn take_queue(&mut self) -> Vec<SlotMapping> {
        let empty = self.buffer();
        self.queue.take(empty)
    }

    /// An empty buffer for slots to be checked out.
    pub(crate) fn buffer(&mut self) -> Vec<SlotMapping> {
        self.buffers.pop().unwrap_or_default()
    }

    /// Keeps an empty buffer for a later checkout.
    pub(crate) fn keep_buffer(&mut self, buffer: Vec<SlotMapping>) {
        debug_assert!(buffer.is_empty(), "the buffer still holds slots");
        self.buffers.push(buffer);
    }

    /// Records that a thread checks slots out.
    pub(crate) fn begin_checkout(&mut self) -> Checkout {
        let checkout = Checkout(self.next_checkout);
        self.next_checkout += 1;
        self.checkouts.push(checkout);
        checkout
    }

    /// Records that the slots of a checkout are freed.
    pub(crate) fn end_checkout(&mut self, checkout: Checkout) {
        // The list has at most one entry for each thread.
        self.checkouts.retain(|other| *other != checkout);
    }

    /// Returns true if a thread will free slots that it has checked out.
    pub(crate) fn has_checkouts(&self) -> bool {
        !self.checkouts.is_empty()
    }

    /// The number of the next checkout. All present ones have lower numbers.
    pub(crate) fn next_checkout(&self) -> Checkout {
        Checkout(self.next_checkout)
    }

    /// Returns true if a checkout with a lower number has not ended.
    pub(crate) fn has_checkout_before(&self, limit: Checkout) -> bool {
        self.checkouts.iter().any(|checkout| *checkout < limit)
    }

    pub(crate) fn free_count(&self) -> u32 {
        self.index.free_count()
    }

    pub(crate) fn queued_count(&self) -> u32 {
        // At most the number of slots, which is a u32.
        self.queue.len() as u32
    }

    /// Writes to `out` the module of each image that a free or queued slot maps.
    pub(crate) fn mapped_modules(&self, out: &mut Vec<ModuleId>) {
        out.clear();
        let slots = self.free.iter().flatten().chain(self.queue.iter());
        out.extend(slots.filter_map(SlotMapping::mapped_module));
    }

    /// Writes the state of every slot to `out`, indexed by slot number.
    pub(crate) fn slot_uses(&self, out: &mut Vec<SlotUse>) {
        out.clear();
        out.extend(self.index.states().iter().zip(&self.free).map(|(state, mapping)| {
            let (state, module) = match *state {
                _ if mapping.as_ref().is_some_and(SlotMapping::is_unknown) => {
                    (SlotState::Unknown, None)
                }
                IndexState::Cold => (SlotState::Cold, None),
                IndexState::Warm(None) => (SlotState::Warm, None),
                IndexState::Warm(module) => (SlotState::Affine, module),
                IndexState::InUse(module) => (SlotState::InUse, module),
                IndexState::Queued(module) => (SlotState::Queued, module),
            };
            SlotUse { state, module }
        }));
    }
}
