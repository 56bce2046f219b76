//! The functions of the runtime that compiled code calls: growth, bulk operations, dropped
//! segments. They do not trap themselves; a status of 1 makes the calling code trap.

use std::ptr::NonNull;
use std::time::Duration;

use crate::sys::context::caller_of;
use crate::sys::exception::Exception;
use crate::sys::instance::InstanceBox;
use crate::sys::shared_memory::{Wait, WaitResult};
use crate::sys::store::{Pending, StoreInner};
use crate::sys::table::TableDef;
use crate::sys::unwind;
use crate::vm::layout::{Builtin, INTERRUPTED, LIMITS_STACK_LIMIT, VMCTX_LIMITS};
use crate::vm::segments;

/// The addresses of all builtins, in the order of [`Builtin::ALL`].
#[repr(C)]
pub(crate) struct BuiltinTable([*const (); Builtin::ALL.len()]);

// SAFETY: addresses of functions, which do not change.
unsafe impl Sync for BuiltinTable {}

type Context = NonNull<u8>;

const FAILED: u64 = u64::MAX;

/// The address of a function of these instructions, which calls a builtin and leaves to [`late`] if the deadline of the
/// guest has passed. A signal stops no guest within a builtin, where one may spend nearly all of its time.
macro_rules! with_deadline {
    ($builtin:path: $($instruction:literal)+) => {{
        /// # Safety
        /// As the builtin.
        #[unsafe(naked)]
        unsafe extern "C" fn call(context: Context) {
            std::arch::naked_asm!(
                $($instruction,)+
                limits = const VMCTX_LIMITS,
                stack_limit = const LIMITS_STACK_LIMIT,
                interrupted = const INTERRUPTED,
                late = sym late,
                builtin = sym $builtin,
            )
        }
        call as *const ()
    }};
}

/// A builtin that begins only before the deadline.
macro_rules! in_time {
    ($builtin:path) => {
        with_deadline!($builtin:
            "mov rax, [rdi + {limits}]"
            "cmp qword ptr [rax + {stack_limit}], {interrupted}"
            "je {late}"
            "jmp {builtin}"
        )
    };
}

/// A builtin that the deadline ends: the guest does not see its result then.
macro_rules! until_late {
    ($builtin:path) => {
        with_deadline!($builtin:
            "push rdi"
            "call {builtin}"
            "pop rdi"
            "mov rcx, [rdi + {limits}]"
            "cmp qword ptr [rcx + {stack_limit}], {interrupted}"
            "je {late}"
            "ret"
        )
    };
}

pub(crate) static BUILTINS: BuiltinTable = BuiltinTable({
    let mut table = [std::ptr::null(); Builtin::ALL.len()];
    table[Builtin::MemoryGrow as usize] = in_time!(memory_grow);
    table[Builtin::MemoryFill as usize] = in_time!(memory_fill);
    table[Builtin::MemoryCopy as usize] = in_time!(memory_copy);
    table[Builtin::MemoryInit as usize] = in_time!(memory_init);
    table[Builtin::DataDrop as usize] = in_time!(data_drop);
    table[Builtin::TableGrow as usize] = in_time!(table_grow);
    table[Builtin::TableFill as usize] = in_time!(table_fill);
    table[Builtin::TableCopy as usize] = in_time!(table_copy);
    table[Builtin::TableInit as usize] = in_time!(table_init);
    table[Builtin::ElemDrop as usize] = in_time!(elem_drop);
    table[Builtin::ExceptionNew as usize] = in_time!(exception_new);
    table[Builtin::ExceptionCaught as usize] = in_time!(exception_caught);
    table[Builtin::AtomicNotify as usize] = in_time!(atomic_notify);
    table[Builtin::AtomicWait32 as usize] = until_late!(atomic_wait32);
    table[Builtin::AtomicWait64 as usize] = until_late!(atomic_wait64);
    table[Builtin::Throw as usize] = unwind::throw as *const ();
    let mut i = 0;
    while i < table.len() {
        assert!(!table[i].is_null(), "a builtin has no function");
        i += 1;
    }
    table
});

fn status(done: Option<()>) -> u32 {
    done.is_none().into()
}

/// # Safety
/// For all builtins: the caller is compiled code of the instance whose context it passes.
unsafe extern "C" fn memory_grow(context: Context, memory: u32, delta_pages: u64) -> u64 {
    // SAFETY: by the contract. The borrow ends with the line.
    let memory = unsafe { InstanceBox::of_context(context) }.memory(memory).index();
    // SAFETY: by the contract.
    unsafe { store_of(context) }.grow_memory(memory, delta_pages).unwrap_or(FAILED)
}

/// The store that runs.
///
/// # Safety
/// `context` is the one that compiled code passed to a builtin. Nothing else uses the store while the
/// reference lives.
unsafe fn store_of<'a>(context: Context) -> &'a mut StoreInner {
    // SAFETY: by the contract.
    let (header, _) = unsafe { caller_of(context) };
    // SAFETY: `invoke` set the store. Compiled code lends it to builtins until they return.
    unsafe { &mut *header.store() }
}

/// Stops the guest, since its deadline has passed.
///
/// # Safety
/// As [`memory_grow`]; registers and stack are those with which compiled code called the builtin.
#[unsafe(naked)]
unsafe extern "C" fn late(context: Context) {
    std::arch::naked_asm!(
        "push rdi",
        "call {set_late}",
        "pop rdi",
        "xor esi, esi",
        "jmp {throw}",
        set_late = sym set_late,
        throw = sym unwind::throw,
    )
}

/// Makes it the pending error of the store that its deadline has passed.
///
/// # Safety
/// As [`memory_grow`].
unsafe extern "C" fn set_late(context: Context) {
    // SAFETY: by the contract.
    unsafe { store_of(context) }.set_pending(Pending::Late);
}

/// # Safety
/// As [`memory_grow`]. `dst` is the address of `len` bytes of a memory of the instance.
unsafe extern "C" fn memory_fill(_: Context, dst: NonNull<u8>, value: u32, len: u64) {
    // SAFETY: by the contract. No slice of the memory exists.
    unsafe { dst.write_bytes(value as u8, len as usize) };
}

/// # Safety
/// As [`memory_grow`]. `dst` and `src` are the addresses of `len` bytes of memories of the instance.
unsafe extern "C" fn memory_copy(_: Context, dst: NonNull<u8>, src: NonNull<u8>, len: u64) {
    // SAFETY: by the contract. No slice of the memories exists. `copy_to` allows overlap.
    unsafe { src.copy_to(dst, len as usize) };
}

/// # Safety
/// As [`memory_grow`].
unsafe extern "C" fn memory_init(
    context: Context,
    memory: u32,
    segment: u32,
    dst: u64,
    src: u64,
    len: u64,
) -> u32 {
    // SAFETY: by the contract.
    let mut instance = unsafe { InstanceBox::of_context(context) };
    status(segments::init_memory(&mut instance, memory, segment, dst, src, len))
}

/// # Safety
/// As [`memory_grow`]. The memory is shared, and `address` is that of four aligned bytes of it.
unsafe extern "C" fn atomic_notify(
    context: Context,
    memory: u32,
    address: NonNull<u8>,
    count: u32,
) -> u64 {
    // SAFETY: by the contract.
    let instance = unsafe { InstanceBox::of_context(context) };
    instance.memory(memory).shared().map_or(0, |memory| memory.notify(address, count)).into()
}

/// # Safety
/// As [`atomic_notify`].
unsafe extern "C" fn atomic_wait32(
    context: Context,
    memory: u32,
    address: NonNull<u8>,
    expected: u32,
    timeout_ns: i64,
) -> u64 {
    // SAFETY: by the contract.
    let instance = unsafe { InstanceBox::of_context(context) };
    let Some(memory) = instance.memory(memory).shared() else { return WaitResult::TimedOut as u64 };
    // SAFETY: by the contract.
    let wait = unsafe { wait_of(context, timeout_ns) };
    // SAFETY: by the contract.
    (unsafe { memory.wait32(address, expected, wait) }) as u64
}

/// # Safety
/// As [`atomic_notify`], of eight bytes.
unsafe extern "C" fn atomic_wait64(
    context: Context,
    memory: u32,
    address: NonNull<u8>,
    expected: u64,
    timeout_ns: i64,
) -> u64 {
    // SAFETY: by the contract.
    let instance = unsafe { InstanceBox::of_context(context) };
    let Some(memory) = instance.memory(memory).shared() else { return WaitResult::TimedOut as u64 };
    // SAFETY: by the contract.
    let wait = unsafe { wait_of(context, timeout_ns) };
    // SAFETY: by the contract.
    (unsafe { memory.wait64(address, expected, wait) }) as u64
}

/// The end of a guest's wait. A negative time is none. A guest does not see the result of an interrupted one.
///
/// # Safety
/// `context` is the one that compiled code passed to a builtin, which lives for `'a`.
unsafe fn wait_of<'a>(context: Context, timeout_ns: i64) -> Wait<'a> {
    // SAFETY: by the contract. The builtin uses the store for nothing else.
    let store: &StoreInner = unsafe { store_of(context) };
    Wait {
        timeout: u64::try_from(timeout_ns).ok().map(Duration::from_nanos),
        interrupting: store.engine().config().epoch_interruption.then_some(store),
    }
}

/// # Safety
/// As [`memory_grow`].
unsafe extern "C" fn data_drop(context: Context, segment: u32) {
    // SAFETY: by the contract.
    let mut instance = unsafe { InstanceBox::of_context(context) };
    instance.drop_data(segment);
}

/// # Safety
/// As [`memory_grow`].
unsafe extern "C" fn table_grow(context: Context, table: u32, init: u64, delta: u64) -> u64 {
    // SAFETY: by the contract. The borrow ends with the line.
    let table = unsafe { InstanceBox::of_context(context) }.table(table).index();
    // SAFETY: by the contract.
    unsafe { store_of(context) }.grow_table_raw(table, delta, init).unwrap_or(FAILED)
}

/// # Safety
/// As [`memory_grow`].
unsafe extern "C" fn table_fill(
    context: Context,
    table: u32,
    dst: u64,
    value: u64,
    len: u64,
) -> u32 {
    // SAFETY: by the contract.
    let mut instance = unsafe { InstanceBox::of_context(context) };
    let target = instance.table_mut(table).range_mut(dst, len);
    status(target.map(|elements| elements.fill(value)))
}

/// # Safety
/// As [`memory_grow`].
unsafe extern "C" fn table_copy(
    context: Context,
    dst_table: u32,
    src_table: u32,
    dst: u64,
    src: u64,
    len: u64,
) -> u32 {
    // SAFETY: by the contract.
    let instance = unsafe { InstanceBox::of_context(context) };
    let (to, from) = (instance.table_ptr(dst_table), instance.table_ptr(src_table));
    // SAFETY: live tables of the running store, to which no reference exists. Validation ensures
    // that they have one element type.
    status(unsafe { TableDef::copy(to, from, dst, src, len) })
}

/// # Safety
/// As [`memory_grow`].
unsafe extern "C" fn table_init(
    context: Context,
    table: u32,
    segment: u32,
    dst: u64,
    src: u64,
    len: u64,
) -> u32 {
    // SAFETY: by the contract.
    let mut instance = unsafe { InstanceBox::of_context(context) };
    status(segments::init_table(&mut instance, table, segment, dst, src, len))
}

/// # Safety
/// As [`memory_grow`].
unsafe extern "C" fn elem_drop(context: Context, segment: u32) {
    // SAFETY: by the contract.
    let mut instance = unsafe { InstanceBox::of_context(context) };
    instance.drop_elements(segment);
}

/// # Safety
/// As [`memory_grow`].
unsafe extern "C" fn exception_new(context: Context, tag: u32) -> Option<NonNull<Exception>> {
    // SAFETY: by the contract.
    let tag = unsafe { InstanceBox::of_context(context) }.tag_ptr(tag);
    // SAFETY: by the contract. The instance's tag is of its store.
    let exception = unsafe { store_of(context).exceptions.add(tag) };
    exception.map(|exception| exception.as_ptr())
}

/// # Safety
/// As [`memory_grow`]. `exception` is one of the store that the code has caught. If `keep` is 0, the
/// code does not use it afterwards.
unsafe extern "C" fn exception_caught(
    context: Context,
    mut exception: NonNull<Exception>,
    keep: u32,
) {
    if keep != 0 {
        // SAFETY: by the contract.
        unsafe { exception.as_mut() }.keep();
        return;
    }
    // SAFETY: by the contract.
    unsafe { store_of(context).exceptions.caught(exception) };
}
