//! The addresses of slots: arithmetic only.
//!
//! ```text
//!  slab:  | guard | memory 0 (4 GiB) | guard | memory 1 (4 GiB) | guard | ...
//!                 ^ base_addr                ^ base_addr + SLOT_STRIDE_BYTES
//! ```
//!
//! The guard behind a memory also precedes the next one. The first memory of a slab has a guard of
//! its own. A pool uses several slabs, because the address space has no single hole for all slots.

use leakbench_model::{Slab, Slabs};
use serde::{Deserialize, Serialize};

use crate::ids::SlotId;

/// The maximum length of a memory in bytes: the range of a 32-bit index.
pub const MEMORY_MAX_BYTES: usize = 4 << 30;

/// The size of the guard behind a memory. Compiled code needs no bounds check for an access whose
/// constant offset is less: the access meets the memory, reserved address space, or the guard.
pub const GUARD_BYTES: usize = 32 << 20;

/// The size of a WebAssembly page: lengths of memories are multiples of it.
pub const WASM_PAGE_BYTES: usize = 64 << 10;

/// The distance from the base of a slot to that of the next one. The page behind the guard is for
/// an access that starts at the last byte of the guard.
pub const SLOT_STRIDE_BYTES: usize = MEMORY_MAX_BYTES + GUARD_BYTES + WASM_PAGE_BYTES;

/// The number of mappings (VMAs) of a slot with an image at its start: the image, the rest of the
/// memory, and reserved address space. An image that starts higher needs one more.
pub(crate) const MAPPINGS_PER_SLOT: usize = 3;

/// The maximum number of slots in a slab, which is then 8 TiB. The largest hole in the address
/// space of a position-independent process is about 85 TiB; the others are smaller.
pub(crate) const SLAB_SLOTS_MAX: u32 = 2048;

/// The size of a slab in bytes, with its leading guard.
pub(crate) const fn slab_bytes(slots: u32) -> usize {
    GUARD_BYTES + slots as usize * SLOT_STRIDE_BYTES
}

/// The addresses of the slots of a pool. Plain data that another process can use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Geometry {
    slabs: Slabs,
}

impl Geometry {
    /// A geometry of slabs, each given as the address of its first slot and its number of slots.
    pub(crate) fn of_slabs(slabs: impl IntoIterator<Item = (usize, u32)>) -> Geometry {
        let stride_bytes = SLOT_STRIDE_BYTES as u64;
        let slabs = slabs.into_iter();
        let slabs = slabs.map(|(base, slots)| Slab { base: base as u64, stride_bytes, slots });
        Geometry { slabs: Slabs::new(slabs.collect()) }
    }

    /// The slabs, in the order of their slots' numbers.
    pub fn slabs(&self) -> &Slabs {
        &self.slabs
    }

    /// The number of slots.
    pub fn slot_count(&self) -> u32 {
        // The pool's configuration has it as a `u32`.
        self.slabs.slot_count() as u32
    }

    /// The slot at an address, which may be in its guard. `None` outside of slots.
    pub fn slot_of(&self, addr: usize) -> Option<SlotId> {
        self.slabs.slot_at(addr as u64).map(SlotId::new)
    }

    /// The address of a slot's first byte; `None` if there is no such slot.
    pub fn base_addr(&self, slot: SlotId) -> Option<usize> {
        self.slabs.address_of(slot.get()).map(|base| base as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn two_slabs() -> Geometry {
        Geometry::of_slabs([(0x7000_0000_0000, 3), (0x1000_0000_0000, 2)])
    }

    #[test]
    fn every_address_of_a_slot_belongs_to_it() {
        let geometry = two_slabs();
        for number in 0..geometry.slot_count() {
            let slot = SlotId::new(number);
            let base = geometry.base_addr(slot).unwrap();
            assert_eq!(geometry.slot_of(base), Some(slot));
            assert_eq!(geometry.slot_of(base + MEMORY_MAX_BYTES), Some(slot), "its guard");
            assert_eq!(geometry.slot_of(base + SLOT_STRIDE_BYTES - 1), Some(slot));
        }
        assert_eq!(geometry.base_addr(SlotId::new(geometry.slot_count())), None);
    }

    #[test]
    fn addresses_outside_of_slabs_belong_to_no_slot() {
        let geometry = two_slabs();
        assert_eq!(geometry.slot_of(0), None);
        assert_eq!(geometry.slot_of(0x1000_0000_0000 - 1), None, "the leading guard");
        assert_eq!(geometry.slot_of(0x1000_0000_0000 + 2 * SLOT_STRIDE_BYTES), None);
        assert_eq!(geometry.slot_of(usize::MAX), None);
    }

    proptest! {
        #[test]
        fn unchecked_accesses_stay_within_their_slot(
            index in any::<u32>(), offset in 0..GUARD_BYTES, width in 1usize..=64,
        ) {
            prop_assert!(index as usize + offset + width <= SLOT_STRIDE_BYTES);
        }
    }
}
