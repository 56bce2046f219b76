//! Constants, and operators that move lanes without computing.

use cranelift_codegen::ir::types::{F32X4, F64X2, I8, I8X16, I16, I16X8, I32, I32X4, I64X2};
use cranelift_codegen::ir::{ConstantData, InstBuilder, Type};
use wasmparser::Operator;

use super::super::FuncTranslator;

impl FuncTranslator<'_> {
    /// Translates `op` if it makes a vector, or moves lanes.
    pub(super) fn simd_lanes(&mut self, op: &Operator<'_>) -> bool {
        use Operator as O;
        match op {
            O::V128Const { value } => {
                let vector = self.vector_const(I8X16, value.bytes());
                self.push(vector);
            }

            O::I8x16Splat => self.splat_low(I8, I8X16),
            O::I16x8Splat => self.splat_low(I16, I16X8),
            O::I32x4Splat => self.unary(|ins, x| ins.splat(I32X4, x)),
            O::I64x2Splat => self.unary(|ins, x| ins.splat(I64X2, x)),
            O::F32x4Splat => self.unary(|ins, x| ins.splat(F32X4, x)),
            O::F64x2Splat => self.unary(|ins, x| ins.splat(F64X2, x)),

            O::I8x16ExtractLaneS { lane } => {
                self.extract(I8X16, *lane);
                self.unary(|ins, x| ins.sextend(I32, x));
            }
            O::I8x16ExtractLaneU { lane } => {
                self.extract(I8X16, *lane);
                self.unary(|ins, x| ins.uextend(I32, x));
            }
            O::I16x8ExtractLaneS { lane } => {
                self.extract(I16X8, *lane);
                self.unary(|ins, x| ins.sextend(I32, x));
            }
            O::I16x8ExtractLaneU { lane } => {
                self.extract(I16X8, *lane);
                self.unary(|ins, x| ins.uextend(I32, x));
            }
            O::I32x4ExtractLane { lane } => self.extract(I32X4, *lane),
            O::I64x2ExtractLane { lane } => self.extract(I64X2, *lane),
            O::F32x4ExtractLane { lane } => self.extract(F32X4, *lane),
            O::F64x2ExtractLane { lane } => self.extract(F64X2, *lane),

            O::I8x16ReplaceLane { lane } => {
                self.unary(|ins, x| ins.ireduce(I8, x));
                self.replace(I8X16, *lane);
            }
            O::I16x8ReplaceLane { lane } => {
                self.unary(|ins, x| ins.ireduce(I16, x));
                self.replace(I16X8, *lane);
            }
            O::I32x4ReplaceLane { lane } => self.replace(I32X4, *lane),
            O::I64x2ReplaceLane { lane } => self.replace(I64X2, *lane),
            O::F32x4ReplaceLane { lane } => self.replace(F32X4, *lane),
            O::F64x2ReplaceLane { lane } => self.replace(F64X2, *lane),

            O::I8x16Shuffle { lanes } => {
                let lanes = ConstantData::from(&lanes[..]);
                let lanes = self.builder.func.dfg.immediates.push(lanes);
                self.vector_binary(I8X16, |ins, x, y| ins.shuffle(x, y, lanes));
            }
            O::I8x16Swizzle => self.vector_binary(I8X16, |ins, x, lanes| ins.swizzle(x, lanes)),
            _ => return false,
        }
        true
    }

    fn splat_low(&mut self, low: Type, shape: Type) {
        self.unary(|ins, x| ins.ireduce(low, x));
        self.unary(|ins, x| ins.splat(shape, x));
    }

    fn extract(&mut self, shape: Type, lane: u8) {
        self.vector_unary(shape, |ins, vector| ins.extractlane(vector, lane));
    }

    fn replace(&mut self, shape: Type, lane: u8) {
        let value = self.pop();
        self.vector_unary(shape, |ins, vector| ins.insertlane(vector, value, lane));
    }
}
