//! What compilation yields: position-independent machine code and where in it things are.

use cranelift_codegen::ir::TrapCode;

/// Code of a module, or of one trampoline. Calls between its functions are already resolved;
/// everything else is reached through the context, so it runs at any address.
#[derive(Debug)]
pub(crate) struct CompiledCode {
    /// Machine code, to be placed at an address that is a multiple of 16 at least.
    pub(crate) text: Vec<u8>,
    /// The functions that the module defines, in order; one for a trampoline.
    pub(crate) funcs: Box<[FuncCode]>,
    /// Every place that may trap, sorted by offset.
    pub(crate) traps: Box<[TrapSite]>,
}

/// One function's machine code, as a range of the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FuncCode {
    pub(crate) start: u32,
    pub(crate) len: u32,
}

/// An instruction that may trap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TrapSite {
    /// Of the instruction, in the text.
    pub(crate) offset: u32,
    /// A [`crate::Trap`] by its code, or [`crate::trap::HOST_ERROR`].
    pub(crate) code: TrapCode,
}
