//! Comparisons, operators on bits, and operators that reduce a vector to a number.
//!
//! A comparison sets all bits of a lane, or none.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::types::{F32X4, F64X2, I8X16, I16X8, I32, I32X4, I64X2};
use cranelift_codegen::ir::{InstBuilder, Type};
use wasmparser::Operator;

use super::super::FuncTranslator;

impl FuncTranslator<'_> {
    /// Translates `op` if it compares vectors, or works on their bits.
    pub(super) fn simd_compare(&mut self, op: &Operator<'_>) -> bool {
        use Operator as O;
        match op {
            O::I8x16Eq => self.compare_lanes(I8X16, IntCC::Equal),
            O::I8x16Ne => self.compare_lanes(I8X16, IntCC::NotEqual),
            O::I8x16LtS => self.compare_lanes(I8X16, IntCC::SignedLessThan),
            O::I8x16LtU => self.compare_lanes(I8X16, IntCC::UnsignedLessThan),
            O::I8x16GtS => self.compare_lanes(I8X16, IntCC::SignedGreaterThan),
            O::I8x16GtU => self.compare_lanes(I8X16, IntCC::UnsignedGreaterThan),
            O::I8x16LeS => self.compare_lanes(I8X16, IntCC::SignedLessThanOrEqual),
            O::I8x16LeU => self.compare_lanes(I8X16, IntCC::UnsignedLessThanOrEqual),
            O::I8x16GeS => self.compare_lanes(I8X16, IntCC::SignedGreaterThanOrEqual),
            O::I8x16GeU => self.compare_lanes(I8X16, IntCC::UnsignedGreaterThanOrEqual),

            O::I16x8Eq => self.compare_lanes(I16X8, IntCC::Equal),
            O::I16x8Ne => self.compare_lanes(I16X8, IntCC::NotEqual),
            O::I16x8LtS => self.compare_lanes(I16X8, IntCC::SignedLessThan),
            O::I16x8LtU => self.compare_lanes(I16X8, IntCC::UnsignedLessThan),
            O::I16x8GtS => self.compare_lanes(I16X8, IntCC::SignedGreaterThan),
            O::I16x8GtU => self.compare_lanes(I16X8, IntCC::UnsignedGreaterThan),
            O::I16x8LeS => self.compare_lanes(I16X8, IntCC::SignedLessThanOrEqual),
            O::I16x8LeU => self.compare_lanes(I16X8, IntCC::UnsignedLessThanOrEqual),
            O::I16x8GeS => self.compare_lanes(I16X8, IntCC::SignedGreaterThanOrEqual),
            O::I16x8GeU => self.compare_lanes(I16X8, IntCC::UnsignedGreaterThanOrEqual),

            O::I32x4Eq => self.compare_lanes(I32X4, IntCC::Equal),
            O::I32x4Ne => self.compare_lanes(I32X4, IntCC::NotEqual),
            O::I32x4LtS => self.compare_lanes(I32X4, IntCC::SignedLessThan),
            O::I32x4LtU => self.compare_lanes(I32X4, IntCC::UnsignedLessThan),
            O::I32x4GtS => self.compare_lanes(I32X4, IntCC::SignedGreaterThan),
            O::I32x4GtU => self.compare_lanes(I32X4, IntCC::UnsignedGreaterThan),
            O::I32x4LeS => self.compare_lanes(I32X4, IntCC::SignedLessThanOrEqual),
            O::I32x4LeU => self.compare_lanes(I32X4, IntCC::UnsignedLessThanOrEqual),
            O::I32x4GeS => self.compare_lanes(I32X4, IntCC::SignedGreaterThanOrEqual),
            O::I32x4GeU => self.compare_lanes(I32X4, IntCC::UnsignedGreaterThanOrEqual),

            O::I64x2Eq => self.compare_lanes(I64X2, IntCC::Equal),
            O::I64x2Ne => self.compare_lanes(I64X2, IntCC::NotEqual),
            O::I64x2LtS => self.compare_lanes(I64X2, IntCC::SignedLessThan),
            O::I64x2GtS => self.compare_lanes(I64X2, IntCC::SignedGreaterThan),
            O::I64x2LeS => self.compare_lanes(I64X2, IntCC::SignedLessThanOrEqual),
            O::I64x2GeS => self.compare_lanes(I64X2, IntCC::SignedGreaterThanOrEqual),

            O::F32x4Eq => self.compare_float_lanes(F32X4, FloatCC::Equal),
            O::F32x4Ne => self.compare_float_lanes(F32X4, FloatCC::NotEqual),
            O::F32x4Lt => self.compare_float_lanes(F32X4, FloatCC::LessThan),
            O::F32x4Gt => self.compare_float_lanes(F32X4, FloatCC::GreaterThan),
            O::F32x4Le => self.compare_float_lanes(F32X4, FloatCC::LessThanOrEqual),
            O::F32x4Ge => self.compare_float_lanes(F32X4, FloatCC::GreaterThanOrEqual),

            O::F64x2Eq => self.compare_float_lanes(F64X2, FloatCC::Equal),
            O::F64x2Ne => self.compare_float_lanes(F64X2, FloatCC::NotEqual),
            O::F64x2Lt => self.compare_float_lanes(F64X2, FloatCC::LessThan),
            O::F64x2Gt => self.compare_float_lanes(F64X2, FloatCC::GreaterThan),
            O::F64x2Le => self.compare_float_lanes(F64X2, FloatCC::LessThanOrEqual),
            O::F64x2Ge => self.compare_float_lanes(F64X2, FloatCC::GreaterThanOrEqual),

            O::V128Not => self.vector_unary(I8X16, |ins, x| ins.bnot(x)),
            O::V128And => self.vector_binary(I8X16, |ins, x, y| ins.band(x, y)),
            O::V128AndNot => self.vector_binary(I8X16, |ins, x, y| ins.band_not(x, y)),
            O::V128Or => self.vector_binary(I8X16, |ins, x, y| ins.bor(x, y)),
            O::V128Xor => self.vector_binary(I8X16, |ins, x, y| ins.bxor(x, y)),
            O::V128Bitselect => {
                let [if_one, if_zero, mask] = self.pop3_vectors(I8X16);
                let selected = self.builder.ins().bitselect(mask, if_one, if_zero);
                self.push(selected);
            }

            O::V128AnyTrue => {
                self.vector_unary(I8X16, |ins, x| ins.vany_true(x));
                self.unary(|ins, x| ins.uextend(I32, x));
            }
            O::I8x16AllTrue => self.all_true(I8X16),
            O::I16x8AllTrue => self.all_true(I16X8),
            O::I32x4AllTrue => self.all_true(I32X4),
            O::I64x2AllTrue => self.all_true(I64X2),
            O::I8x16Bitmask => self.vector_unary(I8X16, |ins, x| ins.vhigh_bits(I32, x)),
            O::I16x8Bitmask => self.vector_unary(I16X8, |ins, x| ins.vhigh_bits(I32, x)),
            O::I32x4Bitmask => self.vector_unary(I32X4, |ins, x| ins.vhigh_bits(I32, x)),
            O::I64x2Bitmask => self.vector_unary(I64X2, |ins, x| ins.vhigh_bits(I32, x)),
            _ => return false,
        }
        true
    }

    fn compare_lanes(&mut self, shape: Type, condition: IntCC) {
        self.vector_binary(shape, |ins, x, y| ins.icmp(condition, x, y));
    }

    fn compare_float_lanes(&mut self, shape: Type, condition: FloatCC) {
        self.vector_binary(shape, |ins, x, y| ins.fcmp(condition, x, y));
    }

    fn all_true(&mut self, shape: Type) {
        self.vector_unary(shape, |ins, x| ins.vall_true(x));
        self.unary(|ins, x| ins.uextend(I32, x));
    }
}
