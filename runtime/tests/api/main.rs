//! Programs as an embedder of Wasmtime writes them: each uses one documented feature that both crates
//! have, under Wasmtime's names. Only the name of the crate differs.

#![allow(clippy::unwrap_used, reason = "a test")]

mod backtraces;
mod functions;
mod items;
mod linking;
mod modules;
