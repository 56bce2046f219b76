//! Throwing: finds the handler of an exception in the frames of compiled code, and continues there.
//!
//! All code of wasm's calling convention keeps frame pointers. [`throw`] receives the return address
//! and the frame pointer of the code that throws, and walks from frame to frame. A call within a
//! `try_table` has handlers in [`crate::vm::code`]. The walk ends at the entry trampoline, whose
//! return address no code of the store contains. The frames in between are dropped without
//! unwinding, as by a trap.
//!
//! A host function does not unwind: it returns the exception as an error, and its trampoline throws
//! the exception again.

use std::ptr::NonNull;

use crate::error::Error;
use crate::exception::ExnRef;
use crate::sys::context::caller_of;
use crate::sys::exception::{Exception, ExceptionHandle, TagDef};
use crate::sys::store::{Pending, StoreInner};
use crate::sys::values::RawVal;
use crate::vm::code::{HandlerItem, Handlers};

/// The registers with which a handler begins.
#[repr(C)]
struct Landing {
    pc: usize,
    stack_pointer: usize,
    frame_pointer: usize,
    exception: *mut Exception,
    values: *mut RawVal,
}

/// Throws `exception`; if it is null, the pending exception of the store. Returns only if there is
/// no handler. The exception is then pending.
///
/// # Safety
/// The caller is compiled code with a frame pointer, which calls this in wasm's convention and
/// passes its context. `exception` is one of the store that runs.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn throw(context: NonNull<u8>, exception: *mut Exception) {
    // Wasm's convention passes these parameters in the same registers as C's, and a handler does not
    // expect any register to be preserved.
    std::arch::naked_asm!(
        "mov rdx, [rsp]",
        "mov rcx, rbp",
        "sub rsp, 40",
        "mov r8, rsp",
        "call {find}",
        "test al, al",
        "jz 2f",
        "mov rcx, [rsp]",
        "mov rbp, [rsp + 16]",
        "mov rax, [rsp + 24]",
        "mov rdx, [rsp + 32]",
        "mov rsp, [rsp + 8]",
        "jmp rcx",
        "2:",
        "add rsp, 40",
        "ret",
        find = sym find,
    )
}

/// Writes the landing of the exception's handler, and returns true; false if there is none.
///
/// # Safety
/// As [`throw`], with the return address and the frame pointer of its caller.
unsafe extern "C" fn find(
    context: NonNull<u8>,
    exception: *mut Exception,
    pc: usize,
    frame_pointer: usize,
    landing: &mut Landing,
) -> bool {
    // SAFETY: compiled code passes its context, or the root context that it received.
    let (header, _) = unsafe { caller_of(context) };
    // SAFETY: all contexts of a store point to the limits of its root context, where `invoke` set
    // the store. Compiled code lends it to this function.
    let store = unsafe { &mut *(*header.limits).store };
    let is_pending = exception.is_null();
    let exception = match NonNull::new(exception) {
        Some(exception) => exception,
        None => match store.pending_exception() {
            Some(exception) => exception,
            None => return false,
        },
    };
    // SAFETY: an exception of this store, which keeps it until it is caught.
    let (tag, values) = unsafe { (exception.as_ref().tag(), exception.as_ref().values()) };
    // SAFETY: by the contract.
    match unsafe { handler(store, tag, pc, frame_pointer) } {
        Some((pc, stack_pointer, frame_pointer)) => {
            if is_pending {
                store.take_pending();
            }
            let (exception, values) = (exception.as_ptr(), values.as_ptr());
            *landing = Landing { pc, stack_pointer, frame_pointer, exception, values };
            true
        }
        None => {
            if !is_pending {
                // SAFETY: an exception of this store.
                let handle = unsafe { ExceptionHandle::new(store.id(), exception) };
                let error = Error::Exception(ExnRef::new_in(handle));
                store.set_pending(Pending::Error(error));
            }
            false
        }
    }
}

/// The address of the innermost handler of `tag`, with its stack and frame pointer.
///
/// # Safety
/// `pc` and `frame_pointer` are those of a frame of compiled code of the store.
unsafe fn handler(
    store: &StoreInner,
    tag: NonNull<TagDef>,
    mut pc: usize,
    mut frame_pointer: usize,
) -> Option<(usize, usize, usize)> {
    loop {
        let (code, site) = store.code.call_site(pc)?;
        if let Some(Handlers { stack_bytes, items }) = site {
            let stack_pointer = frame_pointer - stack_bytes;
            let mut context = std::ptr::null::<u8>();
            for site in items {
                let target = match site.item() {
                    HandlerItem::Context { stack_offset } => {
                        let place = stack_pointer + stack_offset as usize;
                        // SAFETY: compiled code keeps the instance's context there during the call.
                        context = unsafe { *(place as *const *const u8) };
                        continue;
                    }
                    HandlerItem::Tag { context_offset, target } => {
                        // SAFETY: the context holds the address of a tag there, and is not null,
                        // because each list begins with it.
                        let caught = unsafe {
                            *context.add(context_offset as usize).cast::<NonNull<TagDef>>()
                        };
                        if caught != tag {
                            continue;
                        }
                        target
                    }
                    HandlerItem::All { target } => target,
                };
                return Some((code.address_of(target), stack_pointer, frame_pointer));
            }
        }
        // SAFETY: a frame of compiled code holds its caller's frame pointer and return address.
        unsafe {
            pc = *((frame_pointer + 8) as *const usize);
            frame_pointer = *(frame_pointer as *const usize);
        }
    }
}
