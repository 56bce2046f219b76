//! Slabs: where the slots of a pool lie.

use serde::{Deserialize, Serialize};

/// Slots of one size, one behind the other. Plain data: it means the same in another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slab {
    /// Address of its first slot.
    pub base: u64,
    /// From the first byte of a slot to that of the next, in bytes.
    pub stride_bytes: u64,
    /// Number of slots.
    pub slots: u32,
}

/// The slabs of a pool. Slots are numbered from 0, slab after slab.
///
/// ```
/// use leakbench_model::{Slab, Slabs};
///
/// let slab = |base| Slab { base, stride_bytes: 0x1000, slots: 3 };
/// let slabs = Slabs::new(vec![slab(0x7000_0000), slab(0x1000_0000)]);
/// assert_eq!(slabs.slot_at(0x7000_2fff), Some(2));
/// assert_eq!(slabs.slot_at(0x1000_0000), Some(3));
/// assert_eq!(slabs.slot_at(0x7000_3000), None);
/// assert_eq!(slabs.address_of(3), Some(0x1000_0000));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slabs(Vec<Slab>);

impl Slabs {
    /// Slabs in the order of their slots' numbers.
    pub fn new(slabs: Vec<Slab>) -> Slabs {
        Slabs(slabs)
    }

    /// Each slab, in the order of their slots' numbers.
    pub fn iter(&self) -> impl Iterator<Item = &Slab> {
        self.0.iter()
    }

    /// The number of all slots. A foreign subject may claim more than a `u32` has room for.
    pub fn slot_count(&self) -> u64 {
        self.iter().map(|slab| u64::from(slab.slots)).sum()
    }

    /// The slot that an address is in: its memory, or the guard behind it. `None` outside every
    /// slab, and of a slot whose number does not fit.
    pub fn slot_at(&self, address: u64) -> Option<u32> {
        let mut first = 0_u64;
        for slab in &self.0 {
            let offset = address.checked_sub(slab.base);
            match offset.map(|offset| offset / slab.stride_bytes.max(1)) {
                Some(nth) if nth < u64::from(slab.slots) => return (first + nth).try_into().ok(),
                _ => first += u64::from(slab.slots),
            }
        }
        None
    }

    /// The address of a slot's first byte; `None` if there is no such slot.
    pub fn address_of(&self, slot: u32) -> Option<u64> {
        let mut nth = slot;
        for slab in &self.0 {
            match nth.checked_sub(slab.slots) {
                Some(beyond) => nth = beyond,
                None => {
                    return slab.base.checked_add(u64::from(nth).checked_mul(slab.stride_bytes)?);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STRIDE: u64 = 1 << 32;
    /// 8 and 4 slots, with a gap between them.
    const SLABS: [Slab; 2] = [
        Slab { base: STRIDE, stride_bytes: STRIDE, slots: 8 },
        Slab { base: 100 * STRIDE, stride_bytes: STRIDE, slots: 4 },
    ];

    #[test]
    fn a_slot_ends_where_the_next_begins() {
        let slabs = Slabs::new(SLABS.to_vec());
        let slot = |address| slabs.slot_at(address);
        assert_eq!(slot(SLABS[0].base - 1), None);
        assert_eq!(slot(SLABS[0].base), Some(0));
        assert_eq!(slot(SLABS[0].base + STRIDE - 1), Some(0));
        assert_eq!(slot(SLABS[0].base + STRIDE), Some(1));
        assert_eq!(slot(SLABS[0].base + 8 * STRIDE - 1), Some(7));
        assert_eq!(slot(SLABS[0].base + 8 * STRIDE), None);
        assert_eq!(slot(SLABS[1].base), Some(8));
        assert_eq!(slot(SLABS[1].base + 4 * STRIDE), None);
        assert_eq!(slot(u64::MAX), None);
    }

    #[test]
    fn what_a_foreign_subject_claims_cannot_overflow() {
        let absurd = SLABS.map(|slab| Slab { stride_bytes: 1, slots: u32::MAX, ..slab });
        let slabs = Slabs::new(absurd.to_vec());
        assert_eq!(slabs.slot_at(SLABS[1].base + 1), None, "its number does not fit");
        assert_eq!(slabs.slot_count(), 2 * u64::from(u32::MAX));
        let last = Slab { base: u64::MAX - 1, stride_bytes: u64::MAX, slots: 9 };
        assert_eq!(Slabs::new(vec![last]).address_of(8), None);
    }

    proptest! {
        #[test]
        fn a_slot_is_at_its_own_address(slot in 0_u32..20, offset in 0..STRIDE) {
            let slabs = Slabs::new(SLABS.to_vec());
            let address = slabs.address_of(slot);
            prop_assert_eq!(address.is_some(), u64::from(slot) < slabs.slot_count());
            if let Some(address) = address {
                prop_assert_eq!(slabs.slot_at(address + offset), Some(slot));
            }
        }
    }
}
