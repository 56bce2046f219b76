//! `memory.copy` and `memory.fill`.
//!
//! If the length is constant and small, loads and stores stand in place of a call. They fault where an
//! access of the guest would. The copy loads everything before it stores, so that the ranges may
//! overlap. Before the first of several stores, a load of the last byte faults if a part of the range is
//! out of bounds, so nothing has been written then. Stores in ascending order are the fastest.
//!
//! Otherwise the code compares both ranges with the lengths of the memories, and calls a builtin that
//! receives addresses.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I8X16, I16, I32, I64};
use cranelift_codegen::ir::{InstBuilder, InstructionData, Opcode, Type, Value, ValueDef};

use super::FuncTranslator;
use crate::trap::Trap;
use crate::vm::layout::Builtin;

/// Maximum number of bytes that are copied or filled in place: eight vectors, half of the registers.
const IN_PLACE_MAX_BYTES: u32 = 128;

impl FuncTranslator<'_> {
    pub(super) fn memory_copy(&mut self, dst_memory: u32, src_memory: u32) {
        let [dst, src, len] = self.pop3();
        let flags = self.memory_flags();
        if let Some(bytes) = self.small_constant(len) {
            let from = self.checked_index(src_memory, src, bytes);
            let loaded: Vec<Value> =
                pieces(bytes).map(|(ty, offset)| self.load_at(ty, flags, from, offset)).collect();
            let to = self.checked_index(dst_memory, dst, bytes);
            self.probe(to, bytes);
            for ((_, offset), value) in pieces(bytes).zip(loaded) {
                self.builder.ins().store(flags, value, to, offset as i32);
            }
            return;
        }
        let both_are_64 = self.has_long_indices(dst_memory) && self.has_long_indices(src_memory);
        let len = self.extended(both_are_64, len);
        let to = self.checked_range(dst_memory, dst, len);
        let from = self.checked_range(src_memory, src, len);
        self.call_builtin(Builtin::MemoryCopy, &[to, from, len]);
    }

    pub(super) fn memory_fill(&mut self, memory: u32) {
        let [dst, value, len] = self.pop3();
        let flags = self.memory_flags();
        if let Some(bytes) = self.small_constant(len) {
            let to = self.checked_index(memory, dst, bytes);
            self.probe(to, bytes);
            let mut repeated = None;
            for (ty, offset) in pieces(bytes) {
                // All pieces have one type.
                let value = *repeated.get_or_insert_with(|| self.repeat_byte(ty, value));
                self.builder.ins().store(flags, value, to, offset as i32);
            }
            return;
        }
        let len = self.extended(self.has_long_indices(memory), len);
        let to = self.checked_range(memory, dst, len);
        self.call_builtin(Builtin::MemoryFill, &[to, value, len]);
    }

    /// Faults if `bytes` bytes at `address` are not all in bounds. One store does so itself.
    fn probe(&mut self, address: Value, bytes: u32) {
        if pieces(bytes).len() > 1 {
            let flags = self.memory_flags();
            self.load_at(I8, flags, address, bytes - 1);
        }
    }

    /// The value of an operand, if it is constant and a length to be copied in place.
    fn small_constant(&self, operand: Value) -> Option<u32> {
        let dfg = &self.builder.func.dfg;
        let ValueDef::Result(inst, _) = dfg.value_def(operand) else { return None };
        match dfg.insts[inst] {
            InstructionData::UnaryImm { opcode: Opcode::Iconst, imm } => {
                let bytes = u32::try_from(imm.bits()).ok()?;
                (1..=IN_PLACE_MAX_BYTES).contains(&bytes).then_some(bytes)
            }
            _ => None,
        }
    }

    /// A vector or integer whose bytes are all the lowest byte of `value`, an i32.
    fn repeat_byte(&mut self, ty: Type, value: Value) -> Value {
        let byte = self.builder.ins().ireduce(I8, value);
        match ty {
            I8 => byte,
            I8X16 => self.builder.ins().splat(I8X16, byte),
            ty => {
                let wide = self.builder.ins().uextend(ty, byte);
                let ones = u64::MAX >> (64 - ty.bits()) & 0x0101_0101_0101_0101;
                self.builder.ins().imul_imm_u(wide, ones.cast_signed())
            }
        }
    }

    /// The address of `len` bytes at index `start`, of which none is out of bounds; traps otherwise.
    fn checked_range(&mut self, memory: u32, start: Value, len: Value) -> Value {
        let start = self.extended(self.has_long_indices(memory), start);
        self.checked_range_from(memory, start, len)
    }

    /// As [`Self::checked_range`], from a start of 64 bits.
    pub(super) fn checked_range_from(&mut self, memory: u32, start: Value, len: Value) -> Value {
        let code = Trap::MemoryOutOfBounds.code();
        let end = match self.has_long_indices(memory) {
            // Both are far below 2^63.
            false => self.builder.ins().iadd(start, len),
            true => self.builder.ins().uadd_overflow_trap(start, len, code),
        };
        let memory_len = self.memory_len(memory);
        let beyond = self.builder.ins().icmp(IntCC::UnsignedGreaterThan, end, memory_len);
        self.builder.ins().trapnz(beyond, code);
        let base = self.memory_base(memory);
        self.builder.ins().iadd(base, start)
    }
}

/// The accesses that together cover `bytes` bytes: their type and offset, in ascending order. The last
/// one may overlap the one before.
fn pieces(bytes: u32) -> impl ExactSizeIterator<Item = (Type, u32)> {
    let ty = match bytes {
        16.. => I8X16,
        8.. => I64,
        4.. => I32,
        2.. => I16,
        _ => I8,
    };
    let size = ty.bytes();
    (0..bytes.div_ceil(size)).map(move |piece| (ty, (piece * size).min(bytes - size)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_every_byte_and_no_other() {
        for bytes in 1..=IN_PLACE_MAX_BYTES {
            let mut covered = 0;
            for (ty, offset) in pieces(bytes) {
                assert!(offset <= covered, "a gap before {offset} of {bytes}");
                covered = offset + ty.bytes();
            }
            assert_eq!(covered, bytes);
            assert!(pieces(bytes).len() <= 8);
        }
    }
}
