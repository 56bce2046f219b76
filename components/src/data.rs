//! Values between their text (WAVE) and the canonical ABI.

use std::borrow::Cow;

use wasm_wave::value::{Type, Value};
use wasm_wave::wasm::{WasmValue, WasmValueError};

use crate::value_type::ValueType;

/// A value as the canonical ABI sees it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Data {
    /// A number, boolean, character or set of flags: its bits.
    Scalar(u64),
    Text(String),
    List(Vec<Data>),
    /// The fields of a record or tuple.
    Fields(Vec<Data>),
    /// A case by its number, with its payload.
    Case(usize, Option<Box<Data>>),
}

impl Data {
    /// The data of a value of type `ty`; `None` if it is of another type.
    pub(crate) fn of(value: &Value, ty: &ValueType) -> Option<Data> {
        let scalar = |bits: u64| Some(Data::Scalar(bits));
        let payload = |value: Option<Cow<'_, Value>>, ty: Option<&ValueType>| match (value, ty) {
            (None, None) => Some(None),
            (Some(value), Some(ty)) => Some(Some(Box::new(Data::of(&value, ty)?))),
            _ => None,
        };
        match ty {
            ValueType::Bool => scalar(value.unwrap_bool().into()),
            ValueType::S8 => scalar(u64::from(value.unwrap_s8() as u32)),
            ValueType::U8 => scalar(value.unwrap_u8().into()),
            ValueType::S16 => scalar(u64::from(value.unwrap_s16() as u32)),
            ValueType::U16 => scalar(value.unwrap_u16().into()),
            ValueType::S32 => scalar(u64::from(value.unwrap_s32() as u32)),
            ValueType::U32 => scalar(value.unwrap_u32().into()),
            ValueType::S64 => scalar(value.unwrap_s64() as u64),
            ValueType::U64 => scalar(value.unwrap_u64()),
            ValueType::F32 => scalar(value.unwrap_f32().to_bits().into()),
            ValueType::F64 => scalar(value.unwrap_f64().to_bits()),
            ValueType::Char => scalar(u32::from(value.unwrap_char()).into()),
            ValueType::String => Some(Data::Text(value.unwrap_string().into_owned())),
            ValueType::List(element) => {
                let elements = value.unwrap_list().map(|value| Data::of(&value, element));
                Some(Data::List(elements.collect::<Option<_>>()?))
            }
            ValueType::Record(types) => {
                let fields = value.unwrap_record().zip(types);
                let fields = fields.map(|((_, value), (_, ty))| Data::of(&value, ty));
                Some(Data::Fields(fields.collect::<Option<_>>()?))
            }
            ValueType::Tuple(types) => {
                let fields = value.unwrap_tuple().zip(types);
                let fields = fields.map(|(value, ty)| Data::of(&value, ty));
                Some(Data::Fields(fields.collect::<Option<_>>()?))
            }
            ValueType::Variant(cases) => {
                let (name, value) = value.unwrap_variant();
                let case = cases.iter().position(|(case, _)| *case == name)?;
                Some(Data::Case(case, payload(value, cases[case].1.as_ref())?))
            }
            ValueType::Enum(names) => {
                let name = value.unwrap_enum();
                Some(Data::Case(names.iter().position(|case| *case == name)?, None))
            }
            ValueType::Option(some) => Some(match value.unwrap_option() {
                None => Data::Case(0, None),
                Some(value) => Data::Case(1, payload(Some(value), Some(some))?),
            }),
            ValueType::Result { ok, err } => Some(match value.unwrap_result() {
                Ok(value) => Data::Case(0, payload(value, ok.as_deref())?),
                Err(value) => Data::Case(1, payload(value, err.as_deref())?),
            }),
            ValueType::Flags(names) => {
                let mut bits = 0;
                for flag in value.unwrap_flags() {
                    bits |= 1 << names.iter().position(|name| *name == flag)?;
                }
                scalar(bits)
            }
        }
    }

    /// The value of type `ty`, whose type in WAVE is `wave`.
    ///
    /// # Errors
    /// If the data are of another type.
    pub(crate) fn value(&self, ty: &ValueType, wave: &Type) -> Result<Value, WasmValueError> {
        let other = || WasmValueError::Other("data of another type".to_owned());
        let inner = |data: &Data, ty: &ValueType| data.value(ty, &ty.wave().ok_or_else(other)?);
        let payload = |data: &Option<Box<Data>>, ty: Option<&ValueType>| match (data, ty) {
            (None, None) => Ok(None),
            (Some(data), Some(ty)) => inner(data, ty).map(Some),
            _ => Err(other()),
        };
        match (self, ty) {
            (Data::Scalar(bits), ty) => scalar_value(*bits, ty, wave),
            (Data::Text(text), _) => Ok(Value::make_string(text.into())),
            (Data::List(elements), ValueType::List(ty)) => {
                let elements = elements.iter().map(|element| inner(element, ty));
                Value::make_list(wave, elements.collect::<Result<Vec<_>, _>>()?)
            }
            (Data::Fields(data), ValueType::Record(types)) => {
                let fields = data.iter().zip(types);
                let fields = fields.map(|(data, (name, ty))| Ok((name.as_str(), inner(data, ty)?)));
                Value::make_record(wave, fields.collect::<Result<Vec<_>, WasmValueError>>()?)
            }
            (Data::Fields(data), ValueType::Tuple(types)) => {
                let fields = data.iter().zip(types).map(|(data, ty)| inner(data, ty));
                Value::make_tuple(wave, fields.collect::<Result<Vec<_>, _>>()?)
            }
            (Data::Case(case, data), ValueType::Variant(cases)) => {
                let (name, ty) = cases.get(*case).ok_or_else(other)?;
                Value::make_variant(wave, name, payload(data, ty.as_ref())?)
            }
            (Data::Case(case, _), ValueType::Enum(names)) => {
                Value::make_enum(wave, names.get(*case).ok_or_else(other)?)
            }
            (Data::Case(0, None), ValueType::Option(_)) => Value::make_option(wave, None),
            (Data::Case(_, data), ValueType::Option(some)) => {
                Value::make_option(wave, payload(data, Some(some))?)
            }
            (Data::Case(0, data), ValueType::Result { ok, .. }) => {
                Value::make_result(wave, Ok(payload(data, ok.as_deref())?))
            }
            (Data::Case(_, data), ValueType::Result { err, .. }) => {
                Value::make_result(wave, Err(payload(data, err.as_deref())?))
            }
            _ => Err(other()),
        }
    }
}

fn scalar_value(bits: u64, ty: &ValueType, wave: &Type) -> Result<Value, WasmValueError> {
    Ok(match ty {
        ValueType::Bool => Value::make_bool(bits != 0),
        ValueType::S8 => Value::make_s8(bits as i8),
        ValueType::U8 => Value::make_u8(bits as u8),
        ValueType::S16 => Value::make_s16(bits as i16),
        ValueType::U16 => Value::make_u16(bits as u16),
        ValueType::S32 => Value::make_s32(bits as i32),
        ValueType::U32 => Value::make_u32(bits as u32),
        ValueType::S64 => Value::make_s64(bits as i64),
        ValueType::U64 => Value::make_u64(bits),
        ValueType::F32 => Value::make_f32(f32::from_bits(bits as u32)),
        ValueType::F64 => Value::make_f64(f64::from_bits(bits)),
        ValueType::Char => Value::make_char(char::from_u32(bits as u32).unwrap_or_default()),
        ValueType::Flags(names) => {
            let set = names.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1);
            return Value::make_flags(wave, set.map(|(_, name)| name.as_str()).collect::<Vec<_>>());
        }
        _ => return Err(WasmValueError::Other("data of another type".to_owned())),
    })
}
