//! Host functions: their contexts, which compiled code reads, and the conversion of their values.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::mem::offset_of;
use std::panic::{self, AssertUnwindSafe};
use std::ptr::NonNull;
use std::sync::Arc;

use crate::engine::Engine;
use crate::error::{Error, TypeError};
use crate::signature::Signature;
use crate::sys::code_memory::CodePtr;
use crate::sys::context::{FuncRef, caller_of};
use crate::sys::owned::Owned;
use crate::sys::store::{Pending, StoreInner};
use crate::sys::typed::sealed::List;
use crate::sys::values::RawVal;
use crate::types::FuncType;
use crate::val::Val;
use crate::vm::code::LoadedCode;
use crate::vm::layout;

/// The implementation of a host function.
trait HostBody: Send + Sync + 'static {
    /// Number of parameters or of results, whichever is more.
    fn slots(&self) -> usize;

    /// Replaces the arguments by the results.
    ///
    /// # Safety
    /// The values are arguments of the function's type, in [`Self::slots`] elements.
    unsafe fn call(&self, call: HostCall<'_>) -> Result<(), Error>;
}

/// A function of Rust types.
struct Typed<F, P, R> {
    func: F,
    types: PhantomData<fn(P) -> R>,
}

impl<F, P: List, R: List> HostBody for Typed<F, P, R>
where
    F: Fn(&mut StoreInner, Option<u32>, P) -> Result<R, Error> + Send + Sync + 'static,
{
    // Constant, so that the accesses to the values need no checks and cannot panic.
    #[inline(always)]
    fn slots(&self) -> usize {
        const { if P::LEN > R::LEN { P::LEN } else { R::LEN } }
    }

    #[inline(always)]
    unsafe fn call(&self, call: HostCall<'_>) -> Result<(), Error> {
        let store = call.store.id();
        // SAFETY: the arguments are of the function's type, which is made of `P`.
        let params = unsafe { P::read(call.values, store) };
        (self.func)(call.store, call.instance, params)?.write(call.values, store);
        Ok(())
    }
}

/// A function over values.
struct Untyped<F> {
    ty: FuncType,
    func: F,
}

impl<F> HostBody for Untyped<F>
where
    F: Fn(&mut StoreInner, Option<u32>, &[Val], &mut [Val]) -> Result<(), Error>
        + Send
        + Sync
        + 'static,
{
    fn slots(&self) -> usize {
        self.ty.params().len().max(self.ty.results().len())
    }

    unsafe fn call(&self, call: HostCall<'_>) -> Result<(), Error> {
        let HostCall { store, instance, values } = call;
        let id = store.id();
        let params = self.ty.params().iter().zip(&*values).map(|(&ty, value)| {
            // SAFETY: the arguments are of the function's type.
            unsafe { Val::from_raw(ty, *value, id) }
        });
        let params: Vec<Val> = params.collect();
        let types = self.ty.results();
        let mut results: Vec<Val> = types.iter().map(|&ty| Val::default_for(ty)).collect();
        (self.func)(store, instance, &params, &mut results)?;
        for ((value, result), &expected) in values.iter_mut().zip(&results).zip(types) {
            if !result.is_of_type(expected, store) {
                return Err(TypeError::Value {
                    what: "a host function's result",
                    expected,
                    found: result.top_ty(),
                }
                .into());
            }
            *value = result.to_raw(id);
        }
        Ok(())
    }
}

/// A call of a host function.
struct HostCall<'a> {
    store: &'a mut StoreInner,
    /// The calling instance; `None` if the host called.
    instance: Option<u32>,
    /// The arguments, to be replaced by the results.
    values: &'a mut [RawVal],
}

/// The context of a host function.
#[repr(C)]
struct HostContext {
    /// [`host_call`] for the type of the body.
    call: unsafe extern "C" fn(NonNull<HostContext>, NonNull<u8>, *mut RawVal, u64) -> HostReturn,
    body: Box<dyn Any + Send + Sync>,
    func_ref: FuncRef,
}

const _: () = assert!(
    offset_of!(HostContext, call) == layout::HOST_CTX_CALL as usize
        && size_of::<RawVal>() == layout::RAW_VAL_BYTES as usize
);

/// The end of a call of a host function, in two registers.
#[repr(C)]
struct HostReturn {
    /// 1 if the host function failed; the store then keeps the failure.
    failed: u64,
    /// The low half of the first result, if there is one.
    first: u64,
}

/// A host function. Any number of stores of its engine may share it.
pub struct HostFunc {
    context: Owned<HostContext>,
    /// Keeps the id of its type in use.
    signature: Arc<Signature>,
    trampoline: Arc<LoadedCode>,
}

// SAFETY: its context holds a body that is `Send` and `Sync`, and addresses that do not change.
unsafe impl Send for HostFunc {}
// SAFETY: as above.
unsafe impl Sync for HostFunc {}

impl fmt::Debug for HostFunc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HostFunc").field(self.signature.ty()).finish()
    }
}

impl HostFunc {
    /// A function of Rust types. `func` receives the store, the calling instance and the arguments.
    ///
    /// # Errors
    /// If the type contains one that nothing uses, or its trampoline cannot be compiled or mapped.
    pub(crate) fn typed<P: List, R: List>(
        engine: &Engine,
        func: impl Fn(&mut StoreInner, Option<u32>, P) -> Result<R, Error> + Send + Sync + 'static,
    ) -> Result<Arc<Self>, Error> {
        let signature = signature(engine, &FuncType::of(P::types(), R::types()))?;
        Self::new(engine, signature, Typed { func, types: PhantomData })
    }

    /// A function of type `ty`. `func` receives the store, the calling instance, the arguments, and
    /// the results to fill, which are zero or null at first.
    ///
    /// # Errors
    /// If the type contains one that nothing uses, or its trampoline cannot be compiled or mapped.
    pub(crate) fn untyped(
        engine: &Engine,
        ty: &FuncType,
        func: impl Fn(&mut StoreInner, Option<u32>, &[Val], &mut [Val]) -> Result<(), Error>
        + Send
        + Sync
        + 'static,
    ) -> Result<Arc<Self>, Error> {
        let signature = signature(engine, ty)?;
        Self::new(engine, signature, Untyped { ty: ty.clone(), func })
    }

    fn new<B: HostBody>(
        engine: &Engine,
        signature: Arc<Signature>,
        body: B,
    ) -> Result<Arc<Self>, Error> {
        let trampoline = Arc::clone(signature.host(engine)?);
        let code: CodePtr = trampoline.at(0);
        let mut context = Owned::new(HostContext {
            call: host_call::<B>,
            body: Box::new(body),
            func_ref: FuncRef { code, context: NonNull::dangling(), type_id: signature.id() },
        });
        context.func_ref.context = context.as_ptr().cast();
        Ok(Arc::new(HostFunc { context, signature, trampoline }))
    }

    pub(crate) fn signature(&self) -> &Arc<Signature> {
        &self.signature
    }

    pub(crate) fn trampoline(&self) -> &Arc<LoadedCode> {
        &self.trampoline
    }

    /// The address of its function reference, valid until this is dropped.
    pub(super) fn func_ref(&self) -> NonNull<FuncRef> {
        // SAFETY: a field of a live allocation.
        unsafe { NonNull::new_unchecked(&raw mut (*self.context.as_ptr().as_ptr()).func_ref) }
    }
}

fn signature(engine: &Engine, ty: &FuncType) -> Result<Arc<Signature>, Error> {
    let unused = || TypeError::UnusedType { ty: ty.clone() }.into();
    engine.signatures().intern(ty).ok_or_else(unused)
}

/// Host trampolines call it.
///
/// # Safety
/// The caller is the trampoline of this host function, whose body is a `B`. `caller` is the context of
/// the calling code. `values` has the arguments and room for the results. `first` is the low half of the
/// first argument, if there is one.
unsafe extern "C" fn host_call<B: HostBody>(
    context: NonNull<HostContext>,
    caller: NonNull<u8>,
    values: *mut RawVal,
    first: u64,
) -> HostReturn {
    // The closure has few parts and a small result, because it passes through memory.
    // SAFETY: by the contract.
    let run = || unsafe { run_body::<B>(context, caller, values, first) };
    let first = panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| {
        // SAFETY: as in `run_body`. The borrow of the body is over.
        unsafe { store_of(caller) }.set_pending(Pending::Panic(payload));
        None
    });
    HostReturn { failed: first.is_none().into(), first: first.unwrap_or(0) }
}

/// Runs the body of a host function. Returns the low half of the first result, or 0 without one. `None`
/// if it failed, or the deadline of the store has passed; the store then keeps the error.
///
/// # Safety
/// As [`host_call`].
#[inline(always)]
unsafe fn run_body<B: HostBody>(
    context: NonNull<HostContext>,
    caller: NonNull<u8>,
    values: *mut RawVal,
    first: u64,
) -> Option<u64> {
    // SAFETY: the store that runs keeps the host function.
    let host = unsafe { context.as_ref() };
    // SAFETY: the box holds a `B`, by the contract.
    let body = unsafe { &*(&raw const *host.body).cast::<B>() };
    // SAFETY: compiled code passes its own context, or the root context that it received.
    let (header, instance) = unsafe { caller_of(caller) };
    // SAFETY: by the contract. The body returns its borrow before the next use.
    let store = || unsafe { store_of(caller) };
    // SAFETY: the trampoline passes as many values as its type has.
    let values = unsafe { std::slice::from_raw_parts_mut(values, body.slots()) };
    if let Some(value) = values.first_mut() {
        value.set_low(first);
    }
    let call = HostCall { store: store(), instance, values: &mut *values };
    // SAFETY: the trampoline passes arguments of the function's type.
    let pending = match unsafe { body.call(call) } {
        Ok(()) if !header.limits().is_interrupted() => {
            return Some(values.first().map_or(0, |value| value.bits()));
        }
        Ok(()) => Pending::Late,
        Err(error) => Pending::Error(error),
    };
    store().set_pending(pending);
    None
}

/// The store that runs.
///
/// # Safety
/// `caller` is the context that compiled code passed to a host function. Nothing else uses the store
/// while the reference lives.
unsafe fn store_of<'a>(caller: NonNull<u8>) -> &'a mut StoreInner {
    // SAFETY: by the contract.
    let (header, _) = unsafe { caller_of(caller) };
    // SAFETY: `invoke` set the store. It lends the store to host functions until they return.
    unsafe { &mut *header.store() }
}
