//! Arithmetic on lanes of floats.

use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::types::{F32X4, F64X2};
use cranelift_codegen::ir::{InstBuilder, Type, Value};
use wasmparser::Operator;

use super::super::FuncTranslator;

impl FuncTranslator<'_> {
    /// Translates `op` if it computes with lanes of floats.
    pub(super) fn simd_float(&mut self, op: &Operator<'_>) -> bool {
        use Operator as O;
        match op {
            O::F32x4Abs => self.vector_unary(F32X4, |ins, x| ins.fabs(x)),
            O::F64x2Abs => self.vector_unary(F64X2, |ins, x| ins.fabs(x)),
            O::F32x4Neg => self.vector_unary(F32X4, |ins, x| ins.fneg(x)),
            O::F64x2Neg => self.vector_unary(F64X2, |ins, x| ins.fneg(x)),
            O::F32x4Sqrt => self.vector_unary(F32X4, |ins, x| ins.sqrt(x)),
            O::F64x2Sqrt => self.vector_unary(F64X2, |ins, x| ins.sqrt(x)),
            O::F32x4Ceil => self.vector_unary(F32X4, |ins, x| ins.ceil(x)),
            O::F64x2Ceil => self.vector_unary(F64X2, |ins, x| ins.ceil(x)),
            O::F32x4Floor => self.vector_unary(F32X4, |ins, x| ins.floor(x)),
            O::F64x2Floor => self.vector_unary(F64X2, |ins, x| ins.floor(x)),
            O::F32x4Trunc => self.vector_unary(F32X4, |ins, x| ins.trunc(x)),
            O::F64x2Trunc => self.vector_unary(F64X2, |ins, x| ins.trunc(x)),
            O::F32x4Nearest => self.vector_unary(F32X4, |ins, x| ins.nearest(x)),
            O::F64x2Nearest => self.vector_unary(F64X2, |ins, x| ins.nearest(x)),

            O::F32x4Add => self.vector_binary(F32X4, |ins, x, y| ins.fadd(x, y)),
            O::F64x2Add => self.vector_binary(F64X2, |ins, x, y| ins.fadd(x, y)),
            O::F32x4Sub => self.vector_binary(F32X4, |ins, x, y| ins.fsub(x, y)),
            O::F64x2Sub => self.vector_binary(F64X2, |ins, x, y| ins.fsub(x, y)),
            O::F32x4Mul => self.vector_binary(F32X4, |ins, x, y| ins.fmul(x, y)),
            O::F64x2Mul => self.vector_binary(F64X2, |ins, x, y| ins.fmul(x, y)),
            O::F32x4Div => self.vector_binary(F32X4, |ins, x, y| ins.fdiv(x, y)),
            O::F64x2Div => self.vector_binary(F64X2, |ins, x, y| ins.fdiv(x, y)),
            O::F32x4Min => self.vector_binary(F32X4, |ins, x, y| ins.fmin(x, y)),
            O::F64x2Min => self.vector_binary(F64X2, |ins, x, y| ins.fmin(x, y)),
            O::F32x4Max => self.vector_binary(F32X4, |ins, x, y| ins.fmax(x, y)),
            O::F64x2Max => self.vector_binary(F64X2, |ins, x, y| ins.fmax(x, y)),

            // The right one if it is less or greater, and otherwise the left one, also for NaN.
            O::F32x4PMin => self.pseudo_min(F32X4),
            O::F64x2PMin => self.pseudo_min(F64X2),
            O::F32x4PMax => self.pseudo_max(F32X4),
            O::F64x2PMax => self.pseudo_max(F64X2),
            _ => return false,
        }
        true
    }

    fn pseudo_min(&mut self, shape: Type) {
        let (x, y) = self.pop2_vectors(shape);
        let value = self.select_less(shape, (y, x), (y, x));
        self.push(value);
    }

    fn pseudo_max(&mut self, shape: Type) {
        let (x, y) = self.pop2_vectors(shape);
        let value = self.select_less(shape, (x, y), (y, x));
        self.push(value);
    }

    /// In each lane the first of `from` if the first of `compared` is less than the second, and
    /// otherwise the second.
    pub(super) fn select_less(
        &mut self,
        shape: Type,
        compared: (Value, Value),
        from: (Value, Value),
    ) -> Value {
        let less = self.builder.ins().fcmp(FloatCC::LessThan, compared.0, compared.1);
        let less = self.cast(less, shape);
        self.builder.ins().bitselect(less, from.0, from.1)
    }
}
