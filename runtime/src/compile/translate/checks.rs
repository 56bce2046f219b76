//! The checks by which guests stop that would run on: of their store's deadline and of its fuel. An engine
//! compiles each of them only if it is configured so.
//!
//! The deadline: a loop loads a byte at an address that is null after the deadline, so that the load faults. That
//! takes no branch, of which short loops have too many already. [`crate::sys::epoch`] says why functions
//! need no check.
//!
//! Fuel: the translator counts the operators of straight code, and subtracts their number where the code
//! ends. Functions and loops compare what is left with zero as they begin. The subtraction is in memory, so
//! that calls, the host and traps find the same number.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I64};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Value};
use wasmparser::Operator;

use super::super::abi::{POINTER, trusted_flags};
use super::FuncTranslator;
use crate::trap::Trap;
use crate::vm::layout::{Builtin, LIMITS_FUEL, LIMITS_POLL, VMCTX_LIMITS};

/// The checks that an engine compiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checks {
    /// Of the deadline.
    pub(crate) epochs: bool,
    pub(crate) fuel: bool,
}

/// The checks of a function.
pub(super) struct FuncChecks {
    checks: Checks,
    /// The fuel of the straight code so far.
    fuel_due: i64,
}

impl FuncChecks {
    pub(super) fn new(checks: Checks) -> Self {
        FuncChecks { checks, fuel_due: 0 }
    }
}

/// Bytes of a memory that an operator on a range handles for one unit of fuel, as a power of two.
const BYTES_PER_FUEL_LOG2: i64 = 6;
/// Elements of a table, of 8 bytes each, as a power of two.
const ELEMENTS_PER_FUEL_LOG2: i64 = BYTES_PER_FUEL_LOG2 - 3;

impl FuncTranslator<'_> {
    /// Begins the function.
    pub(super) fn begin_checks(&mut self) {
        // A call.
        self.checks.fuel_due = 1;
        self.subtract_fuel();
        self.check_fuel();
    }

    /// Begins an iteration of a loop.
    pub(super) fn check_loop(&mut self) {
        self.check_deadline();
        self.check_fuel();
    }

    /// Counts an operator that is reachable. If straight code ends with it, the fuel is up to date then.
    pub(super) fn count(&mut self, op: &Operator<'_>) {
        if !self.checks.checks.fuel {
            return;
        }
        use Operator as O;
        self.checks.fuel_due += match op {
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
        self.checks.fuel_due = 0;
    }

    /// Before a builtin. One on a range takes time in proportion to its length, and there may be many
    /// without a loop.
    pub(super) fn check_builtin(&mut self, builtin: Builtin, args: &[Value]) {
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
        self.check_deadline();
        if let (true, Some(&len)) = (self.checks.checks.fuel, args.last()) {
            self.subtract_fuel();
            let units = self.builder.ins().ushr_imm_u(len, unit_log2);
            self.subtract(units);
            self.check_fuel();
        }
    }

    /// Traps if the deadline has passed.
    pub(super) fn check_deadline(&mut self) {
        if !self.checks.checks.epochs {
            return;
        }
        let limits = self.load_context(VMCTX_LIMITS);
        // Atomic, so that each check loads the address anew.
        let place = self.builder.ins().iadd_imm_u(limits, i64::from(LIMITS_POLL));
        let poll = self.builder.ins().atomic_load(POINTER, trusted_flags(), place);
        let flags = trusted_flags().with_trap_code(Some(Trap::Interrupt.code()));
        self.load_at(I8, flags, poll, 0);
    }

    /// Traps if no fuel is left.
    fn check_fuel(&mut self) {
        if !self.checks.checks.fuel {
            return;
        }
        let limits = self.load_context(VMCTX_LIMITS);
        let fuel = self.load_at(I64, self.fuel_flags(), limits, LIMITS_FUEL);
        let is_over = self.builder.ins().icmp_imm_s(IntCC::SignedLessThan, fuel, 0);
        self.builder.ins().trapnz(is_over, Trap::OutOfFuel.code());
    }

    /// Subtracts the fuel of the straight code that ends.
    fn subtract_fuel(&mut self) {
        let due = std::mem::take(&mut self.checks.fuel_due);
        if self.checks.checks.fuel && due > 0 {
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
