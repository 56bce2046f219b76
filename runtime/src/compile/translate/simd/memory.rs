//! Loads and stores of vectors, of parts of them, and of single lanes.

use cranelift_codegen::ir::types::{F32X4, F64X2, I8X16, I16X8, I32X4, I64X2};
use cranelift_codegen::ir::{InstBuilder, Type};
use wasmparser::{MemArg, Operator};

use super::super::FuncTranslator;

impl FuncTranslator<'_> {
    /// Translates `op` if it loads or stores a vector or a lane.
    pub(super) fn simd_memory(&mut self, op: &Operator<'_>) -> bool {
        use Operator as O;
        match op {
            O::V128Load { memarg } => self.load_whole(memarg, I8X16),
            O::V128Store { memarg } => self.store_whole(memarg, 16),
            // Eight bytes are loaded as lanes of half the width, and each lane is extended.
            O::V128Load8x8S { memarg } => {
                self.load(memarg, 8, |ins, f, p, o| ins.sload8x8(f, p, o))
            }
            O::V128Load8x8U { memarg } => {
                self.load(memarg, 8, |ins, f, p, o| ins.uload8x8(f, p, o))
            }
            O::V128Load16x4S { memarg } => {
                self.load(memarg, 8, |ins, f, p, o| ins.sload16x4(f, p, o));
            }
            O::V128Load16x4U { memarg } => {
                self.load(memarg, 8, |ins, f, p, o| ins.uload16x4(f, p, o));
            }
            O::V128Load32x2S { memarg } => {
                self.load(memarg, 8, |ins, f, p, o| ins.sload32x2(f, p, o));
            }
            O::V128Load32x2U { memarg } => {
                self.load(memarg, 8, |ins, f, p, o| ins.uload32x2(f, p, o));
            }
            O::V128Load8Splat { memarg } => self.load_splat(memarg, I8X16),
            O::V128Load16Splat { memarg } => self.load_splat(memarg, I16X8),
            O::V128Load32Splat { memarg } => self.load_splat(memarg, I32X4),
            O::V128Load64Splat { memarg } => self.load_splat(memarg, I64X2),
            O::V128Load32Zero { memarg } => self.load_zero(memarg, I32X4),
            O::V128Load64Zero { memarg } => self.load_zero(memarg, I64X2),
            O::V128Load8Lane { memarg, lane } => self.load_lane(memarg, I8X16, *lane),
            O::V128Load16Lane { memarg, lane } => self.load_lane(memarg, I16X8, *lane),
            O::V128Load32Lane { memarg, lane } => self.load_lane(memarg, I32X4, *lane),
            O::V128Load64Lane { memarg, lane } => self.load_lane(memarg, I64X2, *lane),
            O::V128Store8Lane { memarg, lane } => self.store_lane(memarg, I8X16, *lane),
            O::V128Store16Lane { memarg, lane } => self.store_lane(memarg, I16X8, *lane),
            // As floats, so that the lane is stored from a vector register.
            O::V128Store32Lane { memarg, lane } => self.store_lane(memarg, F32X4, *lane),
            O::V128Store64Lane { memarg, lane } => self.store_lane(memarg, F64X2, *lane),
            _ => return false,
        }
        true
    }

    fn load_splat(&mut self, memarg: &MemArg, shape: Type) {
        self.load_whole(memarg, shape.lane_type());
        self.unary(|ins, lane| ins.splat(shape, lane));
    }

    fn load_zero(&mut self, memarg: &MemArg, shape: Type) {
        self.load_whole(memarg, shape.lane_type());
        self.unary(|ins, lane| ins.scalar_to_vector(shape, lane));
    }

    fn load_lane(&mut self, memarg: &MemArg, shape: Type, lane: u8) {
        let vector = self.pop_vector(shape);
        self.load_whole(memarg, shape.lane_type());
        self.unary(|ins, loaded| ins.insertlane(vector, loaded, lane));
    }

    fn store_lane(&mut self, memarg: &MemArg, shape: Type, lane: u8) {
        self.vector_unary(shape, |ins, vector| ins.extractlane(vector, lane));
        self.store_whole(memarg, shape.lane_type().bytes());
    }
}
