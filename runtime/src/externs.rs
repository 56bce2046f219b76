//! Imports and exports: functions, memories, globals, tables and tags.

mod global;
mod memory;
mod table;

pub use global::Global;
pub use memory::Memory;
pub use table::Table;

use crate::error::{Error, TypeError};
use crate::exception::Tag;
use crate::func::Func;
use crate::store::AsContext;
use crate::sys::shared_memory::SharedMemory;
use crate::sys::store::StoreInner;
use crate::types::{ExternType, TagType, ValType};
use crate::val::Val;

/// An item that can be imported or exported.
#[derive(Clone, Debug)]
pub enum Extern {
    /// A function.
    Func(Func),
    /// A linear memory.
    Memory(Memory),
    /// A linear memory that several threads use at a time.
    SharedMemory(SharedMemory),
    /// A global.
    Global(Global),
    /// A table.
    Table(Table),
    /// A tag.
    Tag(Tag),
}

impl Extern {
    /// The present type: the minimum of a memory or table is its present size.
    pub fn ty(&self, store: impl AsContext) -> ExternType {
        self.ty_in(store.as_context().into_inner())
    }

    pub(crate) fn ty_in(&self, store: &StoreInner) -> ExternType {
        match self {
            Extern::Func(func) => ExternType::Func(func.signature(store).ty().clone()),
            Extern::Memory(memory) => ExternType::Memory(memory.def(store).ty()),
            Extern::SharedMemory(memory) => ExternType::Memory(memory.ty()),
            Extern::Global(global) => ExternType::Global(global.handle().ty()),
            Extern::Table(table) => ExternType::Table(table.def(store).ty()),
            Extern::Tag(tag) => ExternType::Tag(TagType::new(tag.handle().ty(store).clone())),
        }
    }

    /// The function, if it is one.
    pub fn into_func(self) -> Option<Func> {
        match self {
            Extern::Func(func) => Some(func),
            _ => None,
        }
    }

    /// The memory, if it is one and not shared.
    pub fn into_memory(self) -> Option<Memory> {
        match self {
            Extern::Memory(memory) => Some(memory),
            _ => None,
        }
    }

    /// The shared memory, if it is one.
    pub fn into_shared_memory(self) -> Option<SharedMemory> {
        match self {
            Extern::SharedMemory(memory) => Some(memory),
            _ => None,
        }
    }

    /// The global, if it is one.
    pub fn into_global(self) -> Option<Global> {
        match self {
            Extern::Global(global) => Some(global),
            _ => None,
        }
    }

    /// The tag, if it is one.
    pub fn into_tag(self) -> Option<Tag> {
        match self {
            Extern::Tag(tag) => Some(tag),
            _ => None,
        }
    }

    /// The table, if it is one.
    pub fn into_table(self) -> Option<Table> {
        match self {
            Extern::Table(table) => Some(table),
            _ => None,
        }
    }
}

/// An export of an instance: its name and its item.
#[derive(Clone, Debug)]
pub struct Export<'a> {
    name: &'a str,
    item: Extern,
}

impl<'a> Export<'a> {
    pub(crate) fn new(name: &'a str, item: Extern) -> Self {
        Export { name, item }
    }

    /// The name.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// The item's present type.
    pub fn ty(&self, store: impl AsContext) -> ExternType {
        self.item.ty(store)
    }

    /// The item.
    pub fn into_extern(self) -> Extern {
        self.item
    }

    /// The function, if it is one.
    pub fn into_func(self) -> Option<Func> {
        self.item.into_func()
    }

    /// The memory, if it is one and not shared.
    pub fn into_memory(self) -> Option<Memory> {
        self.item.into_memory()
    }

    /// The shared memory, if it is one.
    pub fn into_shared_memory(self) -> Option<SharedMemory> {
        self.item.into_shared_memory()
    }

    /// The global, if it is one.
    pub fn into_global(self) -> Option<Global> {
        self.item.into_global()
    }

    /// The tag, if it is one.
    pub fn into_tag(self) -> Option<Tag> {
        self.item.into_tag()
    }

    /// The table, if it is one.
    pub fn into_table(self) -> Option<Table> {
        self.item.into_table()
    }
}

macro_rules! from {
    ($($kind:ident)+) => { $(
        impl From<$kind> for Extern {
            fn from(item: $kind) -> Extern {
                Extern::$kind(item)
            }
        }
    )+ };
}

from!(Func Memory SharedMemory Global Table Tag);

fn out_of_bounds(index: u64, len: u64) -> Error {
    TypeError::OutOfBounds { index, len }.into()
}

fn check_type(
    store: &StoreInner,
    what: &'static str,
    expected: ValType,
    val: Val,
) -> Result<(), Error> {
    if val.is_of_type(expected, store) {
        return Ok(());
    }
    Err(TypeError::Value { what, expected, found: val.top_ty() }.into())
}
