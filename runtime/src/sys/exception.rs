//! Tags and exceptions, which compiled code handles by address.

use std::mem::offset_of;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::signature::Signature;
use crate::sys::owned::Owned;
use crate::sys::store::StoreInner;
use crate::sys::store_id::StoreId;
use crate::sys::values::RawVal;
use crate::types::FuncType;
use crate::val::Val;
use crate::vm::layout;

/// A tag. Its address is its identity.
#[derive(Debug)]
pub(crate) struct TagDef {
    signature: Arc<Signature>,
}

impl TagDef {
    pub(super) fn new(signature: Arc<Signature>) -> Self {
        TagDef { signature }
    }

    /// The engine's id of the type.
    pub(super) fn type_id(&self) -> u32 {
        self.signature.id()
    }
}

/// A tag of a store: the address of its [`TagDef`], which the store keeps until it is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TagHandle {
    store: StoreId,
    def: NonNull<TagDef>,
}

// SAFETY: the address is read only with a borrow of its store, which at most one thread changes.
unsafe impl Send for TagHandle {}
// SAFETY: as above.
unsafe impl Sync for TagHandle {}

impl TagHandle {
    /// # Safety
    /// Store `store` keeps the tag until it is dropped.
    pub(super) unsafe fn new(store: StoreId, def: NonNull<TagDef>) -> Self {
        TagHandle { store, def }
    }

    /// The address of the tag.
    ///
    /// # Panics
    /// If the tag belongs to another store.
    #[track_caller]
    pub(super) fn def(self, store: StoreId) -> NonNull<TagDef> {
        store.check(self.store, "Tag");
        self.def
    }

    /// The types of the values of its exceptions, as the parameters of a function.
    ///
    /// # Panics
    /// If the tag belongs to another store.
    #[track_caller]
    pub(crate) fn ty(self, store: &StoreInner) -> &FuncType {
        // SAFETY: the store is borrowed, and keeps the tag.
        unsafe { self.def(store.id()).as_ref() }.signature.ty()
    }

    /// The engine's id of the type.
    ///
    /// # Panics
    /// If the tag belongs to another store.
    #[track_caller]
    pub(super) fn type_id(self, store: &StoreInner) -> u32 {
        // SAFETY: the store is borrowed, and keeps the tag.
        unsafe { self.def(store.id()).as_ref() }.type_id()
    }
}

/// An exception: its tag and its values.
#[repr(C)]
#[derive(Debug)]
pub(super) struct Exception {
    /// Compiled code reads it: the address of `owned`.
    values: NonNull<RawVal>,
    owned: Box<[RawVal]>,
    tag: NonNull<TagDef>,
    /// Index among the exceptions of the store.
    index: usize,
    /// True if something may still refer to it after it is caught.
    is_kept: bool,
}

const _: () = assert!(offset_of!(Exception, values) == layout::EXCEPTION_VALUES as usize);

// SAFETY: it owns its values; the store that has it also has the tag.
unsafe impl Send for Exception {}
// SAFETY: shared access only reads.
unsafe impl Sync for Exception {}

impl Exception {
    pub(super) fn tag(&self) -> NonNull<TagDef> {
        self.tag
    }

    pub(super) fn values(&self) -> NonNull<RawVal> {
        self.values
    }

    /// Makes the store keep the exception.
    pub(super) fn keep(&mut self) {
        self.is_kept = true;
    }
}

/// Maximum size of a store's exceptions in bytes, so that a guest that keeps references to its
/// exceptions cannot take all memory.
pub(crate) const EXCEPTIONS_MAX_BYTES: usize = 64 << 20;

/// The exceptions of a store. One that is caught without a reference is dropped; others live as
/// long as the store.
#[derive(Debug, Default)]
pub(super) struct Exceptions {
    list: Vec<Owned<Exception>>,
    /// The size of all.
    bytes: usize,
}

impl Exceptions {
    /// Adds an exception with values of zero; `None` if the exceptions would be larger than
    /// [`EXCEPTIONS_MAX_BYTES`].
    ///
    /// # Safety
    /// `tag` is a tag of the store.
    pub(super) unsafe fn add(&mut self, tag: NonNull<TagDef>) -> Option<&mut Owned<Exception>> {
        // SAFETY: by the contract.
        let len = unsafe { tag.as_ref() }.signature.ty().params().len();
        let bytes = self.bytes + exception_bytes(len);
        if bytes > EXCEPTIONS_MAX_BYTES {
            return None;
        }
        self.bytes = bytes;
        let mut owned = vec![RawVal::default(); len].into_boxed_slice();
        let values = NonNull::from(&mut *owned).cast();
        let index = self.list.len();
        let exception = Exception { values, owned, tag, index, is_kept: false };
        Some(self.list.push_mut(Owned::new(exception)))
    }

    /// Drops an exception if nothing refers to it.
    ///
    /// # Safety
    /// `exception` is one of this list, and is not used afterwards if nothing refers to it.
    pub(super) unsafe fn caught(&mut self, exception: NonNull<Exception>) {
        // SAFETY: by the contract.
        let (index, is_kept) = unsafe { (exception.as_ref().index, exception.as_ref().is_kept) };
        if !is_kept {
            let caught = self.list.swap_remove(index);
            self.bytes -= exception_bytes(caught.owned.len());
            if let Some(moved) = self.list.get_mut(index) {
                moved.index = index;
            }
        }
    }
}

fn exception_bytes(values: usize) -> usize {
    size_of::<Exception>() + values * size_of::<RawVal>()
}

/// An exception of a store: its address. The store keeps the exception until it is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ExceptionHandle {
    store: StoreId,
    exception: NonNull<Exception>,
}

// SAFETY: the address is read only with a borrow of its store, which at most one thread changes.
unsafe impl Send for ExceptionHandle {}
// SAFETY: as above.
unsafe impl Sync for ExceptionHandle {}

impl ExceptionHandle {
    /// Makes the store keep the exception.
    ///
    /// # Safety
    /// `exception` is an exception of store `store`, which is exclusively borrowed.
    pub(super) unsafe fn new(store: StoreId, mut exception: NonNull<Exception>) -> Self {
        // SAFETY: by the contract.
        unsafe { exception.as_mut() }.keep();
        ExceptionHandle { store, exception }
    }

    /// Creates an exception with `values`, which must be of the tag's types; `None` if there are
    /// too many.
    ///
    /// # Panics
    /// If a value is of another type or store, or the number of values is another.
    pub(crate) fn create(store: &mut StoreInner, tag: TagHandle, values: &[Val]) -> Option<Self> {
        let (id, def) = (store.id(), tag.def(store.id()));
        let types = tag.ty(store).params();
        assert_eq!(types.len(), values.len(), "values of another number");
        let raw: Vec<RawVal> = types
            .iter()
            .zip(values)
            // SAFETY: the store is borrowed.
            .map(|(&ty, value)| unsafe { value.to_typed_raw(ty, id) })
            .collect();
        // SAFETY: `def` compared the stores.
        let exception = unsafe { store.exceptions.add(def) }?;
        exception.owned.copy_from_slice(&raw);
        let address = exception.as_ptr();
        // SAFETY: an exception of this store.
        Some(unsafe { ExceptionHandle::new(id, address) })
    }

    /// The address of the exception.
    ///
    /// # Panics
    /// If the exception belongs to another store.
    #[track_caller]
    pub(super) fn address(self, store: StoreId) -> NonNull<Exception> {
        store.check(self.store, "ExnRef");
        self.exception
    }

    /// The tag.
    ///
    /// # Panics
    /// If the exception belongs to another store.
    #[track_caller]
    pub(crate) fn tag(self, store: &StoreInner) -> TagHandle {
        // SAFETY: the store is borrowed, and keeps the exception and its tag.
        unsafe { TagHandle::new(self.store, self.address(store.id()).as_ref().tag) }
    }

    /// The values.
    ///
    /// # Panics
    /// If the exception belongs to another store.
    #[track_caller]
    pub(crate) fn values(self, store: &StoreInner) -> Vec<Val> {
        let types = self.tag(store).ty(store).params();
        // SAFETY: the store is borrowed, and keeps the exception.
        let exception = unsafe { self.address(store.id()).as_ref() };
        let values = types.iter().zip(&exception.owned);
        // SAFETY: the values are of the tag's types.
        values.map(|(&ty, &raw)| unsafe { Val::from_raw(ty, raw, self.store) }).collect()
    }
}
