//! The identity of a store, which every handle of one of its items has.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// Identifies a store. The process never gives an id twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StoreId(u64);

impl StoreId {
    /// Threads take ids in blocks, so that creating a store rarely touches the shared counter.
    pub(super) fn next() -> Self {
        const BLOCK: u64 = 1024;
        static NEXT_BLOCK: AtomicU64 = AtomicU64::new(0);
        thread_local!(static NEXT: Cell<u64> = const { Cell::new(0) });
        let mut next = NEXT.get();
        if next.is_multiple_of(BLOCK) {
            next = NEXT_BLOCK.fetch_add(1, Ordering::Relaxed) * BLOCK;
        }
        NEXT.set(next + 1);
        StoreId(next)
    }

    /// Checks that an item of store `owner` is used with this store.
    ///
    /// # Panics
    /// If it is not.
    #[track_caller]
    pub(crate) fn check(self, owner: StoreId, item: &str) {
        assert!(self == owner, "{item} used with another store than the one that owns it");
    }
}
