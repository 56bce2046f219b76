//! The address range of a slot and a record of its mappings. Only the owner of a [`SlotMapping`]
//! can change the mappings, so the record stays correct.

use std::io;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::Arc;

use super::calls;
use super::reservation::Reservation;
use crate::geometry::MEMORY_MAX_BYTES;
use crate::ids::{ModuleId, SlotId};
use crate::layout::{Layout, MappedImage};

/// The initial contents of a memory. The rest is zero.
#[derive(Clone, Debug)]
pub(crate) enum InitialContents<'a> {
    Zeroes,
    /// Bytes of a file, mapped copy-on-write.
    Mapped(MappedImage, FileBytes<'a>),
    /// Bytes to copy to an offset.
    Copied(usize, &'a [u8]),
}

/// Bytes of a file from `start` on. The rest of their last page is zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileBytes<'a> {
    pub(crate) file: BorrowedFd<'a>,
    pub(crate) start: u64,
    pub(crate) len_bytes: usize,
}

impl InitialContents<'_> {
    /// The end of the bytes that are not zero, as an offset in the memory.
    pub(crate) fn end_bytes(&self) -> usize {
        match self {
            InitialContents::Zeroes => 0,
            InitialContents::Mapped(image, ..) => image.bytes.end,
            InitialContents::Copied(offset, bytes) => offset + bytes.len(),
        }
    }
}

#[derive(Debug)]
enum State {
    /// A reset returns to the layout `established`. The first `len_bytes` are accessible, which is
    /// more if the memory has grown.
    Known { established: Layout, len_bytes: usize },
    /// A call failed midway, and so did the attempt to unmap the slot. The first `extent_bytes` of
    /// the slot may have any mappings.
    Unknown { extent_bytes: usize },
}

impl State {
    const COLD: State = State::Known { established: Layout::COLD, len_bytes: 0 };
}

/// Owns the address range of a slot, and records its mappings.
#[derive(Debug)]
pub(crate) struct SlotMapping {
    slot: SlotId,
    base: NonNull<u8>,
    state: State,
    /// Keeps the address space reserved.
    _reservation: Arc<Reservation>,
}

// SAFETY: the value owns its range of addresses, as a box owns its bytes.
unsafe impl Send for SlotMapping {}
// SAFETY: a shared reference only reads the record.
unsafe impl Sync for SlotMapping {}

impl SlotMapping {
    /// A cold slot.
    ///
    /// # Safety
    /// The `SLOT_STRIDE_BYTES` from `base` must lie in the reservation, have no access, and belong
    /// to no other slot.
    pub(super) unsafe fn new(
        slot: SlotId,
        base: NonNull<u8>,
        reservation: Arc<Reservation>,
    ) -> SlotMapping {
        SlotMapping { slot, base, state: State::COLD, _reservation: reservation }
    }

    pub(crate) fn slot(&self) -> SlotId {
        self.slot
    }

    /// The address of the slot's first byte.
    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// The number of accessible bytes from the base.
    pub(crate) fn len_bytes(&self) -> usize {
        match self.state {
            State::Known { len_bytes, .. } => len_bytes,
            State::Unknown { .. } => 0,
        }
    }

    /// The module whose image the slot maps.
    pub(crate) fn mapped_module(&self) -> Option<ModuleId> {
        match &self.state {
            State::Known { established, .. } => Some(established.image.as_ref()?.module),
            State::Unknown { .. } => None,
        }
    }

    /// Returns true if the mappings of the slot are unknown.
    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self.state, State::Unknown { .. })
    }

    /// Returns true if the whole slot is reserved address space.
    pub(crate) fn is_cold(&self) -> bool {
        matches!(&self.state, State::Known { established, .. } if *established == Layout::COLD)
    }

    /// Maps a memory of `len_bytes`, with the fewest calls from the present layout: none if the
    /// layout is the same. The slot must be new, reset or discarded, or written pages would remain.
    ///
    /// # Errors
    /// If the kernel refuses a call. The slot is then cold, or [unknown](Self::is_unknown).
    ///
    /// # Panics
    /// If the initial contents end beyond `len_bytes`, or `len_bytes` is more than
    /// [`MEMORY_MAX_BYTES`].
    pub(crate) fn establish(
        &mut self,
        len_bytes: usize,
        initial: &InitialContents<'_>,
    ) -> io::Result<()> {
        let image = match initial {
            InitialContents::Zeroes | InitialContents::Copied(..) => None,
            InitialContents::Mapped(image, ..) => Some(image.clone()),
        };
        assert!(
            initial.end_bytes() <= len_bytes && len_bytes <= MEMORY_MAX_BYTES,
            "a memory longer than its slot"
        );
        if self.is_unknown() {
            self.discard()?;
        }
        let wanted = Layout { len_bytes, image };
        if let State::Known { established, .. } = &self.state
            && *established != wanted
        {
            let extent_bytes = len_bytes.max(established.len_bytes);
            if let Err(error) = self.map_layout(established, &wanted, initial) {
                self.recover(extent_bytes);
                return Err(error);
            }
            self.state = State::Known { established: wanted, len_bytes };
        }
        if let InitialContents::Copied(offset, bytes) = initial {
            // SAFETY: the range ends within `len_bytes`, which are readable and writable. This
            // value owns the slot.
            unsafe {
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.at(*offset), bytes.len());
            }
        }
        Ok(())
    }

    fn map_layout(
        &self,
        from: &Layout,
        to: &Layout,
        initial: &InitialContents<'_>,
    ) -> io::Result<()> {
        let plan = from.plan_to(to);
        // SAFETY: the ranges of a plan lie within one of the two layouts, so in the slot, which
        // this value owns. They are not empty. Their ends are ends of memories and images, so
        // multiples of the page size. The image's file has as many pages and is sealed against
        // shrinking, or stays as it is by the contract of `ImageFile`.
        unsafe {
            if let Some(range) = plan.reserve {
                calls::map_reserved(self.at(range.start), range.len())?;
            }
            if let Some(range) = plan.zero {
                calls::map_zeroes(self.at(range.start), range.len())?;
            }
            if let (Some(range), InitialContents::Mapped(_, bytes)) = (plan.image, initial) {
                calls::map_image(self.at(range.start), range.len(), bytes.file, bytes.start)?;
            }
        }
        Ok(())
    }

    /// Makes the memory accessible up to `new_len_bytes`.
    ///
    /// # Errors
    /// If the kernel refuses the call. The length is then unchanged.
    ///
    /// # Panics
    /// If `new_len_bytes` is more than [`MEMORY_MAX_BYTES`].
    pub(crate) fn grow(&mut self, new_len_bytes: usize) -> io::Result<()> {
        assert!(new_len_bytes <= MEMORY_MAX_BYTES, "a memory longer than its slot");
        let at = self.at(self.len_bytes());
        if let State::Known { len_bytes, .. } = &mut self.state
            && new_len_bytes > *len_bytes
        {
            // SAFETY: the range from the present length to the new one is reserved address space of
            // this slot.
            unsafe { calls::allow_access(at, new_len_bytes - *len_bytes) }?;
            *len_bytes = new_len_bytes;
        }
        Ok(())
    }

    /// Resets the memory to its initial contents and length: drops every written page, and undoes
    /// growth.
    ///
    /// # Errors
    /// If the kernel refuses a call. The slot is then cold, or [unknown](Self::is_unknown).
    pub(crate) fn reset(&mut self) -> io::Result<()> {
        self.shrink_back()?;
        let len_bytes = self.len_bytes();
        if len_bytes == 0 {
            return Ok(());
        }
        // SAFETY: this value owns the slot, and the accessible bytes are in it.
        unsafe { calls::drop_pages(self.at(0), len_bytes) }.inspect_err(|_| self.recover(len_bytes))
    }

    /// Unmaps the bytes by which the memory has grown.
    fn shrink_back(&mut self) -> io::Result<()> {
        let State::Known { established, len_bytes } = &mut self.state else {
            return Ok(());
        };
        let grown = established.len_bytes..*len_bytes;
        if grown.is_empty() {
            return Ok(());
        }
        *len_bytes = grown.start;
        // SAFETY: this value owns the slot, and the memory is in it.
        unsafe { calls::map_reserved(self.at(grown.start), grown.len()) }
            .inspect_err(|_| self.recover(grown.end))
    }

    /// Replaces a mapped image by zeroes. The memory stays mapped, so that the next module needs
    /// one call and not two. Unmapping the whole slot costs half as much again. Unmapping
    /// neighbours in one call costs three times as much, because the kernel then frees their page
    /// tables.
    ///
    /// # Errors
    /// If the kernel refuses a call. The slot is then cold and does not map the image, or it is
    /// [unknown](Self::is_unknown).
    pub(crate) fn unmap_image(&mut self) -> io::Result<()> {
        let at = match &self.state {
            State::Known { established: Layout { image: Some(image), .. }, .. } => {
                image.bytes.clone()
            }
            State::Known { .. } => return Ok(()),
            State::Unknown { .. } => return self.discard(),
        };
        // SAFETY: this value owns the slot, and the image is in it.
        if let Err(error) = unsafe { calls::map_zeroes(self.at(at.start), at.len()) } {
            self.recover(self.extent_bytes());
            return Err(error);
        }
        if let State::Known { established, .. } = &mut self.state {
            established.image = None;
        }
        Ok(())
    }

    /// Unmaps the slot: all of it is reserved address space again.
    ///
    /// # Errors
    /// If the kernel refuses the call. The slot is then [unknown](Self::is_unknown).
    pub(crate) fn discard(&mut self) -> io::Result<()> {
        let extent_bytes = self.extent_bytes();
        if extent_bytes > 0 {
            // SAFETY: this value owns the slot, and the extent is in it.
            unsafe { calls::map_reserved(self.at(0), extent_bytes) }
                .inspect_err(|_| self.state = State::Unknown { extent_bytes })?;
        }
        self.state = State::COLD;
        Ok(())
    }

    /// Unmaps the slot after a failure in its first `extent_bytes`. If that fails too, the slot is
    /// unknown.
    fn recover(&mut self, extent_bytes: usize) {
        self.state = State::Unknown { extent_bytes };
        // After a second failure the state is unknown, and the next `establish` tries again.
        let _ = self.discard();
    }

    /// The number of bytes from the base that may be mapped as something else than reserved address
    /// space.
    fn extent_bytes(&self) -> usize {
        match self.state {
            State::Known { len_bytes, .. } => len_bytes,
            State::Unknown { extent_bytes } => extent_bytes,
        }
    }

    /// The address of a byte of the slot.
    fn at(&self, offset: usize) -> *mut u8 {
        self.base.as_ptr().wrapping_add(offset)
    }
}

/// Maximum number of slots to reset by one call. More would not be faster.
const SLOTS_PER_CALL: usize = 64;

/// [Resets](SlotMapping::reset) slots, many by one call if the kernel supports that. On Linux 6.18,
/// with one page written in each slot, this takes a quarter of the time. Returns the number of
/// slots that could not be reset.
///
/// One call over a range of neighbours, with their guards, would take half as long again as one
/// call for each slot, because the kernel walks the guards.
pub(crate) fn reset_all(slots: &mut [SlotMapping]) -> u64 {
    let mut failures = 0;
    for slots in slots.chunks_mut(SLOTS_PER_CALL) {
        for slot in &mut *slots {
            failures += u64::from(slot.shrink_back().is_err());
        }
        let mut ranges = [calls::Range::EMPTY; SLOTS_PER_CALL];
        let mut count = 0;
        for slot in slots.iter().filter(|slot| slot.len_bytes() > 0) {
            ranges[count] = calls::Range::new(slot.at(0), slot.len_bytes());
            count += 1;
        }
        // SAFETY: each range is the accessible bytes of a slot that is exclusively borrowed.
        if unsafe { calls::drop_pages_of_all(&ranges[..count]) }.is_err() {
            failures += slots.iter_mut().map(|slot| u64::from(slot.reset().is_err())).sum::<u64>();
        }
    }
    failures
}
