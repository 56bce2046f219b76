//! Stores: owners of instances and of the host's data.

use std::marker::PhantomData;

use crate::engine::Engine;
use crate::sys::store::StoreInner;

/// Owns instances, their items, and a `T` of the host. Frees everything when it is dropped, and
/// nothing before.
#[derive(Debug)]
pub struct Store<T: Send + 'static> {
    inner: Box<StoreInner>,
    data: PhantomData<T>,
}

impl<T: Send + 'static> Store<T> {
    /// Creates an empty store.
    pub fn new(engine: &Engine, data: T) -> Self {
        Store { inner: StoreInner::new(engine, Box::new(data)), data: PhantomData }
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        self.inner.engine()
    }

    /// The host's data.
    pub fn data(&self) -> &T {
        self.inner.data()
    }

    /// The host's data.
    pub fn data_mut(&mut self) -> &mut T {
        self.inner.data_mut()
    }

    /// Drops the store and returns the host's data.
    pub fn into_data(self) -> T {
        match self.inner.into_data().downcast() {
            Ok(data) => *data,
            Err(_) => unreachable!("a store's data has the store's type"),
        }
    }
}

impl<T: Default + Send + 'static> Default for Store<T> {
    /// An empty store of a new engine with the default configuration.
    ///
    /// # Panics
    /// Where [`Engine::new`] returns an error.
    fn default() -> Self {
        Store::new(&Engine::default(), T::default())
    }
}

/// Shared access to a store, from a store or a caller.
#[derive(Clone, Copy, Debug)]
pub struct StoreContext<'a, T> {
    inner: &'a StoreInner,
    data: PhantomData<&'a T>,
}

/// Exclusive access to a store, from a store or a caller.
#[derive(Debug)]
pub struct StoreContextMut<'a, T> {
    inner: &'a mut StoreInner,
    data: PhantomData<&'a mut T>,
}

impl<'a, T: 'static> StoreContext<'a, T> {
    pub(crate) fn into_inner(self) -> &'a StoreInner {
        self.inner
    }

    /// The host's data.
    pub fn data(&self) -> &'a T {
        self.inner.data()
    }

    /// The store's engine.
    pub fn engine(&self) -> &'a Engine {
        self.inner.engine()
    }
}

impl<'a, T: 'static> StoreContextMut<'a, T> {
    /// `inner` must be a store of `T`.
    pub(crate) fn new(inner: &'a mut StoreInner) -> Self {
        StoreContextMut { inner, data: PhantomData }
    }

    pub(crate) fn into_inner(self) -> &'a mut StoreInner {
        self.inner
    }

    /// The host's data.
    pub fn data(&self) -> &T {
        self.inner.data()
    }

    /// The host's data.
    pub fn data_mut(&mut self) -> &mut T {
        self.inner.data_mut()
    }

    /// The store's engine.
    pub fn engine(&self) -> &Engine {
        self.inner.engine()
    }
}

/// A type that gives shared access to a store.
pub trait AsContext {
    /// The type of the host's data.
    type Data: 'static;

    /// Shared access to the store.
    fn as_context(&self) -> StoreContext<'_, Self::Data>;
}

/// A type that gives exclusive access to a store.
pub trait AsContextMut: AsContext {
    /// Exclusive access to the store.
    fn as_context_mut(&mut self) -> StoreContextMut<'_, Self::Data>;
}

impl<T: Send + 'static> AsContext for Store<T> {
    type Data = T;

    fn as_context(&self) -> StoreContext<'_, T> {
        StoreContext { inner: &self.inner, data: PhantomData }
    }
}

impl<T: Send + 'static> AsContextMut for Store<T> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        StoreContextMut::new(&mut self.inner)
    }
}

impl<T: 'static> AsContext for StoreContext<'_, T> {
    type Data = T;

    fn as_context(&self) -> StoreContext<'_, T> {
        StoreContext { inner: self.inner, data: PhantomData }
    }
}

impl<T: 'static> AsContext for StoreContextMut<'_, T> {
    type Data = T;

    fn as_context(&self) -> StoreContext<'_, T> {
        StoreContext { inner: self.inner, data: PhantomData }
    }
}

impl<T: 'static> AsContextMut for StoreContextMut<'_, T> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        StoreContextMut::new(self.inner)
    }
}

impl<C: AsContext> AsContext for &'_ C {
    type Data = C::Data;

    fn as_context(&self) -> StoreContext<'_, Self::Data> {
        C::as_context(self)
    }
}

impl<C: AsContext> AsContext for &'_ mut C {
    type Data = C::Data;

    fn as_context(&self) -> StoreContext<'_, Self::Data> {
        C::as_context(self)
    }
}

impl<C: AsContextMut> AsContextMut for &'_ mut C {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, Self::Data> {
        C::as_context_mut(self)
    }
}
