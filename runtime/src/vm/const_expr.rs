//! Evaluation of constant expressions.

use crate::func::Func;
use crate::module::info::{ConstExpr, ConstOp, ModuleInfo};
use crate::sys::instance::InstanceBox;
use crate::val::Val;

/// Resolves the globals and functions in an expression.
pub(crate) trait Scope {
    fn global(&self, global: u32) -> Option<Val>;
    fn func(&self, func: u32) -> Option<Val>;
}

/// The scope before there is an instance: the values of a module's globals that no import decides.
pub(crate) struct Constants {
    /// By the global's index.
    globals: Vec<Option<Val>>,
}

impl Constants {
    pub(crate) fn of(info: &ModuleInfo) -> Constants {
        let mut constants = Constants { globals: vec![None; info.num_imported_globals] };
        // An expression refers only to globals before its own, none of which changes.
        for init in &info.global_inits {
            let value = init.eval(&constants);
            constants.globals.push(value);
        }
        constants
    }
}

impl Scope for Constants {
    fn global(&self, global: u32) -> Option<Val> {
        *self.globals.get(global as usize)?
    }

    fn func(&self, _: u32) -> Option<Val> {
        None
    }
}

impl Scope for InstanceBox {
    fn global(&self, global: u32) -> Option<Val> {
        Some(self.global_value(global))
    }

    fn func(&self, func: u32) -> Option<Val> {
        Some(Val::FuncRef(Some(Func::new_in(InstanceBox::func(self, func)))))
    }
}

impl ConstExpr {
    /// The expression's value; `None` if `scope` lacks a global or function.
    pub(crate) fn eval(&self, scope: &impl Scope) -> Option<Val> {
        // Nearly every expression is one constant.
        if let [op] = &*self.0 {
            return operand(*op, scope);
        }
        let mut stack = Vec::new();
        for &op in &self.0 {
            let value = match op {
                ConstOp::I32Add => i32_binary(&mut stack, i32::wrapping_add),
                ConstOp::I32Sub => i32_binary(&mut stack, i32::wrapping_sub),
                ConstOp::I32Mul => i32_binary(&mut stack, i32::wrapping_mul),
                ConstOp::I64Add => i64_binary(&mut stack, i64::wrapping_add),
                ConstOp::I64Sub => i64_binary(&mut stack, i64::wrapping_sub),
                ConstOp::I64Mul => i64_binary(&mut stack, i64::wrapping_mul),
                op => operand(op, scope),
            };
            stack.push(value?);
        }
        stack.pop()
    }
}

fn operand(op: ConstOp, scope: &impl Scope) -> Option<Val> {
    match op {
        ConstOp::I32Const(value) => Some(Val::I32(value)),
        ConstOp::I64Const(value) => Some(Val::I64(value)),
        ConstOp::F32Const(bits) => Some(Val::F32(bits)),
        ConstOp::F64Const(bits) => Some(Val::F64(bits)),
        ConstOp::V128Const(vector) => Some(Val::V128(vector)),
        ConstOp::RefNull(heap_type) => Some(Val::null(heap_type)),
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

fn i32_binary(stack: &mut Vec<Val>, op: impl Fn(i32, i32) -> i32) -> Option<Val> {
    let (b, a) = (stack.pop()?.i32()?, stack.pop()?.i32()?);
    Some(Val::I32(op(a, b)))
}

fn i64_binary(stack: &mut Vec<Val>, op: impl Fn(i64, i64) -> i64) -> Option<Val> {
    let (b, a) = (stack.pop()?.i64()?, stack.pop()?.i64()?);
    Some(Val::I64(op(a, b)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::HeapType;

    fn eval(ops: &[ConstOp]) -> Option<Val> {
        ConstExpr(ops.into()).eval(&Constants { globals: Vec::new() })
    }

    proptest! {
        #[test]
        fn arithmetic_wraps_as_rust_says(a: i32, b: i32, c: i64, d: i64) {
            let narrow = |op| eval(&[ConstOp::I32Const(a), ConstOp::I32Const(b), op]);
            prop_assert_eq!(narrow(ConstOp::I32Add), Some(Val::I32(a.wrapping_add(b))));
            prop_assert_eq!(narrow(ConstOp::I32Sub), Some(Val::I32(a.wrapping_sub(b))));
            prop_assert_eq!(narrow(ConstOp::I32Mul), Some(Val::I32(a.wrapping_mul(b))));
            let wide = |op| eval(&[ConstOp::I64Const(c), ConstOp::I64Const(d), op]);
            prop_assert_eq!(wide(ConstOp::I64Add), Some(Val::I64(c.wrapping_add(d))));
            prop_assert_eq!(wide(ConstOp::I64Sub), Some(Val::I64(c.wrapping_sub(d))));
            prop_assert_eq!(wide(ConstOp::I64Mul), Some(Val::I64(c.wrapping_mul(d))));
        }
    }

    #[test]
    fn globals_have_their_values_unless_an_import_decides() {
        let get = |global| ConstExpr(Box::new([ConstOp::GlobalGet(global)]));
        let sum = [ConstOp::GlobalGet(1), ConstOp::I32Const(2), ConstOp::I32Add];
        let info = ModuleInfo {
            num_imported_globals: 1,
            global_inits: vec![
                ConstExpr(Box::new([ConstOp::I32Const(40)])),
                ConstExpr(sum.into()),
                get(0),
            ],
            ..ModuleInfo::default()
        };
        let constants = Constants::of(&info);
        let value = |global| get(global).eval(&constants);
        assert_eq!((value(1), value(2)), (Some(Val::I32(40)), Some(Val::I32(42))));
        assert_eq!((value(0), value(3), value(4)), (None, None, None));
    }

    #[test]
    fn functions_have_no_value_without_an_instance() {
        assert_eq!(eval(&[ConstOp::RefFunc(0)]), None);
        assert_eq!(eval(&[ConstOp::RefNull(HeapType::Func)]), Some(Val::FuncRef(None)));
        assert_eq!(eval(&[ConstOp::RefNull(HeapType::Extern)]), Some(Val::ExternRef(None)));
    }
}
