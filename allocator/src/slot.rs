//! A slot in use: one memory, until it is dropped.

use std::io;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::geometry::{MEMORY_MAX_BYTES, WASM_PAGE_BYTES};
use crate::ids::SlotId;
use crate::module::ModuleShared;
use crate::pool::Pool;
use crate::sys::SlotMapping;

/// A memory in a slot of its own. Dropping it resets the slot and gives it back, or queues it for
/// that.
///
/// The first [`len_bytes`](Self::len_bytes) from [`base`](Self::base) can be read and written for
/// as long as this value lives. Beyond, up to `MEMORY_MAX_BYTES + GUARD_BYTES`, any access raises
/// SIGSEGV.
#[derive(Debug)]
pub struct SlotMemory {
    /// There until the drop.
    mapping: Option<SlotMapping>,
    // After the slot: should this be the last of the module, the slot is free when the module ends.
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

    /// The address of the memory's first byte. It stays the same when the memory grows.
    pub fn base(&self) -> NonNull<u8> {
        self.mapping().base()
    }

    /// The memory's present length.
    pub fn len_bytes(&self) -> usize {
        self.mapping().len_bytes()
    }

    /// The slot that the memory occupies.
    pub fn slot(&self) -> SlotId {
        self.mapping().slot()
    }

    /// Lengthens the memory; what is new is zero.
    ///
    /// # Errors
    /// If the new length is less than the present one, not in whole [`WASM_PAGE_BYTES`], beyond
    /// [`MEMORY_MAX_BYTES`], or refused by the kernel. The memory is then as it was.
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
            self.pool.give_back(mapping);
        }
    }
}

/// A memory could not grow.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GrowError {
    /// Memories do not shrink.
    #[error(
        "a memory of {len_bytes} bytes cannot be made {new_len_bytes} bytes long: memories only grow"
    )]
    Shrinks {
        /// The present length.
        len_bytes: usize,
        /// The length asked for.
        new_len_bytes: usize,
    },
    /// Longer than any memory.
    #[error("a memory of {new_len_bytes} bytes is longer than the {MEMORY_MAX_BYTES} a slot holds")]
    TooLong {
        /// The length asked for.
        new_len_bytes: usize,
    },
    /// Not in whole pages.
    #[error("{new_len_bytes} bytes are not whole WebAssembly pages of {WASM_PAGE_BYTES} bytes")]
    NotWholePages {
        /// The length asked for.
        new_len_bytes: usize,
    },
    /// The kernel refused.
    #[error("cannot make slot {slot} accessible up to {new_len_bytes} bytes ({source})")]
    Map {
        /// The memory's slot.
        slot: SlotId,
        /// The length asked for.
        new_len_bytes: usize,
        /// What the kernel said.
        source: io::Error,
    },
}
