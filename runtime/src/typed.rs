//! Functions with Rust types, which are checked once.

use crate::error::Error;
use crate::externref::ExternRef;
use crate::func::Func;
use crate::signature::Signature;
use crate::store::AsContextMut;
use crate::sys::call::TypedCallable;
use crate::sys::store::StoreInner;
use crate::sys::typed::sealed;
use crate::val::V128;

/// A Rust type that corresponds to a WebAssembly type: `i32`, `u32`, `i64`, `u64`, `f32`, `f64`,
/// `V128`, `u128`, `Option<Func>` or `Option<ExternRef>`. Only this crate implements the trait.
pub trait WasmTy: sealed::Raw {}

/// The parameters of a typed function: one value, or a tuple of up to sixteen.
pub trait WasmParams: sealed::List {}

/// The results of a typed function: nothing, one value, or a tuple of up to sixteen.
pub trait WasmResults: sealed::List {}

/// A function whose type is `P` to `R`.
#[derive(Debug)]
pub struct TypedFunc<P, R>(TypedCallable<P, R>);

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
        TypedCallable::new(store, func.handle(), signature).map(TypedFunc)
    }

    /// The function without its types.
    pub fn func(&self) -> Func {
        Func::new_in(self.0.func())
    }

    /// Calls the function.
    ///
    /// # Errors
    /// If the guest traps, or a host function fails.
    ///
    /// # Panics
    /// If the function belongs to another store. If a host function panics: with its panic.
    pub fn call(&self, mut store: impl AsContextMut, params: P) -> Result<R, Error> {
        self.0.call(store.as_context_mut().into_inner(), params)
    }
}

macro_rules! wasm_types {
    ($($ty:ty)+) => { $( impl WasmTy for $ty {} )+ };
}

wasm_types! { i32 u32 i64 u64 f32 f64 V128 u128 Option<Func> Option<ExternRef> }

impl<V: WasmTy> WasmParams for V {}
impl<V: WasmTy> WasmResults for V {}

macro_rules! tuples {
    ($(($($V:ident)*))+) => { $(
        impl<$($V: WasmTy),*> WasmParams for ($($V,)*) {}
        impl<$($V: WasmTy),*> WasmResults for ($($V,)*) {}
    )+ };
}

tuples! {
    ()
    (V1)
    (V1 V2)
    (V1 V2 V3)
    (V1 V2 V3 V4)
    (V1 V2 V3 V4 V5)
    (V1 V2 V3 V4 V5 V6)
    (V1 V2 V3 V4 V5 V6 V7)
    (V1 V2 V3 V4 V5 V6 V7 V8)
    (V1 V2 V3 V4 V5 V6 V7 V8 V9)
    (V1 V2 V3 V4 V5 V6 V7 V8 V9 V10)
    (V1 V2 V3 V4 V5 V6 V7 V8 V9 V10 V11)
    (V1 V2 V3 V4 V5 V6 V7 V8 V9 V10 V11 V12)
    (V1 V2 V3 V4 V5 V6 V7 V8 V9 V10 V11 V12 V13)
    (V1 V2 V3 V4 V5 V6 V7 V8 V9 V10 V11 V12 V13 V14)
    (V1 V2 V3 V4 V5 V6 V7 V8 V9 V10 V11 V12 V13 V14 V15)
    (V1 V2 V3 V4 V5 V6 V7 V8 V9 V10 V11 V12 V13 V14 V15 V16)
}
