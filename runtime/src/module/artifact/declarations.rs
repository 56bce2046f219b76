//! The declarations of a module in an artifact. The ids of types in them are indices of the module.

use std::ops::Range;

use super::codec::{Item, Reader, Writer};
use crate::module::info::{
    ConstExpr, ConstOp, DataSegment, ElementItems, ElementSegment, Export, ExportItem, Import,
    ImportKind, ModuleInfo, SegmentMode,
};
use crate::module::names::FuncNames;
use crate::types::{
    FuncType, FuncTypeId, GlobalType, HeapType, MemoryType, MemoryTypeBuilder, Mutability, RefType,
    TableType, ValType,
};
use crate::val::V128;

/// Writes `info`, whose types have the ids `type_ids` in their engine. `data` has the place of each
/// data segment's bytes in the artifact's data.
pub(super) fn write(info: &ModuleInfo, type_ids: &[u32], data: &[Range<usize>], to: &mut Writer) {
    let ModuleInfo {
        name,
        types,
        type_groups,
        imports,
        funcs,
        num_imported_funcs,
        tables,
        num_imported_tables,
        table_inits,
        memories,
        num_imported_memories,
        globals,
        num_imported_globals,
        tags,
        num_imported_tags,
        global_inits,
        exports,
        start,
        elements,
        data: segments,
        escapes,
        func_names,
    } = info;
    name.write(to);
    type_groups.write(to);
    types.len().write(to);
    let mut written = 0;
    for &len in type_groups {
        let group = written as usize..(written + len) as usize;
        // An engine gives equal groups the same ids. A group that is written again must refer to
        // itself, and not to the earlier one.
        to.types.extend(type_ids[group.clone()].iter().copied().zip(written..));
        types[group].iter().for_each(|ty| ty.write(to));
        written += len;
    }
    imports.write(to);
    funcs.write(to);
    num_imported_funcs.write(to);
    tables.write(to);
    num_imported_tables.write(to);
    table_inits.write(to);
    memories.write(to);
    num_imported_memories.write(to);
    globals.write(to);
    num_imported_globals.write(to);
    tags.write(to);
    num_imported_tags.write(to);
    global_inits.write(to);
    exports.write(to);
    start.write(to);
    elements.write(to);
    segments.len().write(to);
    for (segment, bytes) in segments.iter().zip(data) {
        segment.mode.write(to);
        bytes.write(to);
    }
    escapes.write(to);
    func_names.write(to);
}

/// Reads what [`write`] wrote.
pub(super) fn read(from: &mut Reader<'_>) -> Option<ModuleInfo> {
    let name = Item::read(from)?;
    let type_groups = Item::read(from)?;
    Some(ModuleInfo {
        name,
        type_groups,
        types: Item::read(from)?,
        imports: Item::read(from)?,
        funcs: Item::read(from)?,
        num_imported_funcs: Item::read(from)?,
        tables: Item::read(from)?,
        num_imported_tables: Item::read(from)?,
        table_inits: Item::read(from)?,
        memories: Item::read(from)?,
        num_imported_memories: Item::read(from)?,
        globals: Item::read(from)?,
        num_imported_globals: Item::read(from)?,
        tags: Item::read(from)?,
        num_imported_tags: Item::read(from)?,
        global_inits: Item::read(from)?,
        exports: Item::read(from)?,
        start: Item::read(from)?,
        elements: Item::read(from)?,
        data: Item::read(from)?,
        escapes: Item::read(from)?,
        func_names: Item::read(from)?,
    })
}

/// A structure as its fields in order.
macro_rules! record {
    ($type:ident { $($field:ident),+ }) => {
        impl Item for $type {
            fn write(&self, to: &mut Writer) {
                $( self.$field.write(to); )+
            }

            fn read(from: &mut Reader<'_>) -> Option<Self> {
                Some($type { $( $field: Item::read(from)?, )+ })
            }
        }
    };
}

/// A choice as the number of its variant and then its fields.
macro_rules! choice {
    ($type:ident { $($number:literal => $variant:ident $(($value:ident))? $({ $($field:ident),+ })?;)+ }) => {
        impl Item for $type {
            fn write(&self, to: &mut Writer) {
                match self { $(
                    $type::$variant $(($value))? $({ $($field),+ })? => {
                        <u8 as Item>::write(&$number, to);
                        $( $value.write(to); )?
                        $( $( $field.write(to); )+ )?
                    }
                )+ }
            }

            fn read(from: &mut Reader<'_>) -> Option<Self> {
                Some(match u8::read(from)? {
                    $( $number => {
                        $( let $value = Item::read(from)?; )?
                        $( $( let $field = Item::read(from)?; )+ )?
                        $type::$variant $(($value))? $({ $($field),+ })?
                    } )+
                    _ => return None,
                })
            }
        }
    };
}

record!(Import { module, name, kind });
record!(Export { name, item });
record!(ElementSegment { mode, items });
record!(DataSegment { mode, bytes });
record!(FuncNames { text, starts, ends });

choice!(ImportKind {
    0 => Func(ty);
    1 => Table(ty);
    2 => Memory(ty);
    3 => Global(ty);
    4 => Tag(ty);
});
choice!(ExportItem {
    0 => Func(index);
    1 => Table(index);
    2 => Memory(index);
    3 => Global(index);
    4 => Tag(index);
});
choice!(SegmentMode {
    0 => Active { target, offset };
    1 => Passive;
    2 => Declared;
});
choice!(ElementItems {
    0 => Funcs(funcs);
    1 => Exprs(exprs);
});
choice!(Mutability {
    0 => Const;
    1 => Var;
});
choice!(ValType {
    0 => I32;
    1 => I64;
    2 => F32;
    3 => F64;
    4 => V128;
    5 => Ref(ty);
});
choice!(HeapType {
    0 => Func;
    1 => Extern;
    2 => Exn;
    3 => ConcreteFunc(id);
    4 => NoExn;
});
choice!(ConstOp {
    0 => I32Const(value);
    1 => I64Const(value);
    2 => F32Const(bits);
    3 => F64Const(bits);
    4 => V128Const(vector);
    5 => RefNull(null);
    6 => RefFunc(func);
    7 => GlobalGet(global);
    8 => I32Add;
    9 => I32Sub;
    10 => I32Mul;
    11 => I64Add;
    12 => I64Sub;
    13 => I64Mul;
});

impl Item for ConstExpr {
    fn write(&self, to: &mut Writer) {
        self.0.write(to);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Item::read(from).map(ConstExpr)
    }
}

impl Item for FuncTypeId {
    fn write(&self, to: &mut Writer) {
        match to.types.get(&self.get()).copied() {
            Some(index) => index.write(to),
            None => unreachable!("a module contains the types that it uses"),
        }
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let id = FuncTypeId::new(u32::read(from)?);
        id.index_in_group().is_none().then_some(id)
    }
}

impl Item for RefType {
    fn write(&self, to: &mut Writer) {
        self.is_nullable().write(to);
        self.heap_type().write(to);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some(RefType::new(bool::read(from)?, HeapType::read(from)?))
    }
}

impl Item for FuncType {
    fn write(&self, to: &mut Writer) {
        to.list(self.params());
        to.list(self.results());
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some(FuncType::of(Vec::read(from)?, Vec::read(from)?))
    }
}

impl Item for GlobalType {
    fn write(&self, to: &mut Writer) {
        self.content().write(to);
        self.mutability().write(to);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some(GlobalType::new(ValType::read(from)?, Mutability::read(from)?))
    }
}

impl Item for TableType {
    fn write(&self, to: &mut Writer) {
        self.is_64().write(to);
        self.element().write(to);
        self.minimum().write(to);
        self.maximum().write(to);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let is_64 = bool::read(from)?;
        let element = RefType::read(from)?;
        let (minimum, maximum) = (u64::read(from)?, Option::<u64>::read(from)?);
        if is_64 {
            return Some(TableType::new64(element, minimum, maximum));
        }
        let narrow = |limit: u64| u32::try_from(limit).ok();
        let maximum = match maximum {
            Some(maximum) => Some(narrow(maximum)?),
            None => None,
        };
        Some(TableType::new(element, narrow(minimum)?, maximum))
    }
}

impl Item for MemoryType {
    fn write(&self, to: &mut Writer) {
        self.minimum().write(to);
        self.maximum().write(to);
        self.is_64().write(to);
        self.is_shared().write(to);
        self.page_size().write(to);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let mut builder = MemoryTypeBuilder::new();
        builder.min(Item::read(from)?).max(Item::read(from)?).memory64(Item::read(from)?);
        builder.shared(Item::read(from)?);
        let page_bytes = u64::read(from)?;
        builder.page_size_log2(u8::try_from(page_bytes.checked_ilog2()?).ok()?).build().ok()
    }
}

impl Item for V128 {
    fn write(&self, to: &mut Writer) {
        self.as_u128().write(to);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        u128::read(from).map(V128::from)
    }
}
