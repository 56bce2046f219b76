//! A box whose address compiled code may keep.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// Owns a `T` at a fixed address. Unlike a [`Box`], moving it does not invalidate other pointers to
/// the `T`, so compiled code may keep the address.
pub(crate) struct Owned<T>(NonNull<T>);

// SAFETY: it owns its `T`, as a box does.
unsafe impl<T: Send> Send for Owned<T> {}
// SAFETY: a shared `Owned` gives shared access to the `T` only.
unsafe impl<T: Sync> Sync for Owned<T> {}

impl<T> Owned<T> {
    pub(crate) fn new(value: T) -> Self {
        Owned(NonNull::from(Box::leak(Box::new(value))))
    }

    /// The address, valid until this is dropped.
    pub(crate) fn as_ptr(&self) -> NonNull<T> {
        self.0
    }
}

impl<T> Deref for Owned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: `new` initialised it. Guests do not run while the store that owns this is
        // borrowed.
        unsafe { self.0.as_ref() }
    }
}

impl<T> DerefMut for Owned<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and `self` is exclusively borrowed.
        unsafe { self.0.as_mut() }
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: `new` leaked it from a box; it is dropped once.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

impl<T: fmt::Debug> fmt::Debug for Owned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
