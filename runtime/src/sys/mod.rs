//! Raw memory, signals and machine code. The rest of the crate is safe Rust over these types.
//!
//! Compiled code reaches contexts, memory and table definitions, global cells and function
//! references by address. A store owns them, at addresses that stay until the store is dropped.
//! Three rules keep the functions that other modules call sound:
//!
//! - Only this folder makes addresses. A handle, such as [`context::FuncHandle`], holds an address
//!   with the id of its store, and compares ids before each use.
//! - Only this folder sees bits without a type. Other modules use [`Val`](crate::Val) or the Rust
//!   types of [`typed`], whose types are compared with the function's, global's or table's.
//! - A function that relies on its caller for anything else is `unsafe`.
//!
//! Compiled code itself is trusted: it does what the module says, as the compiler is correct.
//!
//! | module | contents |
//! |---|---|
//! | `store_id`, `store`, `instance` | the identity of a store; its items; the making of an instance |
//! | `context`, `memory`, `shared_memory`, `table`, `owned` | the structures that compiled code reads |
//! | `values`, `typed` | conversion between Rust values and bits |
//! | `call`, `entry`, `host`, `builtins` | calls from host to guest, and from guest to host |
//! | `exception`, `unwind` | tags and exceptions; the search for a handler |
//! | `signals`, `leave`, `stack` | traps, and the stacks of guests and signal handlers |
//! | `epoch`, `repeater` | interruption of guests by other threads |
//! | `code_memory`, `artifact` | executable mappings; compiled modules from bytes and files |
//! | `available` | the question whether there is memory |

#![allow(
    unsafe_code,
    reason = "compiled code, signal frames and memory shared with guests exist only as raw memory"
)]

pub(crate) mod artifact;
mod available;
mod builtins;
pub(crate) mod call;
pub(crate) mod code_memory;
pub(crate) mod context;
mod entry;
pub(crate) mod epoch;
pub(crate) mod exception;
pub(crate) mod host;
pub(crate) mod instance;
mod leave;
pub(crate) mod memory;
pub(crate) mod owned;
mod repeater;
pub(crate) mod shared_memory;
mod signals;
pub(crate) mod stack;
pub(crate) mod store;
pub(crate) mod store_id;
pub(crate) mod table;
pub(crate) mod typed;
mod unwind;
pub(crate) mod values;

pub(crate) use available::has_memory;

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
compile_error!(
    "leakbench-runtime compiles guests to x86-64 code and handles traps by Linux signals: \
     build it for an x86-64 Linux target"
);
