//! System calls and raw memory: reservations, the mappings of slots, and their limits. The
//! functions that other modules use are safe.
#![allow(unsafe_code, reason = "mapping calls and the memory behind them")]

mod calls;
mod growing_mapping;
mod image_file;
pub(crate) mod limits;
mod reservation;
mod slot_mapping;

pub(crate) use growing_mapping::GrowingMapping;
pub use image_file::ImageFile;
#[cfg(test)]
pub(crate) use reservation::ADDRESS_SPACE;
pub(crate) use reservation::{Reserved, reserve};
pub(crate) use slot_mapping::{FileBytes, InitialContents, SlotMapping, reset_all};

/// A copy of the bytes of a memory that a test owns.
#[cfg(test)]
pub(crate) fn read(base: std::ptr::NonNull<u8>, len_bytes: usize) -> Vec<u8> {
    // SAFETY: tests pass the base and the length of a memory that they hold.
    unsafe { std::slice::from_raw_parts(base.as_ptr(), len_bytes) }.to_vec()
}
