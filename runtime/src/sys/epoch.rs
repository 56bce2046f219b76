//! Epochs: how any thread stops guests.
//!
//! The engine counts epochs, and each store has a deadline. Compiled code compares nothing with it. When
//! the epoch reaches the deadline, the stack limit of the store becomes one that is above every stack. So
//! the next function fails the check of its stack, which is there anyway. Loops load a byte at an address that
//! becomes null. Functions without a check of the stack have no frame and call nothing, so they end.
//!
//! ```text
//! increment_epoch ─► epoch ≥ deadline ─► stack_limit = above every stack ─ prologue ─► trap
//!                                        poll = null ───────────────────── loop ─────► trap
//! ```

use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::sys::context::{Limits, RootContext};

/// The stack limit of an interrupted guest. It is above every stack, also if the prologue adds the size of
/// a frame to it.
const INTERRUPTED: usize = i32::MIN as usize;

/// The byte that loops load before the deadline.
static READABLE: u8 = 0;

/// The epoch of an engine, and the stores whose deadlines depend on it.
#[derive(Debug, Default)]
pub(crate) struct Epochs {
    current: AtomicU64,
    /// Also stores that are dropped, until there are twice as many.
    stores: Mutex<Vec<Weak<RootContext>>>,
}

impl Epochs {
    /// Begins the next epoch. Interrupts the guests of stores whose deadline it is.
    pub(crate) fn increment(&self) {
        let stores = self.stores();
        let epoch = self.current.fetch_add(1, Ordering::SeqCst) + 1;
        for root in stores.iter().filter_map(Weak::upgrade) {
            if root.limits.deadline.load(Ordering::Relaxed) <= epoch {
                interrupt(&root.limits);
            }
        }
    }

    /// Adds a store. Its deadline is epoch 0, which has passed.
    pub(super) fn add(&self, root: &Arc<RootContext>) {
        let mut stores = self.stores();
        if stores.len() == stores.capacity() {
            stores.retain(|store| store.strong_count() > 0);
            let len = stores.len();
            stores.reserve(len.max(16));
        }
        stores.push(Arc::downgrade(root));
    }

    /// Sets the deadline of a store to so many epochs after the present one.
    pub(super) fn set_deadline(&self, limits: &Limits, epochs: u64) {
        // `increment` must not compare with the deadline before.
        let _stores = self.stores();
        let deadline = self.current.load(Ordering::SeqCst).saturating_add(epochs);
        limits.deadline.store(deadline, Ordering::Relaxed);
        self.apply(limits);
    }

    /// Sets what compiled code reads after the activation or the deadline has changed. Returns true
    /// if the deadline has passed.
    pub(super) fn apply(&self, limits: &Limits) -> bool {
        let activation_limit = limits.activation_limit.load(Ordering::Relaxed);
        // If an increment interrupts before one of these stores, `has_passed` finds its epoch. If it does so
        // after them, it stays.
        limits.stack_limit.store(activation_limit, Ordering::SeqCst);
        limits.poll.store((&raw const READABLE).cast_mut(), Ordering::SeqCst);
        let has_passed = self.has_passed(limits);
        if has_passed {
            interrupt(limits);
        }
        has_passed
    }

    /// True if the deadline has passed.
    pub(super) fn has_passed(&self, limits: &Limits) -> bool {
        limits.deadline.load(Ordering::Relaxed) <= self.current.load(Ordering::SeqCst)
    }

    fn stores(&self) -> MutexGuard<'_, Vec<Weak<RootContext>>> {
        // No operation panics midway.
        self.stores.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stops the guests of a store.
fn interrupt(limits: &Limits) {
    limits.stack_limit.store(INTERRUPTED, Ordering::SeqCst);
    limits.poll.store(ptr::null_mut(), Ordering::SeqCst);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stores come and go by the million, and the list has those that live.
    #[test]
    fn dropped_stores_are_forgotten() {
        let epochs = Epochs::default();
        let kept: Vec<_> = (0..10).map(|_| RootContext::new()).collect();
        kept.iter().for_each(|root| epochs.add(root));
        for _ in 0..10_000 {
            epochs.add(&RootContext::new());
        }
        assert!(epochs.stores().capacity() < 100, "{}", epochs.stores().capacity());
        let is_interrupted =
            |root: &Arc<RootContext>| root.limits.stack_limit.load(Ordering::SeqCst) == INTERRUPTED;
        epochs.set_deadline(&kept[3].limits, 2);
        epochs.increment();
        assert_eq!(kept.iter().filter(|root| !is_interrupted(root)).count(), 1);
        epochs.increment();
        assert!(kept.iter().all(is_interrupted));
    }

    /// The activation's limit is back when the deadline is later, and not before.
    #[test]
    fn a_later_deadline_restores_the_stack_limit() {
        let epochs = Epochs::default();
        let root = RootContext::new();
        epochs.add(&root);
        let limit = || {
            let limit = root.limits.stack_limit.load(Ordering::SeqCst);
            let is_null = root.limits.poll.load(Ordering::SeqCst).is_null();
            assert_eq!(is_null, limit == INTERRUPTED);
            limit
        };
        root.limits.activation_limit.store(4096, Ordering::Relaxed);
        assert!(epochs.apply(&root.limits));
        assert_eq!(limit(), INTERRUPTED);
        epochs.set_deadline(&root.limits, 1);
        assert_eq!(limit(), 4096);
        epochs.increment();
        assert_eq!(limit(), INTERRUPTED);
        epochs.set_deadline(&root.limits, u64::MAX);
        assert_eq!(limit(), 4096);
    }
}
