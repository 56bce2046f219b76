//! Atomic operators, and threads that wait and notify.
//!
//! An address must be a multiple of the operator's size; otherwise it traps. Accesses out of bounds
//! fault, as others do. A wait or notification accesses nothing in compiled code, so it compares its
//! address with the memory's length.

use cranelift_codegen::ir::types::{I8, I16, I32, I64};
use cranelift_codegen::ir::{AtomicRmwOp, InstBuilder, Type, Value};
use wasmparser::{MemArg, MemArgTarget, Operator};

use super::FuncTranslator;
use crate::trap::Trap;
use crate::vm::layout::Builtin;

impl FuncTranslator<'_> {
    /// Translates `op` if it is atomic.
    pub(super) fn atomic(&mut self, op: &Operator<'_>) -> bool {
        use AtomicRmwOp::{Add, And, Or, Sub, Xchg, Xor};
        use Operator as O;
        match op {
            O::AtomicFence { .. } => {
                self.builder.ins().fence();
            }
            O::MemoryAtomicNotify { memarg } => self.notify(memarg),
            O::MemoryAtomicWait32 { memarg } => self.wait(memarg, I32),
            O::MemoryAtomicWait64 { memarg } => self.wait(memarg, I64),

            O::I32AtomicLoad { memarg } => self.atomic_load(memarg, I32, I32),
            O::I32AtomicLoad8U { memarg } => self.atomic_load(memarg, I8, I32),
            O::I32AtomicLoad16U { memarg } => self.atomic_load(memarg, I16, I32),
            O::I64AtomicLoad { memarg } => self.atomic_load(memarg, I64, I64),
            O::I64AtomicLoad8U { memarg } => self.atomic_load(memarg, I8, I64),
            O::I64AtomicLoad16U { memarg } => self.atomic_load(memarg, I16, I64),
            O::I64AtomicLoad32U { memarg } => self.atomic_load(memarg, I32, I64),

            O::I32AtomicStore { memarg } => self.atomic_store(memarg, I32, I32),
            O::I32AtomicStore8 { memarg } => self.atomic_store(memarg, I8, I32),
            O::I32AtomicStore16 { memarg } => self.atomic_store(memarg, I16, I32),
            O::I64AtomicStore { memarg } => self.atomic_store(memarg, I64, I64),
            O::I64AtomicStore8 { memarg } => self.atomic_store(memarg, I8, I64),
            O::I64AtomicStore16 { memarg } => self.atomic_store(memarg, I16, I64),
            O::I64AtomicStore32 { memarg } => self.atomic_store(memarg, I32, I64),

            O::I32AtomicRmwAdd { memarg } => self.read_modify_write(memarg, Add, I32, I32),
            O::I32AtomicRmw8AddU { memarg } => self.read_modify_write(memarg, Add, I8, I32),
            O::I32AtomicRmw16AddU { memarg } => self.read_modify_write(memarg, Add, I16, I32),
            O::I64AtomicRmwAdd { memarg } => self.read_modify_write(memarg, Add, I64, I64),
            O::I64AtomicRmw8AddU { memarg } => self.read_modify_write(memarg, Add, I8, I64),
            O::I64AtomicRmw16AddU { memarg } => self.read_modify_write(memarg, Add, I16, I64),
            O::I64AtomicRmw32AddU { memarg } => self.read_modify_write(memarg, Add, I32, I64),
            O::I32AtomicRmwSub { memarg } => self.read_modify_write(memarg, Sub, I32, I32),
            O::I32AtomicRmw8SubU { memarg } => self.read_modify_write(memarg, Sub, I8, I32),
            O::I32AtomicRmw16SubU { memarg } => self.read_modify_write(memarg, Sub, I16, I32),
            O::I64AtomicRmwSub { memarg } => self.read_modify_write(memarg, Sub, I64, I64),
            O::I64AtomicRmw8SubU { memarg } => self.read_modify_write(memarg, Sub, I8, I64),
            O::I64AtomicRmw16SubU { memarg } => self.read_modify_write(memarg, Sub, I16, I64),
            O::I64AtomicRmw32SubU { memarg } => self.read_modify_write(memarg, Sub, I32, I64),
            O::I32AtomicRmwAnd { memarg } => self.read_modify_write(memarg, And, I32, I32),
            O::I32AtomicRmw8AndU { memarg } => self.read_modify_write(memarg, And, I8, I32),
            O::I32AtomicRmw16AndU { memarg } => self.read_modify_write(memarg, And, I16, I32),
            O::I64AtomicRmwAnd { memarg } => self.read_modify_write(memarg, And, I64, I64),
            O::I64AtomicRmw8AndU { memarg } => self.read_modify_write(memarg, And, I8, I64),
            O::I64AtomicRmw16AndU { memarg } => self.read_modify_write(memarg, And, I16, I64),
            O::I64AtomicRmw32AndU { memarg } => self.read_modify_write(memarg, And, I32, I64),
            O::I32AtomicRmwOr { memarg } => self.read_modify_write(memarg, Or, I32, I32),
            O::I32AtomicRmw8OrU { memarg } => self.read_modify_write(memarg, Or, I8, I32),
            O::I32AtomicRmw16OrU { memarg } => self.read_modify_write(memarg, Or, I16, I32),
            O::I64AtomicRmwOr { memarg } => self.read_modify_write(memarg, Or, I64, I64),
            O::I64AtomicRmw8OrU { memarg } => self.read_modify_write(memarg, Or, I8, I64),
            O::I64AtomicRmw16OrU { memarg } => self.read_modify_write(memarg, Or, I16, I64),
            O::I64AtomicRmw32OrU { memarg } => self.read_modify_write(memarg, Or, I32, I64),
            O::I32AtomicRmwXor { memarg } => self.read_modify_write(memarg, Xor, I32, I32),
            O::I32AtomicRmw8XorU { memarg } => self.read_modify_write(memarg, Xor, I8, I32),
            O::I32AtomicRmw16XorU { memarg } => self.read_modify_write(memarg, Xor, I16, I32),
            O::I64AtomicRmwXor { memarg } => self.read_modify_write(memarg, Xor, I64, I64),
            O::I64AtomicRmw8XorU { memarg } => self.read_modify_write(memarg, Xor, I8, I64),
            O::I64AtomicRmw16XorU { memarg } => self.read_modify_write(memarg, Xor, I16, I64),
            O::I64AtomicRmw32XorU { memarg } => self.read_modify_write(memarg, Xor, I32, I64),
            O::I32AtomicRmwXchg { memarg } => self.read_modify_write(memarg, Xchg, I32, I32),
            O::I32AtomicRmw8XchgU { memarg } => self.read_modify_write(memarg, Xchg, I8, I32),
            O::I32AtomicRmw16XchgU { memarg } => self.read_modify_write(memarg, Xchg, I16, I32),
            O::I64AtomicRmwXchg { memarg } => self.read_modify_write(memarg, Xchg, I64, I64),
            O::I64AtomicRmw8XchgU { memarg } => self.read_modify_write(memarg, Xchg, I8, I64),
            O::I64AtomicRmw16XchgU { memarg } => self.read_modify_write(memarg, Xchg, I16, I64),
            O::I64AtomicRmw32XchgU { memarg } => self.read_modify_write(memarg, Xchg, I32, I64),

            O::I32AtomicRmwCmpxchg { memarg } => self.compare_exchange(memarg, I32, I32),
            O::I32AtomicRmw8CmpxchgU { memarg } => self.compare_exchange(memarg, I8, I32),
            O::I32AtomicRmw16CmpxchgU { memarg } => self.compare_exchange(memarg, I16, I32),
            O::I64AtomicRmwCmpxchg { memarg } => self.compare_exchange(memarg, I64, I64),
            O::I64AtomicRmw8CmpxchgU { memarg } => self.compare_exchange(memarg, I8, I64),
            O::I64AtomicRmw16CmpxchgU { memarg } => self.compare_exchange(memarg, I16, I64),
            O::I64AtomicRmw32CmpxchgU { memarg } => self.compare_exchange(memarg, I32, I64),
            _ => return false,
        }
        true
    }

    fn atomic_load(&mut self, memarg: &MemArg, access: Type, ty: Type) {
        let address = self.atomic_address(memarg, access);
        let flags = self.memory_flags();
        let value = self.builder.ins().atomic_load(access, flags, address);
        self.push_extended(value, access, ty);
    }

    fn atomic_store(&mut self, memarg: &MemArg, access: Type, ty: Type) {
        let value = self.pop_narrow(access, ty);
        let address = self.atomic_address(memarg, access);
        let flags = self.memory_flags();
        self.builder.ins().atomic_store(flags, value, address);
    }

    fn read_modify_write(&mut self, memarg: &MemArg, op: AtomicRmwOp, access: Type, ty: Type) {
        let value = self.pop_narrow(access, ty);
        let address = self.atomic_address(memarg, access);
        let flags = self.memory_flags();
        let before = self.builder.ins().atomic_rmw(access, flags, op, address, value);
        self.push_extended(before, access, ty);
    }

    fn compare_exchange(&mut self, memarg: &MemArg, access: Type, ty: Type) {
        let replacement = self.pop_narrow(access, ty);
        let expected = self.pop_narrow(access, ty);
        let address = self.atomic_address(memarg, access);
        let flags = self.memory_flags();
        let before = self.builder.ins().atomic_cas(flags, address, expected, replacement);
        self.push_extended(before, access, ty);
    }

    /// Pushes a value of type `access`, extended by zeroes to `ty`.
    fn push_extended(&mut self, value: Value, access: Type, ty: Type) {
        let wide = if access == ty { value } else { self.builder.ins().uextend(ty, value) };
        self.push(wide);
    }

    /// Pops a value of type `ty`, reduced to `access`.
    fn pop_narrow(&mut self, access: Type, ty: Type) -> Value {
        let value = self.pop();
        if access == ty { value } else { self.builder.ins().ireduce(access, value) }
    }

    /// Pops an index. Returns the address of an atomic access, which faults if it is out of bounds.
    fn atomic_address(&mut self, memarg: &MemArg, access: Type) -> Value {
        let (address, offset) = self.address(memarg, access.bytes());
        let address = self.builder.ins().iadd_imm_u(address, i64::from(offset));
        // Memories begin at multiples of more.
        self.require_multiple(address, access);
        address
    }

    /// Traps if the low bits of an address or index are not those of an aligned access.
    fn require_multiple(&mut self, address: Value, access: Type) {
        if access.bytes() > 1 {
            let low = self.builder.ins().band_imm_u(address, i64::from(access.bytes() - 1));
            self.builder.ins().trapnz(low, Trap::HeapMisaligned.code());
        }
    }

    /// Pops an index. Returns the address of bytes in bounds, and the memory.
    fn waiting_address(&mut self, memarg: &MemArg, access: Type) -> (Value, u32) {
        let memory = match memarg.target {
            MemArgTarget::Memory(memory) => memory,
            // Validation accepts no arrays.
            MemArgTarget::Array(_) => 0,
        };
        let index = self.pop();
        let index = self.extended(self.has_long_indices(memory), index);
        let code = Trap::MemoryOutOfBounds.code();
        let offset = self.builder.ins().iconst(I64, memarg.offset.cast_signed());
        let start = self.builder.ins().uadd_overflow_trap(index, offset, code);
        self.require_multiple(start, access);
        let len = self.builder.ins().iconst(I64, i64::from(access.bytes()));
        (self.checked_range_from(memory, start, len), memory)
    }

    fn notify(&mut self, memarg: &MemArg) {
        let count = self.pop();
        let (address, memory) = self.waiting_address(memarg, I32);
        if !self.env.info.memories[memory as usize].is_shared() {
            // No thread can wait there.
            let none = self.builder.ins().iconst(I32, 0);
            self.push(none);
            return;
        }
        let memory = self.index(memory);
        self.call_builtin_value(Builtin::AtomicNotify, &[memory, address, count]);
        self.reduce_top(false);
    }

    fn wait(&mut self, memarg: &MemArg, access: Type) {
        let timeout_ns = self.pop();
        let expected = self.pop();
        let (address, memory) = self.waiting_address(memarg, access);
        if !self.env.info.memories[memory as usize].is_shared() {
            self.builder.ins().trap(Trap::AtomicWaitNonSharedMemory.code());
            self.reachable = false;
            return;
        }
        let builtin = if access == I32 { Builtin::AtomicWait32 } else { Builtin::AtomicWait64 };
        let memory = self.index(memory);
        self.call_builtin_value(builtin, &[memory, address, expected, timeout_ns]);
        self.reduce_top(false);
    }
}
