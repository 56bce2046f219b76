//! Operators on numbers. They have no state. Those that may trap do so by their instruction.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::types::{F32, F64, I8, I16, I32, I64};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Type};
use wasmparser::Operator;

use super::FuncTranslator;

impl FuncTranslator<'_> {
    /// Translates `op` if it computes a number from numbers.
    pub(super) fn numeric(&mut self, op: &Operator<'_>) -> bool {
        use Operator as O;
        match op {
            O::I32Eqz => self.eqz(I32),
            O::I64Eqz => self.eqz(I64),
            O::I32Eq | O::I64Eq => self.compare(IntCC::Equal),
            O::I32Ne | O::I64Ne => self.compare(IntCC::NotEqual),
            O::I32LtS | O::I64LtS => self.compare(IntCC::SignedLessThan),
            O::I32LtU | O::I64LtU => self.compare(IntCC::UnsignedLessThan),
            O::I32GtS | O::I64GtS => self.compare(IntCC::SignedGreaterThan),
            O::I32GtU | O::I64GtU => self.compare(IntCC::UnsignedGreaterThan),
            O::I32LeS | O::I64LeS => self.compare(IntCC::SignedLessThanOrEqual),
            O::I32LeU | O::I64LeU => self.compare(IntCC::UnsignedLessThanOrEqual),
            O::I32GeS | O::I64GeS => self.compare(IntCC::SignedGreaterThanOrEqual),
            O::I32GeU | O::I64GeU => self.compare(IntCC::UnsignedGreaterThanOrEqual),

            O::F32Eq | O::F64Eq => self.compare_floats(FloatCC::Equal),
            O::F32Ne | O::F64Ne => self.compare_floats(FloatCC::NotEqual),
            O::F32Lt | O::F64Lt => self.compare_floats(FloatCC::LessThan),
            O::F32Gt | O::F64Gt => self.compare_floats(FloatCC::GreaterThan),
            O::F32Le | O::F64Le => self.compare_floats(FloatCC::LessThanOrEqual),
            O::F32Ge | O::F64Ge => self.compare_floats(FloatCC::GreaterThanOrEqual),

            O::I32Clz | O::I64Clz => self.unary(|ins, x| ins.clz(x)),
            O::I32Ctz | O::I64Ctz => self.unary(|ins, x| ins.ctz(x)),
            O::I32Popcnt | O::I64Popcnt => self.unary(|ins, x| ins.popcnt(x)),
            O::I32Add | O::I64Add => self.binary(|ins, x, y| ins.iadd(x, y)),
            O::I32Sub | O::I64Sub => self.binary(|ins, x, y| ins.isub(x, y)),
            O::I32Mul | O::I64Mul => self.binary(|ins, x, y| ins.imul(x, y)),
            // The instructions define the trap codes of division by zero and overflow.
            O::I32DivS | O::I64DivS => self.binary(|ins, x, y| ins.sdiv(x, y)),
            O::I32DivU | O::I64DivU => self.binary(|ins, x, y| ins.udiv(x, y)),
            O::I32RemS | O::I64RemS => self.binary(|ins, x, y| ins.srem(x, y)),
            O::I32RemU | O::I64RemU => self.binary(|ins, x, y| ins.urem(x, y)),
            O::I32And | O::I64And => self.binary(|ins, x, y| ins.band(x, y)),
            O::I32Or | O::I64Or => self.binary(|ins, x, y| ins.bor(x, y)),
            O::I32Xor | O::I64Xor => self.binary(|ins, x, y| ins.bxor(x, y)),
            // The instructions take the shift amount modulo the width, as wasm does.
            O::I32Shl | O::I64Shl => self.binary(|ins, x, y| ins.ishl(x, y)),
            O::I32ShrS | O::I64ShrS => self.binary(|ins, x, y| ins.sshr(x, y)),
            O::I32ShrU | O::I64ShrU => self.binary(|ins, x, y| ins.ushr(x, y)),
            O::I32Rotl | O::I64Rotl => self.binary(|ins, x, y| ins.rotl(x, y)),
            O::I32Rotr | O::I64Rotr => self.binary(|ins, x, y| ins.rotr(x, y)),

            O::F32Abs | O::F64Abs => self.unary(|ins, x| ins.fabs(x)),
            O::F32Neg | O::F64Neg => self.unary(|ins, x| ins.fneg(x)),
            O::F32Ceil | O::F64Ceil => self.unary(|ins, x| ins.ceil(x)),
            O::F32Floor | O::F64Floor => self.unary(|ins, x| ins.floor(x)),
            O::F32Trunc | O::F64Trunc => self.unary(|ins, x| ins.trunc(x)),
            O::F32Nearest | O::F64Nearest => self.unary(|ins, x| ins.nearest(x)),
            O::F32Sqrt | O::F64Sqrt => self.unary(|ins, x| ins.sqrt(x)),
            O::F32Add | O::F64Add => self.binary(|ins, x, y| ins.fadd(x, y)),
            O::F32Sub | O::F64Sub => self.binary(|ins, x, y| ins.fsub(x, y)),
            O::F32Mul | O::F64Mul => self.binary(|ins, x, y| ins.fmul(x, y)),
            O::F32Div | O::F64Div => self.binary(|ins, x, y| ins.fdiv(x, y)),
            O::F32Min | O::F64Min => self.binary(|ins, x, y| ins.fmin(x, y)),
            O::F32Max | O::F64Max => self.binary(|ins, x, y| ins.fmax(x, y)),
            O::F32Copysign | O::F64Copysign => self.binary(|ins, x, y| ins.fcopysign(x, y)),

            O::I32WrapI64 => self.unary(|ins, x| ins.ireduce(I32, x)),
            O::I64ExtendI32S => self.unary(|ins, x| ins.sextend(I64, x)),
            O::I64ExtendI32U => self.unary(|ins, x| ins.uextend(I64, x)),
            O::I32Extend8S => self.extend_low(I8, I32),
            O::I32Extend16S => self.extend_low(I16, I32),
            O::I64Extend8S => self.extend_low(I8, I64),
            O::I64Extend16S => self.extend_low(I16, I64),
            O::I64Extend32S => self.extend_low(I32, I64),

            O::I32TruncF32S | O::I32TruncF64S => self.unary(|ins, x| ins.fcvt_to_sint(I32, x)),
            O::I32TruncF32U | O::I32TruncF64U => self.unary(|ins, x| ins.fcvt_to_uint(I32, x)),
            O::I64TruncF32S | O::I64TruncF64S => self.unary(|ins, x| ins.fcvt_to_sint(I64, x)),
            O::I64TruncF32U | O::I64TruncF64U => self.unary(|ins, x| ins.fcvt_to_uint(I64, x)),
            O::I32TruncSatF32S | O::I32TruncSatF64S => {
                self.unary(|ins, x| ins.fcvt_to_sint_sat(I32, x));
            }
            O::I32TruncSatF32U | O::I32TruncSatF64U => {
                self.unary(|ins, x| ins.fcvt_to_uint_sat(I32, x));
            }
            O::I64TruncSatF32S | O::I64TruncSatF64S => {
                self.unary(|ins, x| ins.fcvt_to_sint_sat(I64, x));
            }
            O::I64TruncSatF32U | O::I64TruncSatF64U => {
                self.unary(|ins, x| ins.fcvt_to_uint_sat(I64, x));
            }
            O::F32ConvertI32S | O::F32ConvertI64S => {
                self.unary(|ins, x| ins.fcvt_from_sint(F32, x));
            }
            O::F32ConvertI32U | O::F32ConvertI64U => {
                self.unary(|ins, x| ins.fcvt_from_uint(F32, x));
            }
            O::F64ConvertI32S | O::F64ConvertI64S => {
                self.unary(|ins, x| ins.fcvt_from_sint(F64, x));
            }
            O::F64ConvertI32U | O::F64ConvertI64U => {
                self.unary(|ins, x| ins.fcvt_from_uint(F64, x));
            }
            O::F32DemoteF64 => self.unary(|ins, x| ins.fdemote(F32, x)),
            O::F64PromoteF32 => self.unary(|ins, x| ins.fpromote(F64, x)),
            O::I32ReinterpretF32 => self.reinterpret(I32),
            O::I64ReinterpretF64 => self.reinterpret(I64),
            O::F32ReinterpretI32 => self.reinterpret(F32),
            O::F64ReinterpretI64 => self.reinterpret(F64),
            _ => return false,
        }
        true
    }

    fn eqz(&mut self, ty: Type) {
        let zero = self.builder.ins().iconst(ty, 0);
        self.push(zero);
        self.compare(IntCC::Equal);
    }

    fn compare(&mut self, condition: IntCC) {
        self.binary(|ins, x, y| ins.icmp(condition, x, y));
        self.unary(|ins, x| ins.uextend(I32, x));
    }

    fn compare_floats(&mut self, condition: FloatCC) {
        self.binary(|ins, x, y| ins.fcmp(condition, x, y));
        self.unary(|ins, x| ins.uextend(I32, x));
    }

    /// Sign-extends the low bits of a number.
    fn extend_low(&mut self, low: Type, to: Type) {
        self.unary(|ins, x| ins.ireduce(low, x));
        self.unary(|ins, x| ins.sextend(to, x));
    }

    fn reinterpret(&mut self, to: Type) {
        self.unary(|ins, x| ins.bitcast(to, MemFlagsData::new(), x));
    }
}
