//! The types of values, functions, globals, tables and memories.

use std::fmt;

use crate::engine::Engine;
use crate::memory_type::limits_fit;
pub use crate::memory_type::{MemoryType, MemoryTypeBuilder};
pub use crate::ref_type::{FuncTypeId, HeapType, RefType};

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ValType {
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// Vector of 128 bits.
    V128,
    /// Reference.
    Ref(RefType),
}

impl ValType {
    /// Reference to any function, or null.
    pub const FUNCREF: ValType = ValType::Ref(RefType::FUNCREF);
    /// Opaque reference to a value of the host, or null.
    pub const EXTERNREF: ValType = ValType::Ref(RefType::EXTERNREF);
    /// Reference to an exception, or null.
    pub const EXNREF: ValType = ValType::Ref(RefType::EXNREF);

    /// Returns true for references.
    pub fn is_ref(self) -> bool {
        matches!(self, ValType::Ref(_))
    }

    /// Returns true if each value of this type is a value of type `other`.
    pub fn matches(&self, other: &ValType) -> bool {
        match (self, other) {
            (ValType::Ref(own), ValType::Ref(other)) => own.matches(other),
            _ => self == other,
        }
    }

    /// The type that has `f` applied to the id of a concrete type of functions.
    pub(crate) fn map_id(self, f: impl FnOnce(FuncTypeId) -> FuncTypeId) -> Self {
        match self {
            ValType::Ref(ty) => {
                ValType::Ref(RefType::new(ty.is_nullable(), ty.heap_type().map_id(f)))
            }
            number => number,
        }
    }
}

impl fmt::Display for ValType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ValType::I32 => "i32",
            ValType::I64 => "i64",
            ValType::F32 => "f32",
            ValType::F64 => "f64",
            ValType::V128 => "v128",
            ValType::Ref(ty) => return ty.fmt(f),
        })
    }
}

/// The type of a function.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FuncType {
    params: Box<[ValType]>,
    results: Box<[ValType]>,
}

impl FuncType {
    /// A function that takes `params` and returns `results`. Function types in these are the
    /// engine's.
    pub fn new(
        _engine: &Engine,
        params: impl IntoIterator<Item = ValType>,
        results: impl IntoIterator<Item = ValType>,
    ) -> Self {
        FuncType::of(params, results)
    }

    /// A function that takes `params` and returns `results`.
    pub(crate) fn of(
        params: impl IntoIterator<Item = ValType>,
        results: impl IntoIterator<Item = ValType>,
    ) -> Self {
        FuncType { params: params.into_iter().collect(), results: results.into_iter().collect() }
    }

    /// The types of the parameters, in order.
    pub fn params(&self) -> &[ValType] {
        &self.params
    }

    /// The types of the results, in order.
    pub fn results(&self) -> &[ValType] {
        &self.results
    }

    /// The type of parameter `index`.
    pub fn param(&self, index: usize) -> Option<ValType> {
        self.params.get(index).copied()
    }

    /// The type of result `index`.
    pub fn result(&self, index: usize) -> Option<ValType> {
        self.results.get(index).copied()
    }

    /// The ids of the concrete types of functions in it.
    pub(crate) fn ids(&self) -> impl Iterator<Item = FuncTypeId> {
        self.params.iter().chain(&self.results).filter_map(|ty| match ty {
            ValType::Ref(ty) => match ty.heap_type() {
                HeapType::ConcreteFunc(id) => Some(id),
                HeapType::Func | HeapType::Extern | HeapType::Exn | HeapType::NoExn => None,
            },
            _ => None,
        })
    }

    /// Applies `f` to the ids of the concrete types of functions in it.
    pub(crate) fn map_ids(&mut self, f: impl Fn(FuncTypeId) -> FuncTypeId) {
        for ty in self.params.iter_mut().chain(&mut self.results) {
            *ty = ty.map_id(&f);
        }
    }
}

impl fmt::Display for FuncType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, types: &[ValType]| {
            f.write_str("(")?;
            for (i, ty) in types.iter().enumerate() {
                write!(f, "{}{ty}", if i == 0 { "" } else { ", " })?;
            }
            f.write_str(")")
        };
        f.write_str("func ")?;
        list(f, &self.params)?;
        f.write_str(" -> ")?;
        list(f, &self.results)
    }
}

/// Whether the value of a global can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mutability {
    /// It stays what it is.
    Const,
    /// It can be set.
    Var,
}

/// The type of a global.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GlobalType {
    content: ValType,
    mutability: Mutability,
}

impl GlobalType {
    /// A global that holds a value of type `content`.
    pub const fn new(content: ValType, mutability: Mutability) -> Self {
        GlobalType { content, mutability }
    }

    /// The type of the value.
    pub fn content(&self) -> ValType {
        self.content
    }

    /// Whether the value can be set.
    pub fn mutability(&self) -> Mutability {
        self.mutability
    }

    /// Returns true if a global of type `found` can be imported as one of this type.
    pub(crate) fn accepts(self, found: GlobalType) -> bool {
        self.mutability == found.mutability
            && match self.mutability {
                Mutability::Var => self == found,
                Mutability::Const => found.content.matches(&self.content),
            }
    }
}

/// The type of a table of references: its limits, and the type of its indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TableType {
    element: RefType,
    minimum: u64,
    maximum: Option<u64>,
    is_64: bool,
}

impl TableType {
    /// A table of `element` with indices of 32 bits.
    pub fn new(element: RefType, minimum: u32, maximum: Option<u32>) -> Self {
        let table = Self::new64(element, minimum.into(), maximum.map(u64::from));
        TableType { is_64: false, ..table }
    }

    /// As [`Self::new`], with indices of 64 bits.
    pub fn new64(element: RefType, minimum: u64, maximum: Option<u64>) -> Self {
        TableType { element, minimum, maximum, is_64: true }
    }

    /// The type of the elements.
    pub fn element(&self) -> RefType {
        self.element
    }

    /// The initial number of elements.
    pub fn minimum(&self) -> u64 {
        self.minimum
    }

    /// The maximum number of elements.
    pub fn maximum(&self) -> Option<u64> {
        self.maximum
    }

    /// Returns true if indices have 64 bits, and not 32.
    pub fn is_64(&self) -> bool {
        self.is_64
    }

    /// The type that has `f` applied to the id of a concrete type of functions.
    pub(crate) fn map_id(self, f: impl FnOnce(FuncTypeId) -> FuncTypeId) -> Self {
        let element = self.element;
        let heap_type = element.heap_type().map_id(f);
        TableType { element: RefType::new(element.is_nullable(), heap_type), ..self }
    }

    pub(crate) fn with_minimum(self, minimum: u64) -> Self {
        TableType { minimum, ..self }
    }

    /// Returns true if a table of type `found` can be imported as one of this type.
    pub(crate) fn accepts(self, found: TableType) -> bool {
        self.element == found.element
            && self.is_64 == found.is_64
            && limits_fit((self.minimum, self.maximum), (found.minimum, found.maximum))
    }
}

/// The type of a tag: the values of its exceptions are the parameters of a function.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TagType(FuncType);

impl TagType {
    /// A tag for exceptions with values of the types of `ty`'s parameters.
    pub fn new(ty: FuncType) -> Self {
        TagType(ty)
    }

    /// The function's type.
    pub fn ty(&self) -> &FuncType {
        &self.0
    }
}

/// The type of an import or export.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ExternType {
    /// A function.
    Func(FuncType),
    /// A table.
    Table(TableType),
    /// A memory.
    Memory(MemoryType),
    /// A global.
    Global(GlobalType),
    /// A tag.
    Tag(TagType),
}

impl fmt::Display for ExternType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits = |f: &mut fmt::Formatter<'_>, min: u64, max: Option<u64>| match max {
            Some(max) => write!(f, "{min}..={max}"),
            None => write!(f, "{min}.."),
        };
        match self {
            ExternType::Func(ty) => ty.fmt(f),
            ExternType::Tag(ty) => write!(f, "tag of {}", ty.ty()),
            ExternType::Table(ty) => {
                f.write_str(if ty.is_64 { "64-bit table " } else { "table " })?;
                write!(f, "{} ", ty.element)?;
                limits(f, ty.minimum, ty.maximum)
            }
            ExternType::Memory(ty) => {
                f.write_str(if ty.is_64() { "64-bit memory " } else { "memory " })?;
                limits(f, ty.minimum(), ty.maximum())?;
                f.write_str(if ty.page_size() == 1 { " bytes" } else { " pages" })
            }
            ExternType::Global(ty) => {
                let mutable = if ty.mutability == Mutability::Var { "mut " } else { "" };
                write!(f, "global {mutable}{}", ty.content)
            }
        }
    }
}
