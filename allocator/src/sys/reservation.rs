//! Reserved address space: ranges that nothing else in the process can land in, cut into slots.

use std::io;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use rustix::mm::{MapFlags, ProtFlags};

use super::slot_mapping::SlotMapping;
use crate::geometry::{GUARD_BYTES, SLAB_SLOTS_MAX, SLOT_STRIDE_BYTES, slab_bytes};
use crate::ids::SlotId;

/// One range of inaccessible address space, unmapped with all that was mapped into it when the
/// last slot of it is dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    start: NonNull<u8>,
    len_bytes: usize,
}

// SAFETY: the value is an address and a length; all that is done with them through a shared
// reference is comparing, and unmapping needs the last owner.
unsafe impl Send for Reservation {}
// SAFETY: as above.
unsafe impl Sync for Reservation {}

impl Reservation {
    fn new(len_bytes: usize) -> io::Result<Reservation> {
        // SAFETY: the kernel chooses the address, so that no existing mapping is touched.
        let start = unsafe {
            rustix::mm::mmap_anonymous(
                ptr::null_mut(),
                len_bytes,
                ProtFlags::empty(),
                MapFlags::PRIVATE | MapFlags::NORESERVE,
            )
        }?;
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Reservation { start, len_bytes })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // SAFETY: the range is this value's own, and every slot in it holds a reference to this
        // value, so that none is left.
        let result = unsafe { rustix::mm::munmap(self.start.as_ptr().cast(), self.len_bytes) };
        debug_assert!(result.is_ok(), "unmapping a reservation: {result:?}");
    }
}

/// Slots and where they lie.
#[derive(Debug)]
pub(crate) struct Reserved {
    /// Every slot, by its number; all cold.
    pub(crate) slots: Vec<SlotMapping>,
    /// Of each slab the address of the first slot, and the number of slots.
    pub(crate) slabs: Vec<(usize, u32)>,
}

/// Address space ran out.
#[derive(Debug)]
pub(crate) struct OutOfAddressSpace {
    /// How many slots could be reserved.
    pub(crate) fits: u32,
    pub(crate) source: io::Error,
}

/// Reserves address space for so many slots, in as few slabs as fit. On failure all is returned.
pub(crate) fn reserve(slots: u32) -> Result<Reserved, OutOfAddressSpace> {
    let mut reservations = Vec::new();
    let mut left = slots;
    let mut slab_slots = SLAB_SLOTS_MAX;
    while left > 0 {
        slab_slots = slab_slots.min(left);
        match Reservation::new(slab_bytes(slab_slots)) {
            Ok(reservation) => {
                reservations.push((Arc::new(reservation), slab_slots));
                left -= slab_slots;
            }
            // No hole of that size is left: smaller ones may be.
            Err(_) if slab_slots > 1 => slab_slots /= 2,
            Err(source) => {
                return Err(OutOfAddressSpace { fits: slots - left, source });
            }
        }
    }
    let mut reserved = Reserved { slots: Vec::with_capacity(slots as usize), slabs: Vec::new() };
    for (reservation, slab_slots) in reservations {
        // SAFETY: the reservation is `slab_bytes(slab_slots)` long, which is the guard and so many
        // strides, so that every address below lies within it.
        let first = unsafe { reservation.start.add(GUARD_BYTES) };
        reserved.slabs.push((first.addr().get(), slab_slots));
        for nth in 0..slab_slots {
            // SAFETY: as above.
            let base = unsafe { first.add(nth as usize * SLOT_STRIDE_BYTES) };
            let slot = SlotId::new(reserved.slots.len() as u32);
            let reservation = Arc::clone(&reservation);
            // SAFETY: the stride at `base` is within the reservation, which is new and bare; and
            // as each `nth` comes once, it is in no other slot.
            reserved.slots.push(unsafe { SlotMapping::new(slot, base, reservation) });
        }
    }
    Ok(reserved)
}

/// Held by tests that reserve address space, for one of them uses it all up.
#[cfg(test)]
pub(crate) static ADDRESS_SPACE: std::sync::Mutex<()> = std::sync::Mutex::new(());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_says_what_would() {
        let _all = ADDRESS_SPACE.lock();
        let OutOfAddressSpace { fits, .. } = reserve(u32::MAX).unwrap_err();
        assert!(fits > SLAB_SLOTS_MAX, "{fits}");
        // Other tests' threads may have mapped something meanwhile, but no more than this.
        let nearly_all = fits - 64;
        let reserved = reserve(nearly_all).unwrap();
        assert_eq!(reserved.slots.len(), nearly_all as usize);
        assert_eq!(reserved.slabs.iter().map(|(_, slots)| slots).sum::<u32>(), nearly_all);
        reserve(256).unwrap_err();
        // All of it is returned, else there were no room for as much again.
        drop(reserved);
        reserve(nearly_all).unwrap();
    }
}
