//! Functions, called with values whose types are checked at each call.

use std::sync::Arc;

use crate::error::{Error, TypeError};
use crate::host::IntoFunc;
use crate::signature::Signature;
use crate::store::{AsContext, AsContextMut, StoreContextMut, StoreId, StoreInner};
use crate::sys::context::FuncPtr;
use crate::sys::entry::Callable;
use crate::sys::host::{HostCall, HostFunc};
use crate::typed::{TypedFunc, WasmParams, WasmResults};
use crate::types::FuncType;
use crate::val::{RawVal, Val};

/// Parameters of a function at most, and results: as many as modules may declare. Trampolines do
/// not probe the stack, and their frames are as large as this makes them.
pub(crate) const FUNC_TYPE_MAX_VALUES: usize = 1000;

/// A function of a store: a guest's or the host's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Func {
    store: StoreId,
    func: FuncPtr,
}

/// A host function's view of its call: the store, and the instance that called.
#[derive(Debug)]
pub struct Caller<'a, T> {
    store: StoreContextMut<'a, T>,
    instance: Option<u32>,
}

impl<'a, T: 'static> Caller<'a, T> {
    pub(crate) fn new(store: &'a mut StoreInner, instance: Option<u32>) -> Self {
        Caller { store: StoreContextMut::new(store), instance }
    }

    /// The host's data.
    pub fn data(&self) -> &T {
        self.store.data()
    }

    /// The host's data.
    pub fn data_mut(&mut self) -> &mut T {
        self.store.data_mut()
    }

    /// The instance that called; `None` when the host did.
    pub fn instance(&self) -> Option<crate::Instance> {
        let store = self.store.as_context().into_inner();
        self.instance.map(|index| crate::Instance::new_in(store, index))
    }

    /// The caller's export named `name`.
    pub fn get_export(&mut self, name: &str) -> Option<crate::Extern> {
        self.instance()?.get_export(&mut *self, name)
    }
}

impl<T: 'static> AsContext for Caller<'_, T> {
    type Data = T;

    fn as_context(&self) -> crate::StoreContext<'_, T> {
        self.store.as_context()
    }
}

impl<T: 'static> AsContextMut for Caller<'_, T> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        self.store.as_context_mut()
    }
}

impl Func {
    /// A host function of type `ty`, given its arguments and its results to fill, which are zero
    /// or null at first.
    ///
    /// # Errors
    /// When `ty` has more than 1000 parameters or results, or the trampoline for it cannot be
    /// compiled or mapped.
    pub fn new<T: 'static>(
        mut store: impl AsContextMut<Data = T>,
        ty: FuncType,
        func: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let store = store.as_context_mut().into_inner();
        let host = untyped(store.engine(), &ty, func)?;
        Ok(Func::of_host(store, &host))
    }

    /// A host function from a closure of WebAssembly types, with or without [`Caller`] first.
    ///
    /// # Errors
    /// When the trampoline for its type cannot be compiled or mapped.
    pub fn wrap<T: 'static, P, R>(
        mut store: impl AsContextMut<Data = T>,
        func: impl IntoFunc<T, P, R>,
    ) -> Result<Self, Error> {
        let store = store.as_context_mut().into_inner();
        let host = func.into_host_func(store.engine())?;
        Ok(Func::of_host(store, &host))
    }

    pub(crate) fn of_host(store: &mut StoreInner, host: &Arc<HostFunc>) -> Self {
        let func = store.add_host_func(host);
        Func::new_in(store, func)
    }

    pub(crate) fn new_in(store: &StoreInner, func: FuncPtr) -> Self {
        Func { store: store.id(), func }
    }

    /// Its address, once it is known to be `store`'s.
    pub(crate) fn ptr(self, store: &StoreInner) -> FuncPtr {
        store.check(self.store, "Func");
        self.func
    }

    pub(crate) fn raw(self, store: &StoreInner) -> u64 {
        self.ptr(store).to_raw()
    }

    pub(crate) fn type_id(self, store: &StoreInner) -> u32 {
        self.ptr(store).read(store).type_id
    }

    pub(crate) fn signature(self, store: &StoreInner) -> Arc<Signature> {
        let id = self.type_id(store);
        match store.engine().signatures().get(id) {
            Some(signature) => signature,
            None => unreachable!("the owner of a function keeps its type {id}"),
        }
    }

    /// Its type.
    ///
    /// # Panics
    /// If it belongs to another store, as everything here.
    pub fn ty(&self, store: impl AsContext) -> FuncType {
        let store = store.as_context().into_inner();
        self.signature(store).ty().clone()
    }

    /// Calls it with `params`, and leaves what it returns in `results`.
    ///
    /// # Errors
    /// When number or types of `params` or the number of `results` do not fit, when the guest
    /// traps, and what host functions return.
    ///
    /// # Panics
    /// With what a host function panicked with.
    pub fn call(
        &self,
        mut store: impl AsContextMut,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<(), Error> {
        let store = store.as_context_mut().into_inner();
        let signature = self.signature(store);
        let ty = signature.ty();
        if params.len() != ty.params().len() || results.len() != ty.results().len() {
            return Err(TypeError::Count {
                ty: ty.clone(),
                params: params.len(),
                results: results.len(),
            }
            .into());
        }
        let entry = signature.entry(store.engine().compiler())?.at(0);
        let callable = Callable::new(store, self.func, &signature, entry);
        let mut values = store.take_values(signature.slots());
        for ((value, param), &expected) in values.iter_mut().zip(params).zip(ty.params()) {
            if param.ty() != expected {
                return Err(
                    TypeError::Value { what: "an argument", expected, found: param.ty() }.into()
                );
            }
            *value = RawVal::new(param.to_bits(store));
        }
        let outcome = store.invoke(&callable, &mut values);
        if outcome.is_ok() {
            for ((result, value), &ty) in results.iter_mut().zip(&values).zip(ty.results()) {
                *result = Val::from_bits(ty, value.bits(), store);
            }
        }
        store.return_values(values);
        outcome
    }

    /// A view of it with Rust types, which calls without checking again.
    ///
    /// # Errors
    /// When its type is another.
    pub fn typed<P: WasmParams, R: WasmResults>(
        &self,
        store: impl AsContext,
    ) -> Result<TypedFunc<P, R>, Error> {
        let store = store.as_context().into_inner();
        TypedFunc::new(store, *self, &self.signature(store))
    }
}

/// A host function over values.
pub(crate) fn untyped<T: 'static>(
    engine: &crate::Engine,
    ty: &FuncType,
    func: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<(), Error> + Send + Sync + 'static,
) -> Result<Arc<HostFunc>, Error> {
    let (params, results) = (ty.params().len(), ty.results().len());
    if params.max(results) > FUNC_TYPE_MAX_VALUES {
        return Err(TypeError::TooManyValues { params, results }.into());
    }
    let signature = engine.signatures().intern(ty);
    let ty = ty.clone();
    let body = move |call: HostCall<'_>| {
        let HostCall { store, instance, values } = call;
        let params: Vec<Val> = ty
            .params()
            .iter()
            .zip(&*values)
            .map(|(&ty, value)| Val::from_bits(ty, value.bits(), store))
            .collect();
        let mut results: Vec<Val> = ty.results().iter().map(|&ty| Val::default_for(ty)).collect();
        func(Caller::new(store, instance), &params, &mut results)?;
        for ((value, result), &expected) in values.iter_mut().zip(&results).zip(ty.results()) {
            if result.ty() != expected {
                return Err(TypeError::Value {
                    what: "a host function's result",
                    expected,
                    found: result.ty(),
                }
                .into());
            }
            *value = RawVal::new(result.to_bits(store));
        }
        Ok(())
    };
    let trampoline = Arc::clone(signature.host(engine.compiler())?);
    Ok(HostFunc::new(signature, trampoline, Box::new(body)))
}
