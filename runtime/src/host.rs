//! Closures as host functions.

use std::sync::Arc;

use crate::engine::Engine;
use crate::error::Error;
use crate::func::Caller;
use crate::sys::host::{HostCall, HostFunc};
use crate::typed::sealed::Raw;
use crate::typed::{WasmResults, WasmTy};
use crate::types::FuncType;

/// A closure that can be a host function of a store of `T`: it takes up to eight WebAssembly
/// values, with a [`Caller`] first if it likes, and returns nothing, a value, a tuple, or a
/// `Result` of these. Implemented here only.
pub trait IntoFunc<T, P, R>: sealed::IntoHost<T, P, R> {}

/// What a host closure may return.
pub trait HostResult: sealed::IntoResult {}

pub(crate) mod sealed {
    use super::*;

    pub trait IntoHost<T, P, R>: Send + Sync + 'static {
        fn into_host_func(self, engine: &Engine) -> Result<Arc<HostFunc>, Error>;
    }

    pub trait IntoResult {
        type Results: WasmResults;
        fn into_result(self) -> Result<Self::Results, Error>;
    }
}

impl<R: WasmResults> HostResult for R {}
impl<R: WasmResults> sealed::IntoResult for R {
    type Results = R;

    fn into_result(self) -> Result<R, Error> {
        Ok(self)
    }
}

impl<R: WasmResults> HostResult for Result<R, Error> {}
impl<R: WasmResults> sealed::IntoResult for Result<R, Error> {
    type Results = R;

    fn into_result(self) -> Result<R, Error> {
        self
    }
}

macro_rules! closures {
    ($(($($V:ident $v:ident),*))+) => { $(
        impl<T, R, Fun, $($V),*> IntoFunc<T, ($($V,)*), R> for Fun
        where
            T: 'static,
            $($V: WasmTy,)*
            R: HostResult,
            Fun: Fn($($V),*) -> R + Send + Sync + 'static,
        {}
        impl<T, R, Fun, $($V),*> sealed::IntoHost<T, ($($V,)*), R> for Fun
        where
            T: 'static,
            $($V: WasmTy,)*
            R: HostResult,
            Fun: Fn($($V),*) -> R + Send + Sync + 'static,
        {
            fn into_host_func(self, engine: &Engine) -> Result<Arc<HostFunc>, Error> {
                let with_caller = move |_: Caller<'_, T>, $($v: $V),*| self($($v),*);
                sealed::IntoHost::<T, (Caller<'_, T>, $($V,)*), R>::into_host_func(with_caller, engine)
            }
        }

        impl<T, R, Fun, $($V),*> IntoFunc<T, (Caller<'_, T>, $($V,)*), R> for Fun
        where
            T: 'static,
            $($V: WasmTy,)*
            R: HostResult,
            Fun: Fn(Caller<'_, T>, $($V),*) -> R + Send + Sync + 'static,
        {}
        impl<T, R, Fun, $($V),*> sealed::IntoHost<T, (Caller<'_, T>, $($V,)*), R> for Fun
        where
            T: 'static,
            $($V: WasmTy,)*
            R: HostResult,
            Fun: Fn(Caller<'_, T>, $($V),*) -> R + Send + Sync + 'static,
        {
            fn into_host_func(self, engine: &Engine) -> Result<Arc<HostFunc>, Error> {
                use crate::typed::sealed::List;
                let ty = FuncType::new(
                    <[_]>::into_vec(Box::new([$(<$V as Raw>::TYPE),*])),
                    <R::Results as List>::types(),
                );
                let signature = engine.signatures().intern(&ty);
                let body = move |call: HostCall<'_>| {
                    let mut _values = call.values.iter();
                    $(
                        let bits = _values.next().map_or(0, |value| value.bits());
                        let $v = <$V as Raw>::from_bits(bits, call.store);
                    )*
                    let caller = Caller::new(&mut *call.store, call.instance);
                    let results = self(caller, $($v),*).into_result()?;
                    results.write(call.values, call.store);
                    Ok(())
                };
                let trampoline = Arc::clone(signature.host(engine.compiler())?);
                Ok(HostFunc::new(signature, trampoline, Box::new(body)))
            }
        }
    )+ };
}

closures! {
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
