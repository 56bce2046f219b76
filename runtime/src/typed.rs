//! Functions, called with Rust types that are checked once.

use std::marker::PhantomData;

use crate::error::{Error, TypeError};
use crate::externref::ExternRef;
use crate::func::Func;
use crate::signature::Signature;
use crate::store::{AsContextMut, StoreInner};
use crate::sys::entry::Callable;
use crate::types::{FuncType, ValType};
use crate::val::{RawVal, Val};

/// A Rust type that corresponds to a WebAssembly type: `i32`, `u32`, `i64`, `u64`, `f32`, `f64`,
/// `Option<Func>`, `Option<ExternRef>`. Implemented here only.
pub trait WasmTy: sealed::Raw {}

/// The parameters of a typed function: one value, or a tuple of up to eight.
pub trait WasmParams: sealed::List {}

/// The results of a typed function: nothing, one value, or a tuple of up to eight.
pub trait WasmResults: sealed::List {}

/// Values that a typed function passes at most, either way.
const MOST: usize = 8;

/// A function whose type is known to be `P` to `R`.
#[derive(Debug)]
pub struct TypedFunc<P, R> {
    func: Func,
    callable: Callable,
    types: PhantomData<fn(P) -> R>,
}

impl<P, R> Clone for TypedFunc<P, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P, R> Copy for TypedFunc<P, R> {}

impl<P: WasmParams, R: WasmResults> TypedFunc<P, R> {
    pub(crate) fn new(
        store: &StoreInner,
        func: Func,
        signature: &Signature,
    ) -> Result<Self, Error> {
        let ty = signature.ty();
        if !P::matches(ty.params()) || !R::matches(ty.results()) {
            return Err(TypeError::Func {
                expected: FuncType::new(P::types(), R::types()),
                found: ty.clone(),
            }
            .into());
        }
        let entry = signature.entry(store.engine().compiler())?.at(0);
        Ok(TypedFunc {
            func,
            callable: Callable::new(store, func.ptr(store), signature, entry),
            types: PhantomData,
        })
    }

    /// The function without its types.
    pub fn func(&self) -> Func {
        self.func
    }

    /// Calls the function.
    ///
    /// # Errors
    /// When the guest traps, and what host functions return.
    ///
    /// # Panics
    /// If the function belongs to another store, and with what a host function panicked with.
    pub fn call(&self, mut store: impl AsContextMut, params: P) -> Result<R, Error> {
        let store = store.as_context_mut().into_inner();
        self.func.ptr(store);
        let mut values = [RawVal::default(); MOST];
        params.write(&mut values, store);
        store.invoke(&self.callable, &mut values)?;
        Ok(R::read(&values, store))
    }
}

pub(crate) mod sealed {
    use super::*;

    pub trait Raw: Copy + 'static {
        const TYPE: ValType;
        fn into_bits(self, store: &StoreInner) -> u64;
        fn from_bits(bits: u64, store: &StoreInner) -> Self;
    }

    pub trait List: 'static {
        fn types() -> Vec<ValType>;
        fn matches(types: &[ValType]) -> bool;
        fn write(self, values: &mut [RawVal], store: &StoreInner);
        fn read(values: &[RawVal], store: &StoreInner) -> Self;
    }
}

macro_rules! scalars {
    ($($ty:ty = $name:ident, |$value:ident| $into:expr, |$bits:ident| $from:expr;)+) => { $(
        impl WasmTy for $ty {}
        impl sealed::Raw for $ty {
            const TYPE: ValType = ValType::$name;
            fn into_bits(self, _: &StoreInner) -> u64 {
                let $value = self;
                $into
            }
            fn from_bits($bits: u64, _: &StoreInner) -> Self {
                $from
            }
        }
    )+ };
}

scalars! {
    i32 = I32, |value| value as u32 as u64, |bits| bits as i32;
    u32 = I32, |value| value.into(), |bits| bits as u32;
    i64 = I64, |value| value as u64, |bits| bits as i64;
    u64 = I64, |value| value, |bits| bits;
    f32 = F32, |value| value.to_bits().into(), |bits| f32::from_bits(bits as u32);
    f64 = F64, |value| value.to_bits(), |bits| f64::from_bits(bits);
}

macro_rules! references {
    ($($ty:ident = $name:ident;)+) => { $(
        impl WasmTy for Option<$ty> {}
        impl sealed::Raw for Option<$ty> {
            const TYPE: ValType = ValType::$name;
            fn into_bits(self, store: &StoreInner) -> u64 {
                Val::$name(self).to_bits(store)
            }
            fn from_bits(bits: u64, store: &StoreInner) -> Self {
                match Val::from_bits(ValType::$name, bits, store) {
                    Val::$name(reference) => reference,
                    _ => None,
                }
            }
        }
    )+ };
}

references! {
    Func = FuncRef;
    ExternRef = ExternRef;
}

impl<V: WasmTy> WasmParams for V {}
impl<V: WasmTy> WasmResults for V {}
impl<V: WasmTy> sealed::List for V {
    fn types() -> Vec<ValType> {
        vec![V::TYPE]
    }

    fn matches(types: &[ValType]) -> bool {
        types == [V::TYPE]
    }

    fn write(self, values: &mut [RawVal], store: &StoreInner) {
        values[0] = RawVal::new(self.into_bits(store));
    }

    fn read(values: &[RawVal], store: &StoreInner) -> Self {
        V::from_bits(values[0].bits(), store)
    }
}

macro_rules! tuples {
    ($(($($V:ident $v:ident),*))+) => { $(
        impl<$($V: WasmTy),*> WasmParams for ($($V,)*) {}
        impl<$($V: WasmTy),*> WasmResults for ($($V,)*) {}
        #[allow(
            unused_variables,
            unused_mut,
            unused_assignments,
            clippy::unused_unit,
            reason = "the empty tuple"
        )]
        impl<$($V: WasmTy),*> sealed::List for ($($V,)*) {
            fn types() -> Vec<ValType> {
                vec![$($V::TYPE),*]
            }

            fn matches(types: &[ValType]) -> bool {
                types == [$($V::TYPE),*] as [ValType; _]
            }

            fn write(self, values: &mut [RawVal], store: &StoreInner) {
                let ($($v,)*) = self;
                let mut i = 0;
                $(
                    values[i] = RawVal::new($v.into_bits(store));
                    i += 1;
                )*
            }

            fn read(values: &[RawVal], store: &StoreInner) -> Self {
                let mut i = 0;
                $(
                    let $v = $V::from_bits(values[i].bits(), store);
                    i += 1;
                )*
                ($($v,)*)
            }
        }
    )+ };
}

tuples! {
    ()
    (A a)
    (A a, B b)
    (A a, B b, C c)
    (A a, B b, C c, D d)
    (A a, B b, C c, D d, E e)
    (A a, B b, C c, D d, E e, F f)
    (A a, B b, C c, D d, E e, F f, G g)
    (A a, B b, C c, D d, E e, F f, G g, H h)
}
