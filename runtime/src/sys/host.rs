//! Host functions as compiled code sees them.

use std::fmt;
use std::mem::offset_of;
use std::panic::{self, AssertUnwindSafe};
use std::ptr::NonNull;
use std::sync::Arc;

use crate::error::Error;
use crate::signature::Signature;
use crate::store::{Pending, StoreInner};
use crate::sys::code_memory::CodePtr;
use crate::sys::context::{FuncPtr, FuncRef, caller_of};
use crate::sys::entry;
use crate::sys::owned::Owned;
use crate::val::RawVal;
use crate::vm::code::LoadedCode;
use crate::vm::layout;

/// What a host function does, given its call.
pub(crate) type HostBody = Box<dyn Fn(HostCall<'_>) -> Result<(), Error> + Send + Sync>;

/// A call of a host function.
pub(crate) struct HostCall<'a> {
    pub(crate) store: &'a mut StoreInner,
    /// The calling instance; `None` when the host called.
    pub(crate) instance: Option<u32>,
    /// Arguments in, results out.
    pub(crate) values: &'a mut [RawVal],
}

/// The context of a host function.
#[repr(C)]
struct HostContext {
    call: unsafe extern "C" fn(NonNull<HostContext>, NonNull<u8>, *mut RawVal) -> u32,
    body: HostBody,
    slots: usize,
    func_ref: FuncRef,
}

const _: () = assert!(
    offset_of!(HostContext, call) == layout::HOST_CTX_CALL as usize
        && size_of::<RawVal>() == layout::RAW_VAL_BYTES as usize
);

/// A host function, of no store: any number of stores of its engine may share it.
pub struct HostFunc {
    context: Owned<HostContext>,
    /// Keeps the number of its type.
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
    /// A function of type `signature`, with the host trampoline for that type.
    pub(crate) fn new(
        signature: Arc<Signature>,
        trampoline: Arc<LoadedCode>,
        body: HostBody,
    ) -> Arc<Self> {
        let code: CodePtr = trampoline.at(0);
        let mut context = Owned::new(HostContext {
            call: host_call,
            body,
            slots: signature.slots(),
            func_ref: FuncRef { code, context: NonNull::dangling(), type_id: signature.id() },
        });
        context.func_ref.context = context.as_ptr().cast();
        Arc::new(HostFunc { context, signature, trampoline })
    }

    pub(crate) fn signature(&self) -> &Arc<Signature> {
        &self.signature
    }

    pub(crate) fn trampoline(&self) -> &Arc<LoadedCode> {
        &self.trampoline
    }

    /// The reference to it, valid as long as this: a store that uses it keeps it.
    pub(crate) fn func_ref(&self) -> FuncPtr {
        // SAFETY: a field of a live allocation.
        FuncPtr::new(unsafe {
            NonNull::new_unchecked(&raw mut (*self.context.as_ptr().as_ptr()).func_ref)
        })
    }
}

/// Called by host trampolines: 0, or 1 when the store holds what the host left to be raised.
unsafe extern "C" fn host_call(
    context: NonNull<HostContext>,
    caller: NonNull<u8>,
    values: *mut RawVal,
) -> u32 {
    // SAFETY: the store that runs keeps the host function.
    let host = unsafe { context.as_ref() };
    // SAFETY: compiled code passes its own context, or the root context that it was given.
    let (header, instance) = unsafe { caller_of(caller) };
    // SAFETY: all contexts of a store point to the limits of its root context; `invoke` set the
    // store there, and lends it to host functions until they return.
    let store: *mut StoreInner = unsafe { (*header.limits).store };
    let failed = entry::outside_wasm(|| {
        // SAFETY: as above; and the trampoline passes as many values as its type has.
        let result = panic::catch_unwind(AssertUnwindSafe(|| unsafe {
            (host.body)(HostCall {
                store: &mut *store,
                instance,
                values: std::slice::from_raw_parts_mut(values, host.slots),
            })
        }));
        let pending = match result {
            Ok(Ok(())) => return false,
            Ok(Err(error)) => Pending::Error(error),
            Err(payload) => Pending::Panic(payload),
        };
        // SAFETY: the body has returned what it was lent.
        unsafe { (*store).set_pending(pending) };
        true
    });
    failed.into()
}
