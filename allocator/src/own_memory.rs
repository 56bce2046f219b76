//! A memory with mappings of its own, outside of the slots of a pool.

use std::io;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::geometry::{MEMORY_MAX_BYTES, WASM_PAGE_BYTES};
use crate::module::{ModuleShared, PoolModule};
use crate::pool::AllocError;
use crate::slot::GrowError;
use crate::sys::{self, FileBytes, GrowingMapping, InitialContents, SlotMapping};

/// What keeps accesses out of bounds from other memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bounds {
    /// Reserved address space, as of a slot: the memory never moves.
    Reserved,
    /// Compiled code compares each access with the length. Nothing is reserved beyond the memory,
    /// which moves when it grows, and no image is mapped: it is copied.
    Explicit,
}

/// A memory that is mapped when it is created and unmapped when it is dropped.
///
/// The first [`len_bytes`](Self::len_bytes) from [`base`](Self::base) can be read and written while
/// this value lives. With [`Bounds::Reserved`], an access beyond, up to
/// [`MEMORY_MAX_BYTES`] and the guard, raises SIGSEGV.
#[derive(Debug)]
pub struct OwnMemory {
    mapping: Mapping,
    len_bytes: usize,
    // Dropped after the mapping of its image.
    _module: Option<Arc<ModuleShared>>,
}

#[derive(Debug)]
enum Mapping {
    /// The only slot of its reservation.
    Reserved(SlotMapping),
    Explicit(GrowingMapping),
}

impl OwnMemory {
    /// Maps a memory of `len_bytes`, which holds the module's initial memory, and zeroes elsewhere.
    ///
    /// # Errors
    /// With [`Bounds::Reserved`], if the length is not a multiple of [`WASM_PAGE_BYTES`] or more than
    /// [`MEMORY_MAX_BYTES`]; if it is too short for the module's initial memory; or if the kernel
    /// refuses a mapping. Nothing stays mapped.
    pub fn new(
        module: Option<&PoolModule>,
        len_bytes: usize,
        bounds: Bounds,
    ) -> Result<OwnMemory, AllocError> {
        let shared = module.map(|module| &module.shared);
        let initial = match shared.and_then(|shared| Some((shared.id, shared.image.as_ref()?))) {
            Some((id, image)) => image.initial(id),
            None => InitialContents::Zeroes,
        };
        let refused = |source| AllocError::MapOwn { len_bytes, source };
        let mapping = match bounds {
            Bounds::Reserved => {
                AllocError::check_length(len_bytes, &initial)?;
                let mut reserved = sys::reserve(1).map_err(|error| refused(error.source))?;
                let Some(mut mapping) = reserved.slots.pop() else {
                    return Err(refused(io::ErrorKind::OutOfMemory.into()));
                };
                mapping.establish(len_bytes, &initial).map_err(refused)?;
                Mapping::Reserved(mapping)
            }
            Bounds::Explicit => {
                let mut mapping = GrowingMapping::new(len_bytes).map_err(refused)?;
                let image_end_bytes = copy(&initial, mapping.bytes_mut()).map_err(refused)?;
                if image_end_bytes > len_bytes {
                    return Err(AllocError::ShorterThanImage { len_bytes, image_end_bytes });
                }
                Mapping::Explicit(mapping)
            }
        };
        Ok(OwnMemory { mapping, len_bytes, _module: shared.cloned() })
    }

    /// The address of the memory's first byte. Growth changes it only with [`Bounds::Explicit`].
    pub fn base(&self) -> NonNull<u8> {
        match &self.mapping {
            Mapping::Reserved(mapping) => mapping.base(),
            Mapping::Explicit(mapping) => mapping.base(),
        }
    }

    /// The present length in bytes.
    pub fn len_bytes(&self) -> usize {
        self.len_bytes
    }

    /// Grows the memory to `new_len_bytes`. The new bytes are zero.
    ///
    /// # Errors
    /// As those of [`OwnMemory::new`]; or if the new length is less than the present one. The memory is
    /// then unchanged.
    pub fn grow(&mut self, new_len_bytes: usize) -> Result<(), GrowError> {
        let len_bytes = self.len_bytes;
        if new_len_bytes < len_bytes {
            return Err(GrowError::Shrinks { len_bytes, new_len_bytes });
        }
        let refused = |source| GrowError::MapOwn { new_len_bytes, source };
        match &mut self.mapping {
            Mapping::Reserved(_) if new_len_bytes > MEMORY_MAX_BYTES => {
                return Err(GrowError::TooLong { new_len_bytes });
            }
            Mapping::Reserved(_) if !new_len_bytes.is_multiple_of(WASM_PAGE_BYTES) => {
                return Err(GrowError::NotWholePages { new_len_bytes });
            }
            Mapping::Reserved(mapping) => mapping.grow(new_len_bytes).map_err(refused)?,
            Mapping::Explicit(mapping) => mapping.grow(new_len_bytes).map_err(refused)?,
        }
        self.len_bytes = new_len_bytes;
        Ok(())
    }
}

/// Copies the initial contents as far as there is room. Returns the end of their bytes.
fn copy(initial: &InitialContents<'_>, memory: &mut [u8]) -> io::Result<usize> {
    match initial {
        InitialContents::Zeroes => Ok(0),
        InitialContents::Copied(offset, bytes) => {
            let end = offset + bytes.len();
            if let Some(place) = memory.get_mut(*offset..end) {
                place.copy_from_slice(bytes);
            }
            Ok(end)
        }
        InitialContents::Mapped(image, FileBytes { file, start, len_bytes }) => {
            let room = memory.get_mut(image.bytes.start..).unwrap_or_default();
            let len = room.len().min(*len_bytes);
            read_from(*file, *start, &mut room[..len])?;
            Ok(image.bytes.start + len_bytes)
        }
    }
}

/// Fills `room` with the bytes of a file from `start` on.
fn read_from(file: BorrowedFd<'_>, start: u64, room: &mut [u8]) -> io::Result<()> {
    let mut done = 0;
    while done < room.len() {
        match rustix::io::pread(file, &mut room[done..], start + done as u64) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => done += read,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::InitialMemory;
    use crate::pool::{Pool, PoolConfig};
    use leakbench_model::ImageKind;

    /// The memory as bytes.
    fn bytes(memory: &OwnMemory) -> Vec<u8> {
        sys::read(memory.base(), memory.len_bytes())
    }

    fn module(image: ImageKind) -> PoolModule {
        let pool = Pool::without_slots(&PoolConfig { image, ..PoolConfig::default() });
        pool.add_module(Some(InitialMemory { offset_bytes: 5000, bytes: b"initial" })).unwrap()
    }

    #[test]
    fn a_memory_has_its_initial_contents_however_it_is_mapped() {
        for image in [ImageKind::Memfd, ImageKind::Copy] {
            let module = module(image);
            for (bounds, len_bytes) in [
                (Bounds::Reserved, WASM_PAGE_BYTES),
                (Bounds::Explicit, 5007),
                (Bounds::Explicit, 70_001),
            ] {
                let mut memory = OwnMemory::new(Some(&module), len_bytes, bounds).unwrap();
                memory.grow(2 * WASM_PAGE_BYTES).unwrap();
                let mut expected = vec![0; 2 * WASM_PAGE_BYTES];
                expected[5000..5007].copy_from_slice(b"initial");
                assert!(bytes(&memory) == expected, "{image:?} {bounds:?} {len_bytes}");
            }
        }
    }

    #[test]
    fn lengths_that_do_not_fit_are_refused() {
        let module = module(ImageKind::Memfd);
        let new = |len_bytes, bounds| OwnMemory::new(Some(&module), len_bytes, bounds).unwrap_err();
        assert!(matches!(
            new(WASM_PAGE_BYTES + 1, Bounds::Reserved),
            AllocError::NotWholePages { .. }
        ));
        assert!(matches!(
            new(MEMORY_MAX_BYTES + WASM_PAGE_BYTES, Bounds::Reserved),
            AllocError::TooLong { .. }
        ));
        assert!(matches!(new(0, Bounds::Reserved), AllocError::ShorterThanImage { .. }));
        assert!(matches!(new(5006, Bounds::Explicit), AllocError::ShorterThanImage { .. }));
        for len_bytes in [1 << 60, usize::MAX] {
            assert!(matches!(new(len_bytes, Bounds::Explicit), AllocError::MapOwn { .. }));
        }
        let mut memory = OwnMemory::new(None, 0, Bounds::Explicit).unwrap();
        assert!(matches!(memory.grow(usize::MAX), Err(GrowError::MapOwn { .. })));
        memory.grow(1).unwrap();
        assert!(matches!(memory.grow(0), Err(GrowError::Shrinks { .. })));
        assert_eq!(bytes(&memory), [0]);
    }
}
