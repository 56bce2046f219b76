//! Types of values that are one number in the canonical ABI, whatever memory there is.

use leakbench_runtime::Val;

use super::{abi, call, instance};
use crate::value_type::ValueType;

/// A type of numbers: booleans and characters are some too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number(ValueType);

impl Number {
    /// `None` for any other type.
    pub(crate) fn of(ty: &ValueType) -> Option<Number> {
        let needs_memory = matches!(ty, ValueType::String | ValueType::List(_));
        let is_composed = ty.fields().is_some() || ty.cases().is_some();
        let is_number = !needs_memory && !is_composed && !matches!(ty, ValueType::Flags(_));
        is_number.then(|| Number(ty.clone()))
    }

    /// The value of this type that a number becomes, in the canonical ABI; `None` if it is no character.
    pub fn value(&self, number: u32) -> Option<Val> {
        let integer = number.cast_signed();
        Some(match self.0 {
            ValueType::Bool => Val::I32((integer != 0).into()),
            ValueType::S8 => Val::I32((integer as i8).into()),
            ValueType::U8 => Val::I32((integer as u8).into()),
            ValueType::S16 => Val::I32((integer as i16).into()),
            ValueType::U16 => Val::I32((integer as u16).into()),
            ValueType::S64 | ValueType::U64 => Val::I64(number.into()),
            ValueType::F32 => Val::F32((number as f32).to_bits()),
            ValueType::F64 => Val::F64(f64::from(number).to_bits()),
            ValueType::Char => Val::I32(u32::from(char::from_u32(number)?).cast_signed()),
            _ => Val::I32(integer),
        })
    }

    /// The text of a value of this type in the syntax WAVE; `None` if it has none.
    pub fn text(&self, value: &Val) -> Option<String> {
        let data = abi::scalar(instance::bits_of(value), &self.0).ok()?;
        call::text(&data, &self.0).ok()
    }
}
