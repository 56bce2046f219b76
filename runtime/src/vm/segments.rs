//! `memory.init` and `table.init`: copies segments into an instance's memories and tables, for
//! instructions and at instantiation. `None` means out of bounds: the caller raises the trap.

use crate::module::info::{ElementItems, SegmentMode};
use crate::sys::instance::InstanceBox;

/// Copies bytes `src..src + len` of a data segment to `dst`. Dropped and active segments have no
/// bytes.
pub(crate) fn init_memory(
    instance: &mut InstanceBox,
    memory: u32,
    segment: u32,
    dst: u64,
    src: u64,
    len: u64,
) -> Option<()> {
    let module = instance.module().clone();
    let info = &module.compiled().info;
    let available = matches!(info.data[segment as usize].mode, SegmentMode::Passive)
        && !instance.is_data_dropped(segment);
    let bytes = if available { module.segment_bytes(segment) } else { &[] };
    write_memory(instance, memory, dst, bytes, src, len)
}

/// Copies `bytes[src..src + len]` to `dst`.
pub(crate) fn write_memory(
    instance: &mut InstanceBox,
    memory: u32,
    dst: u64,
    bytes: &[u8],
    src: u64,
    len: u64,
) -> Option<()> {
    let range = |start: u64| Some(start as usize..start.checked_add(len)? as usize);
    let from = bytes.get(range(src)?)?;
    instance.write_memory(memory, dst, from)
}

/// Copies elements `src..src + len` of an element segment to `dst`. Dropped segments, and those
/// that are not passive, have no elements.
pub(crate) fn init_table(
    instance: &mut InstanceBox,
    table: u32,
    segment: u32,
    dst: u64,
    src: u64,
    len: u64,
) -> Option<()> {
    let module = instance.module().clone();
    let segment_info = &module.compiled().info.elements[segment as usize];
    let available = matches!(segment_info.mode, SegmentMode::Passive)
        && !instance.are_elements_dropped(segment);
    let none = ElementItems::Funcs(Box::default());
    let items = if available { &segment_info.items } else { &none };
    write_table(instance, table, dst, items, src, len)
}

/// Evaluates `items[src..src + len]`, and writes them to the table from `dst`.
pub(crate) fn write_table(
    instance: &mut InstanceBox,
    table: u32,
    dst: u64,
    items: &ElementItems,
    src: u64,
    len: u64,
) -> Option<()> {
    let from = src as usize..src.checked_add(len)? as usize;
    if from.end > items.len() {
        return None;
    }
    let exprs = match items {
        ElementItems::Funcs(funcs) => return instance.set_table_funcs(table, dst, &funcs[from]),
        ElementItems::Exprs(exprs) => &exprs[from],
    };
    // Nothing is written if a part is out of bounds.
    if dst.checked_add(len)? > instance.table(table).ty().minimum() {
        return None;
    }
    for (element, expr) in (dst..).zip(exprs) {
        let value = expr.eval(instance)?;
        instance.set_table_element(table, element, value)?;
    }
    Some(())
}
