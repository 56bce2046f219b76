//! The types of values, functions, globals, tables and memories.

use std::fmt;

use crate::sys::memory::PAGE_BYTES;

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
    /// Reference to a function, or null.
    FuncRef,
    /// Opaque reference to a value of the host, or null.
    ExternRef,
}

impl ValType {
    /// Returns true for references.
    pub fn is_ref(self) -> bool {
        matches!(self, ValType::FuncRef | ValType::ExternRef)
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
            ValType::FuncRef => "funcref",
            ValType::ExternRef => "externref",
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
    /// A function that takes `params` and returns `results`.
    pub fn new(
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

/// The type of a global.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GlobalType {
    /// The type of the value.
    pub content: ValType,
    /// True if the value can be set.
    pub mutable: bool,
}

/// The type of a table of references.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TableType {
    /// [`ValType::FuncRef`] or [`ValType::ExternRef`].
    pub element: ValType,
    /// Initial number of elements.
    pub min: u32,
    /// Maximum number of elements.
    pub max: Option<u32>,
}

/// The type of a memory, in pages of 64 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MemoryType {
    /// Initial number of pages.
    pub min_pages: u32,
    /// Maximum number of pages.
    pub max_pages: Option<u32>,
}

impl MemoryType {
    /// The initial length in bytes.
    pub(crate) fn min_bytes(self) -> usize {
        self.min_pages as usize * PAGE_BYTES
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
}

impl fmt::Display for ExternType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits = |f: &mut fmt::Formatter<'_>, min: u32, max: Option<u32>| match max {
            Some(max) => write!(f, "{min}..={max}"),
            None => write!(f, "{min}.."),
        };
        match self {
            ExternType::Func(ty) => ty.fmt(f),
            ExternType::Table(ty) => {
                write!(f, "table {} ", ty.element)?;
                limits(f, ty.min, ty.max)
            }
            ExternType::Memory(ty) => {
                f.write_str("memory ")?;
                limits(f, ty.min_pages, ty.max_pages)?;
                f.write_str(" pages")
            }
            ExternType::Global(ty) => {
                write!(f, "global {}{}", if ty.mutable { "mut " } else { "" }, ty.content)
            }
        }
    }
}
