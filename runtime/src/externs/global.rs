//! Globals as the host sees them.

use super::check_type;
use crate::error::{Error, TypeError};
use crate::store::{AsContext, AsContextMut};
use crate::sys::context::GlobalHandle;
use crate::types::{GlobalType, Mutability};
use crate::val::Val;

/// A global of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Global(GlobalHandle);

impl Global {
    /// Creates a global.
    ///
    /// # Errors
    /// If `value` has another type.
    pub fn new(mut store: impl AsContextMut, ty: GlobalType, value: Val) -> Result<Self, Error> {
        let store = store.as_context_mut().into_inner();
        check_type(store, "a global's value", ty.content(), value)?;
        Ok(Global(store.add_global(ty, value)))
    }

    pub(crate) fn new_in(handle: GlobalHandle) -> Self {
        Global(handle)
    }

    pub(crate) fn handle(&self) -> GlobalHandle {
        self.0
    }

    /// The type.
    ///
    /// # Panics
    /// If the global belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> GlobalType {
        self.0.checked_ty(store.as_context().into_inner())
    }

    /// The value.
    pub fn get(&self, store: impl AsContext) -> Val {
        self.0.get(store.as_context().into_inner())
    }

    /// Sets the value.
    ///
    /// # Errors
    /// If the global is immutable, or `value` has another type.
    pub fn set(&self, mut store: impl AsContextMut, value: Val) -> Result<(), Error> {
        let store = store.as_context_mut().into_inner();
        let ty = self.0.ty();
        if ty.mutability() == Mutability::Const {
            return Err(TypeError::Immutable.into());
        }
        check_type(store, "a global's value", ty.content(), value)?;
        self.0.set(store, value);
        Ok(())
    }
}
