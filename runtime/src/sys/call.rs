//! Calls of functions by the host, with values whose types are compared with the function's.

use std::marker::PhantomData;

use crate::error::{Error, TypeError};
use crate::signature::Signature;
use crate::sys::code_memory::CodePtr;
use crate::sys::context::FuncHandle;
use crate::sys::entry;
use crate::sys::store::StoreInner;
use crate::sys::typed::sealed::List;
use crate::sys::values::RawVal;
use crate::types::FuncType;
use crate::val::Val;

/// Maximum number of parameters, and of results, of a typed function.
const TYPED_MAX_VALUES: usize = 16;
/// Number of parameters and of results that most functions keep to. A call clears so many values.
const FEW_VALUES: usize = 4;

/// A function with the entry trampoline for its type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Callable {
    func: FuncHandle,
    entry: CodePtr,
    /// Number of values that the trampoline reads or writes, whichever is more.
    slots: usize,
}

impl Callable {
    /// The function's owner keeps its signature, and with it the trampoline.
    ///
    /// # Errors
    /// If the trampoline cannot be compiled or mapped.
    ///
    /// # Panics
    /// If `signature` is not the function's.
    fn new(store: &StoreInner, func: FuncHandle, signature: &Signature) -> Result<Self, Error> {
        assert!(signature.is_of(store.engine().signatures()), "a signature of another engine");
        assert_eq!(func.type_id(store), signature.id(), "a signature of another type");
        let entry = signature.entry(store.engine())?.at(0);
        Ok(Callable { func, entry, slots: signature.slots() })
    }

    pub(super) fn func(&self) -> FuncHandle {
        self.func
    }

    pub(super) fn entry(&self) -> CodePtr {
        self.entry
    }

    pub(super) fn slots(&self) -> usize {
        self.slots
    }
}

/// A function whose type is `P` to `R`.
#[derive(Debug)]
pub(crate) struct TypedCallable<P, R> {
    callable: Callable,
    types: PhantomData<fn(P) -> R>,
}

impl<P, R> Clone for TypedCallable<P, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P, R> Copy for TypedCallable<P, R> {}

impl<P, R> TypedCallable<P, R> {
    pub(crate) fn func(&self) -> FuncHandle {
        self.callable.func
    }
}

impl<P: List, R: List> TypedCallable<P, R> {
    /// # Errors
    /// If the function has another type, or its trampoline cannot be compiled or mapped.
    ///
    /// # Panics
    /// If the function belongs to another store, or `signature` is not the function's.
    pub(crate) fn new(
        store: &StoreInner,
        func: FuncHandle,
        signature: &Signature,
    ) -> Result<Self, Error> {
        let ty = signature.ty();
        if !P::matches(ty.params()) || !R::matches(ty.results()) {
            return Err(TypeError::Func {
                expected: FuncType::of(P::types(), R::types()),
                found: ty.clone(),
            }
            .into());
        }
        Ok(TypedCallable { callable: Callable::new(store, func, signature)?, types: PhantomData })
    }

    /// Calls the function.
    ///
    /// # Errors
    /// If the guest traps or a host function fails.
    ///
    /// # Panics
    /// If the function or a parameter belongs to another store, or a host function panics.
    pub(crate) fn call(&self, store: &mut StoreInner, params: P) -> Result<R, Error> {
        if const { P::LEN <= FEW_VALUES && R::LEN <= FEW_VALUES } {
            self.call_with::<FEW_VALUES>(store, params)
        } else {
            self.call_with::<TYPED_MAX_VALUES>(store, params)
        }
    }

    fn call_with<const VALUES: usize>(
        &self,
        store: &mut StoreInner,
        params: P,
    ) -> Result<R, Error> {
        let mut values = [RawVal::default(); VALUES];
        params.write(&mut values, store.id());
        // SAFETY: the values are of type `P`, which `new` compared with the parameters.
        unsafe { entry::invoke(store, &self.callable, &mut values) }
            .map_err(|stop| store.error_of(stop))?;
        // SAFETY: the function left results of its types, which `new` compared with `R`.
        Ok(unsafe { R::read(&values, store.id()) })
    }
}

/// Calls a function with `params`, and writes its results to `results`.
///
/// # Errors
/// If the number or types of `params` or the number of `results` do not match the function's type,
/// the guest traps, or a host function fails.
///
/// # Panics
/// If the function or a parameter belongs to another store, or a host function panics.
pub(crate) fn call(
    store: &mut StoreInner,
    func: FuncHandle,
    signature: &Signature,
    params: &[Val],
    results: &mut [Val],
) -> Result<(), Error> {
    let ty = signature.ty();
    if params.len() != ty.params().len() || results.len() != ty.results().len() {
        return Err(TypeError::Count {
            ty: ty.clone(),
            params: params.len(),
            results: results.len(),
        }
        .into());
    }
    let callable = Callable::new(store, func, signature)?;
    let mut values = store.take_values(callable.slots);
    for ((value, param), &expected) in values.iter_mut().zip(params).zip(ty.params()) {
        if !param.is_of_type(expected, store) {
            return Err(
                TypeError::Value { what: "an argument", expected, found: param.top_ty() }.into()
            );
        }
        *value = param.to_raw(store.id());
    }
    // SAFETY: the loop compared the values' types with the parameters.
    let outcome = unsafe { entry::invoke(store, &callable, &mut values) };
    if outcome.is_ok() {
        for ((result, value), &ty) in results.iter_mut().zip(&values).zip(ty.results()) {
            // SAFETY: the function left results of its types.
            *result = unsafe { Val::from_raw(ty, *value, store.id()) };
        }
    }
    store.return_values(values);
    outcome.map_err(|stop| store.error_of(stop))
}
