//! Reserved address space, divided into slots. The kernel places no other mapping there.

use std::io;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use rustix::mm::{MapFlags, ProtFlags};

use super::slot_mapping::SlotMapping;
use crate::geometry::{GUARD_BYTES, SLAB_SLOTS_MAX, SLOT_STRIDE_BYTES, slab_bytes};
use crate::ids::SlotId;

/// A range of reserved address space. It is unmapped, with everything mapped into it, when its last
/// slot is dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    start: NonNull<u8>,
    len_bytes: usize,
}

// SAFETY: the value is an address and a length. Shared references do not access the memory, and
// only the last owner unmaps it.
unsafe impl Send for Reservation {}
// SAFETY: as above.
unsafe impl Sync for Reservation {}

impl Reservation {
    fn new(len_bytes: usize) -> io::Result<Reservation> {
        // SAFETY: the kernel chooses the address, so no existing mapping is replaced.
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
        // SAFETY: this value owns the range. Each slot in it holds a reference to this value, so
        // no slot is left.
        let result = unsafe { rustix::mm::munmap(self.start.as_ptr().cast(), self.len_bytes) };
        debug_assert!(result.is_ok(), "unmapping a reservation: {result:?}");
    }
}

/// Slots and their addresses.
#[derive(Debug)]
pub(crate) struct Reserved {
    /// Every slot, indexed by slot number; all cold.
    pub(crate) slots: Vec<SlotMapping>,
    /// Of each slab the address of the first slot, and the number of slots.
    pub(crate) slabs: Vec<(usize, u32)>,
}

/// The address space has no room for the slots.
#[derive(Debug)]
pub(crate) struct OutOfAddressSpace {
    /// The number of slots that could be reserved.
    pub(crate) fits: u32,
    pub(crate) source: io::Error,
}

/// Reserves address space for slots, in as few slabs as possible. After an error nothing stays
/// reserved.
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
            // No hole of that size is left, but there may be smaller ones.
            Err(_) if slab_slots > 1 => slab_slots /= 2,
            Err(source) => {
                return Err(OutOfAddressSpace { fits: slots - left, source });
            }
        }
    }
    let mut reserved = Reserved { slots: Vec::with_capacity(slots as usize), slabs: Vec::new() };
    for (reservation, slab_slots) in reservations {
        // SAFETY: the reservation has `slab_bytes(slab_slots)` bytes, which are the guard and
        // `slab_slots` strides, so the addresses computed here are within it.
        let first = unsafe { reservation.start.add(GUARD_BYTES) };
        reserved.slabs.push((first.addr().get(), slab_slots));
        for nth in 0..slab_slots {
            // SAFETY: as above.
            let base = unsafe { first.add(nth as usize * SLOT_STRIDE_BYTES) };
            let slot = SlotId::new(reserved.slots.len() as u32);
            let reservation = Arc::clone(&reservation);
            // SAFETY: the stride at `base` is within the reservation, which is new and has no
            // access. Each `nth` occurs once, so no other slot has the stride.
            reserved.slots.push(unsafe { SlotMapping::new(slot, base, reservation) });
        }
    }
    Ok(reserved)
}

/// Tests that reserve address space hold this lock, because one of them uses up all of it.
#[cfg(test)]
pub(crate) static ADDRESS_SPACE: std::sync::Mutex<()> = std::sync::Mutex::new(());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_gives_the_number_of_slots_that_fit() {
        let _all = ADDRESS_SPACE.lock();
        let OutOfAddressSpace { fits, .. } = reserve(u32::MAX).unwrap_err();
        assert!(fits > SLAB_SLOTS_MAX, "{fits}");
        // The threads of other tests may map something meanwhile, but less than this.
        let nearly_all = fits - 64;
        let reserved = reserve(nearly_all).unwrap();
        assert_eq!(reserved.slots.len(), nearly_all as usize);
        assert_eq!(reserved.slabs.iter().map(|(_, slots)| slots).sum::<u32>(), nearly_all);
        reserve(256).unwrap_err();
        // The drop returns all of it, or the second call would find no room.
        drop(reserved);
        reserve(nearly_all).unwrap();
    }
}
