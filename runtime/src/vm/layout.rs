//! Where compiled code finds things: the memory layout that code generation and the instance
//! agree on. Pure arithmetic. All offsets are in bytes; pointers are 8 bytes.
//!
//! An instance's context (`vmctx`) is one allocation:
//!
//! ```text
//!   0  *const Builtins             functions of the runtime that code calls
//!   8  *const ActivationLimits     what the running thread may use: the stack limit
//!  16  *mut InstanceState          the runtime's own view of the instance; opaque to code
//!  24  memories   [MemoryEntry]    16 each: base, *const MemoryDef       (imported and defined)
//!   …  tables     [*mut TableDef]   8 each                               (imported and defined)
//!   …  imported globals [*mut GlobalCell]   8 each
//!   …  imported funcs   [*const FuncRef]    8 each
//!   …  (aligned to 16) defined globals [GlobalCell]  16 each
//!   …  FuncRefs of the functions that escape  24 each
//! ```

use crate::module::info::ModuleInfo;

/// Size of a pointer on the supported targets.
pub(crate) const POINTER_BYTES: u32 = 8;

/// Offset of the pointer to the [`Builtin`] function table.
pub(crate) const VMCTX_BUILTINS: u32 = 0;
/// Offset of the pointer to `ActivationLimits`.
pub(crate) const VMCTX_LIMITS: u32 = 8;
/// Offset of the runtime's own pointer.
pub(crate) const VMCTX_STATE: u32 = 16;
const VMCTX_MEMORIES: u32 = 24;

/// `ActivationLimits`: the lowest stack address that wasm frames may use.
pub(crate) const LIMITS_STACK_LIMIT: u32 = 0;

/// A memory entry of the context: its base address, which never changes (a slot is reserved
/// whole), and a pointer to its `MemoryDef`.
pub(crate) const MEMORY_ENTRY_BYTES: u32 = 16;
/// In a memory entry: pointer to the `MemoryDef`.
pub(crate) const MEMORY_ENTRY_DEF: u32 = 8;
/// `MemoryDef`: its length in bytes, u64.
pub(crate) const MEMORY_DEF_LEN_BYTES: u32 = 0;

/// `TableDef`: pointer to the elements, 8 bytes each (`*const FuncRef` or an externref handle;
/// null is 0). Changes when the table grows.
pub(crate) const TABLE_DEF_ELEMENTS: u32 = 0;
/// `TableDef`: number of elements, u32.
pub(crate) const TABLE_DEF_LEN: u32 = 8;

/// `GlobalCell`: the value, in as many low bytes as its type has.
pub(crate) const GLOBAL_CELL_BYTES: u32 = 16;

/// `FuncRef`: code address in the wasm calling convention.
pub(crate) const FUNC_REF_CODE: u32 = 0;
/// `FuncRef`: the context to pass as callee.
pub(crate) const FUNC_REF_VMCTX: u32 = 8;
/// `FuncRef`: u32, the engine-wide id of its type.
pub(crate) const FUNC_REF_TYPE: u32 = 16;
/// Size of a `FuncRef`.
pub(crate) const FUNC_REF_BYTES: u32 = 24;

/// A host function's context starts with the address of
/// `extern "C" fn(host_ctx, caller_vmctx, values: *mut RawVal) -> u32`: arguments in, results
/// out in the same array; anything but 0 means that the host has left an error to be raised.
pub(crate) const HOST_CTX_CALL: u32 = 0;

/// One value in the array that passes arguments and results between host and wasm. Wide enough
/// for vectors.
pub(crate) const RAW_VAL_BYTES: u32 = 16;

/// Declares the runtime's functions that compiled code calls, in table order.
///
/// All are `extern "C"`; the first parameter is the caller's `vmctx`. A `status` of 0 is
/// success, anything else makes the caller trap.
macro_rules! builtins {
    ($( $(#[$meta:meta])* $name:ident ( $($param:ident : $ty:ident),* ) -> $ret:ident; )+) => {
        /// A function of the runtime, by its place in the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub(crate) enum Builtin { $( $(#[$meta])* $name, )+ }

        impl Builtin {
            /// Every builtin, in table order.
            pub(crate) const ALL: &'static [Builtin] = &[$(Builtin::$name),+];

            /// Parameters after `vmctx`.
            pub(crate) fn params(self) -> &'static [Abi] {
                match self { $( Builtin::$name => &[$(Abi::$ty),*], )+ }
            }

            /// What it returns.
            pub(crate) fn ret(self) -> Ret {
                match self { $( Builtin::$name => Ret::$ret, )+ }
            }

            /// Offset in the table of function pointers.
            pub(crate) fn offset(self) -> u32 {
                self as u32 * POINTER_BYTES
            }
        }
    };
}

/// Machine types of builtin parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Abi {
    /// 32 bits.
    U32,
    /// 64 bits: a reference or an address.
    U64,
}

/// What a builtin returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ret {
    /// Nothing.
    Nothing,
    /// u32: 0, or trap.
    Status,
    /// u32: a value for the guest.
    Value,
}

builtins! {
    /// Pages before growth, or `u32::MAX`.
    MemoryGrow(memory: U32, delta_pages: U32) -> Value;
    /// `memory.fill`
    MemoryFill(memory: U32, dst: U32, value: U32, len: U32) -> Status;
    /// `memory.copy`
    MemoryCopy(dst_memory: U32, src_memory: U32, dst: U32, src: U32, len: U32) -> Status;
    /// `memory.init`
    MemoryInit(memory: U32, segment: U32, dst: U32, src: U32, len: U32) -> Status;
    /// `data.drop`
    DataDrop(segment: U32) -> Nothing;
    /// Elements before growth, or `u32::MAX`.
    TableGrow(table: U32, init: U64, delta: U32) -> Value;
    /// `table.fill`
    TableFill(table: U32, dst: U32, value: U64, len: U32) -> Status;
    /// `table.copy`
    TableCopy(dst_table: U32, src_table: U32, dst: U32, src: U32, len: U32) -> Status;
    /// `table.init`
    TableInit(table: U32, segment: U32, dst: U32, src: U32, len: U32) -> Status;
    /// `elem.drop`
    ElemDrop(segment: U32) -> Nothing;
}

/// Where a global's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GlobalPlace {
    /// The cell lies in the context itself, at this offset.
    Defined(u32),
    /// A pointer to the cell lies in the context, at this offset.
    Imported(u32),
}

/// Where the `FuncRef` of a function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FuncRefPlace {
    /// The `FuncRef` lies in the context itself, at this offset.
    Defined(u32),
    /// A pointer to it lies in the context, at this offset.
    Imported(u32),
}

/// Offsets in the context of the instances of one module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VmLayout {
    tables: u32,
    imported_globals: u32,
    num_imported_globals: u32,
    imported_funcs: u32,
    num_imported_funcs: u32,
    defined_globals: u32,
    func_refs: u32,
    /// For each function, which `FuncRef` of the context is its own; `u32::MAX` for none.
    func_ref_slots: Box<[u32]>,
    size_bytes: u32,
}

impl VmLayout {
    /// Lays out the context for instances of `info`.
    pub(crate) fn new(info: &ModuleInfo) -> Self {
        let len = |n: usize| u32::try_from(n).expect("validation bounds every index space");
        let tables = VMCTX_MEMORIES + len(info.memories.len()) * MEMORY_ENTRY_BYTES;
        let imported_globals = tables + len(info.tables.len()) * POINTER_BYTES;
        let imported_funcs = imported_globals + len(info.num_imported_globals) * POINTER_BYTES;
        let end_of_pointers = imported_funcs + len(info.num_imported_funcs) * POINTER_BYTES;
        let defined_globals = end_of_pointers.next_multiple_of(16);
        let num_defined_globals = len(info.globals.len() - info.num_imported_globals);
        let func_refs = defined_globals + num_defined_globals * GLOBAL_CELL_BYTES;
        let mut num_func_refs = 0;
        let func_ref_slots = (0..info.funcs.len())
            .map(|func| {
                if func < info.num_imported_funcs || !info.escapes[func] {
                    return u32::MAX;
                }
                num_func_refs += 1;
                num_func_refs - 1
            })
            .collect();
        VmLayout {
            tables,
            imported_globals,
            num_imported_globals: len(info.num_imported_globals),
            imported_funcs,
            num_imported_funcs: len(info.num_imported_funcs),
            defined_globals,
            func_refs,
            func_ref_slots,
            size_bytes: (func_refs + num_func_refs * FUNC_REF_BYTES).next_multiple_of(16),
        }
    }

    /// Size of the context, a multiple of 16.
    pub(crate) fn size_bytes(&self) -> u32 {
        self.size_bytes
    }

    /// Offset of memory `memory`'s entry: its base first, its `MemoryDef` pointer after.
    pub(crate) fn memory_entry(&self, memory: u32) -> u32 {
        VMCTX_MEMORIES + memory * MEMORY_ENTRY_BYTES
    }

    /// Offset of the pointer to table `table`'s `TableDef`.
    pub(crate) fn table_def(&self, table: u32) -> u32 {
        self.tables + table * POINTER_BYTES
    }

    /// Where global `global`'s value is.
    pub(crate) fn global(&self, global: u32) -> GlobalPlace {
        match global.checked_sub(self.num_imported_globals) {
            None => GlobalPlace::Imported(self.imported_globals + global * POINTER_BYTES),
            Some(defined) => {
                GlobalPlace::Defined(self.defined_globals + defined * GLOBAL_CELL_BYTES)
            }
        }
    }

    /// Where function `func`'s `FuncRef` is.
    ///
    /// # Panics
    /// If `func` is defined by the module and does not escape.
    pub(crate) fn func_ref(&self, func: u32) -> FuncRefPlace {
        if func < self.num_imported_funcs {
            return FuncRefPlace::Imported(self.imported_funcs + func * POINTER_BYTES);
        }
        let slot = self.func_ref_slots[func as usize];
        assert_ne!(slot, u32::MAX, "function {func} does not escape, so it has no FuncRef");
        FuncRefPlace::Defined(self.func_refs + slot * FUNC_REF_BYTES)
    }
}
