//! Programs as an embedder of Wasmtime writes them: each uses one documented feature that both crates
//! have, under Wasmtime's names. Only the name of the crate differs.

#![allow(clippy::unwrap_used, reason = "a test")]
#![allow(clippy::unnecessary_mut_passed, reason = "Wasmtime needs the mutable reference")]

mod backtraces;
mod exports;
mod functions;
mod items;
mod linking;
mod modules;
