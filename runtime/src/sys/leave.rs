//! Leaving a signal handler for [`enter`](super::entry) without the kernel.
//!
//! A return from a handler is a system call that restores all registers of the interrupted code. After a
//! trap that code is over, so only what the kernel changed for the handler must be restored: the control
//! words of the floating-point units. The kernel changes two more things, which only system calls or
//! rare instructions could restore: a signal stack with SS_AUTODISARM, and the rights of protection keys.
//! If they differ from what they were, the handler returns through the kernel.

use std::arch::asm;
use std::arch::x86_64::__cpuid_count;
use std::mem::offset_of;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::sys::entry::{ResumePoint, STOPPED};

/// A flag of signal stacks; the libc crate lacks it.
const SS_AUTODISARM: libc::c_int = 1 << 31;

/// Offset of the rights of protection keys in the registers that the kernel saves; 0 if the system has
/// no protection keys.
static KEYS_OFFSET: AtomicUsize = AtomicUsize::new(0);

/// The bit of protection keys among the parts of the saved registers.
const KEYS_PART: u32 = 9;
/// Offset in the saved registers of the control word of the x87 unit.
const X87_CONTROL_OFFSET: usize = 0;
/// Offset in the saved registers of the control word of the vector unit.
const VECTOR_CONTROL_OFFSET: usize = 24;
/// Offset in the saved registers of the set of parts that are not in their initial state.
const PARTS_OFFSET: usize = 512;
/// Offset in the saved registers of the number by which the kernel marks such a set.
const MAGIC_OFFSET: usize = 464;
const MAGIC: u32 = 0x4650_5853;

/// Finds out what the system has. The handler must not do so, because a hypervisor handles the
/// instruction.
pub(super) fn prepare() {
    const OS_HAS_KEYS: u32 = 1 << 4;
    if __cpuid_count(7, 0).ecx & OS_HAS_KEYS != 0 {
        KEYS_OFFSET.store(__cpuid_count(0xd, KEYS_PART).ebx as usize, Ordering::Relaxed);
    }
}

/// Continues at `resume_point`. Returns if that needs a return through the kernel.
///
/// # Safety
/// The caller is the handler of a signal that the kernel does not block meanwhile, and `context` is what
/// the kernel passed. The resume point is that of a live frame of this thread. No frame of the handler
/// owns anything.
pub(super) unsafe fn resume(context: &libc::ucontext_t, resume_point: &ResumePoint) {
    let saved = saved_registers(&context.uc_mcontext);
    if saved.is_null() || context.uc_stack.ss_flags & SS_AUTODISARM != 0 {
        return;
    }
    let keys_offset = KEYS_OFFSET.load(Ordering::Relaxed);
    // SAFETY: the kernel has saved the registers there.
    if keys_offset != 0 && unsafe { saved_keys(saved, keys_offset) } != Some(keys()) {
        return;
    }
    // SAFETY: as above; all systems save both.
    let (vector_control, x87_control) = unsafe {
        let vector_control = saved.add(VECTOR_CONTROL_OFFSET).cast::<u32>().read();
        (vector_control, saved.add(X87_CONTROL_OFFSET).cast::<u16>().read())
    };
    // SAFETY: by the contract.
    unsafe {
        jump(resume_point.stack_pointer, resume_point.pc, &vector_control, &x87_control);
    }
}

/// The floating-point and vector registers that the kernel saved. They have the format of `FXSAVE`, with more
/// behind it; null if there are none.
fn saved_registers(context: &libc::mcontext_t) -> *const u8 {
    // The types of some C libraries do not name the pointer. In the kernel's, it follows the others.
    const OFFSET: usize = offset_of!(libc::mcontext_t, gregs) + size_of::<[libc::greg_t; 23]>();
    const { assert!(OFFSET + size_of::<*const u8>() <= size_of::<libc::mcontext_t>()) };
    let context: *const libc::mcontext_t = context;
    // SAFETY: the offset is within the context, aligned as all of its fields are, and initialized, since the
    // kernel and the C library have the same layout.
    unsafe { context.cast::<u8>().add(OFFSET).cast::<*const u8>().read() }
}

/// The rights of protection keys of the interrupted code; `None` if the kernel did not save them.
///
/// # Safety
/// `saved` are the registers that the kernel saved for a signal, on a system with protection keys.
unsafe fn saved_keys(saved: *const u8, keys_offset: usize) -> Option<u32> {
    // SAFETY: all systems save so many bytes.
    let magic = unsafe { saved.add(MAGIC_OFFSET).cast::<u32>().read() };
    if magic != MAGIC {
        return None;
    }
    // SAFETY: the mark says that the set and the parts of it follow.
    let parts = unsafe { saved.add(PARTS_OFFSET).cast::<u64>().read() };
    if parts & 1 << KEYS_PART == 0 {
        return Some(0);
    }
    // SAFETY: as above.
    Some(unsafe { saved.add(keys_offset).cast::<u32>().read() })
}

/// The rights of protection keys of this thread.
fn keys() -> u32 {
    let keys;
    // SAFETY: only reads; the caller has found that the system has protection keys.
    unsafe {
        asm!("rdpkru", in("ecx") 0, out("eax") keys, out("edx") _, options(nomem, nostack));
    }
    keys
}

/// Continues `enter` after a stop. It restores the registers that a function must preserve.
///
/// # Safety
/// As [`resume`].
#[unsafe(naked)]
unsafe extern "C" fn jump(
    stack_pointer: usize,
    pc: usize,
    vector_control: &u32,
    x87_control: &u16,
) -> ! {
    std::arch::naked_asm!(
        "ldmxcsr [rdx]",
        "fldcw word ptr [rcx]",
        "mov rsp, rdi",
        "mov eax, {stopped}",
        "jmp rsi",
        stopped = const STOPPED,
    )
}
