//! Wide arithmetic: operators on numbers of 128 bits, each of which is two operands, the low half
//! first.

use cranelift_codegen::ir::types::I128;
use cranelift_codegen::ir::{InstBuilder, Value};
use wasmparser::Operator;

use super::FuncTranslator;

impl FuncTranslator<'_> {
    /// Translates `op` if it computes with numbers of 128 bits.
    pub(super) fn wide(&mut self, op: &Operator<'_>) -> bool {
        match op {
            Operator::I64Add128 => {
                let (x, y) = self.pop2_wide();
                let sum = self.builder.ins().iadd(x, y);
                self.push_wide(sum);
            }
            Operator::I64Sub128 => {
                let (x, y) = self.pop2_wide();
                let difference = self.builder.ins().isub(x, y);
                self.push_wide(difference);
            }
            Operator::I64MulWideS => {
                let (x, y) = self.pop2();
                let x = self.builder.ins().sextend(I128, x);
                let y = self.builder.ins().sextend(I128, y);
                let product = self.builder.ins().imul(x, y);
                self.push_wide(product);
            }
            Operator::I64MulWideU => {
                let (x, y) = self.pop2();
                let x = self.builder.ins().uextend(I128, x);
                let y = self.builder.ins().uextend(I128, y);
                let product = self.builder.ins().imul(x, y);
                self.push_wide(product);
            }
            _ => return false,
        }
        true
    }

    fn pop_wide(&mut self) -> Value {
        let (low, high) = self.pop2();
        self.builder.ins().iconcat(low, high)
    }

    /// The top two numbers, the lower one first.
    fn pop2_wide(&mut self) -> (Value, Value) {
        let upper = self.pop_wide();
        (self.pop_wide(), upper)
    }

    fn push_wide(&mut self, value: Value) {
        let (low, high) = self.builder.ins().isplit(value);
        self.push(low);
        self.push(high);
    }
}
