//! Relaxed operators, whose result for some operands may be one of several. Each has the result
//! of the processor's instruction. Without such an instruction, it has the result of the operator
//! that is not relaxed. So results are the same for each call on one machine.

use cranelift_codegen::ir::types::{F32X4, F64X2, I8X16, I16X8, I32X4, I64X2};
use cranelift_codegen::ir::{InstBuilder, Type};
use wasmparser::Operator;

use super::super::FuncTranslator;

impl FuncTranslator<'_> {
    /// Translates `op` if it is relaxed and has an instruction of its own.
    pub(super) fn simd_relaxed(&mut self, op: &Operator<'_>) -> bool {
        use Operator as O;
        let isa = self.env.isa;
        match op {
            // Indices from 16 to 127 may select a lane.
            O::I8x16RelaxedSwizzle if isa.has_x86_pshufb_lowering() => {
                self.vector_binary(I8X16, |ins, x, lanes| ins.x86_pshufb(x, lanes));
            }
            O::I8x16RelaxedSwizzle => {
                self.vector_binary(I8X16, |ins, x, lanes| ins.swizzle(x, lanes));
            }

            // What is out of range may become the least integer.
            O::I32x4RelaxedTruncF32x4S => {
                self.vector_unary(F32X4, |ins, x| ins.x86_cvtt2dq(I32X4, x));
            }

            O::F32x4RelaxedMadd => self.multiply_add(F32X4, false),
            O::F64x2RelaxedMadd => self.multiply_add(F64X2, false),
            O::F32x4RelaxedNmadd => self.multiply_add(F32X4, true),
            O::F64x2RelaxedNmadd => self.multiply_add(F64X2, true),

            O::I8x16RelaxedLaneselect => self.select_lanes(I8X16),
            O::I16x8RelaxedLaneselect => self.select_lanes(I16X8),
            O::I32x4RelaxedLaneselect => self.select_lanes(I32X4),
            O::I64x2RelaxedLaneselect => self.select_lanes(I64X2),

            O::F32x4RelaxedMin => self.relaxed_min(F32X4),
            O::F64x2RelaxedMin => self.relaxed_min(F64X2),
            O::F32x4RelaxedMax => self.relaxed_max(F32X4),
            O::F64x2RelaxedMax => self.relaxed_max(F64X2),

            // The product of two least integers may overflow.
            O::I16x8RelaxedQ15mulrS if isa.has_x86_pmulhrsw_lowering() => {
                self.vector_binary(I16X8, |ins, x, y| ins.x86_pmulhrsw(x, y));
            }
            O::I16x8RelaxedQ15mulrS => {
                self.vector_binary(I16X8, |ins, x, y| ins.sqmul_round_sat(x, y));
            }

            O::I16x8RelaxedDotI8x16I7x16S => self.relaxed_dot(),
            O::I32x4RelaxedDotI8x16I7x16AddS => {
                let sum = self.pop_vector(I32X4);
                self.relaxed_dot();
                let dot = self.pop();
                let pairs = self.sums_of_pairs(dot, true);
                let sum = self.builder.ins().iadd(pairs, sum);
                self.push(sum);
            }
            _ => return false,
        }
        true
    }

    /// Multiplies and adds, rounding once if the processor does so.
    fn multiply_add(&mut self, shape: Type, negated: bool) {
        let [x, y, z] = self.pop3_vectors(shape);
        let x = if negated { self.builder.ins().fneg(x) } else { x };
        let sum = if self.env.isa.has_native_fma() {
            self.builder.ins().fma(x, y, z)
        } else {
            let product = self.builder.ins().fmul(x, y);
            self.builder.ins().fadd(product, z)
        };
        self.push(sum);
    }

    /// Selects lanes by a mask. Only the highest bit of a lane of the mask may count.
    fn select_lanes(&mut self, shape: Type) {
        let [if_one, if_zero, mask] = self.pop3_vectors(shape);
        let selected = match self.env.isa.has_blendv_lowering(shape) {
            true => self.builder.ins().blendv(mask, if_one, if_zero),
            false => self.builder.ins().bitselect(mask, if_one, if_zero),
        };
        self.push(selected);
    }

    /// The left lane if it is less, and otherwise the right one, also for NaN and zeroes of two
    /// signs: the instruction `minps`.
    fn relaxed_min(&mut self, shape: Type) {
        let (x, y) = self.pop2_vectors(shape);
        let value = self.select_less(shape, (x, y), (x, y));
        self.push(value);
    }

    /// The left lane if it is greater, and otherwise the right one: the instruction `maxps`.
    fn relaxed_max(&mut self, shape: Type) {
        let (x, y) = self.pop2_vectors(shape);
        let value = self.select_less(shape, (y, x), (x, y));
        self.push(value);
    }

    /// Adds the products of neighbouring bytes. The right bytes may be signed or not, and the sums
    /// may saturate.
    fn relaxed_dot(&mut self) {
        let (x, y) = self.pop2_vectors(I8X16);
        let dot = match self.env.isa.has_x86_pmaddubsw_lowering() {
            true => self.builder.ins().x86_pmaddubsw(x, y),
            false => self.dot(x, y),
        };
        self.push(dot);
    }
}
