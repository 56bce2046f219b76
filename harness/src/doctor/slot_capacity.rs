//! How many slots fit: arithmetic over limits. Pure.

use leakbench_runtime::allocator::{GUARD_BYTES, SLOT_STRIDE_BYTES};

/// Mappings of a slot that maps an image: the image, the rest of its memory, its guard.
pub(super) const MAPPINGS_A_SLOT: u64 = 3;

/// Slots that a pool reserves in one piece at most.
const SLAB_SLOTS: u64 = 2048;

/// How a runtime lays out its slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slots {
    /// From one slot to the next.
    pub(super) stride_bytes: u64,
    /// Before the first one of each piece.
    pub(super) guard_bytes: u64,
}

impl Slots {
    /// Those of the runtime that leakbench carries: 4 GiB of memory and a guard.
    pub(super) const BUILTIN: Slots =
        Slots { stride_bytes: SLOT_STRIDE_BYTES as u64, guard_bytes: GUARD_BYTES as u64 };

    /// 6 GiB, 4 of memory and 2 of guard, which other runtimes reserve.
    pub(super) const WIDE: Slots = Slots { stride_bytes: 6 << 30, guard_bytes: 0 };

    /// How many fit into free ranges of address space, reserved in pieces of at most so many
    /// slots, and of half as many where no range is left that is long enough.
    pub(super) fn in_ranges(self, ranges_bytes: &[u64]) -> u64 {
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

/// How many slots a process can map that may have so many mappings and has so many.
pub(super) fn slots_by_mappings(most: u64, present: u64) -> u64 {
    most.saturating_sub(present) / MAPPINGS_A_SLOT
}

/// The mappings that so many slots need, beside those that are there.
pub(super) fn mappings_for(slots: u64, present: u64) -> u64 {
    slots.saturating_mul(MAPPINGS_A_SLOT).saturating_add(present)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_figures_that_are_known() {
        assert_eq!(slots_by_mappings(65_530, 25), 21_835);
        assert_eq!(slots_by_mappings(10, 60), 0);
        // 47 bits in one range.
        assert_eq!(Slots::WIDE.in_ranges(&[1 << 47]), 21_845);
        assert_eq!(Slots { stride_bytes: 4 << 30, guard_bytes: 0 }.in_ranges(&[1 << 47]), 32_768);
        assert_eq!(Slots::BUILTIN.in_ranges(&[Slots::BUILTIN.stride_bytes]), 0, "and its guard");
        assert_eq!(Slots::BUILTIN.in_ranges(&[]), 0);
    }

    proptest! {
        /// What fits lies in the ranges, and hardly more would.
        #[test]
        fn slots_fill_their_ranges(
            ranges in prop::collection::vec(0u64..1 << 47, 0..5),
            stride_bytes in (4u64 << 30)..(8 << 30), guard_bytes in 0u64..(64 << 20),
        ) {
            let fit = Slots { stride_bytes, guard_bytes }.in_ranges(&ranges);
            prop_assert!(fit * stride_bytes <= ranges.iter().sum());
            // Each piece has a guard; a range is cut into whole slabs and at most twelve more.
            let most: u64 = ranges.iter().map(|range| range / stride_bytes).sum();
            let pieces: u64 = ranges.iter().map(|range| range / stride_bytes / SLAB_SLOTS + 13).sum();
            let lost = pieces * guard_bytes / stride_bytes + 12 * ranges.len() as u64;
            prop_assert!(most - fit <= lost, "{} of {}", fit, most);
        }

        #[test]
        fn mappings_for_as_many_slots_as_fit_are_allowed(most in 0u64..1 << 32, present in 0u64..1000) {
            let slots = slots_by_mappings(most, present);
            prop_assert!(slots == 0 || mappings_for(slots, present) <= most);
            prop_assert!(mappings_for(slots + 1, present) > most);
        }
    }
}
