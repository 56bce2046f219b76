//! Values of the test language: arguments, and patterns for results.

use leakbench_runtime::{ExternRef, Store, Val};
use wast::core::{AbstractHeapType, HeapType, NanPattern, V128Pattern, WastArgCore, WastRetCore};
use wast::token::{F32, F64};
use wast::{WastArg, WastRet};

/// The value of an argument.
pub(crate) fn argument(store: &mut Store<()>, arg: &WastArg<'_>) -> Result<Val, String> {
    let WastArg::Core(arg) = arg else {
        return Err("an argument of the component model".to_owned());
    };
    Ok(match arg {
        WastArgCore::I32(value) => Val::I32(*value),
        WastArgCore::I64(value) => Val::I64(*value),
        WastArgCore::F32(value) => Val::F32(value.bits),
        WastArgCore::F64(value) => Val::F64(value.bits),
        WastArgCore::V128(value) => Val::from(u128::from_le_bytes(value.to_le_bytes())),
        WastArgCore::RefNull(ty) if is(ty, AbstractHeapType::Func) => Val::FuncRef(None),
        WastArgCore::RefNull(ty) if is(ty, AbstractHeapType::Extern) => Val::ExternRef(None),
        WastArgCore::RefExtern(id) => Val::from(ExternRef::new(&mut *store, *id)),
        other => return Err(format!("an argument {other:?}")),
    })
}

fn is(ty: &HeapType<'_>, abstract_type: AbstractHeapType) -> bool {
    matches!(ty, HeapType::Abstract { ty, .. } if *ty == abstract_type)
}

/// Returns true if a result matches the pattern.
pub(crate) fn matches(store: &Store<()>, value: &Val, pattern: &WastRet<'_>) -> bool {
    match pattern {
        WastRet::Core(pattern) => matches_core(store, value, pattern),
        _ => false,
    }
}

fn matches_core(store: &Store<()>, value: &Val, pattern: &WastRetCore<'_>) -> bool {
    match (value, pattern) {
        (Val::I32(value), WastRetCore::I32(expected)) => value == expected,
        (Val::I64(value), WastRetCore::I64(expected)) => value == expected,
        (Val::F32(bits), WastRetCore::F32(pattern)) => matches_f32(*bits, pattern),
        (Val::F64(bits), WastRetCore::F64(pattern)) => matches_f64(*bits, pattern),
        (Val::V128(vector), WastRetCore::V128(pattern)) => {
            matches_lanes(vector.as_u128().to_le_bytes(), pattern)
        }
        (Val::FuncRef(func), WastRetCore::RefNull(_)) => func.is_none(),
        (Val::ExternRef(reference), WastRetCore::RefNull(_)) => reference.is_none(),
        (Val::FuncRef(func), WastRetCore::RefFunc(_)) => func.is_some(),
        (Val::ExternRef(Some(reference)), WastRetCore::RefExtern(expected)) => match expected {
            Some(expected) => reference.data(store).downcast_ref() == Some(expected),
            None => true,
        },
        (_, WastRetCore::Either(patterns)) => {
            patterns.iter().any(|pattern| matches_core(store, value, pattern))
        }
        _ => false,
    }
}

fn matches_f32(bits: u32, pattern: &NanPattern<F32>) -> bool {
    match pattern {
        NanPattern::CanonicalNan => bits & 0x7fff_ffff == 0x7fc0_0000,
        NanPattern::ArithmeticNan => bits & 0x7fc0_0000 == 0x7fc0_0000,
        NanPattern::Value(expected) => bits == expected.bits,
    }
}

fn matches_f64(bits: u64, pattern: &NanPattern<F64>) -> bool {
    match pattern {
        NanPattern::CanonicalNan => bits & !(1 << 63) == 0x7ff8_0000_0000_0000,
        NanPattern::ArithmeticNan => bits & 0x7ff8_0000_0000_0000 == 0x7ff8_0000_0000_0000,
        NanPattern::Value(expected) => bits == expected.bits,
    }
}

/// Returns true if each lane of a vector matches its pattern. Lane 0 is first in `bytes`.
fn matches_lanes(bytes: [u8; 16], pattern: &V128Pattern) -> bool {
    fn lanes<const N: usize>(bytes: &[u8; 16]) -> impl Iterator<Item = [u8; N]> {
        bytes.as_chunks::<N>().0.iter().copied()
    }
    match pattern {
        V128Pattern::I8x16(expected) => lanes(&bytes).map(i8::from_le_bytes).eq(*expected),
        V128Pattern::I16x8(expected) => lanes(&bytes).map(i16::from_le_bytes).eq(*expected),
        V128Pattern::I32x4(expected) => lanes(&bytes).map(i32::from_le_bytes).eq(*expected),
        V128Pattern::I64x2(expected) => lanes(&bytes).map(i64::from_le_bytes).eq(*expected),
        V128Pattern::F32x4(expected) => lanes(&bytes)
            .map(u32::from_le_bytes)
            .zip(expected)
            .all(|(bits, pattern)| matches_f32(bits, pattern)),
        V128Pattern::F64x2(expected) => lanes(&bytes)
            .map(u64::from_le_bytes)
            .zip(expected)
            .all(|(bits, pattern)| matches_f64(bits, pattern)),
    }
}
