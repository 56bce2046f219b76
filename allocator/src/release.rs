//! The release of slots: by the drop of a memory, by a flush of the decommit queue, and by the
//! purge of a dropped module. No thread holds the pool's lock during a system call.

use std::sync::atomic::Ordering;

use crate::ids::ModuleId;
use crate::image::Image;
use crate::pool::Pool;
use crate::purge_fault::PurgeFaultKind;
use crate::slot_table::{Checkout, SlotTable};
use crate::sync::MutexGuard;
use crate::sys::{self, SlotMapping};
use leakbench_model::OnDrop;

/// Maximum number of slots to move while the lock is held. Other threads then wait a few
/// microseconds at most.
const SLOTS_PER_HOLD: usize = 64;

impl Pool {
    /// Resets and frees the slot of a dropped memory, or queues it.
    pub(crate) fn release(&self, mut mapping: SlotMapping) {
        if self.resets_at_once {
            if mapping.reset().is_err() {
                self.reset_failures.fetch_add(1, Ordering::Relaxed);
            }
            self.free(mapping);
        } else {
            let is_full = self.table().enqueue(mapping);
            if is_full {
                self.flush_queue();
            }
        }
    }

    /// Frees one slot.
    pub(crate) fn free(&self, mapping: SlotMapping) {
        let mut table = self.table();
        table.free(mapping);
        if table.waiters > 0 {
            self.table_changed.notify_all();
        }
    }

    /// Records that a slot which was allocated to another module no longer maps a module's image.
    pub(crate) fn end_eviction(&self, module: ModuleId) {
        let mut table = self.table();
        table.end_eviction(module);
        if table.waiters > 0 {
            self.table_changed.notify_all();
        }
    }

    /// Resets all slots in the decommit queue. Also waits for slots that other threads took out of
    /// the queue before the call.
    pub fn flush(&self) {
        self.flush_queue();
        let mut table = self.table();
        let limit = table.next_checkout();
        while table.has_checkout_before(limit) {
            table = self.wait(table);
        }
    }

    /// Resets the slots that are in the queue now.
    pub(crate) fn flush_queue(&self) {
        let (mut slots, checkout) = {
            let mut table = self.table();
            if table.queue_is_empty() {
                return;
            }
            (table.take_queue(), table.begin_checkout())
        };
        slots.sort_unstable_by_key(SlotMapping::slot);
        let failures = sys::reset_all(&mut slots);
        self.reset_failures.fetch_add(failures, Ordering::Relaxed);
        drop(self.free_all(slots, checkout));
    }

    /// Applies the policy to a module whose last handle or memory was dropped.
    pub(crate) fn end_module(&self, module: ModuleId, image: Option<&Image>) {
        let fault = self.purge_fault.filter(|fault| fault.happens_to(module));
        if let (OnDrop::Purge, Some(fault)) = (self.on_drop, fault) {
            return self.purge_wrongly(module, fault.kind);
        }
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

    /// Unmaps a module's image from every free slot that is affine to it. Then waits for threads
    /// that have allocated such a slot to another module, until they have replaced the image.
    /// Queued slots keep their mappings: the purge does not find them (see
    /// [`queue`](crate::queue)).
    fn purge(&self, module: ModuleId) {
        let mut table = self.table();
        if let Some(first) = table.take_affine(module) {
            let checkout = table.begin_checkout();
            let mut slots = table.buffer();
            slots.push(first);
            loop {
                let before = slots.len();
                slots.extend(std::iter::from_fn(|| table.take_affine(module)).take(SLOTS_PER_HOLD));
                if slots.len() < before + SLOTS_PER_HOLD {
                    break;
                }
                drop(table);
                table = self.table();
            }
            drop(table);
            // The kernel finds mappings faster if they come in the order of their addresses.
            slots.sort_unstable_by_key(SlotMapping::slot);
            let failures =
                slots.iter_mut().map(|slot| u64::from(slot.unmap_image().is_err())).sum();
            self.purge_failures.fetch_add(failures, Ordering::Relaxed);
            table = self.free_all(slots, checkout);
        }
        while table.is_being_evicted(module) {
            table = self.wait(table);
        }
    }

    fn purge_wrongly(&self, module: ModuleId, kind: PurgeFaultKind) {
        self.purge_faults.fetch_add(1, Ordering::Relaxed);
        if self.flush_on_drop && kind != PurgeFaultKind::FlushAfter {
            self.flush();
        }
        match kind {
            PurgeFaultKind::Skip => {}
            PurgeFaultKind::MissOne => {
                let missed = self.table().take_affine(module);
                self.purge(module);
                if let Some(missed) = missed {
                    self.free(missed);
                }
            }
            PurgeFaultKind::OtherModule => self.purge(ModuleId::new(module.get() ^ 1)),
            PurgeFaultKind::FlushAfter => {
                self.purge(module);
                self.flush();
            }
        }
    }

    /// Frees the slots of a checkout. Returns with the lock held.
    fn free_all(
        &self,
        mut slots: Vec<SlotMapping>,
        checkout: Checkout,
    ) -> MutexGuard<'_, SlotTable> {
        loop {
            let mut table = self.table();
            let first = slots.len().saturating_sub(SLOTS_PER_HOLD);
            slots.drain(first..).for_each(|mapping| table.free(mapping));
            let is_done = slots.is_empty();
            if is_done {
                table.end_checkout(checkout);
            }
            if table.waiters > 0 {
                self.table_changed.notify_all();
            }
            if is_done {
                table.keep_buffer(slots);
                return table;
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

    /// A slot that is allocated to another module maps the old image until the new one is mapped.
    /// If the old module ends in between, its drop must wait. Else the image would outlive the
    /// drop.
    #[test]
    fn the_drop_of_a_module_waits_for_its_eviction() {
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
            pool.free(mapping);
            assert_eq!(early, Err(RecvTimeoutError::Timeout));
            is_done.recv_timeout(Duration::from_secs(60)).unwrap();
        });
    }

    /// A pool of one slot, which a thread has taken out of the queue and not freed yet. Returns the
    /// pool, the slot and the checkout.
    fn checked_out() -> (Arc<Pool>, Vec<SlotMapping>, Checkout) {
        let pool = Pool::new(&PoolConfig {
            slots: NonZeroU32::MIN,
            decommit_batch: NonZeroU32::new(2).unwrap(),
            ..PoolConfig::default()
        })
        .unwrap();
        drop(pool.allocate(None, WASM_PAGE_BYTES).unwrap());
        let mut table = pool.table();
        let slots = table.take_queue();
        assert_eq!(slots.len(), 1);
        let checkout = table.begin_checkout();
        drop(table);
        (pool, slots, checkout)
    }

    /// Checks that a step waits for the slots that are checked out, and ends when they are free.
    fn check_that_it_waits(step: impl FnOnce(&Arc<Pool>) + Send) {
        let _reserving = sys::ADDRESS_SPACE.lock();
        let (pool, slots, checkout) = checked_out();
        let (done, is_done) = channel();
        thread::scope(|scope| {
            let (in_thread, step) = (&pool, step);
            scope.spawn(move || {
                step(in_thread);
                done.send(()).unwrap();
            });
            let early = is_done.recv_timeout(Duration::from_millis(50));
            drop(pool.free_all(slots, checkout));
            assert_eq!(early, Err(RecvTimeoutError::Timeout));
            is_done.recv_timeout(Duration::from_secs(60)).unwrap();
        });
        let stats = pool.stats();
        assert_eq!(stats.free + stats.queued, 1);
    }

    #[test]
    fn a_flush_waits_for_slots_that_another_thread_resets() {
        check_that_it_waits(|pool| pool.flush());
    }

    #[test]
    fn an_allocation_waits_for_the_only_slot_to_be_freed() {
        check_that_it_waits(|pool| drop(pool.allocate(None, WASM_PAGE_BYTES).unwrap()));
    }
}
