//! Closures as host functions.

use std::sync::Arc;

use crate::engine::Engine;
use crate::error::Error;
use crate::func::Caller;
use crate::sys::host::HostFunc;
use crate::typed::{WasmResults, WasmTy};

/// A closure that can be a host function of a store of `T`. It takes up to sixteen WebAssembly
/// values, and optionally a [`Caller`] first. It returns nothing, a value, a tuple, or a `Result`
/// of these with any error. Only this crate implements the trait.
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

impl<R: WasmResults, E: Into<Box<dyn std::error::Error + Send + Sync>>> HostResult
    for Result<R, E>
{
}
impl<R: WasmResults, E: Into<Box<dyn std::error::Error + Send + Sync>>> sealed::IntoResult
    for Result<R, E>
{
    type Results = R;

    fn into_result(self) -> Result<R, Error> {
        self.map_err(|error| Error::from_boxed(error.into()))
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
    (P1 p1)
    (P1 p1, P2 p2)
    (P1 p1, P2 p2, P3 p3)
    (P1 p1, P2 p2, P3 p3, P4 p4)
    (P1 p1, P2 p2, P3 p3, P4 p4, P5 p5)
    (P1 p1, P2 p2, P3 p3, P4 p4, P5 p5, P6 p6)
    (P1 p1, P2 p2, P3 p3, P4 p4, P5 p5, P6 p6, P7 p7)
    (P1 p1, P2 p2, P3 p3, P4 p4, P5 p5, P6 p6, P7 p7, P8 p8)
    (P1 p1, P2 p2, P3 p3, P4 p4, P5 p5, P6 p6, P7 p7, P8 p8, P9 p9)
    (P1 p1, P2 p2, P3 p3, P4 p4, P5 p5, P6 p6, P7 p7, P8 p8, P9 p9, P10 p10)
    (P1 p1, P2 p2, P3 p3, P4 p4, P5 p5, P6 p6, P7 p7, P8 p8, P9 p9, P10 p10, P11 p11)
    (P1 p1, P2 p2, P3 p3, P4 p4, P5 p5, P6 p6, P7 p7, P8 p8, P9 p9, P10 p10, P11 p11, P12 p12)
    (P1 p1, P2 p2, P3 p3, P4 p4, P5 p5, P6 p6, P7 p7, P8 p8, P9 p9, P10 p10, P11 p11, P12 p12, P13 p13)
    (P1 p1, P2 p2, P3 p3, P4 p4, P5 p5, P6 p6, P7 p7, P8 p8, P9 p9, P10 p10, P11 p11, P12 p12, P13 p13, P14 p14)
    (P1 p1, P2 p2, P3 p3, P4 p4, P5 p5, P6 p6, P7 p7, P8 p8, P9 p9, P10 p10, P11 p11, P12 p12, P13 p13, P14 p14, P15 p15)
    (P1 p1, P2 p2, P3 p3, P4 p4, P5 p5, P6 p6, P7 p7, P8 p8, P9 p9, P10 p10, P11 p11, P12 p12, P13 p13, P14 p14, P15 p15, P16 p16)
}
