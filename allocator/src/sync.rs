//! The lock of the pool and what goes with it: the standard library's, or that of a checker which runs a test with
//! every order of the threads' steps (`loom`), or with many at random (`shuttle`).

#[cfg(loom)]
pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard, atomic::AtomicU64};
#[cfg(shuttle)]
pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard, atomic::AtomicU64};
#[cfg(not(any(loom, shuttle)))]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, atomic::AtomicU64};

#[cfg(loom)]
loom::lazy_static! {
    static ref MAPPINGS: AtomicU64 = AtomicU64::new(0);
}

/// Precedes a change of mappings, and a test's look at them. A checker orders the steps of threads at locks and
/// atomics, and does not know that these depend on each other.
#[cfg(loom)]
pub fn mapping_step() {
    MAPPINGS.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
}

/// As above. The checker chooses among all threads.
#[cfg(shuttle)]
pub fn mapping_step() {
    shuttle::thread::yield_now();
}

/// Nothing: the kernel orders changes of mappings.
#[cfg(not(any(loom, shuttle)))]
pub(crate) fn mapping_step() {}
