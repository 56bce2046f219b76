//! Conversions between shapes: narrower and wider lanes, integers and floats.

use cranelift_codegen::ir::InstBuilder;
use cranelift_codegen::ir::types::{F32X4, F64X2, I8X16, I16X8, I32X4, I64X2};
use wasmparser::Operator;

use super::super::FuncTranslator;

impl FuncTranslator<'_> {
    /// Translates `op` if it converts lanes.
    pub(super) fn simd_convert(&mut self, op: &Operator<'_>) -> bool {
        use Operator as O;
        match op {
            O::I8x16NarrowI16x8S => self.vector_binary(I16X8, |ins, x, y| ins.snarrow(x, y)),
            O::I8x16NarrowI16x8U => self.vector_binary(I16X8, |ins, x, y| ins.unarrow(x, y)),
            O::I16x8NarrowI32x4S => self.vector_binary(I32X4, |ins, x, y| ins.snarrow(x, y)),
            O::I16x8NarrowI32x4U => self.vector_binary(I32X4, |ins, x, y| ins.unarrow(x, y)),

            O::I16x8ExtendLowI8x16S => self.vector_unary(I8X16, |ins, x| ins.swiden_low(x)),
            O::I16x8ExtendHighI8x16S => self.vector_unary(I8X16, |ins, x| ins.swiden_high(x)),
            O::I16x8ExtendLowI8x16U => self.vector_unary(I8X16, |ins, x| ins.uwiden_low(x)),
            O::I16x8ExtendHighI8x16U => self.vector_unary(I8X16, |ins, x| ins.uwiden_high(x)),
            O::I32x4ExtendLowI16x8S => self.vector_unary(I16X8, |ins, x| ins.swiden_low(x)),
            O::I32x4ExtendHighI16x8S => self.vector_unary(I16X8, |ins, x| ins.swiden_high(x)),
            O::I32x4ExtendLowI16x8U => self.vector_unary(I16X8, |ins, x| ins.uwiden_low(x)),
            O::I32x4ExtendHighI16x8U => self.vector_unary(I16X8, |ins, x| ins.uwiden_high(x)),
            O::I64x2ExtendLowI32x4S => self.vector_unary(I32X4, |ins, x| ins.swiden_low(x)),
            O::I64x2ExtendHighI32x4S => self.vector_unary(I32X4, |ins, x| ins.swiden_high(x)),
            O::I64x2ExtendLowI32x4U => self.vector_unary(I32X4, |ins, x| ins.uwiden_low(x)),
            O::I64x2ExtendHighI32x4U => self.vector_unary(I32X4, |ins, x| ins.uwiden_high(x)),

            O::F32x4ConvertI32x4S => {
                self.vector_unary(I32X4, |ins, x| ins.fcvt_from_sint(F32X4, x));
            }
            O::F32x4ConvertI32x4U => {
                self.vector_unary(I32X4, |ins, x| ins.fcvt_from_uint(F32X4, x));
            }
            O::F64x2ConvertLowI32x4S => {
                self.vector_unary(I32X4, |ins, x| ins.swiden_low(x));
                self.unary(|ins, x| ins.fcvt_from_sint(F64X2, x));
            }
            O::F64x2ConvertLowI32x4U => {
                self.vector_unary(I32X4, |ins, x| ins.uwiden_low(x));
                self.unary(|ins, x| ins.fcvt_from_uint(F64X2, x));
            }
            O::I32x4TruncSatF32x4S => {
                self.vector_unary(F32X4, |ins, x| ins.fcvt_to_sint_sat(I32X4, x));
            }
            O::I32x4TruncSatF32x4U | O::I32x4RelaxedTruncF32x4U => {
                self.vector_unary(F32X4, |ins, x| ins.fcvt_to_uint_sat(I32X4, x));
            }
            // The upper two lanes are zero.
            O::I32x4TruncSatF64x2SZero | O::I32x4RelaxedTruncF64x2SZero => {
                self.vector_unary(F64X2, |ins, x| ins.fcvt_to_sint_sat(I64X2, x));
                let zero = self.vector_const(I64X2, &[0; 16]);
                self.unary(|ins, x| ins.snarrow(x, zero));
            }
            O::I32x4TruncSatF64x2UZero | O::I32x4RelaxedTruncF64x2UZero => {
                self.vector_unary(F64X2, |ins, x| ins.fcvt_to_uint_sat(I64X2, x));
                let zero = self.vector_const(I64X2, &[0; 16]);
                self.unary(|ins, x| ins.uunarrow(x, zero));
            }
            O::F32x4DemoteF64x2Zero => self.vector_unary(F64X2, |ins, x| ins.fvdemote(x)),
            O::F64x2PromoteLowF32x4 => self.vector_unary(F32X4, |ins, x| ins.fvpromote_low(x)),
            _ => return false,
        }
        true
    }
}
