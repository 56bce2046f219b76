//! Loads, stores and operators on whole memories.
//!
//! A memory of the usual kind reserves all 4 GiB that an index of 32 bits can reach and a guard beyond. An access outside
//! of the memory faults. So an access needs no check if its constant offset is less than the guard.
//!
//! The end of a memory with pages of one byte is within a page of the kernel, and an index of 64
//! bits or a larger offset reaches everything. Such an access compares its end with the memory's length. If
//! it is beyond, the address becomes null, and the access faults there. So the processor does not
//! read beyond the length before it knows the outcome of the comparison either.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{F32, F64, I32, I64};
use cranelift_codegen::ir::{Endianness, InstBuilder, MemFlagsData, Type, Value};
use cranelift_frontend::FuncInstBuilder;
use leakbench_allocator::GUARD_BYTES;
use wasmparser::{MemArg, MemArgTarget, Operator};

use super::super::abi::{POINTER, trusted_flags};
use super::FuncTranslator;
use crate::trap::Trap;
use crate::types::MemoryType;
use crate::vm::layout::{Builtin, MEMORY_ENTRY_HEAD, MEMORY_HEAD_BASE, MEMORY_HEAD_LEN_BYTES};

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
                let is_64 = self.has_long_indices(*mem);
                let delta = self.pop();
                let delta = self.extended(is_64, delta);
                let memory = self.index(*mem);
                self.call_builtin_value(Builtin::MemoryGrow, &[memory, delta]);
                self.reduce_top(is_64);
            }
            O::MemoryFill { mem } => self.memory_fill(*mem),
            O::MemoryCopy { dst_mem, src_mem } => self.memory_copy(*dst_mem, *src_mem),
            O::MemoryInit { data_index, mem } => {
                let is_64 = self.has_long_indices(*mem);
                let [dst, src, len] = self.pop3();
                let dst = self.extended(is_64, dst);
                let (src, len) = (self.extended(false, src), self.extended(false, len));
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
        let flags = self.memory_flags();
        let value = build(self.builder.ins(), flags, address, offset);
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
        let flags = self.memory_flags();
        build(self.builder.ins(), flags, value, address, offset);
    }

    /// Pops an index. Returns the address of an access of `bytes` bytes, and an offset to it.
    pub(super) fn address(&mut self, memarg: &MemArg, bytes: u32) -> (Value, i32) {
        let memory = match memarg.target {
            MemArgTarget::Memory(memory) => memory,
            // Validation accepts no arrays.
            MemArgTarget::Array(_) => 0,
        };
        let index = self.pop();
        let ty = self.env.info.memories[memory as usize];
        if ty.is_bounded_by_reservation() && memarg.offset < GUARD_BYTES as u64 {
            return (self.checked_index(memory, index, bytes), memarg.offset as i32);
        }
        (self.checked_address(memory, ty, index, memarg.offset, bytes), 0)
    }

    /// The address of `bytes` bytes at `index`. An access there faults if one of them is out of bounds.
    pub(super) fn checked_index(&mut self, memory: u32, index: Value, bytes: u32) -> Value {
        let ty = self.env.info.memories[memory as usize];
        if !ty.is_bounded_by_reservation() {
            return self.checked_address(memory, ty, index, 0, bytes);
        }
        let index = self.builder.ins().uextend(I64, index);
        let base = self.memory_base(memory);
        self.builder.ins().iadd(base, index)
    }

    /// The address of an access of `bytes` bytes at `index` and `offset`. Null if it ends beyond the
    /// memory's length.
    fn checked_address(
        &mut self,
        memory: u32,
        ty: MemoryType,
        index: Value,
        offset: u64,
        bytes: u32,
    ) -> Value {
        let null = self.builder.ins().iconst(POINTER, 0);
        // The distance from the index to the end of the access.
        let reach = offset.checked_add(bytes.into());
        let Some(reach) = reach.filter(|&reach| reach <= ty.max_bytes()) else {
            // No memory is that long.
            return null;
        };
        let index = self.extended(ty.is_64(), index);
        let len = self.memory_len(memory);
        let beyond = if reach <= ty.min_bytes() as u64 {
            // Memories do not shrink, so the difference is not negative.
            let last = self.builder.ins().iadd_imm_s(len, -reach.cast_signed());
            self.builder.ins().icmp(IntCC::UnsignedGreaterThan, index, last)
        } else {
            let end = match ty.is_64() {
                // Both are below 2^34, so the sum does not overflow.
                false => self.builder.ins().iadd_imm_u(index, reach.cast_signed()),
                true => {
                    let reach = self.builder.ins().iconst(I64, reach.cast_signed());
                    let code = Trap::MemoryOutOfBounds.code();
                    self.builder.ins().uadd_overflow_trap(index, reach, code)
                }
            };
            self.builder.ins().icmp(IntCC::UnsignedGreaterThan, end, len)
        };
        let base = self.memory_base(memory);
        let address = self.builder.ins().iadd(base, index);
        let address = self.builder.ins().iadd_imm_u(address, offset.cast_signed());
        self.builder.ins().select_spectre_guard(beyond, null, address)
    }

    /// The address of a memory's first byte.
    pub(super) fn memory_base(&mut self, memory: u32) -> Value {
        if self.env.info.memories[memory as usize].is_bounded_by_reservation() {
            return self.load_context(self.env.layout.memory_entry(memory));
        }
        // Such a memory moves when it grows, if it is not shared.
        let head = self.memory_head(memory);
        self.load_definition(POINTER, head, MEMORY_HEAD_BASE)
    }

    /// The address of a memory's `MemoryHead`.
    fn memory_head(&mut self, memory: u32) -> Value {
        self.load_context(self.env.layout.memory_entry(memory) + MEMORY_ENTRY_HEAD)
    }

    /// The present length of a memory in bytes.
    pub(super) fn memory_len(&mut self, memory: u32) -> Value {
        let head = self.memory_head(memory);
        if !self.env.info.memories[memory as usize].is_shared() {
            return self.load_definition(I64, head, MEMORY_HEAD_LEN_BYTES);
        }
        // Another thread may grow it at any time, so each load reads it anew.
        let place = self.builder.ins().iadd_imm_u(head, i64::from(MEMORY_HEAD_LEN_BYTES));
        self.builder.ins().atomic_load(I64, trusted_flags(), place)
    }

    fn memory_size(&mut self, memory: u32) {
        let ty = self.env.info.memories[memory as usize];
        let bytes = self.memory_len(memory);
        let pages = self.builder.ins().ushr_imm_u(bytes, i64::from(ty.page_size_log2()));
        self.push(pages);
        self.reduce_top(ty.is_64());
    }

    pub(super) fn has_long_indices(&self, memory: u32) -> bool {
        self.env.info.memories[memory as usize].is_64()
    }

    /// An index or length of 64 bits, made from one that has 64 bits only if `is_64`.
    pub(super) fn extended(&mut self, is_64: bool, index: Value) -> Value {
        if is_64 { index } else { self.builder.ins().uextend(I64, index) }
    }

    /// Reduces the top operand, a number of 64 bits, to 32 bits unless `is_64`.
    pub(super) fn reduce_top(&mut self, is_64: bool) {
        if !is_64 {
            self.unary(|ins, number| ins.ireduce(I32, number));
        }
    }

    /// Flags for the guest's memory: accesses may fault or be unaligned, and are little-endian.
    pub(super) fn memory_flags(&self) -> MemFlagsData {
        MemFlagsData::new()
            .with_endianness(Endianness::Little)
            .with_trap_code(Some(Trap::MemoryOutOfBounds.code()))
            .with_alias_region(Some(self.regions.memory))
    }
}
