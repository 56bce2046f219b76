//! What the pool's lock guards: free slots, queued slots, and who has taken some out for a while.

use crate::ids::ModuleId;
use crate::index::{IndexAllocator, IndexState};
use leakbench_model::SlotState;

use crate::pool::{PoolConfig, SlotUse};
use crate::queue::DecommitQueue;
use crate::sys::SlotMapping;

/// The slots that are not in use.
#[derive(Debug)]
pub(crate) struct Shelf {
    index: IndexAllocator,
    /// By slot number, those of free slots.
    free: Vec<Option<SlotMapping>>,
    queue: DecommitQueue,
    flights: Vec<Flight>,
    /// Modules of which a slot was taken for another one and may still map the image.
    evictions: Vec<ModuleId>,
    next_flight: u64,
    /// Empty buffers, for the next flights.
    buffers: Vec<Vec<SlotMapping>>,
    /// Threads that wait for slots to come back.
    pub(crate) waiters: u32,
}

/// Slots that a thread has taken out to change their mappings, between two holds of the lock.
/// Flights are numbered in the order of their beginnings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Flight(u64);

impl Shelf {
    pub(crate) fn new(config: &PoolConfig, mappings: Vec<SlotMapping>) -> Shelf {
        let slots = config.slots.get();
        Shelf {
            index: IndexAllocator::new(slots, config.strategy, config.warm_slots, config.seed),
            free: mappings.into_iter().map(Some).collect(),
            queue: DecommitQueue::new(config.decommit_batch),
            flights: Vec::new(),
            evictions: Vec::new(),
            next_flight: 0,
            buffers: Vec::new(),
            waiters: 0,
        }
    }

    /// Takes a free slot, by the pool's strategy. If it maps the image of another module, then
    /// that is named: it is evicted, which has [an end](Self::end_eviction).
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

    /// Notes that a slot does not map a module's image any more.
    pub(crate) fn end_eviction(&mut self, module: ModuleId) {
        // There is one at most for each thread.
        if let Some(nth) = self.evictions.iter().position(|evicted| *evicted == module) {
            self.evictions.swap_remove(nth);
        }
    }

    /// Whether a slot that was taken for another module may still map this one's image.
    pub(crate) fn is_being_evicted(&self, module: ModuleId) -> bool {
        self.evictions.contains(&module)
    }

    /// Takes a slot affine to a module, which then has no affinity any more.
    pub(crate) fn take_affine(&mut self, module: ModuleId) -> Option<SlotMapping> {
        let slot = self.index.take_affine_without_affinity(module)?;
        self.free[slot.index()].take()
    }

    /// Frees a slot: affine to its module if it is still mapped for it.
    pub(crate) fn free(&mut self, mapping: SlotMapping) {
        let slot = mapping.slot();
        if mapping.is_cold() {
            self.index.free_cold(slot);
        } else {
            self.index.free_warm(slot);
        }
        self.free[slot.index()] = Some(mapping);
    }

    /// Queues a slot to be reset. Gives whether a batch is complete.
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

    /// An empty buffer, for slots to be taken out.
    pub(crate) fn buffer(&mut self) -> Vec<SlotMapping> {
        self.buffers.pop().unwrap_or_default()
    }

    /// Takes a buffer back for later.
    pub(crate) fn keep_buffer(&mut self, buffer: Vec<SlotMapping>) {
        debug_assert!(buffer.is_empty(), "slots that no one will free");
        self.buffers.push(buffer);
    }

    /// Notes that slots leave.
    pub(crate) fn begin_flight(&mut self) -> Flight {
        let flight = Flight(self.next_flight);
        self.next_flight += 1;
        self.flights.push(flight);
        flight
    }

    /// Notes that slots are back.
    pub(crate) fn end_flight(&mut self, flight: Flight) {
        // There is one at most for each thread.
        self.flights.retain(|other| *other != flight);
    }

    /// Whether slots are out that will come back without anyone's dropping a memory.
    pub(crate) fn flights_pending(&self) -> bool {
        !self.flights.is_empty()
    }

    /// The number of the next flight: all that has left has a lower one.
    pub(crate) fn horizon(&self) -> Flight {
        Flight(self.next_flight)
    }

    /// Whether a flight from before that moment is still out.
    pub(crate) fn pending_before(&self, horizon: Flight) -> bool {
        self.flights.iter().any(|flight| *flight < horizon)
    }

    pub(crate) fn free_count(&self) -> u32 {
        self.index.free_count()
    }

    pub(crate) fn queued_count(&self) -> u32 {
        // At most the number of slots, which is a u32.
        self.queue.len() as u32
    }

    /// The state of every slot, by its number, in place of what `out` held.
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
