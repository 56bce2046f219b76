//! The result of compilation: position-independent machine code, and its functions and traps.

use cranelift_codegen::ir::TrapCode;

/// The code of a module or of one trampoline. Calls between its functions are resolved. It reaches
/// everything else through the context, so it runs at any address.
#[derive(Debug)]
pub(crate) struct CompiledCode {
    /// The machine code. Its address must be a multiple of 16.
    pub(crate) text: Vec<u8>,
    /// The functions that the module defines, in order. One for a trampoline.
    pub(crate) funcs: Box<[FuncCode]>,
    /// All instructions that may trap, sorted by offset.
    pub(crate) traps: Box<[TrapSite]>,
    /// The WebAssembly instructions, each where its machine code begins, sorted by offset.
    pub(crate) sources: Box<[SourceSite]>,
}

/// The machine code of one function, as a range of the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FuncCode {
    pub(crate) start: u32,
    pub(crate) len: u32,
    /// Offset of its body in the module's binary; 0 of a trampoline.
    pub(crate) body_offset: u32,
}

/// A part of the text that begins at `offset` and ends where the next one begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SourceSite {
    pub(crate) offset: u32,
    /// Offset in the module's binary of the instruction that it was compiled from; `None` if it
    /// belongs to none.
    pub(crate) module_offset: Option<u32>,
}

/// An instruction that may trap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TrapSite {
    /// Offset of the instruction in the text.
    pub(crate) offset: u32,
    /// The code of a [`crate::Trap`], or [`crate::trap::HOST_ERROR`].
    pub(crate) code: TrapCode,
}
