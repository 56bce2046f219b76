//! Tags, and the exceptions that guests throw and catch.

use crate::error::{Error, TypeError};
use crate::store::{AsContext, AsContextMut};
use crate::sys::exception::{ExceptionHandle, TagHandle};
use crate::types::TagType;
use crate::val::Val;

/// A tag of a store: the kind of an exception, and the types of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tag(TagHandle);

impl Tag {
    /// Creates a tag, which differs from every other.
    ///
    /// # Errors
    /// If the type has results, or contains a function type that nothing in the engine uses.
    pub fn new(mut store: impl AsContextMut, ty: &TagType) -> Result<Self, Error> {
        store.as_context_mut().into_inner().add_tag(ty.ty()).map(Tag)
    }

    pub(crate) fn new_in(handle: TagHandle) -> Self {
        Tag(handle)
    }

    pub(crate) fn handle(&self) -> TagHandle {
        self.0
    }

    /// Returns true if both are the same tag.
    ///
    /// # Panics
    /// If a tag belongs to another store.
    pub fn eq(a: &Tag, b: &Tag, store: impl AsContext) -> bool {
        let store = store.as_context().into_inner();
        a.0.ty(store);
        b.0.ty(store);
        a == b
    }

    /// The type.
    ///
    /// # Panics
    /// If the tag belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> TagType {
        TagType::new(self.0.ty(store.as_context().into_inner()).clone())
    }
}

/// A reference to an exception. The exception lives as long as the store, because guests may keep
/// the reference anywhere.
///
/// If a guest does not catch an exception, its caller receives [`Error::Exception`]. A host function
/// that returns this error throws the exception again, in the guest that called it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExnRef(ExceptionHandle);

impl ExnRef {
    /// Creates an exception with the given values.
    ///
    /// # Errors
    /// If the number or the types of the values are not the tag's, or the store has too many
    /// exceptions.
    ///
    /// # Panics
    /// If the tag or a value belongs to another store.
    pub fn new(mut store: impl AsContextMut, tag: &Tag, values: &[Val]) -> Result<Self, Error> {
        let store = store.as_context_mut().into_inner();
        let ty = tag.0.ty(store);
        if ty.params().len() != values.len() {
            let (ty, params) = (ty.clone(), values.len());
            return Err(TypeError::Count { ty, params, results: 0 }.into());
        }
        for (&expected, value) in ty.params().iter().zip(values) {
            if !value.is_of_type(expected, store) {
                let (what, found) = ("a value of an exception", value.top_ty());
                return Err(TypeError::Value { what, expected, found }.into());
            }
        }
        let exception = ExceptionHandle::create(store, tag.0, values);
        exception.map(ExnRef).ok_or_else(|| TypeError::TooManyExceptions.into())
    }

    pub(crate) fn new_in(handle: ExceptionHandle) -> Self {
        ExnRef(handle)
    }

    pub(crate) fn handle(&self) -> ExceptionHandle {
        self.0
    }

    /// The tag.
    ///
    /// # Panics
    /// If the exception belongs to another store.
    pub fn tag(&self, store: impl AsContext) -> Tag {
        Tag(self.0.tag(store.as_context().into_inner()))
    }

    /// The values.
    ///
    /// # Panics
    /// If the exception belongs to another store.
    pub fn values(&self, store: impl AsContext) -> Vec<Val> {
        self.0.values(store.as_context().into_inner())
    }
}
