//! Evaluation of constant expressions, over raw bits.

use crate::module::info::{ConstExpr, ConstOp};
use crate::sys::context::InstanceBox;

/// What the references and globals in an expression stand for.
pub(crate) trait Scope {
    /// The bits of a global.
    fn global(&self, global: u32) -> Option<u64>;
    /// The raw reference to a function.
    fn func(&self, func: u32) -> Option<u64>;
}

/// Before there is an instance: only expressions of constants have a value.
pub(crate) struct NoInstance;

impl Scope for NoInstance {
    fn global(&self, _: u32) -> Option<u64> {
        None
    }

    fn func(&self, _: u32) -> Option<u64> {
        None
    }
}

impl Scope for InstanceBox {
    fn global(&self, global: u32) -> Option<u64> {
        Some(self.global_bits(global))
    }

    fn func(&self, func: u32) -> Option<u64> {
        Some(InstanceBox::func(self, func).to_raw())
    }
}

impl ConstExpr {
    /// The bits of its value; `None` when `scope` lacks what it refers to.
    pub(crate) fn eval(&self, scope: &impl Scope) -> Option<u64> {
        // Nearly every expression is one constant.
        if let [op] = &*self.0 {
            return operand(*op, scope);
        }
        let mut stack = Vec::new();
        for &op in &self.0 {
            let value = match op {
                ConstOp::I32Add => binary(&mut stack, |a, b| narrow(a.wrapping_add(b))),
                ConstOp::I32Sub => binary(&mut stack, |a, b| narrow(a.wrapping_sub(b))),
                ConstOp::I32Mul => binary(&mut stack, |a, b| narrow(a.wrapping_mul(b))),
                ConstOp::I64Add => binary(&mut stack, u64::wrapping_add),
                ConstOp::I64Sub => binary(&mut stack, u64::wrapping_sub),
                ConstOp::I64Mul => binary(&mut stack, u64::wrapping_mul),
                op => operand(op, scope),
            };
            stack.push(value?);
        }
        stack.pop()
    }
}

fn operand(op: ConstOp, scope: &impl Scope) -> Option<u64> {
    match op {
        ConstOp::I32Const(value) => Some(value as u32 as u64),
        ConstOp::I64Const(value) => Some(value as u64),
        ConstOp::F32Const(bits) => Some(bits.into()),
        ConstOp::F64Const(bits) => Some(bits),
        ConstOp::RefNull => Some(0),
        ConstOp::RefFunc(func) => scope.func(func),
        ConstOp::GlobalGet(global) => scope.global(global),
        ConstOp::I32Add
        | ConstOp::I32Sub
        | ConstOp::I32Mul
        | ConstOp::I64Add
        | ConstOp::I64Sub
        | ConstOp::I64Mul => None,
    }
}

fn narrow(bits: u64) -> u64 {
    bits as u32 as u64
}

fn binary(stack: &mut Vec<u64>, op: impl Fn(u64, u64) -> u64) -> Option<u64> {
    let (b, a) = (stack.pop()?, stack.pop()?);
    Some(op(a, b))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn eval(ops: &[ConstOp]) -> Option<u64> {
        ConstExpr(ops.into()).eval(&NoInstance)
    }

    proptest! {
        #[test]
        fn arithmetic_wraps_as_rust_says(a: i32, b: i32, c: i64, d: i64) {
            let narrow = |op| eval(&[ConstOp::I32Const(a), ConstOp::I32Const(b), op]);
            prop_assert_eq!(narrow(ConstOp::I32Add), Some(a.wrapping_add(b) as u32 as u64));
            prop_assert_eq!(narrow(ConstOp::I32Sub), Some(a.wrapping_sub(b) as u32 as u64));
            prop_assert_eq!(narrow(ConstOp::I32Mul), Some(a.wrapping_mul(b) as u32 as u64));
            let wide = |op| eval(&[ConstOp::I64Const(c), ConstOp::I64Const(d), op]);
            prop_assert_eq!(wide(ConstOp::I64Add), Some(c.wrapping_add(d) as u64));
            prop_assert_eq!(wide(ConstOp::I64Sub), Some(c.wrapping_sub(d) as u64));
            prop_assert_eq!(wide(ConstOp::I64Mul), Some(c.wrapping_mul(d) as u64));
        }
    }

    #[test]
    fn what_needs_an_instance_has_no_value_without() {
        assert_eq!(eval(&[ConstOp::GlobalGet(0)]), None);
        assert_eq!(eval(&[ConstOp::RefFunc(0)]), None);
        assert_eq!(eval(&[ConstOp::RefNull]), Some(0));
    }
}
