//! Functions, called with values whose types are checked at each call.

use std::sync::Arc;

use crate::error::{Error, TypeError};
use crate::host::IntoFunc;
use crate::signature::Signature;
use crate::store::{AsContext, AsContextMut, StoreContextMut};
use crate::sys::call;
use crate::sys::context::FuncHandle;
use crate::sys::host::HostFunc;
use crate::sys::store::StoreInner;
use crate::typed::{TypedFunc, WasmParams, WasmResults};
use crate::types::FuncType;
use crate::val::Val;

/// Maximum number of parameters, and of results, of a function: as many as modules may declare. It
/// bounds the frames of trampolines, which do not probe the stack.
pub(crate) const FUNC_TYPE_MAX_VALUES: usize = 1000;

/// A function of a store: one of a guest or of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Func(FuncHandle);

/// Access of a host function to its caller: the store and the calling instance.
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

    /// The store's engine.
    pub fn engine(&self) -> &crate::Engine {
        self.store.engine()
    }

    /// The calling instance; `None` if the host called.
    pub fn instance(&self) -> Option<crate::Instance> {
        let store = self.store.as_context().into_inner();
        self.instance.map(|index| crate::Instance::new_in(store, index))
    }

    /// The export `name` of the calling instance.
    pub fn get_export(&mut self, name: &str) -> Option<crate::Extern> {
        self.instance()?.get_export(&mut *self, name)
    }

    /// The export of the calling instance that [`Module::get_export_index`](crate::Module::get_export_index)
    /// found.
    pub fn get_module_export(&mut self, export: &crate::ModuleExport) -> Option<crate::Extern> {
        self.instance()?.get_module_export(&mut *self, export)
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
    /// Creates a host function of type `ty`. `func` receives the arguments, and the results to
    /// fill, which are zero or null at first.
    ///
    /// # Panics
    /// Where [`Func::try_new`] returns an error.
    pub fn new<T: 'static>(
        store: impl AsContextMut<Data = T>,
        ty: FuncType,
        func: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Self {
        Func::try_new(store, ty, func).unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`Func::new`], for callers that must survive a lack of memory.
    ///
    /// # Errors
    /// If `ty` has more than 1000 parameters or results, or the trampoline for it cannot be
    /// compiled or mapped.
    pub fn try_new<T: 'static>(
        mut store: impl AsContextMut<Data = T>,
        ty: FuncType,
        func: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let store = store.as_context_mut().into_inner();
        let host = untyped(store.engine(), &ty, func)?;
        Ok(Func::of_host(store, &host))
    }

    /// Creates a host function from a closure over Rust types. Its first parameter may be a
    /// [`Caller`].
    ///
    /// # Panics
    /// If the trampoline for its type cannot be compiled or mapped; see [`Func::try_wrap`].
    pub fn wrap<T: 'static, P, R>(
        store: impl AsContextMut<Data = T>,
        func: impl IntoFunc<T, P, R>,
    ) -> Self {
        Func::try_wrap(store, func).unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`Func::wrap`], for callers that must survive a lack of memory.
    ///
    /// # Errors
    /// If the trampoline for its type cannot be compiled or mapped.
    pub fn try_wrap<T: 'static, P, R>(
        mut store: impl AsContextMut<Data = T>,
        func: impl IntoFunc<T, P, R>,
    ) -> Result<Self, Error> {
        let store = store.as_context_mut().into_inner();
        let host = func.into_host_func(store.engine())?;
        Ok(Func::of_host(store, &host))
    }

    pub(crate) fn of_host(store: &mut StoreInner, host: &Arc<HostFunc>) -> Self {
        Func(store.add_host_func(host))
    }

    pub(crate) fn new_in(handle: FuncHandle) -> Self {
        Func(handle)
    }

    pub(crate) fn handle(self) -> FuncHandle {
        self.0
    }

    pub(crate) fn signature(self, store: &StoreInner) -> Arc<Signature> {
        let id = self.0.type_id(store);
        match store.engine().signatures().get(id) {
            Some(signature) => signature,
            None => unreachable!("the owner of a function keeps its type {id}"),
        }
    }

    /// The type.
    ///
    /// # Panics
    /// If the function belongs to another store. All methods panic then.
    pub fn ty(&self, store: impl AsContext) -> FuncType {
        let store = store.as_context().into_inner();
        self.signature(store).ty().clone()
    }

    /// Returns true if the function is of type `ty`.
    pub fn matches_ty(&self, store: impl AsContext, ty: &FuncType) -> bool {
        let store = store.as_context().into_inner();
        self.signature(store).ty() == ty
    }

    /// Calls the function with `params`, and writes its results to `results`.
    ///
    /// # Errors
    /// If the number or types of `params` or the number of `results` do not match, the guest traps,
    /// or a host function fails.
    ///
    /// # Panics
    /// If a host function panics: with its panic.
    pub fn call(
        &self,
        mut store: impl AsContextMut,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<(), Error> {
        let store = store.as_context_mut().into_inner();
        let signature = self.signature(store);
        call::call(store, self.0, &signature, params, results)
    }

    /// The function with Rust types. Its calls check no types.
    ///
    /// # Errors
    /// If the function has another type.
    pub fn typed<P: WasmParams, R: WasmResults>(
        &self,
        store: impl AsContext,
    ) -> Result<TypedFunc<P, R>, Error> {
        let store = store.as_context().into_inner();
        TypedFunc::new(store, *self, &self.signature(store))
    }
}

/// Creates a host function over values.
pub(crate) fn untyped<T: 'static>(
    engine: &crate::Engine,
    ty: &FuncType,
    func: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<(), Error> + Send + Sync + 'static,
) -> Result<Arc<HostFunc>, Error> {
    let (params, results) = (ty.params().len(), ty.results().len());
    if params.max(results) > FUNC_TYPE_MAX_VALUES {
        return Err(TypeError::TooManyValues { params, results }.into());
    }
    HostFunc::untyped(engine, ty, move |store, instance, params, results| {
        func(Caller::new(store, instance), params, results)
    })
}
