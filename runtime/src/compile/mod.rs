//! Compilation: validated WebAssembly to machine code.

pub(crate) mod code;
