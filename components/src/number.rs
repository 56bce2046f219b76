//! Types of values that are one number in the canonical ABI, whatever memory there is.

use leakbench_runtime::Val;
use wasm_wave::value::Value;
use wasm_wave::wasm::WasmValue;

use crate::value_type::ValueType;

/// A type of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they have the names of the component model")]
pub enum Number {
    Bool,
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
    F32,
    F64,
    Char,
}

impl Number {
    pub(crate) fn of(ty: &ValueType) -> Option<Number> {
        Some(match ty {
            ValueType::Bool => Number::Bool,
            ValueType::S8 => Number::S8,
            ValueType::U8 => Number::U8,
            ValueType::S16 => Number::S16,
            ValueType::U16 => Number::U16,
            ValueType::S32 => Number::S32,
            ValueType::U32 => Number::U32,
            ValueType::S64 => Number::S64,
            ValueType::U64 => Number::U64,
            ValueType::F32 => Number::F32,
            ValueType::F64 => Number::F64,
            ValueType::Char => Number::Char,
            _ => return None,
        })
    }

    /// The value of this type that a number becomes, if it has one, in the canonical ABI.
    pub fn value(self, number: u32) -> Option<Val> {
        let integer = number.cast_signed();
        Some(match self {
            Number::Bool => Val::I32((integer != 0).into()),
            Number::S8 => Val::I32((integer as i8).into()),
            Number::U8 => Val::I32((integer as u8).into()),
            Number::S16 => Val::I32((integer as i16).into()),
            Number::U16 => Val::I32((integer as u16).into()),
            Number::S32 | Number::U32 => Val::I32(integer),
            Number::S64 | Number::U64 => Val::I64(number.into()),
            Number::F32 => Val::F32((number as f32).to_bits()),
            Number::F64 => Val::F64(f64::from(number).to_bits()),
            Number::Char => Val::I32(u32::from(char::from_u32(number)?).cast_signed()),
        })
    }

    /// The text of a value of this type in the syntax WAVE; `None` if the value has another type.
    pub fn text(self, value: &Val) -> Option<String> {
        let value = match (self, value) {
            (Number::Bool, Val::I32(value)) => Value::make_bool(*value != 0),
            (Number::S8, Val::I32(value)) => Value::make_s8(*value as i8),
            (Number::U8, Val::I32(value)) => Value::make_u8(*value as u8),
            (Number::S16, Val::I32(value)) => Value::make_s16(*value as i16),
            (Number::U16, Val::I32(value)) => Value::make_u16(*value as u16),
            (Number::S32, Val::I32(value)) => Value::make_s32(*value),
            (Number::U32, Val::I32(value)) => Value::make_u32(value.cast_unsigned()),
            (Number::S64, Val::I64(value)) => Value::make_s64(*value),
            (Number::U64, Val::I64(value)) => Value::make_u64(value.cast_unsigned()),
            (Number::F32, Val::F32(bits)) => Value::make_f32(f32::from_bits(*bits)),
            (Number::F64, Val::F64(bits)) => Value::make_f64(f64::from_bits(*bits)),
            (Number::Char, Val::I32(value)) => {
                Value::make_char(char::from_u32(value.cast_unsigned())?)
            }
            _ => return None,
        };
        wasm_wave::to_string(&value).ok()
    }
}
