//! Loads, stores and operators on whole memories.
//!
//! A slot reserves all 4 GiB that an index can reach and a guard beyond. An access outside of the
//! memory faults. So an access needs no check if its constant offset is less than the guard.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{F32, F64, I32, I64};
use cranelift_codegen::ir::{Endianness, InstBuilder, MemFlagsData, Type, Value};
use cranelift_frontend::FuncInstBuilder;
use leakbench_allocator::{GUARD_BYTES, MEMORY_MAX_BYTES, WASM_PAGE_BYTES};
use wasmparser::{MemArg, MemArgTarget, Operator};

use super::super::abi::{POINTER, constant_flags, trusted_flags};
use super::FuncTranslator;
use crate::trap::Trap;
use crate::vm::layout::{Builtin, MEMORY_DEF_LEN_BYTES, MEMORY_ENTRY_DEF};

impl<'a> FuncTranslator<'a> {
    /// Translates `op` if it is a memory operator.
    pub(super) fn memory(&mut self, op: &Operator<'_>) -> bool {
        use Operator as O;
        match op {
            O::I32Load { memarg } => self.load_whole(memarg, I32),
            O::I64Load { memarg } => self.load_whole(memarg, I64),
            O::F32Load { memarg } => self.load_whole(memarg, F32),
            O::F64Load { memarg } => self.load_whole(memarg, F64),
            O::I32Load8S { memarg } => {
                self.load(memarg, 1, |ins, f, p, o| ins.sload8(I32, f, p, o));
            }
            O::I32Load8U { memarg } => {
                self.load(memarg, 1, |ins, f, p, o| ins.uload8(I32, f, p, o));
            }
            O::I32Load16S { memarg } => {
                self.load(memarg, 2, |ins, f, p, o| ins.sload16(I32, f, p, o));
            }
            O::I32Load16U { memarg } => {
                self.load(memarg, 2, |ins, f, p, o| ins.uload16(I32, f, p, o));
            }
            O::I64Load8S { memarg } => {
                self.load(memarg, 1, |ins, f, p, o| ins.sload8(I64, f, p, o));
            }
            O::I64Load8U { memarg } => {
                self.load(memarg, 1, |ins, f, p, o| ins.uload8(I64, f, p, o));
            }
            O::I64Load16S { memarg } => {
                self.load(memarg, 2, |ins, f, p, o| ins.sload16(I64, f, p, o));
            }
            O::I64Load16U { memarg } => {
                self.load(memarg, 2, |ins, f, p, o| ins.uload16(I64, f, p, o));
            }
            O::I64Load32S { memarg } => {
                self.load(memarg, 4, |ins, f, p, o| ins.sload32(f, p, o));
            }
            O::I64Load32U { memarg } => {
                self.load(memarg, 4, |ins, f, p, o| ins.uload32(f, p, o));
            }

            O::I32Store { memarg } | O::F32Store { memarg } => self.store_whole(memarg, 4),
            O::I64Store { memarg } | O::F64Store { memarg } => self.store_whole(memarg, 8),
            O::I32Store8 { memarg } | O::I64Store8 { memarg } => {
                self.store(memarg, 1, |ins, f, x, p, o| {
                    ins.istore8(f, x, p, o);
                });
            }
            O::I32Store16 { memarg } | O::I64Store16 { memarg } => {
                self.store(memarg, 2, |ins, f, x, p, o| {
                    ins.istore16(f, x, p, o);
                });
            }
            O::I64Store32 { memarg } => {
                self.store(memarg, 4, |ins, f, x, p, o| {
                    ins.istore32(f, x, p, o);
                });
            }

            O::MemorySize { mem } => self.memory_size(*mem),
            O::MemoryGrow { mem } => {
                let delta = self.pop();
                let memory = self.index(*mem);
                self.call_builtin_value(Builtin::MemoryGrow, &[memory, delta]);
            }
            O::MemoryFill { mem } => {
                let [dst, value, len] = self.pop3();
                let memory = self.index(*mem);
                self.call_builtin(Builtin::MemoryFill, &[memory, dst, value, len]);
            }
            O::MemoryCopy { dst_mem, src_mem } => {
                let [dst, src, len] = self.pop3();
                let dst_memory = self.index(*dst_mem);
                let src_memory = self.index(*src_mem);
                self.call_builtin(Builtin::MemoryCopy, &[dst_memory, src_memory, dst, src, len]);
            }
            O::MemoryInit { data_index, mem } => {
                let [dst, src, len] = self.pop3();
                let memory = self.index(*mem);
                let segment = self.index(*data_index);
                self.call_builtin(Builtin::MemoryInit, &[memory, segment, dst, src, len]);
            }
            O::DataDrop { data_index } => {
                let segment = self.index(*data_index);
                self.call_builtin(Builtin::DataDrop, &[segment]);
            }
            _ => return false,
        }
        true
    }

    pub(super) fn load_whole(&mut self, memarg: &MemArg, ty: Type) {
        self.load(memarg, ty.bytes(), |ins, f, p, o| ins.load(ty, f, p, o));
    }

    pub(super) fn load(
        &mut self,
        memarg: &MemArg,
        bytes: u32,
        build: impl FnOnce(FuncInstBuilder<'_, 'a>, MemFlagsData, Value, i32) -> Value,
    ) {
        let (address, offset) = self.address(memarg, bytes);
        let value = build(self.builder.ins(), memory_flags(), address, offset);
        self.push(value);
    }

    pub(super) fn store_whole(&mut self, memarg: &MemArg, bytes: u32) {
        self.store(memarg, bytes, |ins, f, x, p, o| {
            ins.store(f, x, p, o);
        });
    }

    fn store(
        &mut self,
        memarg: &MemArg,
        bytes: u32,
        build: impl FnOnce(FuncInstBuilder<'_, 'a>, MemFlagsData, Value, Value, i32),
    ) {
        let value = self.pop();
        let (address, offset) = self.address(memarg, bytes);
        build(self.builder.ins(), memory_flags(), value, address, offset);
    }

    /// Pops an index. Returns the address of an access of `bytes` bytes, and an offset to it.
    fn address(&mut self, memarg: &MemArg, bytes: u32) -> (Value, i32) {
        let memory = match memarg.target {
            MemArgTarget::Memory(memory) => memory,
            // Validation accepts no arrays.
            MemArgTarget::Array(_) => 0,
        };
        let index = self.pop();
        let index = self.builder.ins().uextend(I64, index);
        let base = self.load_context(self.env.layout.memory_entry(memory));
        if memarg.offset < GUARD_BYTES as u64 {
            let address = self.builder.ins().iadd(base, index);
            return (address, memarg.offset as i32);
        }
        // Both are below 2^32, so the sum does not overflow.
        let index = self.builder.ins().iadd_imm_u(index, memarg.offset.cast_signed());
        let last = MEMORY_MAX_BYTES as u64 - u64::from(bytes);
        let beyond =
            self.builder.ins().icmp_imm_u(IntCC::UnsignedGreaterThan, index, last.cast_signed());
        self.builder.ins().trapnz(beyond, Trap::MemoryOutOfBounds.code());
        (self.builder.ins().iadd(base, index), 0)
    }

    fn memory_size(&mut self, memory: u32) {
        let def = self.env.layout.memory_entry(memory) + MEMORY_ENTRY_DEF;
        let def = self.load_at(POINTER, constant_flags(), self.vmctx, def);
        let bytes = self.load_at(I64, trusted_flags(), def, MEMORY_DEF_LEN_BYTES);
        let pages = self.builder.ins().ushr_imm_u(bytes, i64::from(WASM_PAGE_BYTES.ilog2()));
        let pages = self.builder.ins().ireduce(I32, pages);
        self.push(pages);
    }
}

/// Flags for the guest's memory: accesses may fault or be unaligned, and are little-endian.
fn memory_flags() -> MemFlagsData {
    MemFlagsData::new()
        .with_endianness(Endianness::Little)
        .with_trap_code(Some(Trap::MemoryOutOfBounds.code()))
}
