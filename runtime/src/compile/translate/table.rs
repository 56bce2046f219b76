//! Tables and references.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Value};
use wasmparser::Operator;

use super::super::abi::{POINTER, trusted_flags};
use super::FuncTranslator;
use crate::trap::Trap;
use crate::vm::layout::{Builtin, FuncRefPlace, POINTER_BYTES, TABLE_DEF_ELEMENTS, TABLE_DEF_LEN};

impl FuncTranslator<'_> {
    /// Translates `op` if it is an operator on tables or references.
    pub(super) fn table(&mut self, op: &Operator<'_>) -> bool {
        use Operator as O;
        match op {
            O::RefNull { .. } => {
                let null = self.builder.ins().iconst(POINTER, 0);
                self.push(null);
            }
            O::RefIsNull => {
                self.unary(|ins, reference| ins.icmp_imm_u(IntCC::Equal, reference, 0));
                self.unary(|ins, is_null| ins.uextend(I32, is_null));
            }
            O::RefFunc { function_index } => {
                let reference = self.func_ref(*function_index);
                self.push(reference);
            }
            O::RefAsNonNull => {
                let reference = self.peek();
                self.builder.ins().trapz(reference, Trap::NullReference.code());
            }
            O::TableGet { table } => {
                let index = self.pop();
                let (element, flags) = self.element(*table, index, Trap::TableOutOfBounds);
                let value = self.load_at(I64, flags, element, 0);
                self.push(value);
            }
            O::TableSet { table } => {
                let (index, value) = self.pop2();
                let (element, flags) = self.element(*table, index, Trap::TableOutOfBounds);
                self.builder.ins().store(flags, value, element, 0);
            }
            O::TableSize { table } => {
                let def = self.load_context(self.env.layout.table_def(*table));
                let len = self.load_definition(I32, def, TABLE_DEF_LEN);
                self.push(len);
                if self.table_is_64(*table) {
                    self.unary(|ins, len| ins.uextend(I64, len));
                }
            }
            O::TableGrow { table } => {
                let is_64 = self.table_is_64(*table);
                let (init, delta) = self.pop2();
                let delta = self.extended(is_64, delta);
                let table = self.index(*table);
                self.call_builtin_value(Builtin::TableGrow, &[table, init, delta]);
                self.reduce_top(is_64);
            }
            O::TableFill { table } => {
                let is_64 = self.table_is_64(*table);
                let [dst, value, len] = self.pop3();
                let (dst, len) = (self.extended(is_64, dst), self.extended(is_64, len));
                let table = self.index(*table);
                self.call_builtin(Builtin::TableFill, &[table, dst, value, len]);
            }
            O::TableCopy { dst_table, src_table } => {
                let (dst_is_64, src_is_64) =
                    (self.table_is_64(*dst_table), self.table_is_64(*src_table));
                let [dst, src, len] = self.pop3();
                let dst = self.extended(dst_is_64, dst);
                let src = self.extended(src_is_64, src);
                let len = self.extended(dst_is_64 && src_is_64, len);
                let dst_table = self.index(*dst_table);
                let src_table = self.index(*src_table);
                self.call_builtin(Builtin::TableCopy, &[dst_table, src_table, dst, src, len]);
            }
            O::TableInit { elem_index, table } => {
                let is_64 = self.table_is_64(*table);
                let [dst, src, len] = self.pop3();
                let dst = self.extended(is_64, dst);
                let (src, len) = (self.extended(false, src), self.extended(false, len));
                let table = self.index(*table);
                let segment = self.index(*elem_index);
                self.call_builtin(Builtin::TableInit, &[table, segment, dst, src, len]);
            }
            O::ElemDrop { elem_index } => {
                let segment = self.index(*elem_index);
                self.call_builtin(Builtin::ElemDrop, &[segment]);
            }
            _ => return false,
        }
        true
    }

    /// The address of element `index` of table `table`, and the flags for an access to it. If the table
    /// has no such element, the address is null, and the access traps with `otherwise`. So the
    /// processor does not read beyond the table before it knows the outcome of the comparison either.
    pub(super) fn element(
        &mut self,
        table: u32,
        index: Value,
        otherwise: Trap,
    ) -> (Value, MemFlagsData) {
        let def = self.load_context(self.env.layout.table_def(table));
        let len = self.load_definition(I32, def, TABLE_DEF_LEN);
        let is_64 = self.table_is_64(table);
        let len = if is_64 { self.builder.ins().uextend(I64, len) } else { len };
        let elements = self.load_definition(POINTER, def, TABLE_DEF_ELEMENTS);
        let wide = self.extended(is_64, index);
        let offset = self.builder.ins().ishl_imm_u(wide, i64::from(POINTER_BYTES.ilog2()));
        let element = self.builder.ins().iadd(elements, offset);
        let beyond = self.builder.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, index, len);
        let null = self.builder.ins().iconst(POINTER, 0);
        let element = self.builder.ins().select_spectre_guard(beyond, null, element);
        let flags = trusted_flags().with_trap_code(Some(otherwise.code()));
        (element, flags.with_alias_region(Some(self.regions.element)))
    }

    fn table_is_64(&self, table: u32) -> bool {
        self.env.info.tables[table as usize].is_64()
    }

    /// The address of the `FuncRef` of function `func`.
    pub(super) fn func_ref(&mut self, func: u32) -> Value {
        match self.env.layout.func_ref(func) {
            FuncRefPlace::Defined(offset) => {
                self.builder.ins().iadd_imm_u(self.vmctx, i64::from(offset))
            }
            FuncRefPlace::Imported(offset) => self.load_context(offset),
        }
    }
}
