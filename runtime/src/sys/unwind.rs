//! Throwing: finds the handler of an exception in the frames of compiled code, and continues there.
//!
//! All code of wasm's calling convention keeps frame pointers. [`throw`] receives the return address
//! and the frame pointer of the code that throws, and walks from frame to frame. A call within a
//! `try_table` has handlers in [`crate::vm::code`]. The walk ends at the entry trampoline, whose
//! return address no code of the store contains. The frames in between are dropped without
//! unwinding, as by a trap. If there is no handler, the call of the guest returns the exception as an error.
//!
//! A host function does not unwind: it returns its error, and its trampoline throws what is pending. An
//! error that is no exception has no handler.

use std::ptr::NonNull;

use crate::exception::ExnRef;
use crate::sys::context::caller_of;
use crate::sys::entry;
use crate::sys::exception::{Exception, ExceptionHandle, TagDef};
use crate::sys::store::{Pending, StoreInner};
use crate::sys::values::RawVal;
use crate::vm::code::{HandlerItem, Handlers};

/// The registers with which a handler begins, or with which [`entry`] continues if there is none.
#[repr(C)]
struct Landing {
    pc: usize,
    stack_pointer: usize,
    frame_pointer: usize,
    /// The exception, for a handler; else the return value of `enter`.
    rax: usize,
    values: *mut RawVal,
}

/// Throws `exception`; if it is null, the pending error of the store. Does not return. If there is no
/// handler, the call of the guest ends, and the error is pending.
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
        "mov rcx, [rsp]",
        "mov rbp, [rsp + 16]",
        "mov rax, [rsp + 24]",
        "mov rdx, [rsp + 32]",
        "mov rsp, [rsp + 8]",
        "jmp rcx",
        find = sym find,
    )
}

/// Writes the landing of the exception's handler, or that of the end of the call.
///
/// # Safety
/// As [`throw`], with the return address and the frame pointer of its caller.
unsafe extern "C" fn find(
    context: NonNull<u8>,
    exception: *mut Exception,
    pc: usize,
    frame_pointer: usize,
    landing: &mut Landing,
) {
    // SAFETY: compiled code passes its context, or the root context that it received.
    let (header, _) = unsafe { caller_of(context) };
    // SAFETY: `invoke` set the store. Compiled code lends it to this function.
    let store = unsafe { &mut *header.store() };
    let is_pending = exception.is_null();
    let thrown = NonNull::new(exception).or_else(|| store.pending_exception());
    if let Some(exception) = thrown {
        // SAFETY: an exception of this store, which keeps it until it is caught.
        let (tag, values) = unsafe { (exception.as_ref().tag(), exception.as_ref().values()) };
        // SAFETY: by the contract.
        let found = unsafe { handler(store, tag, pc, frame_pointer) };
        if let Some((pc, stack_pointer, frame_pointer)) = found {
            if is_pending {
                store.take_pending();
            }
            let rax = exception.as_ptr().expose_provenance();
            *landing = Landing { pc, stack_pointer, frame_pointer, rax, values: values.as_ptr() };
            return;
        }
        if !is_pending {
            // SAFETY: an exception of this store.
            let handle = unsafe { ExceptionHandle::new(store.id(), exception) };
            store.set_pending(Pending::Error(ExnRef::new_in(handle).into()));
        }
    }
    // SAFETY: by the contract. The call that threw ends before `pc`.
    let resume_point = unsafe { entry::record_error(pc - 1, frame_pointer) };
    *landing = Landing {
        pc: resume_point.pc,
        stack_pointer: resume_point.stack_pointer,
        frame_pointer,
        rax: entry::STOPPED,
        values: std::ptr::null_mut(),
    };
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
