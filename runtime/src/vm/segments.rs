//! `memory.init` and `table.init`: segments copied into an instance's memories and tables, by
//! instructions and at instantiation. `None` is the trap for being out of bounds.

use crate::module::info::{ElementItems, SegmentMode};
use crate::sys::context::InstanceBox;

/// Copies bytes `src..src + len` of a data segment to `dst`. Dropped and active segments have no
/// bytes.
pub(crate) fn init_memory(
    instance: &mut InstanceBox,
    memory: u32,
    segment: u32,
    dst: u32,
    src: u32,
    len: u32,
) -> Option<()> {
    let module = instance.state().module.clone();
    let info = &module.compiled().info;
    let available = matches!(info.data[segment as usize].mode, SegmentMode::Passive)
        && !instance.state().dropped_data.contains(segment);
    let bytes = if available { module.segment_bytes(segment) } else { &[] };
    write_memory(instance, memory, dst, bytes, src, len)
}

/// Copies `bytes[src..src + len]` to `dst`.
pub(crate) fn write_memory(
    instance: &mut InstanceBox,
    memory: u32,
    dst: u32,
    bytes: &[u8],
    src: u32,
    len: u32,
) -> Option<()> {
    let range = |start: u32| start as usize..start as usize + len as usize;
    let from = bytes.get(range(src))?;
    let to = instance.memory_mut(memory).data_mut().get_mut(range(dst))?;
    to.copy_from_slice(from);
    Some(())
}

/// Copies elements `src..src + len` of an element segment to `dst`. Dropped segments, and those
/// that are not passive, have no elements.
pub(crate) fn init_table(
    instance: &mut InstanceBox,
    table: u32,
    segment: u32,
    dst: u32,
    src: u32,
    len: u32,
) -> Option<()> {
    let module = instance.state().module.clone();
    let segment_info = &module.compiled().info.elements[segment as usize];
    let available = matches!(segment_info.mode, SegmentMode::Passive)
        && !instance.state().dropped_elements.contains(segment);
    let none = ElementItems::Funcs(Box::default());
    let items = if available { &segment_info.items } else { &none };
    write_table(instance, table, dst, items, src, len)
}

/// Evaluates `items[src..src + len]` into the table from `dst` on.
pub(crate) fn write_table(
    instance: &mut InstanceBox,
    table: u32,
    dst: u32,
    items: &ElementItems,
    src: u32,
    len: u32,
) -> Option<()> {
    let from = src as usize..src as usize + len as usize;
    let count = match items {
        ElementItems::Funcs(funcs) => funcs.len(),
        ElementItems::Exprs(exprs) => exprs.len(),
    };
    if from.end > count {
        return None;
    }
    instance.table_mut(table).range_mut(dst, len)?;
    for (i, item) in from.enumerate() {
        let raw = match items {
            ElementItems::Funcs(funcs) => instance.func(funcs[item]).to_raw(),
            ElementItems::Exprs(exprs) => exprs[item].eval(instance)?,
        };
        instance.table_mut(table).elements_mut()[dst as usize + i] = raw;
    }
    Some(())
}
