//! Types of values.

use wasmtime_environ::component::{ComponentTypes, InterfaceType};

use crate::value_type::ValueType;

/// The type of values that a function takes or returns.
///
/// # Errors
/// The name of a type that is none, such as a handle.
pub(super) fn value_type(
    types: &ComponentTypes,
    ty: &InterfaceType,
) -> Result<ValueType, &'static str> {
    let of = |ty: &InterfaceType| value_type(types, ty);
    let boxed = |ty: &InterfaceType| Ok(Box::new(of(ty)?));
    let optional = |ty: &Option<InterfaceType>| ty.as_ref().map(boxed).transpose();
    Ok(match ty {
        InterfaceType::Bool => ValueType::Bool,
        InterfaceType::S8 => ValueType::S8,
        InterfaceType::U8 => ValueType::U8,
        InterfaceType::S16 => ValueType::S16,
        InterfaceType::U16 => ValueType::U16,
        InterfaceType::S32 => ValueType::S32,
        InterfaceType::U32 => ValueType::U32,
        InterfaceType::S64 => ValueType::S64,
        InterfaceType::U64 => ValueType::U64,
        InterfaceType::Float32 => ValueType::F32,
        InterfaceType::Float64 => ValueType::F64,
        InterfaceType::Char => ValueType::Char,
        InterfaceType::String => ValueType::String,
        InterfaceType::List(list) => ValueType::List(boxed(&types[*list].element)?),
        InterfaceType::Record(record) => {
            let fields = types[*record].fields.iter();
            let fields = fields.map(|field| Ok((field.name.clone(), of(&field.ty)?)));
            ValueType::Record(fields.collect::<Result<_, _>>()?)
        }
        InterfaceType::Tuple(tuple) => {
            ValueType::Tuple(types[*tuple].types.iter().map(of).collect::<Result<_, _>>()?)
        }
        InterfaceType::Variant(variant) => {
            let cases = types[*variant].cases.iter();
            let cases = cases
                .map(|(name, payload)| Ok((name.clone(), payload.as_ref().map(of).transpose()?)));
            ValueType::Variant(cases.collect::<Result<_, _>>()?)
        }
        InterfaceType::Enum(cases) => {
            ValueType::Enum(types[*cases].names.iter().cloned().collect())
        }
        InterfaceType::Option(option) => ValueType::Option(boxed(&types[*option].ty)?),
        InterfaceType::Result(result) => {
            let result = &types[*result];
            ValueType::Result { ok: optional(&result.ok)?, err: optional(&result.err)? }
        }
        InterfaceType::Flags(flags) => {
            ValueType::Flags(types[*flags].names.iter().cloned().collect())
        }
        InterfaceType::Own(_) | InterfaceType::Borrow(_) => return Err("a resource"),
        InterfaceType::Future(_) => return Err("a future"),
        InterfaceType::Stream(_) => return Err("a stream"),
        InterfaceType::ErrorContext(_) => return Err("an error context"),
        InterfaceType::Map(_) => return Err("a map"),
        InterfaceType::FixedLengthList(_) => return Err("a list of fixed length"),
    })
}
