//! Operators on vectors (fixed-width SIMD).
//!
//! Wasm has one type of vectors, and the IR has one for each shape of lanes. An operator casts its
//! operands to the shape that it needs and pushes its result in its own shape, so that a chain of
//! operators on one shape has no casts. A cast costs no machine instruction. Where values of
//! several places meet (locals, parameters and results of blocks and functions), vectors have the
//! shape [`I8X16`].

mod compare;
mod convert;
mod float;
mod integer;
mod lanes;
mod memory;
mod relaxed;

use cranelift_codegen::ir::types::I8X16;
use cranelift_codegen::ir::{ConstantData, Endianness, InstBuilder, MemFlagsData, Type, Value};
use cranelift_frontend::FuncInstBuilder;
use wasmparser::Operator;

use super::FuncTranslator;

impl<'a> FuncTranslator<'a> {
    /// Translates `op` if it is an operator on vectors.
    pub(super) fn simd(&mut self, op: &Operator<'_>) -> bool {
        self.simd_memory(op)
            || self.simd_lanes(op)
            || self.simd_compare(op)
            || self.simd_integer(op)
            || self.simd_float(op)
            || self.simd_convert(op)
            || self.simd_relaxed(op)
    }

    /// Gives the top `count` operands the types of parameters: vectors become [`I8X16`].
    pub(super) fn cast_top(&mut self, count: usize) {
        let first = self.stacks.operands.len() - count;
        for at in first..self.stacks.operands.len() {
            self.stacks.operands[at] = self.cast_for_variable(self.stacks.operands[at]);
        }
    }

    /// `value` in the type of a variable or parameter: a vector becomes [`I8X16`].
    pub(super) fn cast_for_variable(&mut self, value: Value) -> Value {
        if self.type_of(value).is_vector() { self.cast(value, I8X16) } else { value }
    }

    /// Returns two operands of one wasm type in one type of the IR.
    pub(super) fn in_one_type(&mut self, first: Value, second: Value) -> (Value, Value) {
        if self.type_of(first) == self.type_of(second) {
            return (first, second);
        }
        (self.cast(first, I8X16), self.cast(second, I8X16))
    }

    fn type_of(&self, value: Value) -> Type {
        self.builder.func.dfg.value_type(value)
    }

    /// A vector in the shape `shape`.
    fn cast(&mut self, vector: Value, shape: Type) -> Value {
        if self.type_of(vector) == shape {
            return vector;
        }
        // Lane 0 is in the low bytes, as in memory.
        let flags = MemFlagsData::new().with_endianness(Endianness::Little);
        self.builder.ins().bitcast(shape, flags, vector)
    }

    fn pop_vector(&mut self, shape: Type) -> Value {
        let vector = self.pop();
        self.cast(vector, shape)
    }

    /// The top two operands, the lower one first.
    fn pop2_vectors(&mut self, shape: Type) -> (Value, Value) {
        let upper = self.pop_vector(shape);
        (self.pop_vector(shape), upper)
    }

    /// The top three operands, the lowest first.
    fn pop3_vectors(&mut self, shape: Type) -> [Value; 3] {
        let third = self.pop_vector(shape);
        let (first, second) = self.pop2_vectors(shape);
        [first, second, third]
    }

    /// Replaces the top operand, a vector.
    fn vector_unary(
        &mut self,
        shape: Type,
        build: impl FnOnce(FuncInstBuilder<'_, 'a>, Value) -> Value,
    ) {
        let vector = self.pop_vector(shape);
        let value = build(self.builder.ins(), vector);
        self.push(value);
    }

    /// Replaces the top two operands, both vectors.
    fn vector_binary(
        &mut self,
        shape: Type,
        build: impl FnOnce(FuncInstBuilder<'_, 'a>, Value, Value) -> Value,
    ) {
        let (left, right) = self.pop2_vectors(shape);
        let value = build(self.builder.ins(), left, right);
        self.push(value);
    }

    /// A constant vector.
    pub(super) fn vector_const(&mut self, shape: Type, bytes: &[u8; 16]) -> Value {
        let constant = ConstantData::from(&bytes[..]);
        let constant = self.builder.func.dfg.constants.insert(constant);
        self.builder.ins().vconst(shape, constant)
    }
}
