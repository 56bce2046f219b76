//! The declarations of a module: everything except its code.
//!
//! In each index space imports come first, as in the specification: function `i` is imported if `i
//! < num_imported_funcs`, and so for the other kinds.

use std::ops::Range;

use super::names::FuncNames;
use crate::types::{FuncType, FuncTypeId, GlobalType, HeapType, MemoryType, TableType};
use crate::val::V128;

/// The declarations of a validated module. All indices in it are in bounds.
#[derive(Debug, Default)]
pub(crate) struct ModuleInfo {
    /// The module's name in its name section.
    pub(crate) name: Option<String>,
    pub(crate) types: Vec<FuncType>,
    /// The number of types in each recursion group, in order. Most groups have one.
    pub(crate) type_groups: Vec<u32>,
    pub(crate) imports: Vec<Import>,
    /// For each function, imported ones first: an index into `types`.
    pub(crate) funcs: Vec<u32>,
    pub(crate) num_imported_funcs: usize,
    pub(crate) tables: Vec<TableType>,
    pub(crate) num_imported_tables: usize,
    /// The initial elements of the tables that the module defines, in order. `None` is null.
    pub(crate) table_inits: Vec<Option<ConstExpr>>,
    pub(crate) memories: Vec<MemoryType>,
    pub(crate) num_imported_memories: usize,
    pub(crate) globals: Vec<GlobalType>,
    pub(crate) num_imported_globals: usize,
    /// For each tag, imported ones first: an index into `types`.
    pub(crate) tags: Vec<u32>,
    pub(crate) num_imported_tags: usize,
    /// The initial values of the globals that the module defines, in order.
    pub(crate) global_inits: Vec<ConstExpr>,
    /// In the order of the module; names are unique.
    pub(crate) exports: Vec<Export>,
    pub(crate) start: Option<u32>,
    pub(crate) elements: Vec<ElementSegment>,
    pub(crate) data: Vec<DataSegment>,
    /// For each function: true if something outside of bodies can refer to it (an export, an
    /// element segment, a constant expression, a declaration, the start function). Only these need
    /// a `FuncRef`.
    pub(crate) escapes: Vec<bool>,
    /// The functions' names in the name section.
    pub(crate) func_names: FuncNames,
}

impl ModuleInfo {
    /// Replaces the id of each concrete type, at first an index into `types`, by the engine's.
    /// `intern` returns the engine's types of a recursion group, with their ids; in its argument
    /// the ids are replaced already, or those of [`FuncTypeId::in_group`].
    pub(crate) fn replace_type_ids(
        &mut self,
        mut intern: impl FnMut(&[FuncType], &mut Vec<u32>) -> Vec<FuncType>,
    ) {
        let mut ids = Vec::with_capacity(self.types.len());
        let mut rest = &mut self.types[..];
        for &len in &self.type_groups {
            let group;
            (group, rest) = rest.split_at_mut(len as usize);
            // Types refer to earlier ones, and to those of their group.
            let start = ids.len() as u32;
            for ty in &mut *group {
                ty.map_ids(|id| match id.get().checked_sub(start) {
                    Some(index) => FuncTypeId::in_group(index),
                    None => FuncTypeId::new(ids[id.get() as usize]),
                });
            }
            let interned = intern(group, &mut ids);
            for (ty, interned) in group.iter_mut().zip(interned) {
                *ty = interned;
            }
        }
        let of_engine = |id: FuncTypeId| FuncTypeId::new(ids[id.get() as usize]);
        let of_global =
            |ty: GlobalType| GlobalType::new(ty.content().map_id(of_engine), ty.mutability());
        for table in &mut self.tables {
            *table = table.map_id(of_engine);
        }
        for global in &mut self.globals {
            *global = of_global(*global);
        }
        for import in &mut self.imports {
            import.kind = match import.kind {
                ImportKind::Table(ty) => ImportKind::Table(ty.map_id(of_engine)),
                ImportKind::Global(ty) => ImportKind::Global(of_global(ty)),
                kind @ (ImportKind::Func(_) | ImportKind::Memory(_) | ImportKind::Tag(_)) => kind,
            };
        }
    }

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

/// The kind and type of an import. The type of a function or tag is an index into `types`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ImportKind {
    Func(u32),
    Table(TableType),
    Memory(MemoryType),
    Global(GlobalType),
    Tag(u32),
}

/// One export.
#[derive(Debug)]
pub(crate) struct Export {
    pub(crate) name: String,
    pub(crate) item: ExportItem,
}

/// An item in one of the index spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExportItem {
    Func(u32),
    Table(u32),
    Memory(u32),
    Global(u32),
    Tag(u32),
}

/// An element segment.
#[derive(Debug)]
pub(crate) struct ElementSegment {
    pub(crate) mode: SegmentMode,
    pub(crate) items: ElementItems,
}

/// The elements of a segment.
#[derive(Debug)]
pub(crate) enum ElementItems {
    /// Function indices.
    Funcs(Box<[u32]>),
    /// One expression for each element.
    Exprs(Box<[ConstExpr]>),
}

impl ElementItems {
    pub(crate) fn len(&self) -> usize {
        match self {
            ElementItems::Funcs(funcs) => funcs.len(),
            ElementItems::Exprs(exprs) => exprs.len(),
        }
    }
}

/// A data segment. Its bytes stay in the module's binary.
#[derive(Debug)]
pub(crate) struct DataSegment {
    pub(crate) mode: SegmentMode,
    /// The place of its bytes in the module's binary.
    pub(crate) bytes: Range<usize>,
}

/// The time at which a segment is applied.
#[derive(Debug)]
pub(crate) enum SegmentMode {
    /// At instantiation, into table or memory `target` at `offset`.
    Active { target: u32, offset: ConstExpr },
    /// By an instruction.
    Passive,
    /// Never: the segment only declares that functions may be referred to.
    Declared,
}

/// A constant expression, in postfix order, as the binary has it.
#[derive(Clone, Debug)]
pub(crate) struct ConstExpr(pub(crate) Box<[ConstOp]>);

/// An operator of a constant expression. Floats are kept as bits, so that NaN payloads do not
/// change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConstOp {
    I32Const(i32),
    I64Const(i64),
    F32Const(u32),
    F64Const(u64),
    V128Const(V128),
    RefNull(HeapType),
    RefFunc(u32),
    GlobalGet(u32),
    I32Add,
    I32Sub,
    I32Mul,
    I64Add,
    I64Sub,
    I64Mul,
}
