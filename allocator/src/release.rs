//! How slots come back: given back by a memory, flushed from the decommit queue, or purged of a
//! module that is dropped. System calls happen between holds of the pool's lock, never in one.

use std::sync::MutexGuard;
use std::sync::atomic::Ordering;

use crate::ids::ModuleId;
use crate::image::Image;
use crate::pool::Pool;
use crate::shelf::{Flight, Shelf};
use crate::sys::{self, SlotMapping};
use leakbench_model::OnDrop;

/// How many slots are moved in one hold of the lock: the longest that another thread waits is a
/// few microseconds.
const SLOTS_PER_HOLD: usize = 64;

impl Pool {
    /// Takes back the slot of a memory that is dropped.
    pub(crate) fn give_back(&self, mut mapping: SlotMapping) {
        if self.resets_at_once {
            if mapping.reset().is_err() {
                self.reset_failures.fetch_add(1, Ordering::Relaxed);
            }
            self.put_back(mapping);
        } else {
            let is_full = self.shelf().enqueue(mapping);
            if is_full {
                self.flush_queue();
            }
        }
    }

    /// Frees one slot.
    pub(crate) fn put_back(&self, mapping: SlotMapping) {
        let mut shelf = self.shelf();
        shelf.free(mapping);
        if shelf.waiters > 0 {
            self.shelf_changed.notify_all();
        }
    }

    /// Notes that a slot which was taken for another module maps a module's image no longer.
    pub(crate) fn end_eviction(&self, module: ModuleId) {
        let mut shelf = self.shelf();
        shelf.end_eviction(module);
        if shelf.waiters > 0 {
            self.shelf_changed.notify_all();
        }
    }

    /// Resets the slots that wait in the decommit queue. When this returns, none that was in it
    /// before is still waiting, whichever thread took it out.
    pub fn flush(&self) {
        self.flush_queue();
        let mut shelf = self.shelf();
        let horizon = shelf.horizon();
        while shelf.pending_before(horizon) {
            shelf = self.wait(shelf);
        }
    }

    /// Resets the slots that wait in the queue now.
    pub(crate) fn flush_queue(&self) {
        let (mut slots, flight) = {
            let mut shelf = self.shelf();
            if shelf.queue_is_empty() {
                return;
            }
            (shelf.take_queue(), shelf.begin_flight())
        };
        slots.sort_unstable_by_key(SlotMapping::slot);
        let failures = sys::reset_all(&mut slots);
        self.reset_failures.fetch_add(failures, Ordering::Relaxed);
        drop(self.land(slots, flight));
    }

    /// Does what the policy says about a module whose last handle or memory is gone.
    pub(crate) fn end_module(&self, module: ModuleId, image: Option<&Image>) {
        if self.flush_on_drop {
            self.flush();
        }
        match self.on_drop {
            OnDrop::Purge => self.purge(module),
            OnDrop::Keep => {}
            OnDrop::Truncate => {
                if image.is_some_and(|image| image.punch_out().is_err()) {
                    self.purge_failures.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    /// Unmaps a module from every free slot that is affine to it, and waits for threads that have
    /// just taken such a slot to map something else there: then no slot maps the image, but those
    /// that are queued, which it does not find (see [`queue`](crate::queue)).
    fn purge(&self, module: ModuleId) {
        let mut shelf = self.shelf();
        if let Some(first) = shelf.take_affine(module) {
            let flight = shelf.begin_flight();
            let mut slots = shelf.buffer();
            slots.push(first);
            loop {
                let before = slots.len();
                slots.extend(std::iter::from_fn(|| shelf.take_affine(module)).take(SLOTS_PER_HOLD));
                if slots.len() < before + SLOTS_PER_HOLD {
                    break;
                }
                drop(shelf);
                shelf = self.shelf();
            }
            drop(shelf);
            // The kernel finds mappings faster in the order of their addresses.
            slots.sort_unstable_by_key(SlotMapping::slot);
            let failures =
                slots.iter_mut().map(|slot| u64::from(slot.unmap_image().is_err())).sum();
            self.purge_failures.fetch_add(failures, Ordering::Relaxed);
            shelf = self.land(slots, flight);
        }
        while shelf.is_being_evicted(module) {
            shelf = self.wait(shelf);
        }
    }

    /// Frees slots that were out, and gives the lock of its last step.
    fn land(&self, mut slots: Vec<SlotMapping>, flight: Flight) -> MutexGuard<'_, Shelf> {
        loop {
            let mut shelf = self.shelf();
            let first = slots.len().saturating_sub(SLOTS_PER_HOLD);
            slots.drain(first..).for_each(|mapping| shelf.free(mapping));
            let has_landed = slots.is_empty();
            if has_landed {
                shelf.end_flight(flight);
            }
            if shelf.waiters > 0 {
                self.shelf_changed.notify_all();
            }
            if has_landed {
                shelf.keep_buffer(slots);
                return shelf;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::sync::Arc;
    use std::sync::mpsc::{RecvTimeoutError, channel};
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::geometry::WASM_PAGE_BYTES;
    use crate::pool::PoolConfig;

    /// A slot taken for another module maps the old image until that one's is mapped. Should the
    /// old module end in between, it has to wait, or its image outlives the drop for a moment.
    #[test]
    fn the_end_of_a_module_waits_for_its_eviction() {
        let _reserving = sys::ADDRESS_SPACE.lock();
        let slots = NonZeroU32::MIN;
        let pool = Pool::new(&PoolConfig { slots, ..PoolConfig::default() }).unwrap();
        let initial = Some(crate::InitialMemory { offset_bytes: 0, bytes: b"abc" });
        let (old, new) = (pool.add_module(initial).unwrap(), pool.add_module(initial).unwrap());
        drop(pool.allocate(Some(&old), WASM_PAGE_BYTES).unwrap());
        let old_id = old.id();
        let (mut mapping, evicted) = pool.take_slot(Some(new.id())).unwrap();
        assert_eq!(evicted, Some(old_id));
        let (done, is_done) = channel();
        thread::scope(|scope| {
            scope.spawn(move || {
                drop(old);
                done.send(()).unwrap();
            });
            let early = is_done.recv_timeout(Duration::from_millis(50));
            mapping.discard().unwrap();
            pool.end_eviction(old_id);
            pool.put_back(mapping);
            assert_eq!(early, Err(RecvTimeoutError::Timeout));
            is_done.recv_timeout(Duration::from_secs(60)).unwrap();
        });
    }

    /// A pool of one slot, which some thread has taken out of the queue and not brought back yet.
    /// Gives that thread's slots and flight, and the pool.
    fn in_flight() -> (Arc<Pool>, Vec<SlotMapping>, Flight) {
        let pool = Pool::new(&PoolConfig {
            slots: NonZeroU32::MIN,
            decommit_batch: NonZeroU32::new(2).unwrap(),
            ..PoolConfig::default()
        })
        .unwrap();
        drop(pool.allocate(None, WASM_PAGE_BYTES).unwrap());
        let mut shelf = pool.shelf();
        let slots = shelf.take_queue();
        assert_eq!(slots.len(), 1);
        let flight = shelf.begin_flight();
        drop(shelf);
        (pool, slots, flight)
    }

    /// Whether a step waits for the slots in flight, and ends when they are back.
    fn check_that_it_waits(step: impl FnOnce(&Arc<Pool>) + Send) {
        let _reserving = sys::ADDRESS_SPACE.lock();
        let (pool, slots, flight) = in_flight();
        let (done, is_done) = channel();
        thread::scope(|scope| {
            let (in_thread, step) = (&pool, step);
            scope.spawn(move || {
                step(in_thread);
                done.send(()).unwrap();
            });
            let early = is_done.recv_timeout(Duration::from_millis(50));
            drop(pool.land(slots, flight));
            assert_eq!(early, Err(RecvTimeoutError::Timeout));
            is_done.recv_timeout(Duration::from_secs(60)).unwrap();
        });
        let stats = pool.stats();
        assert_eq!(stats.free + stats.queued, 1);
    }

    #[test]
    fn a_flush_waits_for_what_another_thread_is_resetting() {
        check_that_it_waits(|pool| pool.flush());
    }

    #[test]
    fn an_allocation_waits_for_the_only_slot_to_come_back() {
        check_that_it_waits(|pool| drop(pool.allocate(None, WASM_PAGE_BYTES).unwrap()));
    }
}
