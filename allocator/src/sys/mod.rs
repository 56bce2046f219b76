//! System calls and raw memory: reservations, the mappings of slots, and their limits. The
//! functions that other modules use are safe.
#![allow(unsafe_code, reason = "mapping calls and the memory behind them")]

mod calls;
pub(crate) mod limits;
mod reservation;
mod slot_mapping;

#[cfg(test)]
pub(crate) use reservation::ADDRESS_SPACE;
pub(crate) use reservation::{Reserved, reserve};
pub(crate) use slot_mapping::{InitialContents, SlotMapping, reset_all};
