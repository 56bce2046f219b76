//! Closures as host functions.

use std::sync::Arc;

use crate::engine::Engine;
use crate::error::Error;
use crate::func::Caller;
use crate::sys::host::HostFunc;
use crate::typed::{WasmResults, WasmTy};

/// A closure that can be a host function of a store of `T`. It takes up to eight WebAssembly
/// values, and optionally a [`Caller`] first. It returns nothing, a value, a tuple, or a `Result`
/// of these. Only this crate implements the trait.
pub trait IntoFunc<T, P, R>: sealed::IntoHost<T, P, R> {}

/// A return type of a host closure.
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
                HostFunc::typed::<($($V,)*), R::Results>(
                    engine,
                    move |store, instance, ($($v,)*)| {
                        self(Caller::new(store, instance), $($v),*).into_result()
                    },
                )
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
