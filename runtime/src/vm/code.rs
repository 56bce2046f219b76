//! Code in memory, and lookup of functions and traps by address.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, compiler_fence};

use cranelift_codegen::ir::TrapCode;

use zerocopy::{FromBytes, Immutable, KnownLayout};

pub(crate) use crate::compile::code::HandlerItem;
use crate::compile::code::{CallSite, CompiledCode, FuncCode, HandlerSite, SourceSite, TrapSite};
use crate::sys::code_memory::{CodeMemory, CodeMemoryError, CodePtr, CodeSpares};

/// Compiled code in executable memory, with its functions and traps.
#[derive(Debug)]
pub(crate) struct LoadedCode {
    memory: CodeMemory,
    tables: CodeTables,
}

/// The tables of code.
#[derive(Debug)]
pub(crate) struct CodeTables {
    pub(crate) funcs: Table<FuncCode>,
    /// Sorted by offset.
    pub(crate) traps: Table<TrapSite>,
    /// Sorted by offset.
    pub(crate) sources: Table<SourceSite>,
    /// Sorted by offset.
    pub(crate) call_sites: Table<CallSite>,
    pub(crate) handlers: Table<HandlerSite>,
}

/// Records of code: owned, or in the part of an artifact that is mapped before the code.
#[derive(Debug)]
pub(crate) enum Table<T> {
    Owned(Box<[T]>),
    /// The range in [`CodeMemory::lead`], as it is in the artifact.
    Mapped(Range<usize>),
}

impl<T: FromBytes + Immutable + KnownLayout> Table<T> {
    /// Its records. For the signal handler: does not allocate, lock or panic.
    fn records<'a>(&'a self, memory: &'a CodeMemory) -> &'a [T] {
        match self {
            Table::Owned(records) => records,
            Table::Mapped(place) => {
                let bytes = memory.lead().get(place.clone()).unwrap_or_default();
                // Artifacts have tables of whole records at aligned places.
                <[T]>::ref_from_bytes(bytes).unwrap_or_default()
            }
        }
    }
}

/// The place of an address in the code of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// An instance of the module.
    pub(crate) instance: u32,
    /// The function's index among those that the module defines.
    pub(crate) func: usize,
    /// The offset of the WebAssembly instruction in the module's binary.
    pub(crate) module_offset: Option<u32>,
    /// The same in the function's body.
    pub(crate) func_offset: Option<u32>,
}

/// The frame to which the frame pointer points at an instruction of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameAt {
    /// The function's.
    Own,
    /// That of its caller, since the function begins or returns. The return address is so many bytes above the
    /// stack pointer.
    Caller { return_at: usize },
}

/// The exception handlers of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handlers<'a> {
    /// Distance from the frame pointer down to the stack pointer during the call, in bytes.
    pub(crate) stack_bytes: usize,
    /// Innermost first.
    pub(crate) items: &'a [HandlerSite],
}

impl LoadedCode {
    /// Maps code that was compiled.
    ///
    /// # Errors
    /// If the kernel refuses the mapping.
    pub(crate) fn new(
        code: CompiledCode,
        spares: &Arc<CodeSpares>,
    ) -> Result<Arc<Self>, CodeMemoryError> {
        let memory = CodeMemory::new(&code.text, spares)?;
        let tables = CodeTables {
            funcs: Table::Owned(code.funcs),
            traps: Table::Owned(code.traps),
            sources: Table::Owned(code.sources),
            call_sites: Table::Owned(code.call_sites),
            handlers: Table::Owned(code.handlers),
        };
        Ok(Self::in_memory(memory, tables))
    }

    /// Code that is in memory already.
    pub(crate) fn in_memory(memory: CodeMemory, tables: CodeTables) -> Arc<Self> {
        Arc::new(LoadedCode { memory, tables })
    }

    /// What precedes the code in its mapping: the rest of an artifact.
    pub(crate) fn lead(&self) -> &[u8] {
        self.memory.lead()
    }

    /// The machine code.
    pub(crate) fn text(&self) -> &[u8] {
        self.memory.text()
    }

    pub(crate) fn funcs(&self) -> &[FuncCode] {
        self.tables.funcs.records(&self.memory)
    }

    pub(crate) fn traps(&self) -> &[TrapSite] {
        self.tables.traps.records(&self.memory)
    }

    pub(crate) fn sources(&self) -> &[SourceSite] {
        self.tables.sources.records(&self.memory)
    }

    pub(crate) fn call_sites(&self) -> &[CallSite] {
        self.tables.call_sites.records(&self.memory)
    }

    pub(crate) fn handlers(&self) -> &[HandlerSite] {
        self.tables.handlers.records(&self.memory)
    }

    /// Address of function `func` of the code.
    pub(crate) fn at(&self, func: usize) -> CodePtr {
        self.memory.at(self.funcs()[func].start)
    }

    /// Size of the code in bytes.
    pub(crate) fn len_bytes(&self) -> usize {
        self.memory.len_bytes()
    }

    fn offset_of(&self, pc: usize) -> Option<u32> {
        let offset = pc.checked_sub(self.memory.start())?;
        (offset < self.memory.len_bytes()).then_some(offset as u32)
    }

    /// Place of `pc` in the code of an instance's module.
    fn place_of(&self, pc: usize, instance: u32) -> Option<Place> {
        let offset = self.offset_of(pc)?;
        let funcs = self.funcs();
        let func = funcs.partition_point(|f| f.start <= offset).checked_sub(1)?;
        let FuncCode { start, len, body_offset } = funcs[func];
        if offset - start >= len {
            return None;
        }
        let sources = self.sources();
        let before = sources.partition_point(|site| site.offset <= offset).checked_sub(1);
        let module_offset = before.and_then(|at| sources[at].module_offset());
        let func_offset = module_offset.and_then(|at| at.checked_sub(body_offset));
        Some(Place { instance, func, module_offset, func_offset })
    }

    /// The address of the instruction at `offset`.
    pub(crate) fn address_of(&self, offset: u32) -> usize {
        self.memory.start() + offset as usize
    }

    /// The handlers of the call that returns to `pc`, if it has any.
    fn call_site(&self, pc: usize) -> Option<Handlers<'_>> {
        let offset = u32::try_from(pc.checked_sub(self.memory.start())?).ok()?;
        let sites = self.call_sites();
        let i = sites.binary_search_by_key(&offset, |site| site.return_offset).ok()?;
        let CallSite { stack_bytes, handlers_start, handlers_end, .. } = sites[i];
        let items = self.handlers().get(handlers_start as usize..handlers_end as usize)?;
        Some(Handlers { stack_bytes: stack_bytes as usize, items })
    }

    /// The frame of the function in which the instruction at `pc` is.
    fn frame_at(&self, pc: usize) -> Option<FrameAt> {
        const RETURN: u8 = 0xc3;
        let offset = self.offset_of(pc)?;
        let funcs = self.funcs();
        let func = funcs.get(funcs.partition_point(|func| func.start <= offset).checked_sub(1)?)?;
        // Functions begin with `push rbp`, a byte, and `mov rbp, rsp`.
        match (offset - func.start, self.text().get(offset as usize)?) {
            (0, _) | (_, &RETURN) => Some(FrameAt::Caller { return_at: 0 }),
            (1, _) => Some(FrameAt::Caller { return_at: 8 }),
            (inner, _) => (inner < func.len).then_some(FrameAt::Own),
        }
    }

    fn trap_at(&self, pc: usize) -> Option<TrapCode> {
        let offset = self.offset_of(pc)?;
        let traps = self.traps();
        let i = traps.binary_search_by_key(&offset, |trap| trap.offset).ok()?;
        traps.get(i)?.code()
    }
}

/// The code that a store can run.
#[derive(Debug, Default)]
pub(crate) struct CodeList {
    /// Sorted by address.
    entries: Vec<Entry>,
    /// True while `entries` change. A signal handler that interrupts the change must not read them.
    is_changing: AtomicBool,
}

#[derive(Debug)]
struct Entry {
    start: usize,
    code: Arc<LoadedCode>,
    instance: Option<u32>,
}

impl CodeList {
    /// Adds `code` if it is not in the list. `instance` is an instance that runs it, if it is a
    /// module's.
    pub(crate) fn add(&mut self, code: &Arc<LoadedCode>, instance: Option<u32>) {
        let start = code.memory.start();
        if code.memory.len_bytes() == 0 {
            return;
        }
        if let Err(place) = self.entries.binary_search_by_key(&start, |e| e.start) {
            let entry = Entry { start, code: Arc::clone(code), instance };
            self.is_changing.store(true, Ordering::Relaxed);
            compiler_fence(Ordering::SeqCst);
            self.entries.insert(place, entry);
            compiler_fence(Ordering::SeqCst);
            self.is_changing.store(false, Ordering::Relaxed);
        }
    }

    fn entry(&self, pc: usize) -> Option<&Entry> {
        let i = self.entries.partition_point(|e| e.start <= pc).checked_sub(1)?;
        self.entries.get(i)
    }

    /// The trap of the instruction at `pc`; `None` while the list changes. For the signal handler: does
    /// not allocate, lock or panic.
    pub(crate) fn trap_at(&self, pc: usize) -> Option<TrapCode> {
        if self.is_changing.load(Ordering::Relaxed) {
            return None;
        }
        compiler_fence(Ordering::SeqCst);
        self.entry(pc)?.code.trap_at(pc)
    }

    /// The frame of a function of a module at the instruction at `pc`; `None` elsewhere, and while the list changes.
    /// For the signal handler: does not allocate, lock or panic.
    pub(crate) fn frame_at(&self, pc: usize) -> Option<FrameAt> {
        if self.is_changing.load(Ordering::Relaxed) {
            return None;
        }
        compiler_fence(Ordering::SeqCst);
        self.entry(pc).filter(|entry| entry.instance.is_some())?.code.frame_at(pc)
    }

    /// The code of the call that returns to `pc`, and the call's handlers, if it has any. `None` if
    /// no code of the list contains the call.
    pub(crate) fn call_site(&self, pc: usize) -> Option<(&LoadedCode, Option<Handlers<'_>>)> {
        // The call ends before the address to which it returns.
        let code = &*self.entry(pc - 1)?.code;
        code.offset_of(pc - 1)?;
        Some((code, code.call_site(pc)))
    }

    /// The place of `pc` in the code of a module; `None` if it is a trampoline's, or none of these.
    pub(crate) fn place_of(&self, pc: usize) -> Option<Place> {
        let entry = self.entry(pc)?;
        entry.code.place_of(pc, entry.instance?)
    }
}
