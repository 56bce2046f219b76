//! Constant expressions, evaluated.
//!
//! A module may use imported globals in them. The fused module has no imports, and its own globals cannot be
//! used there, so each expression becomes a constant.

use wasm_encoder::reencode::utils;
use wasm_encoder::{ConstExpr, Encode};
use wasmparser::Operator;

use crate::error::Rewriting;
use crate::spaces::Space;

/// A value of a constant expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Constant {
    I32(i32),
    I64(i64),
    /// Other instructions of one constant: floats, vectors, references.
    Other(Vec<u8>),
}

impl Constant {
    /// Evaluates an expression of an instance. `globals` are the values of the fused module's immutable
    /// globals.
    pub(crate) fn of(
        expression: &wasmparser::ConstExpr<'_>,
        space: &Space,
        globals: &[Option<Constant>],
    ) -> Result<Constant, Rewriting> {
        let mut stack: Vec<Constant> = Vec::new();
        let mut reader = expression.get_operators_reader();
        while !reader.is_end_then_eof() {
            let operator = reader.read()?;
            match operator {
                Operator::I32Const { value } => stack.push(Constant::I32(value)),
                Operator::I64Const { value } => stack.push(Constant::I64(value)),
                Operator::GlobalGet { global_index } => {
                    let global = space.globals[global_index as usize] as usize;
                    // Validation admits immutable globals only, whose values are known by then.
                    stack.extend(globals.get(global).cloned().flatten());
                }
                Operator::I32Add
                | Operator::I32Sub
                | Operator::I32Mul
                | Operator::I64Add
                | Operator::I64Sub
                | Operator::I64Mul => {
                    let (right, left) = (stack.pop(), stack.pop());
                    stack.extend(
                        left.zip(right)
                            .and_then(|(left, right)| arithmetic(&operator, left, right)),
                    );
                }
                other => {
                    let mut bytes = Vec::new();
                    let mut space = space;
                    utils::instruction(&mut space, other)?.encode(&mut bytes);
                    stack.push(Constant::Other(bytes));
                }
            }
        }
        // Validation has seen that an expression leaves one value.
        Ok(stack.pop().unwrap_or(Constant::I32(0)))
    }

    pub(crate) fn expression(&self) -> ConstExpr {
        match self {
            Constant::I32(value) => ConstExpr::i32_const(*value),
            Constant::I64(value) => ConstExpr::i64_const(*value),
            Constant::Other(bytes) => ConstExpr::raw(bytes.iter().copied()),
        }
    }

    /// An address or an index of a table.
    pub(crate) fn as_u32(&self) -> u32 {
        match self {
            Constant::I32(value) => value.cast_unsigned(),
            Constant::I64(_) | Constant::Other(_) => 0,
        }
    }
}

fn arithmetic(operator: &Operator<'_>, left: Constant, right: Constant) -> Option<Constant> {
    use Constant::{I32, I64};
    Some(match (operator, left, right) {
        (Operator::I32Add, I32(left), I32(right)) => I32(left.wrapping_add(right)),
        (Operator::I32Sub, I32(left), I32(right)) => I32(left.wrapping_sub(right)),
        (Operator::I32Mul, I32(left), I32(right)) => I32(left.wrapping_mul(right)),
        (Operator::I64Add, I64(left), I64(right)) => I64(left.wrapping_add(right)),
        (Operator::I64Sub, I64(left), I64(right)) => I64(left.wrapping_sub(right)),
        (Operator::I64Mul, I64(left), I64(right)) => I64(left.wrapping_mul(right)),
        _ => return None,
    })
}
