//! The allocations of the instances of one module. The last one that was dropped is kept for the next.

use std::alloc::{self, Layout};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};

use super::{InstanceState, STATE_BYTES};
use crate::vm::layout::VmLayout;

/// Allocates instances of one module.
///
/// The function references of a context hold its own address and what all instances of the module
/// have in common, and nothing changes them. So a kept allocation still has those of the next instance.
#[derive(Debug)]
pub(crate) struct InstanceAllocator {
    layout: Layout,
    /// The allocation of a dropped instance; null if there is none.
    spare: AtomicPtr<InstanceState>,
}

/// Memory for an instance's state and context.
pub(super) struct Allocation {
    pub(super) state: NonNull<InstanceState>,
    /// True if the function references of the context are those of an instance of this module.
    pub(super) has_func_refs: bool,
}

impl InstanceAllocator {
    pub(crate) fn new(layout: &VmLayout) -> Self {
        let bytes = STATE_BYTES + layout.size_bytes() as usize;
        let layout = Layout::from_size_align(bytes, 16)
            .unwrap_or_else(|_| unreachable!("a context of {bytes} bytes"));
        InstanceAllocator { layout, spare: AtomicPtr::default() }
    }

    /// Only the function references may be initialized. [`Self::give_back`] or nothing frees it.
    pub(super) fn allocate(&self) -> Allocation {
        // Acquire: another thread may have given it back.
        if let Some(state) = NonNull::new(self.spare.swap(ptr::null_mut(), Ordering::Acquire)) {
            return Allocation { state, has_func_refs: true };
        }
        // SAFETY: the layout is not empty.
        let state = unsafe { alloc::alloc(self.layout) }.cast();
        let Some(state) = NonNull::new(state) else { alloc::handle_alloc_error(self.layout) };
        Allocation { state, has_func_refs: false }
    }

    /// Takes the allocation of an instance back.
    ///
    /// # Safety
    /// [`Self::allocate`] of this value returned it, its context has all function references, and
    /// nothing uses it any more.
    pub(super) unsafe fn give_back(&self, state: NonNull<InstanceState>) {
        // Release: the next instance may be made on another thread.
        let previous = self.spare.swap(state.as_ptr(), Ordering::AcqRel);
        self.free(previous);
    }

    fn free(&self, state: *mut InstanceState) {
        if !state.is_null() {
            // SAFETY: `allocate` allocated it with this layout, and only `spare` had it.
            unsafe { alloc::dealloc(state.cast(), self.layout) };
        }
    }
}

impl Drop for InstanceAllocator {
    fn drop(&mut self) {
        let spare = *self.spare.get_mut();
        self.free(spare);
    }
}
