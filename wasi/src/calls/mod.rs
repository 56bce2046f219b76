//! The functions of preview 1 as methods of [`WasiCtx`](crate::WasiCtx). Each takes the guest's memory
//! and the arguments in the order of the standard. Parameters that are named as results are addresses to
//! which the results go.

mod clock;
mod data;
mod fd;
mod path;
mod poll;
mod process;
mod socket;
mod stat;
