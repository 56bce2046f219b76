//! Epochs: how any thread stops guests.
//!
//! The engine counts epochs, and each store has a deadline. Compiled code compares nothing with it, and is the same
//! as without epochs. When the epoch reaches the deadline, the stack limit of the store becomes one that is above
//! every stack. So the next function fails the check of its stack, which is there anyway. A builtin compares it before it
//! begins, and a host function when it returns. A loop without calls is stopped by a signal to its thread: if the
//! handler finds that it interrupted a function of a module, it leaves the guest as a trap does.
//!
//! ```text
//! increment_epoch ─► epoch ≥ deadline ─► stack_limit = above every stack ─┬─ prologue ─────► trap
//!                                                                         └─ host, builtin ► error
//!                                        signal to the thread ─────────────── function ────► trap
//!                      repeater ───────► the same, as long as the guest runs
//! ```
//!
//! A signal that interrupts anything else does nothing. If it comes in a builtin, or between the check after a host
//! function and the function to which that returns, then [`super::repeater`] sends the next one.
//!
//! A guest may be left at any instruction of a function, since each instruction of compiled code that writes
//! leaves valid values: of a guest's memory, a global, an element of a table, an exception or the fuel. References
//! are not counted. No instruction may be excluded: in a short loop, signals come at the same ones again and again.

use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::error::Error;
use crate::sys::context::{Limits, RootContext};
use crate::sys::{repeater, signals};

/// Makes the process ready to interrupt guests.
///
/// # Errors
/// If the kernel refuses the thread that does so.
pub(crate) fn prepare() -> Result<(), Error> {
    signals::install_interrupt();
    repeater::start().map_err(|source| Error::Interrupter { source })
}

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
        let mut running = Vec::new();
        {
            let stores = self.stores();
            let epoch = self.current.fetch_add(1, Ordering::SeqCst) + 1;
            for root in stores.iter().filter_map(Weak::upgrade) {
                let is_late = root.limits.deadline.load(Ordering::Relaxed) <= epoch;
                // One that was late before has had its signal.
                if is_late && root.limits.interrupt() {
                    running.push(root);
                }
            }
        }
        running.retain(|root| root.limits.interrupted_thread().map(signals::interrupt).is_some());
        repeater::repeat(&running);
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
        limits.stack_limit.store(activation_limit, Ordering::Relaxed);
        // An increment after this finds the thread that runs, and its interruption stays. One before it is found
        // by `has_passed`.
        fence(Ordering::SeqCst);
        let has_passed = self.has_passed(limits);
        if has_passed {
            limits.interrupt();
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
        epochs.set_deadline(&kept[3].limits, 2);
        epochs.increment();
        assert_eq!(kept.iter().filter(|root| !root.limits.is_interrupted()).count(), 1);
        epochs.increment();
        assert!(kept.iter().all(|root| root.limits.is_interrupted()));
    }

    /// The activation's limit is back when the deadline is later, and not before.
    #[test]
    fn a_later_deadline_restores_the_stack_limit() {
        let epochs = Epochs::default();
        let root = RootContext::new();
        epochs.add(&root);
        let limit = || {
            let limit = root.limits.stack_limit.load(Ordering::SeqCst);
            (!root.limits.is_interrupted()).then_some(limit)
        };
        root.limits.activation_limit.store(4096, Ordering::Relaxed);
        assert!(epochs.apply(&root.limits));
        assert_eq!(limit(), None);
        epochs.set_deadline(&root.limits, 1);
        assert_eq!(limit(), Some(4096));
        epochs.increment();
        assert_eq!(limit(), None);
        epochs.set_deadline(&root.limits, u64::MAX);
        assert_eq!(limit(), Some(4096));
    }
}
