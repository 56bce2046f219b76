//! The operands of instructions that access memory.

use wasm_encoder::ValType;
use wasmparser::{MemArg, Operator};

/// An access at an address of the stack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access {
    pub(crate) argument: MemArg,
    /// The type of the operand above the address.
    pub(crate) value: Option<ValType>,
}

impl Access {
    /// `None` if the instruction is no load and no store.
    pub(crate) fn of(operator: &Operator<'_>) -> Option<Access> {
        use Operator as Op;
        let (argument, value) = match *operator {
            Op::I32Load { memarg }
            | Op::I32Load8S { memarg }
            | Op::I32Load8U { memarg }
            | Op::I32Load16S { memarg }
            | Op::I32Load16U { memarg }
            | Op::I64Load { memarg }
            | Op::I64Load8S { memarg }
            | Op::I64Load8U { memarg }
            | Op::I64Load16S { memarg }
            | Op::I64Load16U { memarg }
            | Op::I64Load32S { memarg }
            | Op::I64Load32U { memarg }
            | Op::F32Load { memarg }
            | Op::F64Load { memarg }
            | Op::V128Load { memarg }
            | Op::V128Load8x8S { memarg }
            | Op::V128Load8x8U { memarg }
            | Op::V128Load16x4S { memarg }
            | Op::V128Load16x4U { memarg }
            | Op::V128Load32x2S { memarg }
            | Op::V128Load32x2U { memarg }
            | Op::V128Load8Splat { memarg }
            | Op::V128Load16Splat { memarg }
            | Op::V128Load32Splat { memarg }
            | Op::V128Load64Splat { memarg }
            | Op::V128Load32Zero { memarg }
            | Op::V128Load64Zero { memarg } => (memarg, None),
            Op::I32Store { memarg } | Op::I32Store8 { memarg } | Op::I32Store16 { memarg } => {
                (memarg, Some(ValType::I32))
            }
            Op::I64Store { memarg }
            | Op::I64Store8 { memarg }
            | Op::I64Store16 { memarg }
            | Op::I64Store32 { memarg } => (memarg, Some(ValType::I64)),
            Op::F32Store { memarg } => (memarg, Some(ValType::F32)),
            Op::F64Store { memarg } => (memarg, Some(ValType::F64)),
            Op::V128Store { memarg }
            | Op::V128Load8Lane { memarg, .. }
            | Op::V128Load16Lane { memarg, .. }
            | Op::V128Load32Lane { memarg, .. }
            | Op::V128Load64Lane { memarg, .. }
            | Op::V128Store8Lane { memarg, .. }
            | Op::V128Store16Lane { memarg, .. }
            | Op::V128Store32Lane { memarg, .. }
            | Op::V128Store64Lane { memarg, .. } => (memarg, Some(ValType::V128)),
            _ => return None,
        };
        Some(Access { argument, value })
    }

    /// The number of bytes from the address to the end of what is accessed. The natural alignment of an
    /// instruction is the number of bytes that it accesses.
    pub(crate) fn reach(&self) -> u64 {
        self.argument.offset + (1 << self.argument.max_align)
    }
}
