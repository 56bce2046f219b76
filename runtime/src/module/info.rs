//! What a module declares, parsed and validated: everything but its code.
//!
//! Index spaces put imports first, as the specification does: function `i` is imported when
//! `i < num_imported_funcs`, and so for the other kinds.

use std::ops::Range;

use crate::types::{FuncType, GlobalType, MemoryType, TableType, ValType};

/// Declarations of a validated module. Every index in it is in bounds.
#[derive(Debug, Default)]
pub(crate) struct ModuleInfo {
    /// The name that the name section gives the module.
    pub(crate) name: Option<String>,
    pub(crate) types: Vec<FuncType>,
    pub(crate) imports: Vec<Import>,
    /// Index into `types`, for each function, imported ones first.
    pub(crate) funcs: Vec<u32>,
    pub(crate) num_imported_funcs: usize,
    pub(crate) tables: Vec<TableType>,
    pub(crate) num_imported_tables: usize,
    pub(crate) memories: Vec<MemoryType>,
    pub(crate) num_imported_memories: usize,
    pub(crate) globals: Vec<GlobalType>,
    pub(crate) num_imported_globals: usize,
    /// Initial values of the globals defined here, in order.
    pub(crate) global_inits: Vec<ConstExpr>,
    /// In the order of the module; names are unique.
    pub(crate) exports: Vec<Export>,
    pub(crate) start: Option<u32>,
    pub(crate) elements: Vec<ElementSegment>,
    pub(crate) data: Vec<DataSegment>,
    /// Whether function `i` can be referred to from outside of bodies (exported, in an element
    /// segment or a constant expression, declared, the start function): only these need a
    /// `FuncRef`.
    pub(crate) escapes: Vec<bool>,
    /// Name of function `i` in the name section, where it has one. Shorter than `funcs`, or
    /// empty, when the section says less.
    pub(crate) func_names: Vec<Option<String>>,
}

impl ModuleInfo {
    /// The type of function `func`.
    pub(crate) fn func_type(&self, func: u32) -> &FuncType {
        &self.types[self.funcs[func as usize] as usize]
    }
}

/// One import.
#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) module: String,
    pub(crate) name: String,
    pub(crate) kind: ImportKind,
}

/// What is imported; functions by index into `ModuleInfo::types`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ImportKind {
    Func(u32),
    Table(TableType),
    Memory(MemoryType),
    Global(GlobalType),
}

/// One export.
#[derive(Debug)]
pub(crate) struct Export {
    pub(crate) name: String,
    pub(crate) item: ExportItem,
}

/// An index into one of the index spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExportItem {
    Func(u32),
    Table(u32),
    Memory(u32),
    Global(u32),
}

/// An element segment.
#[derive(Debug)]
pub(crate) struct ElementSegment {
    pub(crate) mode: SegmentMode,
    pub(crate) items: ElementItems,
}

/// What an element segment holds.
#[derive(Debug)]
pub(crate) enum ElementItems {
    /// Function indices.
    Funcs(Box<[u32]>),
    /// One expression an element.
    Exprs(Box<[ConstExpr]>),
}

/// A data segment. Its bytes stay in the module's binary.
#[derive(Debug)]
pub(crate) struct DataSegment {
    pub(crate) mode: SegmentMode,
    /// Where its bytes lie in the module's binary.
    pub(crate) bytes: Range<usize>,
}

/// When a segment is applied.
#[derive(Debug)]
pub(crate) enum SegmentMode {
    /// At instantiation, into table or memory `target` at `offset`.
    Active { target: u32, offset: ConstExpr },
    /// By an instruction.
    Passive,
    /// Never: it only declares that functions may be referred to.
    Declared,
}

/// A constant expression, in postfix order, as the binary has it.
#[derive(Clone, Debug)]
pub(crate) struct ConstExpr(pub(crate) Box<[ConstOp]>);

/// An operator of a constant expression. Floats are kept as bits, so that no NaN is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConstOp {
    I32Const(i32),
    I64Const(i64),
    F32Const(u32),
    F64Const(u64),
    RefNull(ValType),
    RefFunc(u32),
    GlobalGet(u32),
    I32Add,
    I32Sub,
    I32Mul,
    I64Add,
    I64Sub,
    I64Mul,
}
