//! A memory: a slot in use.

use std::io;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::geometry::{MEMORY_MAX_BYTES, WASM_PAGE_BYTES};
use crate::ids::SlotId;
use crate::module::ModuleShared;
use crate::pool::Pool;
use crate::sys::SlotMapping;

/// A memory in a slot of its own. Dropping it resets and frees the slot, or queues the slot for
/// that.
///
/// The first [`len_bytes`](Self::len_bytes) from [`base`](Self::base) can be read and written while
/// this value lives. An access beyond, up to `MEMORY_MAX_BYTES + GUARD_BYTES`, raises SIGSEGV.
#[derive(Debug)]
pub struct SlotMemory {
    /// `Some` until the drop.
    mapping: Option<SlotMapping>,
    // Dropped after the slot is free: if this is the module's last reference, the purge finds the
    // slot.
    _module: Option<Arc<ModuleShared>>,
    pool: Arc<Pool>,
}

impl SlotMemory {
    pub(crate) fn new(
        mapping: SlotMapping,
        module: Option<Arc<ModuleShared>>,
        pool: Arc<Pool>,
    ) -> SlotMemory {
        SlotMemory { mapping: Some(mapping), _module: module, pool }
    }

    fn mapping(&self) -> &SlotMapping {
        self.mapping.as_ref().expect("a memory has its slot until it is dropped")
    }

    /// The address of the memory's first byte. Growth does not change it.
    pub fn base(&self) -> NonNull<u8> {
        self.mapping().base()
    }

    /// The present length in bytes.
    pub fn len_bytes(&self) -> usize {
        self.mapping().len_bytes()
    }

    /// The slot of the memory.
    pub fn slot(&self) -> SlotId {
        self.mapping().slot()
    }

    /// Grows the memory to `new_len_bytes`. The new bytes are zero.
    ///
    /// # Errors
    /// If the new length is less than the present one, not a multiple of [`WASM_PAGE_BYTES`] or
    /// more than [`MEMORY_MAX_BYTES`], or the kernel refuses. The memory is then unchanged.
    pub fn grow(&mut self, new_len_bytes: usize) -> Result<(), GrowError> {
        let len_bytes = self.len_bytes();
        if new_len_bytes < len_bytes {
            return Err(GrowError::Shrinks { len_bytes, new_len_bytes });
        }
        if new_len_bytes > MEMORY_MAX_BYTES {
            return Err(GrowError::TooLong { new_len_bytes });
        }
        if !new_len_bytes.is_multiple_of(WASM_PAGE_BYTES) {
            return Err(GrowError::NotWholePages { new_len_bytes });
        }
        let slot = self.slot();
        let mapping = self.mapping.as_mut().expect("a memory has its slot until it is dropped");
        mapping.grow(new_len_bytes).map_err(|source| GrowError::Map { slot, new_len_bytes, source })
    }
}

impl Drop for SlotMemory {
    fn drop(&mut self) {
        if let Some(mapping) = self.mapping.take() {
            self.pool.release(mapping);
        }
    }
}

/// A memory cannot grow.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GrowError {
    /// The new length is less than the present one.
    #[error(
        "a memory of {len_bytes} bytes cannot be made {new_len_bytes} bytes long: memories only grow"
    )]
    Shrinks {
        /// The present length.
        len_bytes: usize,
        /// The requested length.
        new_len_bytes: usize,
    },
    /// The new length is more than [`MEMORY_MAX_BYTES`].
    #[error("a memory of {new_len_bytes} bytes is too long: a slot holds {MEMORY_MAX_BYTES} bytes")]
    TooLong {
        /// The requested length.
        new_len_bytes: usize,
    },
    /// The new length is not a multiple of [`WASM_PAGE_BYTES`].
    #[error(
        "a memory of {new_len_bytes} bytes is not a whole number of pages of {WASM_PAGE_BYTES} bytes"
    )]
    NotWholePages {
        /// The requested length.
        new_len_bytes: usize,
    },
    /// The kernel refused access to the new bytes.
    #[error("cannot make slot {slot} accessible up to {new_len_bytes} bytes ({source})")]
    Map {
        /// The memory's slot.
        slot: SlotId,
        /// The requested length.
        new_len_bytes: usize,
        /// The kernel's error.
        source: io::Error,
    },
    /// The kernel refused to map the new bytes outside of slots.
    #[error("cannot map a memory up to {new_len_bytes} bytes ({source})")]
    MapOwn {
        /// The requested length.
        new_len_bytes: usize,
        /// The kernel's error.
        source: io::Error,
    },
}
