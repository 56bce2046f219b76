//! Counts the bytes that each thread allocates.

#![allow(unsafe_code, reason = "a global allocator is unsafe to implement")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, with counters of each thread.
struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    static NOW: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn add(bytes: isize) {
    // A thread that ends may free memory after its counters.
    let _ = NOW.try_with(|now| {
        now.set(now.get() + bytes);
        PEAK.with(|peak| peak.set(peak.get().max(now.get())));
    });
}

// SAFETY: every call goes to the system's allocator as it is. The counters do not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size() as isize);
        // SAFETY: the caller's contract is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size() as isize);
        // SAFETY: the caller's contract is the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        add(-(layout.size() as isize));
        // SAFETY: the caller's contract is the same.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // Both exist for a moment.
        add(new_size as isize);
        add(-(layout.size() as isize));
        // SAFETY: the caller's contract is the same.
        unsafe { System.realloc(block, layout, new_size) }
    }
}

/// The result of `work`, the most bytes that this thread had allocated at one time meanwhile, and
/// those that are left, both beyond what it had before.
pub(crate) fn allocated_by<T>(work: impl FnOnce() -> T) -> (T, usize, usize) {
    let before = NOW.get();
    PEAK.set(before);
    let result = work();
    let beyond = |bytes: isize| usize::try_from(bytes - before).unwrap_or(0);
    (result, beyond(PEAK.get()), beyond(NOW.get()))
}
