//! Stores: owners of instances and of the host's data.

use std::marker::PhantomData;

use crate::engine::Engine;
use crate::error::Error;
use crate::limits::StoreLimits;
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

    /// Sets the deadline of guests to so many epochs after the present one; see
    /// [`Engine::increment_epoch`]. The deadline of a new store has passed, so that its guests stop at once.
    /// Without [`Config::epoch_interruption`](crate::Config::epoch_interruption) it has no effect.
    pub fn set_epoch_deadline(&mut self, epochs: u64) {
        self.as_context_mut().set_epoch_deadline(epochs);
    }

    /// The fuel that guests have left.
    ///
    /// # Errors
    /// If the engine has no [`Config::consume_fuel`](crate::Config::consume_fuel).
    pub fn get_fuel(&self) -> Result<u64, Error> {
        self.as_context().get_fuel()
    }

    /// Sets the fuel of guests; more than `i64::MAX` counts as that. A new store has none.
    ///
    /// Each operator of a guest consumes one, as does each call of a function; but `block`, `loop`, `end`,
    /// `else`, `try_table`, `nop` and `drop` consume none. An operator on a range of a memory or a table consumes
    /// one more for each 64 bytes or 8 elements. The same guest with the same input always consumes the
    /// same. Functions and loops compare: when nothing is left, the guest stops with
    /// [`Trap::OutOfFuel`](crate::Trap::OutOfFuel).
    ///
    /// # Errors
    /// As [`Self::get_fuel`].
    ///
    /// ```
    /// use leakbench_runtime::{Config, Engine, Instance, Module, Store, Trap};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::new(&Config { consume_fuel: true, ..Config::default() })?;
    /// let text = "(module (func (export \"run\") (param i32) (loop (br_if 0 (local.get 0)))))";
    /// let module = Module::new(&engine, text)?;
    /// let mut store = Store::new(&engine, ());
    /// let instance = Instance::new(&mut store, &module, &[])?;
    /// let run = instance.get_typed_func::<i32, ()>(&store, "run")?;
    /// store.set_fuel(1000)?;
    /// run.call(&mut store, 0)?;
    /// assert_eq!(store.get_fuel()?, 997);
    /// assert_eq!(run.call(&mut store, 1).unwrap_err().trap(), Some(Trap::OutOfFuel));
    /// assert_eq!(store.get_fuel()?, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_fuel(&mut self, fuel: u64) -> Result<(), Error> {
        self.as_context_mut().set_fuel(fuel)
    }

    /// Sets limits on what the store has. What it has already stays.
    pub fn set_limits(&mut self, limits: StoreLimits) {
        self.inner.set_limits(limits);
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

    /// See [`Store::get_fuel`].
    ///
    /// # Errors
    /// As there.
    pub fn get_fuel(&self) -> Result<u64, Error> {
        self.inner.fuel()
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

    /// See [`Store::set_epoch_deadline`].
    pub fn set_epoch_deadline(&mut self, epochs: u64) {
        self.inner.set_epoch_deadline(epochs);
    }

    /// See [`Store::get_fuel`].
    ///
    /// # Errors
    /// As there.
    pub fn get_fuel(&self) -> Result<u64, Error> {
        self.inner.fuel()
    }

    /// See [`Store::set_fuel`].
    ///
    /// # Errors
    /// As there.
    pub fn set_fuel(&mut self, fuel: u64) -> Result<(), Error> {
        self.inner.set_fuel(fuel)
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
