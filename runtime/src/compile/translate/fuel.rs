//! The code that counts fuel. An engine compiles it only if it is configured so.
//!
//! The translator counts the operators of straight code, and subtracts their number where the code
//! ends. Functions and loops compare what is left with zero as they begin. The subtraction is in memory, so
//! that calls, the host and traps find the same number.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Value};
use wasmparser::Operator;

use super::super::abi::trusted_flags;
use super::FuncTranslator;
use crate::trap::Trap;
use crate::vm::layout::{Builtin, LIMITS_FUEL, VMCTX_LIMITS};

/// Bytes of a memory that an operator on a range handles for one unit of fuel, as a power of two.
const BYTES_PER_FUEL_LOG2: i64 = 6;
/// Elements of a table, of 8 bytes each, as a power of two.
const ELEMENTS_PER_FUEL_LOG2: i64 = BYTES_PER_FUEL_LOG2 - 3;

impl FuncTranslator<'_> {
    /// Begins the function.
    pub(super) fn begin_fuel(&mut self) {
        // A call.
        self.fuel_due = 1;
        self.subtract_fuel();
        self.check_fuel();
    }

    /// Counts an operator that is reachable. If straight code ends with it, the fuel is up to date then.
    pub(super) fn count(&mut self, op: &Operator<'_>) {
        if !self.env.consumes_fuel {
            return;
        }
        use Operator as O;
        self.fuel_due += match op {
            O::Block { .. }
            | O::Loop { .. }
            | O::End
            | O::Else
            | O::TryTable { .. }
            | O::Nop
            | O::Drop => 0,
            _ => 1,
        };
        if matches!(
            op,
            O::Loop { .. }
                | O::If { .. }
                | O::Else
                | O::End
                | O::Br { .. }
                | O::BrIf { .. }
                | O::BrTable { .. }
                | O::BrOnNull { .. }
                | O::BrOnNonNull { .. }
                | O::Return
                | O::Unreachable
                | O::Call { .. }
                | O::CallIndirect { .. }
                | O::CallRef { .. }
                | O::ReturnCall { .. }
                | O::ReturnCallIndirect { .. }
                | O::ReturnCallRef { .. }
                | O::TryTable { .. }
                | O::Throw { .. }
                | O::ThrowRef
        ) {
            self.subtract_fuel();
        }
    }

    /// In code that cannot be executed.
    pub(super) fn forget_fuel(&mut self) {
        self.fuel_due = 0;
    }

    /// Before a builtin. One on a range takes time in proportion to its length, and there may be many
    /// without a loop.
    pub(super) fn count_builtin(&mut self, builtin: Builtin, args: &[Value]) {
        let unit_log2 = match builtin {
            Builtin::MemoryFill | Builtin::MemoryCopy | Builtin::MemoryInit => BYTES_PER_FUEL_LOG2,
            Builtin::TableGrow | Builtin::TableFill | Builtin::TableCopy | Builtin::TableInit => {
                ELEMENTS_PER_FUEL_LOG2
            }
            Builtin::MemoryGrow
            | Builtin::DataDrop
            | Builtin::ElemDrop
            | Builtin::ExceptionNew
            | Builtin::ExceptionCaught
            | Builtin::AtomicNotify
            | Builtin::AtomicWait32
            | Builtin::AtomicWait64
            | Builtin::Throw => return,
        };
        if let (true, Some(&len)) = (self.env.consumes_fuel, args.last()) {
            self.subtract_fuel();
            let units = self.builder.ins().ushr_imm_u(len, unit_log2);
            self.subtract(units);
            self.check_fuel();
        }
    }

    /// Traps if no fuel is left. A loop begins each iteration with it.
    pub(super) fn check_fuel(&mut self) {
        if !self.env.consumes_fuel {
            return;
        }
        let limits = self.load_context(VMCTX_LIMITS);
        let fuel = self.load_at(I64, self.fuel_flags(), limits, LIMITS_FUEL);
        let is_over = self.builder.ins().icmp_imm_s(IntCC::SignedLessThan, fuel, 0);
        self.builder.ins().trapnz(is_over, Trap::OutOfFuel.code());
    }

    /// Subtracts the fuel of the straight code that ends.
    fn subtract_fuel(&mut self) {
        let due = std::mem::take(&mut self.fuel_due);
        if self.env.consumes_fuel && due > 0 {
            let due = self.builder.ins().iconst(I64, due);
            self.subtract(due);
        }
    }

    fn subtract(&mut self, units: Value) {
        let limits = self.load_context(VMCTX_LIMITS);
        let flags = self.fuel_flags();
        let fuel = self.load_at(I64, flags, limits, LIMITS_FUEL);
        let left = self.builder.ins().isub(fuel, units);
        self.builder.ins().store(flags, left, limits, LIMITS_FUEL as i32);
    }

    fn fuel_flags(&self) -> MemFlagsData {
        trusted_flags().with_alias_region(Some(self.regions.fuel))
    }
}
