//! The layout of the structures that compiled code reads. Offsets are in bytes; pointers have 8
//! bytes.
//!
//! The context of an instance (`vmctx`):
//!
//! ```text
//! offset  bytes each
//!      0           8  *const BuiltinTable   functions of the runtime
//!      8           8  *const Limits         stack limit of the running activation, fuel
//!     16           8  *mut InstanceState    not read by compiled code
//!     24          24  memories              base, *const MemoryHead, *const MemoryDef (imported and defined)
//!      …           8  tables                *mut TableDef (imported and defined)
//!      …           8  tags                  *const TagDef (imported and defined)
//!      …           8  imported globals      *mut GlobalCell
//!      …           8  imported functions    *const FuncRef
//!      …           4  type ids              the engine's id of each type, if there are tables
//!      …          16  defined globals       GlobalCell, aligned to 16
//!      …          24  function references   FuncRef, of functions that escape
//! ```

use crate::module::info::{ElementItems, ElementSegment, ModuleInfo, SegmentMode};
use crate::types::{FuncType, GlobalType, MemoryType, Mutability, RefType, TableType, ValType};

/// Size of a pointer on the supported targets.
pub(crate) const POINTER_BYTES: u32 = 8;

/// Offset of the pointer to the [`Builtin`] function table.
pub(crate) const VMCTX_BUILTINS: u32 = 0;
/// Offset of the pointer to `Limits`.
pub(crate) const VMCTX_LIMITS: u32 = 8;
/// Offset of the pointer to the `InstanceState`.
pub(crate) const VMCTX_STATE: u32 = 16;
const VMCTX_MEMORIES: u32 = 24;

/// In `Limits`: the lowest stack address that wasm frames may use; [`INTERRUPTED`] after the deadline.
pub(crate) const LIMITS_STACK_LIMIT: u32 = 0;
/// In `Limits`: the fuel that is left, i64. Code that counts fuel subtracts from it.
pub(crate) const LIMITS_FUEL: u32 = 8;
/// The stack limit of an interrupted guest. As an address it is above every stack, also if a prologue adds the size of
/// a frame to it.
pub(crate) const INTERRUPTED: i32 = i32::MIN;

/// Size of a memory entry: the base address, which is valid only for memories that never move, and
/// pointers to the `MemoryHead` and to the `MemoryDef`.
pub(crate) const MEMORY_ENTRY_BYTES: u32 = 24;
/// In a memory entry: pointer to the `MemoryHead`.
pub(crate) const MEMORY_ENTRY_HEAD: u32 = 8;
/// In a memory entry: pointer to the `MemoryDef`, not read by compiled code.
pub(crate) const MEMORY_ENTRY_DEF: u32 = 16;
/// In a `MemoryHead`: the base address, which changes when a memory with explicit bounds grows.
pub(crate) const MEMORY_HEAD_BASE: u32 = 0;
/// In a `MemoryHead`: the length in bytes, u64.
pub(crate) const MEMORY_HEAD_LEN_BYTES: u32 = 8;

/// In a `TableDef`: pointer to the elements, which changes when the table grows. An element has 8
/// bytes: `*const FuncRef` or the bits of an externref; null is 0.
pub(crate) const TABLE_DEF_ELEMENTS: u32 = 0;
/// In a `TableDef`: number of elements, u32.
pub(crate) const TABLE_DEF_LEN: u32 = 8;

/// Size and alignment of a `GlobalCell`, which holds a value in its low bytes.
pub(crate) const GLOBAL_CELL_BYTES: u32 = 16;

/// In a `FuncRef`: address of code in the wasm calling convention.
pub(crate) const FUNC_REF_CODE: u32 = 0;
/// In a `FuncRef`: the context to pass as callee's context.
pub(crate) const FUNC_REF_VMCTX: u32 = 8;
/// In a `FuncRef`: the engine's id of the type, u32.
pub(crate) const FUNC_REF_TYPE: u32 = 16;
/// Size of a `FuncRef`.
pub(crate) const FUNC_REF_BYTES: u32 = 24;

/// Size of the engine's id of a type.
const TYPE_ID_BYTES: u32 = 4;

/// In an exception: the address of its values, each in the low bytes of an element of
/// [`RAW_VAL_BYTES`].
pub(crate) const EXCEPTION_VALUES: u32 = 0;

/// In the context of a host function: the address of an `extern "C" fn(host_ctx, caller_vmctx,
/// values: *mut RawVal, first: u64) -> (u64, u64)`. The low half of the first argument is `first`, the
/// rest is in `values`. Results replace the arguments. It returns 0 and the low half of the first
/// result, or another number if the store holds an error to be raised.
pub(crate) const HOST_CTX_CALL: u32 = 0;

/// Size of a value in the array that passes arguments and results between host and wasm: enough for
/// a vector.
pub(crate) const RAW_VAL_BYTES: u32 = 16;

/// The offsets and sizes that compiled code contains, as text: those of the structures above, and of
/// the context of a module that has an item of each kind. Code for other structures must not run.
pub(crate) fn fingerprint() -> String {
    let structures = [
        POINTER_BYTES,
        VMCTX_BUILTINS,
        VMCTX_LIMITS,
        VMCTX_STATE,
        LIMITS_STACK_LIMIT,
        LIMITS_FUEL,
        MEMORY_ENTRY_BYTES,
        MEMORY_ENTRY_DEF,
        MEMORY_HEAD_BASE,
        MEMORY_HEAD_LEN_BYTES,
        TABLE_DEF_ELEMENTS,
        TABLE_DEF_LEN,
        GLOBAL_CELL_BYTES,
        FUNC_REF_CODE,
        FUNC_REF_VMCTX,
        FUNC_REF_TYPE,
        FUNC_REF_BYTES,
        TYPE_ID_BYTES,
        EXCEPTION_VALUES,
        HOST_CTX_CALL,
        RAW_VAL_BYTES,
    ];
    let context = VmLayout::new(&ModuleInfo {
        types: vec![FuncType::of([], [])],
        funcs: vec![0, 0],
        num_imported_funcs: 1,
        escapes: vec![true, true],
        tables: vec![TableType::new(RefType::FUNCREF, 0, None)],
        memories: vec![MemoryType::new(0, None)],
        globals: vec![GlobalType::new(ValType::I32, Mutability::Const); 2],
        num_imported_globals: 1,
        tags: vec![0],
        ..ModuleInfo::default()
    });
    format!("{structures:?} {context:?}")
}

/// Declares the builtins, the functions of the runtime that compiled code calls, in table order.
///
/// All are `extern "C"`. Their first parameter is the caller's `vmctx`. If a `Status` is not 0, the
/// calling code traps.
macro_rules! builtins {
    ($( $(#[$meta:meta])* $name:ident ( $($param:ident : $ty:ident),* ) -> $ret:ident; )+) => {
        /// A builtin. Its discriminant is its index in the table.
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

            /// The return value.
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
    /// 64 bits: a reference, an address, or an index or length that is extended if it has 32 bits.
    U64,
}

/// The return value of a builtin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ret {
    /// Nothing.
    Nothing,
    /// u32: 0 for success, another number for a trap.
    Status,
    /// u64: a value for the guest, which takes the low 32 bits if it expects no more.
    Value,
}

builtins! {
    /// Pages before growth, or `u64::MAX`.
    MemoryGrow(memory: U32, delta_pages: U64) -> Value;
    /// Sets the bytes from address `dst` on to the lowest byte of `value`.
    MemoryFill(dst: U64, value: U32, len: U64) -> Nothing;
    /// Copies bytes between addresses. The ranges may overlap.
    MemoryCopy(dst: U64, src: U64, len: U64) -> Nothing;
    /// `memory.init`
    MemoryInit(memory: U32, segment: U32, dst: U64, src: U64, len: U64) -> Status;
    /// `data.drop`
    DataDrop(segment: U32) -> Nothing;
    /// Elements before growth, or `u64::MAX`.
    TableGrow(table: U32, init: U64, delta: U64) -> Value;
    /// `table.fill`
    TableFill(table: U32, dst: U64, value: U64, len: U64) -> Status;
    /// `table.copy`
    TableCopy(dst_table: U32, src_table: U32, dst: U64, src: U64, len: U64) -> Status;
    /// `table.init`
    TableInit(table: U32, segment: U32, dst: U64, src: U64, len: U64) -> Status;
    /// `elem.drop`
    ElemDrop(segment: U32) -> Nothing;
    /// The address of a new exception with values of zero; 0 if there are too many.
    ExceptionNew(tag: U32) -> Value;
    /// Drops an exception, unless something may refer to it. If `keep` is not 0, something may.
    ExceptionCaught(exception: U64, keep: U32) -> Nothing;
    /// Wakes threads that wait at an address of a shared memory. Returns their number.
    AtomicNotify(memory: U32, address: U64, count: U32) -> Value;
    /// Waits at an address of a shared memory. Returns a `WaitResult`.
    AtomicWait32(memory: U32, address: U64, expected: U32, timeout_ns: U64) -> Value;
    /// The same for a value of 64 bits.
    AtomicWait64(memory: U32, address: U64, expected: U64, timeout_ns: U64) -> Value;
    /// Continues in the exception's handler, or ends the call of the guest if there is none. The
    /// exception 0 is the pending error of the store. Its calling convention is wasm's.
    Throw(exception: U64) -> Nothing;
}

/// The place of a global's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GlobalPlace {
    /// The context holds the cell at this offset.
    Defined(u32),
    /// The context holds a pointer to the cell at this offset.
    Imported(u32),
}

/// The place of a function's `FuncRef`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FuncRefPlace {
    /// The context holds the `FuncRef` at this offset.
    Defined(u32),
    /// The context holds a pointer to the `FuncRef` at this offset.
    Imported(u32),
}

/// The offsets in the contexts of a module's instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VmLayout {
    tables: u32,
    tags: u32,
    imported_globals: u32,
    num_imported_globals: u32,
    imported_funcs: u32,
    num_imported_funcs: u32,
    type_ids: u32,
    num_type_ids: u32,
    defined_globals: u32,
    func_refs: u32,
    /// For each function: the index of its `FuncRef` in the context; `u32::MAX` if it has none.
    func_ref_indices: Box<[u32]>,
    size_bytes: u32,
}

impl VmLayout {
    /// Computes the layout for instances of a module with these declarations.
    pub(crate) fn new(info: &ModuleInfo) -> Self {
        let len = |n: usize| u32::try_from(n).expect("validation bounds every index space");
        let tables = VMCTX_MEMORIES + len(info.memories.len()) * MEMORY_ENTRY_BYTES;
        let tags = tables + len(info.tables.len()) * POINTER_BYTES;
        let imported_globals = tags + len(info.tags.len()) * POINTER_BYTES;
        let imported_funcs = imported_globals + len(info.num_imported_globals) * POINTER_BYTES;
        let type_ids = imported_funcs + len(info.num_imported_funcs) * POINTER_BYTES;
        // Only calls through tables compare types.
        let num_type_ids = if info.tables.is_empty() { 0 } else { len(info.types.len()) };
        let defined_globals = (type_ids + num_type_ids * TYPE_ID_BYTES).next_multiple_of(16);
        let num_defined_globals = len(info.globals.len() - info.num_imported_globals);
        let func_refs = defined_globals + num_defined_globals * GLOBAL_CELL_BYTES;
        let mut num_func_refs = 0;
        let func_ref_indices = (0..info.funcs.len())
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
            tags,
            imported_globals,
            num_imported_globals: len(info.num_imported_globals),
            imported_funcs,
            num_imported_funcs: len(info.num_imported_funcs),
            type_ids,
            num_type_ids,
            defined_globals,
            func_refs,
            func_ref_indices,
            size_bytes: (func_refs + num_func_refs * FUNC_REF_BYTES).next_multiple_of(16),
        }
    }

    /// Size of the context, a multiple of 16.
    pub(crate) fn size_bytes(&self) -> u32 {
        self.size_bytes
    }

    /// Offset of the first of the module's own function references. They are the end of the context, in
    /// the order of the functions.
    pub(crate) fn func_refs(&self) -> u32 {
        self.func_refs
    }

    /// Offset of the entry of memory `memory`.
    pub(crate) fn memory_entry(&self, memory: u32) -> u32 {
        VMCTX_MEMORIES + memory * MEMORY_ENTRY_BYTES
    }

    /// Offset of the pointer to table `table`'s `TableDef`.
    pub(crate) fn table_def(&self, table: u32) -> u32 {
        self.tables + table * POINTER_BYTES
    }

    /// Offset of the address of tag `tag`.
    pub(crate) fn tag_def(&self, tag: u32) -> u32 {
        self.tags + tag * POINTER_BYTES
    }

    /// Number of type ids in the context: that of the module's types, or 0 if it has no table.
    pub(crate) fn num_type_ids(&self) -> u32 {
        self.num_type_ids
    }

    /// Offset of the engine's id of type `ty`, if the module has a table.
    pub(crate) fn type_id(&self, ty: u32) -> u32 {
        self.type_ids + ty * TYPE_ID_BYTES
    }

    /// The place of the value of global `global`.
    pub(crate) fn global(&self, global: u32) -> GlobalPlace {
        match global.checked_sub(self.num_imported_globals) {
            None => GlobalPlace::Imported(self.imported_globals + global * POINTER_BYTES),
            Some(defined) => {
                GlobalPlace::Defined(self.defined_globals + defined * GLOBAL_CELL_BYTES)
            }
        }
    }

    /// The place of the `FuncRef` of function `func`.
    ///
    /// # Panics
    /// If `func` is defined by the module and does not escape.
    pub(crate) fn func_ref(&self, func: u32) -> FuncRefPlace {
        if func < self.num_imported_funcs {
            return FuncRefPlace::Imported(self.imported_funcs + func * POINTER_BYTES);
        }
        let index = self.func_ref_indices[func as usize];
        assert_ne!(index, u32::MAX, "function {func} does not escape, so it has no FuncRef");
        FuncRefPlace::Defined(self.func_refs + index * FUNC_REF_BYTES)
    }

    /// The offsets of the `FuncRef`s of an element segment that instantiation writes. None if the
    /// segment is another one, or has more than functions that the module defines.
    pub(crate) fn own_func_refs(&self, segment: &ElementSegment) -> Box<[u32]> {
        let (SegmentMode::Active { .. }, ElementItems::Funcs(funcs)) =
            (&segment.mode, &segment.items)
        else {
            return Box::default();
        };
        let offsets = funcs.iter().map(|&func| match self.func_ref(func) {
            FuncRefPlace::Defined(offset) => Some(offset),
            FuncRefPlace::Imported(_) => None,
        });
        offsets.collect::<Option<_>>().unwrap_or_default()
    }
}
