//! The free ranges of the address space, found by reserving them.

use std::num::NonZeroUsize;
use std::ptr::{self, NonNull};

use rustix::mm::{MapFlags, ProtFlags};

/// Lengths are measured in this unit.
const STEP_BYTES: usize = 64 << 10;

/// The number of ranges returned. Further ones are the small gaps between libraries.
const RANGES_MAX: usize = 64;

/// Reserved address space, which the drop releases.
#[derive(Debug)]
struct Range {
    start: NonNull<u8>,
    len_bytes: NonZeroUsize,
}

impl Range {
    fn take(len_bytes: usize) -> Option<Range> {
        let len_bytes = NonZeroUsize::new(len_bytes)?;
        // SAFETY: the kernel chooses the address, so that no existing mapping is touched.
        let start = unsafe {
            rustix::mm::mmap_anonymous(
                ptr::null_mut(),
                len_bytes.get(),
                ProtFlags::empty(),
                MapFlags::PRIVATE | MapFlags::NORESERVE,
            )
        };
        Some(Range { start: NonNull::new(start.ok()?.cast())?, len_bytes })
    }

    /// Reserves the longest free range that is shorter than `below_bytes`.
    fn take_longest(below_bytes: usize) -> Option<Range> {
        // In units: a length that can be reserved, and one that cannot.
        let (mut fits, mut fails) = (0, below_bytes / STEP_BYTES);
        while fits + 1 < fails {
            let middle = fits + (fails - fits) / 2;
            match Range::take(middle * STEP_BYTES) {
                Some(_) => fits = middle,
                None => fails = middle,
            }
        }
        Range::take(fits * STEP_BYTES)
    }
}

impl Drop for Range {
    fn drop(&mut self) {
        // SAFETY: this value alone has the range, and no reference points into it.
        let result =
            unsafe { rustix::mm::munmap(self.start.as_ptr().cast(), self.len_bytes.get()) };
        debug_assert!(result.is_ok(), "unmapping a range: {result:?}");
    }
}

/// Lengths of the free ranges of at least `min_bytes`, the longest first. It holds all of them at the
/// same time. Shorter ranges stay free for allocations meanwhile.
pub(crate) fn free_ranges(min_bytes: usize) -> Vec<u64> {
    let mut ranges: Vec<Range> = Vec::with_capacity(RANGES_MAX);
    // No address space has 2^57 bytes.
    let mut below_bytes = 1 << 57;
    while ranges.len() < RANGES_MAX {
        match Range::take_longest(below_bytes) {
            Some(range) if range.len_bytes.get() >= min_bytes => {
                below_bytes = range.len_bytes.get() + STEP_BYTES;
                ranges.push(range);
            }
            _ => break,
        }
    }
    ranges.iter().map(|range| range.len_bytes.get() as u64).collect()
}
