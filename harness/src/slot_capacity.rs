//! The number of slots, and of memories without a pool, that fit into a process, by its limits. Pure.

use leakbench_runtime::allocator::{GUARD_BYTES, SLOT_STRIDE_BYTES};

/// Shorter ranges of address space are ignored; a slot needs more.
pub(crate) const RANGE_MIN_BYTES: usize = 1 << 30;

/// Mappings of a slot with an image: the image, the rest of the memory, the guard.
pub(crate) const MAPPINGS_A_SLOT: u64 = 3;

/// Mappings of a memory with an image that is in no slot: those of a slot, and the guard before it.
const MAPPINGS_A_MEMORY: u64 = 4;

/// Maximum of slots that a pool reserves in one piece.
const SLAB_SLOTS: u64 = 2048;

/// The layout of slots in address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slots {
    /// From the start of a slot to the start of the next.
    pub(crate) stride_bytes: u64,
    /// Before the first slot of each piece.
    pub(crate) guard_bytes: u64,
}

impl Slots {
    /// The built-in runtime: 4 GiB of memory and a guard.
    pub(crate) const BUILTIN: Slots =
        Slots { stride_bytes: SLOT_STRIDE_BYTES as u64, guard_bytes: GUARD_BYTES as u64 };

    /// Other runtimes: 4 GiB of memory and 2 GiB of guard.
    pub(crate) const WIDE: Slots = Slots { stride_bytes: 6 << 30, guard_bytes: 0 };

    /// The number that fits into free ranges of address space. A pool reserves pieces of
    /// [`SLAB_SLOTS`], and halves them when no range is long enough.
    pub(crate) fn in_ranges(self, ranges_bytes: &[u64]) -> u64 {
        let fit = ranges_bytes.iter().map(|&range_bytes| {
            let (mut left_bytes, mut fit) = (range_bytes, 0);
            let mut slots = SLAB_SLOTS;
            while slots > 0 {
                let piece_bytes = self.guard_bytes + slots * self.stride_bytes;
                fit += left_bytes / piece_bytes * slots;
                left_bytes %= piece_bytes;
                slots /= 2;
            }
            fit
        });
        fit.sum()
    }
}

/// The number of slots that a process can map which has `present` mappings and may have `max`.
pub(crate) fn slots_by_mappings(max: u64, present: u64) -> u64 {
    max.saturating_sub(present) / MAPPINGS_A_SLOT
}

/// The number of memories without a pool that fit into a process with `present` mappings, which may have
/// `max`, and into these ranges of address space: those that reserve 4 GiB, and those with explicit
/// bounds, which have one mapping each.
pub(crate) fn memories(max: Option<u64>, present: u64, ranges_bytes: &[u64]) -> (u64, u64) {
    let left = max.map_or(u64::MAX, |max| max.saturating_sub(present));
    let Slots { stride_bytes, guard_bytes } = Slots::BUILTIN;
    let fit = reservations(ranges_bytes, stride_bytes + guard_bytes);
    (fit.min(left / MAPPINGS_A_MEMORY), left)
}

/// The number of memories that fit into ranges of address space, if each reserves `each_bytes` in one piece.
pub(crate) fn reservations(ranges_bytes: &[u64], each_bytes: u64) -> u64 {
    ranges_bytes.iter().map(|bytes| bytes / each_bytes.max(1)).sum()
}

/// The number of mappings of a process with `present` others and this many slots.
pub(crate) fn mappings_for(slots: u64, present: u64) -> u64 {
    slots.saturating_mul(MAPPINGS_A_SLOT).saturating_add(present)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_figures() {
        assert_eq!(slots_by_mappings(65_530, 25), 21_835);
        assert_eq!(slots_by_mappings(10, 60), 0);
        // 47 bits in one range.
        assert_eq!(Slots::WIDE.in_ranges(&[1 << 47]), 21_845);
        assert_eq!(Slots { stride_bytes: 4 << 30, guard_bytes: 0 }.in_ranges(&[1 << 47]), 32_768);
        assert_eq!(
            Slots::BUILTIN.in_ranges(&[Slots::BUILTIN.stride_bytes]),
            0,
            "no room for its guard"
        );
        assert_eq!(Slots::BUILTIN.in_ranges(&[]), 0);
        assert_eq!(memories(Some(65_530), 30, &[1 << 47]), (16_375, 65_500));
        assert_eq!(memories(None, 30, &[1 << 34]).0, 3);
        assert_eq!(memories(Some(10), 30, &[1 << 34]), (0, 0));
    }

    proptest! {
        /// The slots lie within the ranges, and the unused rest is small.
        #[test]
        fn slots_fill_their_ranges(
            ranges in prop::collection::vec(0u64..1 << 47, 0..5),
            stride_bytes in (4u64 << 30)..(8 << 30), guard_bytes in 0u64..(64 << 20),
        ) {
            let fit = Slots { stride_bytes, guard_bytes }.in_ranges(&ranges);
            prop_assert!(fit * stride_bytes <= ranges.iter().sum());
            // Each piece has a guard; a range is cut into whole slabs and at most twelve more.
            let max: u64 = ranges.iter().map(|range| range / stride_bytes).sum();
            let pieces: u64 = ranges.iter().map(|range| range / stride_bytes / SLAB_SLOTS + 13).sum();
            let lost = pieces * guard_bytes / stride_bytes + 12 * ranges.len() as u64;
            prop_assert!(max - fit <= lost, "{} of {}", fit, max);
        }

        #[test]
        fn the_mappings_of_all_slots_that_fit_are_allowed(max in 0u64..1 << 32, present in 0u64..1000) {
            let slots = slots_by_mappings(max, present);
            prop_assert!(slots == 0 || mappings_for(slots, present) <= max);
            prop_assert!(mappings_for(slots + 1, present) > max);
        }
    }
}
