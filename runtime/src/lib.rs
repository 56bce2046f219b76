//! A small WebAssembly runtime: Cranelift compiles, a pooling allocator lends the memories.
//! Who knows Wasmtime's embedding API knows this one.

#![allow(dead_code, reason = "the crate is being put together")]

mod compile;
mod module;
mod trap;
mod types;
mod vm;

pub use compile::CompileError;
pub use module::parse::ModuleError;
pub use trap::Trap;
pub use types::{ExternType, FuncType, GlobalType, MemoryType, TableType, ValType};
