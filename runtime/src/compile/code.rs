//! The result of compilation: position-independent machine code, and its functions and traps.

use std::ops::Range;

use cranelift_codegen::ir::TrapCode;

/// The code of a module or of one trampoline. Calls between its functions are resolved. It reaches
/// everything else through the context, so it runs at any address.
#[derive(Debug)]
pub(crate) struct CompiledCode {
    /// The machine code. Its address must be a multiple of 32.
    pub(crate) text: Vec<u8>,
    /// The functions that the module defines, in order. One for a trampoline.
    pub(crate) funcs: Box<[FuncCode]>,
    /// All instructions that may trap, sorted by offset.
    pub(crate) traps: Box<[TrapSite]>,
    /// The WebAssembly instructions, each where its machine code begins, sorted by offset.
    pub(crate) sources: Box<[SourceSite]>,
    /// The calls with exception handlers, sorted by offset.
    pub(crate) call_sites: Box<[CallSite]>,
    /// The handlers of all call sites.
    pub(crate) handlers: Box<[HandlerItem]>,
}

/// A call that may throw, with handlers in the function that calls.
#[derive(Clone, Debug)]
pub(crate) struct CallSite {
    /// Offset of the return address in the text.
    pub(crate) return_offset: u32,
    /// Distance from the frame pointer down to the stack pointer during the call, in bytes.
    pub(crate) stack_bytes: u32,
    /// Its part of the handlers, innermost first.
    pub(crate) handlers: Range<u32>,
}

/// An item in the list of a call's handlers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HandlerItem {
    /// The place of the instance's context, as an offset from the stack pointer. It is the first
    /// of each list.
    Context { stack_offset: u32 },
    /// The code at offset `target` handles exceptions of the tag whose address the context has at
    /// `context_offset`.
    Tag { context_offset: u32, target: u32 },
    /// The code at offset `target` handles all exceptions.
    All { target: u32 },
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
