//! Arithmetic on lanes of integers.

use cranelift_codegen::ir::types::{I8X16, I16X8, I32X4, I64X2};
use cranelift_codegen::ir::{InstBuilder, Type, Value};
use cranelift_frontend::FuncInstBuilder;
use wasmparser::Operator;

use super::super::FuncTranslator;

impl<'a> FuncTranslator<'a> {
    /// Translates `op` if it computes with lanes of integers.
    pub(super) fn simd_integer(&mut self, op: &Operator<'_>) -> bool {
        use Operator as O;
        match op {
            O::I8x16Abs => self.vector_unary(I8X16, |ins, x| ins.iabs(x)),
            O::I16x8Abs => self.vector_unary(I16X8, |ins, x| ins.iabs(x)),
            O::I32x4Abs => self.vector_unary(I32X4, |ins, x| ins.iabs(x)),
            O::I64x2Abs => self.vector_unary(I64X2, |ins, x| ins.iabs(x)),
            O::I8x16Neg => self.vector_unary(I8X16, |ins, x| ins.ineg(x)),
            O::I16x8Neg => self.vector_unary(I16X8, |ins, x| ins.ineg(x)),
            O::I32x4Neg => self.vector_unary(I32X4, |ins, x| ins.ineg(x)),
            O::I64x2Neg => self.vector_unary(I64X2, |ins, x| ins.ineg(x)),
            O::I8x16Popcnt => self.vector_unary(I8X16, |ins, x| ins.popcnt(x)),

            O::I8x16Add => self.vector_binary(I8X16, |ins, x, y| ins.iadd(x, y)),
            O::I16x8Add => self.vector_binary(I16X8, |ins, x, y| ins.iadd(x, y)),
            O::I32x4Add => self.vector_binary(I32X4, |ins, x, y| ins.iadd(x, y)),
            O::I64x2Add => self.vector_binary(I64X2, |ins, x, y| ins.iadd(x, y)),
            O::I8x16Sub => self.vector_binary(I8X16, |ins, x, y| ins.isub(x, y)),
            O::I16x8Sub => self.vector_binary(I16X8, |ins, x, y| ins.isub(x, y)),
            O::I32x4Sub => self.vector_binary(I32X4, |ins, x, y| ins.isub(x, y)),
            O::I64x2Sub => self.vector_binary(I64X2, |ins, x, y| ins.isub(x, y)),
            O::I16x8Mul => self.vector_binary(I16X8, |ins, x, y| ins.imul(x, y)),
            O::I32x4Mul => self.vector_binary(I32X4, |ins, x, y| ins.imul(x, y)),
            O::I64x2Mul => self.vector_binary(I64X2, |ins, x, y| ins.imul(x, y)),

            O::I8x16AddSatS => self.vector_binary(I8X16, |ins, x, y| ins.sadd_sat(x, y)),
            O::I8x16AddSatU => self.vector_binary(I8X16, |ins, x, y| ins.uadd_sat(x, y)),
            O::I16x8AddSatS => self.vector_binary(I16X8, |ins, x, y| ins.sadd_sat(x, y)),
            O::I16x8AddSatU => self.vector_binary(I16X8, |ins, x, y| ins.uadd_sat(x, y)),
            O::I8x16SubSatS => self.vector_binary(I8X16, |ins, x, y| ins.ssub_sat(x, y)),
            O::I8x16SubSatU => self.vector_binary(I8X16, |ins, x, y| ins.usub_sat(x, y)),
            O::I16x8SubSatS => self.vector_binary(I16X8, |ins, x, y| ins.ssub_sat(x, y)),
            O::I16x8SubSatU => self.vector_binary(I16X8, |ins, x, y| ins.usub_sat(x, y)),
            O::I16x8Q15MulrSatS => {
                self.vector_binary(I16X8, |ins, x, y| ins.sqmul_round_sat(x, y));
            }

            O::I8x16MinS => self.vector_binary(I8X16, |ins, x, y| ins.smin(x, y)),
            O::I16x8MinS => self.vector_binary(I16X8, |ins, x, y| ins.smin(x, y)),
            O::I32x4MinS => self.vector_binary(I32X4, |ins, x, y| ins.smin(x, y)),
            O::I8x16MinU => self.vector_binary(I8X16, |ins, x, y| ins.umin(x, y)),
            O::I16x8MinU => self.vector_binary(I16X8, |ins, x, y| ins.umin(x, y)),
            O::I32x4MinU => self.vector_binary(I32X4, |ins, x, y| ins.umin(x, y)),
            O::I8x16MaxS => self.vector_binary(I8X16, |ins, x, y| ins.smax(x, y)),
            O::I16x8MaxS => self.vector_binary(I16X8, |ins, x, y| ins.smax(x, y)),
            O::I32x4MaxS => self.vector_binary(I32X4, |ins, x, y| ins.smax(x, y)),
            O::I8x16MaxU => self.vector_binary(I8X16, |ins, x, y| ins.umax(x, y)),
            O::I16x8MaxU => self.vector_binary(I16X8, |ins, x, y| ins.umax(x, y)),
            O::I32x4MaxU => self.vector_binary(I32X4, |ins, x, y| ins.umax(x, y)),
            O::I8x16AvgrU => self.vector_binary(I8X16, |ins, x, y| ins.avg_round(x, y)),
            O::I16x8AvgrU => self.vector_binary(I16X8, |ins, x, y| ins.avg_round(x, y)),

            // The instructions take the shift amount modulo the lane's width, as wasm does.
            O::I8x16Shl => self.shift_lanes(I8X16, |ins, x, n| ins.ishl(x, n)),
            O::I16x8Shl => self.shift_lanes(I16X8, |ins, x, n| ins.ishl(x, n)),
            O::I32x4Shl => self.shift_lanes(I32X4, |ins, x, n| ins.ishl(x, n)),
            O::I64x2Shl => self.shift_lanes(I64X2, |ins, x, n| ins.ishl(x, n)),
            O::I8x16ShrS => self.shift_lanes(I8X16, |ins, x, n| ins.sshr(x, n)),
            O::I16x8ShrS => self.shift_lanes(I16X8, |ins, x, n| ins.sshr(x, n)),
            O::I32x4ShrS => self.shift_lanes(I32X4, |ins, x, n| ins.sshr(x, n)),
            O::I64x2ShrS => self.shift_lanes(I64X2, |ins, x, n| ins.sshr(x, n)),
            O::I8x16ShrU => self.shift_lanes(I8X16, |ins, x, n| ins.ushr(x, n)),
            O::I16x8ShrU => self.shift_lanes(I16X8, |ins, x, n| ins.ushr(x, n)),
            O::I32x4ShrU => self.shift_lanes(I32X4, |ins, x, n| ins.ushr(x, n)),
            O::I64x2ShrU => self.shift_lanes(I64X2, |ins, x, n| ins.ushr(x, n)),

            O::I16x8ExtMulLowI8x16S => self.multiply_wide(I8X16, |ins, x| ins.swiden_low(x)),
            O::I16x8ExtMulHighI8x16S => self.multiply_wide(I8X16, |ins, x| ins.swiden_high(x)),
            O::I16x8ExtMulLowI8x16U => self.multiply_wide(I8X16, |ins, x| ins.uwiden_low(x)),
            O::I16x8ExtMulHighI8x16U => self.multiply_wide(I8X16, |ins, x| ins.uwiden_high(x)),
            O::I32x4ExtMulLowI16x8S => self.multiply_wide(I16X8, |ins, x| ins.swiden_low(x)),
            O::I32x4ExtMulHighI16x8S => self.multiply_wide(I16X8, |ins, x| ins.swiden_high(x)),
            O::I32x4ExtMulLowI16x8U => self.multiply_wide(I16X8, |ins, x| ins.uwiden_low(x)),
            O::I32x4ExtMulHighI16x8U => self.multiply_wide(I16X8, |ins, x| ins.uwiden_high(x)),
            O::I64x2ExtMulLowI32x4S => self.multiply_wide(I32X4, |ins, x| ins.swiden_low(x)),
            O::I64x2ExtMulHighI32x4S => self.multiply_wide(I32X4, |ins, x| ins.swiden_high(x)),
            O::I64x2ExtMulLowI32x4U => self.multiply_wide(I32X4, |ins, x| ins.uwiden_low(x)),
            O::I64x2ExtMulHighI32x4U => self.multiply_wide(I32X4, |ins, x| ins.uwiden_high(x)),

            O::I16x8ExtAddPairwiseI8x16S => self.add_pairs(I8X16, true),
            O::I16x8ExtAddPairwiseI8x16U => self.add_pairs(I8X16, false),
            O::I32x4ExtAddPairwiseI16x8S => self.add_pairs(I16X8, true),
            O::I32x4ExtAddPairwiseI16x8U => self.add_pairs(I16X8, false),
            O::I32x4DotI16x8S => {
                let (x, y) = self.pop2_vectors(I16X8);
                let dot = self.dot(x, y);
                self.push(dot);
            }
            _ => return false,
        }
        true
    }

    fn shift_lanes(
        &mut self,
        shape: Type,
        build: impl FnOnce(FuncInstBuilder<'_, 'a>, Value, Value) -> Value,
    ) {
        let amount = self.pop();
        self.vector_unary(shape, |ins, x| build(ins, x, amount));
    }

    /// Widens the top two operands with `widen`, and multiplies them.
    fn multiply_wide(
        &mut self,
        shape: Type,
        widen: impl Fn(FuncInstBuilder<'_, 'a>, Value) -> Value,
    ) {
        let (x, y) = self.pop2_vectors(shape);
        let x = widen(self.builder.ins(), x);
        let y = widen(self.builder.ins(), y);
        let product = self.builder.ins().imul(x, y);
        self.push(product);
    }

    /// Adds neighbouring lanes of the top operand, as lanes of twice the width.
    fn add_pairs(&mut self, shape: Type, signed: bool) {
        let x = self.pop_vector(shape);
        let sums = self.sums_of_pairs(x, signed);
        self.push(sums);
    }

    /// The sums of neighbouring lanes, as lanes of twice the width.
    pub(super) fn sums_of_pairs(&mut self, x: Value, signed: bool) -> Value {
        let (low, high) = match signed {
            true => (self.builder.ins().swiden_low(x), self.builder.ins().swiden_high(x)),
            false => (self.builder.ins().uwiden_low(x), self.builder.ins().uwiden_high(x)),
        };
        self.builder.ins().iadd_pairwise(low, high)
    }

    /// The sums of the products of neighbouring signed lanes, as lanes of twice the width.
    pub(super) fn dot(&mut self, x: Value, y: Value) -> Value {
        let x_low = self.builder.ins().swiden_low(x);
        let y_low = self.builder.ins().swiden_low(y);
        let low = self.builder.ins().imul(x_low, y_low);
        let x_high = self.builder.ins().swiden_high(x);
        let y_high = self.builder.ins().swiden_high(y);
        let high = self.builder.ins().imul(x_high, y_high);
        self.builder.ins().iadd_pairwise(low, high)
    }
}
