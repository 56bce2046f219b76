//! References to values of the host, which guests pass around.

use std::any::Any;
use std::sync::Arc;

use crate::store::{AsContext, AsContextMut};
use crate::sys::store_id::StoreId;

/// A reference to a value of the host. Guests can hold it, but not use the value.
///
/// The value lives as long as the store, because guests may keep the reference anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExternRef {
    store: StoreId,
    index: u32,
}

/// The value of an [`ExternRef`].
pub(crate) type ExternData = Arc<dyn Any + Send + Sync>;

impl ExternRef {
    /// Gives `value` to the store, and returns a reference to it.
    pub fn new(mut store: impl AsContextMut, value: impl Any + Send + Sync) -> Self {
        let store = store.as_context_mut().into_inner();
        ExternRef { store: store.id(), index: store.add_extern(Arc::new(value)) }
    }

    /// The value.
    ///
    /// # Panics
    /// If the reference belongs to another store.
    pub fn data<'a, T: 'static>(
        &self,
        store: &'a impl AsContext<Data = T>,
    ) -> &'a (dyn Any + Send + Sync) {
        let store = store.as_context().into_inner();
        store.check(self.store, "ExternRef");
        store.extern_data(self.index)
    }

    /// The bits of the reference in compiled code: never 0, which is null.
    pub(crate) fn raw(self, store: StoreId) -> u64 {
        store.check(self.store, "ExternRef");
        u64::from(self.index) + 1
    }

    pub(crate) fn from_raw(store: StoreId, raw: u64) -> Option<Self> {
        let index = u32::try_from(raw.checked_sub(1)?).ok()?;
        Some(ExternRef { store, index })
    }
}
