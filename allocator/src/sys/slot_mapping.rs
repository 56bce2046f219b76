//! One slot's address range and what it maps. Whoever holds a [`SlotMapping`] is the only one who
//! can change either, so that its record of what is mapped stays true.

use std::io;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::Arc;

use super::calls;
use super::reservation::Reservation;
use crate::geometry::MEMORY_MAX_BYTES;
use crate::ids::{ModuleId, SlotId};
use crate::layout::{Layout, MappedImage};

/// What a memory holds before anything writes to it, zeroes apart.
#[derive(Clone, Debug)]
pub(crate) enum Initial<'a> {
    Zeroes,
    /// The file's bytes from its start, mapped copy-on-write.
    Mapped(MappedImage, BorrowedFd<'a>),
    /// These bytes, copied to the offset.
    Copied(usize, &'a [u8]),
}

#[derive(Debug)]
enum State {
    /// `established` is the layout to which a reset returns; `len_bytes`, at least as long, is
    /// what is accessible now.
    Known { established: Layout, len_bytes: usize },
    /// A call failed midway, and so did the attempt to start over: within these first bytes of the
    /// slot anything may be mapped.
    Unknown { reach_bytes: usize },
}

impl State {
    const COLD: State = State::Known { established: Layout::COLD, len_bytes: 0 };
}

/// A slot's address range, owned, and what it maps.
#[derive(Debug)]
pub(crate) struct SlotMapping {
    slot: SlotId,
    base: NonNull<u8>,
    state: State,
    /// Unmapped with its last slot.
    _reservation: Arc<Reservation>,
}

// SAFETY: the value owns its range of addresses as a box owns its bytes; no thread has a part in it.
unsafe impl Send for SlotMapping {}
// SAFETY: through a shared reference only the record is read.
unsafe impl Sync for SlotMapping {}

impl SlotMapping {
    /// A cold slot.
    ///
    /// # Safety
    /// `SLOT_STRIDE_BYTES` from `base` must lie within the reservation, be inaccessible, and
    /// belong to no other slot.
    pub(super) unsafe fn new(
        slot: SlotId,
        base: NonNull<u8>,
        reservation: Arc<Reservation>,
    ) -> SlotMapping {
        SlotMapping { slot, base, state: State::COLD, _reservation: reservation }
    }

    /// Which slot this is.
    pub(crate) fn slot(&self) -> SlotId {
        self.slot
    }

    /// The address of the slot's first byte.
    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// How many bytes from the base are accessible.
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

    /// Whether it is not known what the slot maps.
    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self.state, State::Unknown { .. })
    }

    /// Whether the slot is nothing but reservation.
    pub(crate) fn is_cold(&self) -> bool {
        matches!(&self.state, State::Known { established, .. } if *established == Layout::COLD)
    }

    /// Makes the slot a memory of so many bytes, with the fewest calls that lead there from what
    /// it maps: none at all where the same module left it. For slots that are new, reset or
    /// discarded: written pages would stay.
    ///
    /// # Errors
    /// What the kernel refused. The slot is then cold, or [unknown](Self::is_unknown).
    ///
    /// # Panics
    /// If the bytes to map or copy reach beyond `len_bytes`, or that beyond [`MEMORY_MAX_BYTES`].
    pub(crate) fn establish(&mut self, len_bytes: usize, initial: &Initial<'_>) -> io::Result<()> {
        let (image, end) = match initial {
            Initial::Zeroes => (None, 0),
            Initial::Mapped(image, _) => (Some(image.clone()), image.bytes.end),
            Initial::Copied(offset, bytes) => (None, offset + bytes.len()),
        };
        assert!(end <= len_bytes && len_bytes <= MEMORY_MAX_BYTES, "a memory beyond its bounds");
        if self.is_unknown() {
            self.discard()?;
        }
        let wanted = Layout { len_bytes, image };
        if let State::Known { established, .. } = &self.state
            && *established != wanted
        {
            let reach_bytes = len_bytes.max(established.len_bytes);
            if let Err(error) = self.carry_out(established, &wanted, initial) {
                self.start_over(reach_bytes);
                return Err(error);
            }
            self.state = State::Known { established: wanted, len_bytes };
        }
        if let Initial::Copied(offset, bytes) = initial {
            // SAFETY: the range ends within `len_bytes`, which is private memory, readable and
            // writable; the slot is this value's own.
            unsafe {
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.at(*offset), bytes.len());
            }
        }
        Ok(())
    }

    fn carry_out(&self, from: &Layout, to: &Layout, initial: &Initial<'_>) -> io::Result<()> {
        let plan = from.plan_to(to);
        // SAFETY: the ranges of a plan lie within one layout or the other, hence in the slot; they
        // are not empty, and their ends are those of memories and images, multiples of a page.
        // What an image is mapped from has that many pages and is sealed against shrinking.
        unsafe {
            if let Some(range) = plan.reserve {
                calls::map_reserved(self.at(range.start), range.len())?;
            }
            if let Some(range) = plan.zero {
                calls::map_zeroes(self.at(range.start), range.len())?;
            }
            if let (Some(range), Initial::Mapped(_, file)) = (plan.image, initial) {
                calls::map_image(self.at(range.start), range.len(), *file)?;
            }
        }
        Ok(())
    }

    /// Makes more of the memory accessible.
    ///
    /// # Errors
    /// What the kernel refused; the memory is then as long as before.
    ///
    /// # Panics
    /// If `new_len_bytes` is beyond [`MEMORY_MAX_BYTES`].
    pub(crate) fn grow(&mut self, new_len_bytes: usize) -> io::Result<()> {
        assert!(new_len_bytes <= MEMORY_MAX_BYTES, "a memory beyond its bounds");
        let at = self.at(self.len_bytes());
        if let State::Known { len_bytes, .. } = &mut self.state
            && new_len_bytes > *len_bytes
        {
            // SAFETY: from the accessible end to the new one lies bare reservation of this slot.
            unsafe { calls::allow_access(at, new_len_bytes - *len_bytes) }?;
            *len_bytes = new_len_bytes;
        }
        Ok(())
    }

    /// Makes the memory as it was when it was established: drops every written page, and what it
    /// grew by.
    ///
    /// # Errors
    /// What the kernel refused. The slot is then cold, or [unknown](Self::is_unknown).
    pub(crate) fn reset(&mut self) -> io::Result<()> {
        self.shrink_back()?;
        let len_bytes = self.len_bytes();
        if len_bytes == 0 {
            return Ok(());
        }
        // SAFETY: the accessible bytes are this slot's.
        unsafe { calls::drop_pages(self.at(0), len_bytes) }
            .inspect_err(|_| self.start_over(len_bytes))
    }

    /// Undoes growth.
    fn shrink_back(&mut self) -> io::Result<()> {
        let State::Known { established, len_bytes } = &mut self.state else {
            return Ok(());
        };
        let grown = established.len_bytes..*len_bytes;
        if grown.is_empty() {
            return Ok(());
        }
        *len_bytes = grown.start;
        // SAFETY: what the memory grew by is this slot's.
        unsafe { calls::map_reserved(self.at(grown.start), grown.len()) }
            .inspect_err(|_| self.start_over(grown.end))
    }

    /// Replaces a mapped image by zeroes. The memory stays as long as it is: what it has cost in
    /// mappings and page tables serves the next module, which then needs one call and not two. (To
    /// unmap it all costs half as much again, and with neighbours in one call, whose page tables
    /// the kernel then frees, three times as much.)
    ///
    /// # Errors
    /// What the kernel refused. The slot is then cold, and no longer maps the image; or it is
    /// [unknown](Self::is_unknown).
    pub(crate) fn unmap_image(&mut self) -> io::Result<()> {
        let at = match &self.state {
            State::Known { established: Layout { image: Some(image), .. }, .. } => {
                image.bytes.clone()
            }
            State::Known { .. } => return Ok(()),
            State::Unknown { .. } => return self.discard(),
        };
        // SAFETY: an image's range lies within its slot's memory.
        if let Err(error) = unsafe { calls::map_zeroes(self.at(at.start), at.len()) } {
            self.start_over(self.reach_bytes());
            return Err(error);
        }
        if let State::Known { established, .. } = &mut self.state {
            established.image = None;
        }
        Ok(())
    }

    /// Makes the slot nothing but reservation again.
    ///
    /// # Errors
    /// What the kernel refused; the slot is then [unknown](Self::is_unknown).
    pub(crate) fn discard(&mut self) -> io::Result<()> {
        let reach_bytes = self.reach_bytes();
        if reach_bytes > 0 {
            // SAFETY: what a slot reaches is its own.
            unsafe { calls::map_reserved(self.at(0), reach_bytes) }
                .inspect_err(|_| self.state = State::Unknown { reach_bytes })?;
        }
        self.state = State::COLD;
        Ok(())
    }

    /// After a failure within the first `reach_bytes`: cold if the kernel allows, else unknown.
    fn start_over(&mut self, reach_bytes: usize) {
        self.state = State::Unknown { reach_bytes };
        // Should this fail too, the state says so, and whoever takes the slot next tries again.
        let _ = self.discard();
    }

    /// How far from the base something other than reservation may be mapped.
    fn reach_bytes(&self) -> usize {
        match self.state {
            State::Known { len_bytes, .. } => len_bytes,
            State::Unknown { reach_bytes } => reach_bytes,
        }
    }

    fn at(&self, offset: usize) -> *mut u8 {
        self.base.as_ptr().wrapping_add(offset)
    }
}

/// How many slots are reset in one call. More gain nothing.
const SLOTS_PER_CALL: usize = 64;

/// [Resets](SlotMapping::reset) slots, many in one call where the kernel can: measured on Linux
/// 6.18 with one page written in each slot, a quarter of the time. Gives the number of slots that
/// could not be reset.
///
/// One call over a run of neighbours, guards included, would take half as long again as a call for
/// each: the kernel walks the guards.
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
        // SAFETY: each range is the accessible bytes of a slot, borrowed exclusively.
        if unsafe { calls::drop_pages_of_all(&ranges[..count]) }.is_err() {
            failures += slots.iter_mut().map(|slot| u64::from(slot.reset().is_err())).sum::<u64>();
        }
    }
    failures
}
