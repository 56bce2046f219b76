//! Values of the test language: arguments, and patterns for results.

use leakbench_runtime::{ExternRef, Store, Val};
use wast::core::{AbstractHeapType, HeapType, NanPattern, WastArgCore, WastRetCore};
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
        (Val::F32(bits), WastRetCore::F32(pattern)) => match pattern {
            NanPattern::CanonicalNan => bits & 0x7fff_ffff == 0x7fc0_0000,
            NanPattern::ArithmeticNan => bits & 0x7fc0_0000 == 0x7fc0_0000,
            NanPattern::Value(expected) => *bits == expected.bits,
        },
        (Val::F64(bits), WastRetCore::F64(pattern)) => match pattern {
            NanPattern::CanonicalNan => bits & !(1 << 63) == 0x7ff8_0000_0000_0000,
            NanPattern::ArithmeticNan => bits & 0x7ff8_0000_0000_0000 == 0x7ff8_0000_0000_0000,
            NanPattern::Value(expected) => *bits == expected.bits,
        },
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
