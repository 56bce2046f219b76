//! Everything that touches raw memory, signals and machine code. The rest of the crate is safe
//! Rust over the types declared here.
//!
//! What compiled code reaches by raw pointer (contexts, memory and table definitions, global
//! cells, function references) is owned by a store, at addresses that stay until the store is
//! dropped. A pointer handed out by these modules carries the id of its store or is used only
//! while that store is borrowed, which is what makes the safe functions here sound.

#![allow(
    unsafe_code,
    reason = "compiled code, signal frames and memory shared with guests exist only as raw memory"
)]

pub(crate) mod builtins;
pub(crate) mod code_memory;
pub(crate) mod context;
pub(crate) mod entry;
pub(crate) mod host;
pub(crate) mod memory;
pub(crate) mod owned;
pub(crate) mod signals;
pub(crate) mod stack;
pub(crate) mod table;

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
compile_error!(
    "leakbench-runtime compiles guests to x86-64 code and takes their traps from Linux signals: \
     build it for an x86-64 Linux target"
);
