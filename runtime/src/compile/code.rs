//! The result of compilation: position-independent machine code, and its functions and traps.
//!
//! The records of the tables consist of integers, so that an artifact has them as they are in memory.

use std::num::NonZeroU8;

use cranelift_codegen::ir::TrapCode;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The code of a module or of one trampoline. Calls between its functions are resolved. It reaches
/// everything else through the context, so it runs at any address and in any engine.
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
    pub(crate) handlers: Box<[HandlerSite]>,
}

impl CompiledCode {
    /// The code of a trampoline that cannot trap.
    pub(crate) fn of_trampoline(text: Vec<u8>) -> Self {
        let func = FuncCode { start: 0, len: text.len() as u32, body_offset: 0 };
        CompiledCode {
            text,
            funcs: [func].into(),
            traps: Box::default(),
            sources: Box::default(),
            call_sites: Box::default(),
            handlers: Box::default(),
        }
    }
}

/// The machine code of one function, as a range of the text.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct FuncCode {
    pub(crate) start: u32,
    pub(crate) len: u32,
    /// Offset of its body in the module's binary; 0 of a trampoline.
    pub(crate) body_offset: u32,
}

/// An instruction that may trap.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct TrapSite {
    /// Offset of the instruction in the text.
    pub(crate) offset: u32,
    code: u32,
}

impl TrapSite {
    pub(crate) fn new(offset: u32, code: TrapCode) -> Self {
        TrapSite { offset, code: code.as_raw().get().into() }
    }

    /// The code of a [`crate::Trap`], or [`crate::trap::HOST_ERROR`]. `None` if the record is from a
    /// damaged artifact.
    pub(crate) fn code(self) -> Option<TrapCode> {
        NonZeroU8::new(u8::try_from(self.code).ok()?).map(TrapCode::from_raw)
    }
}

/// A part of the text that begins at `offset` and ends where the next one begins.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct SourceSite {
    pub(crate) offset: u32,
    module_offset: u32,
}

impl SourceSite {
    /// Stands for no instruction. Binaries are shorter.
    const NONE: u32 = u32::MAX;

    pub(crate) fn new(offset: u32, module_offset: Option<u32>) -> Self {
        SourceSite { offset, module_offset: module_offset.unwrap_or(Self::NONE) }
    }

    /// Offset in the module's binary of the instruction that it was compiled from; `None` if it
    /// belongs to none.
    pub(crate) fn module_offset(self) -> Option<u32> {
        (self.module_offset != Self::NONE).then_some(self.module_offset)
    }
}

/// A call that may throw, with handlers in the function that calls.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct CallSite {
    /// Offset of the return address in the text.
    pub(crate) return_offset: u32,
    /// Distance from the frame pointer down to the stack pointer during the call, in bytes.
    pub(crate) stack_bytes: u32,
    /// Its part of the handlers, innermost first, as the range from `handlers_start` to
    /// `handlers_end`.
    pub(crate) handlers_start: u32,
    pub(crate) handlers_end: u32,
}

/// An item in the list of a call's handlers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// A [`HandlerItem`] as a record.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct HandlerSite {
    kind: u32,
    offset: u32,
    target: u32,
}

impl HandlerSite {
    const CONTEXT: u32 = 0;
    const TAG: u32 = 1;
    const ALL: u32 = 2;

    pub(crate) fn new(item: HandlerItem) -> Self {
        let (kind, offset, target) = match item {
            HandlerItem::Context { stack_offset } => (Self::CONTEXT, stack_offset, 0),
            HandlerItem::Tag { context_offset, target } => (Self::TAG, context_offset, target),
            HandlerItem::All { target } => (Self::ALL, 0, target),
        };
        HandlerSite { kind, offset, target }
    }

    pub(crate) fn item(self) -> HandlerItem {
        let HandlerSite { kind, offset, target } = self;
        match kind {
            Self::CONTEXT => HandlerItem::Context { stack_offset: offset },
            Self::TAG => HandlerItem::Tag { context_offset: offset, target },
            _ => HandlerItem::All { target },
        }
    }
}
