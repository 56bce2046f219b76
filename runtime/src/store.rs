//! Stores: owners of instances and of everything that they share, and the host's data.

use std::any::Any;
use std::cell::Cell;
use std::marker::PhantomData;
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::engine::Engine;
use crate::error::{Error, TrapError};
use crate::externref::ExternData;
use crate::sys::context::{FuncPtr, GlobalCell, InstanceBox, RootContext};
use crate::sys::entry::{self, Callable, Stop};
use crate::sys::host::HostFunc;
use crate::sys::memory::MemoryDef;
use crate::sys::owned::Owned;
use crate::sys::table::TableDef;
use crate::trap::{HOST_ERROR, Trap};
use crate::val::RawVal;
use crate::vm::code::CodeList;

/// Owns instances and what they are made of, and the host's `T`. Nothing in it is freed before
/// the store is dropped; then all of it is.
#[derive(Debug)]
pub struct Store<T: Send + 'static> {
    inner: Box<StoreInner>,
    data: PhantomData<T>,
}

/// Which store a handle belongs to. Never used twice in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct StoreId(u64);

impl StoreId {
    /// Ids are handed to threads in blocks, so that making a store touches nothing that other
    /// threads do.
    fn next() -> Self {
        const BLOCK: u64 = 1024;
        static NEXT_BLOCK: AtomicU64 = AtomicU64::new(0);
        thread_local!(static NEXT: Cell<u64> = const { Cell::new(0) });
        let mut next = NEXT.get();
        if next.is_multiple_of(BLOCK) {
            next = NEXT_BLOCK.fetch_add(1, Ordering::Relaxed) * BLOCK;
        }
        NEXT.set(next + 1);
        StoreId(next)
    }
}

/// What a host function left to be raised in its caller's caller.
pub(crate) enum Pending {
    Error(Error),
    Panic(Box<dyn Any + Send>),
}

/// The store but for its type.
///
/// Memories come before instances, so that every slot is back in the pool before the instance's
/// module can go.
pub struct StoreInner {
    id: StoreId,
    memories: Vec<Owned<MemoryDef>>,
    tables: Vec<Owned<TableDef>>,
    globals: Vec<Owned<GlobalCell>>,
    instances: Vec<InstanceBox>,
    /// Read by the signal handler, by its address.
    pub(crate) code: CodeList,
    /// Sorted by address, each once.
    host_funcs: Vec<Arc<HostFunc>>,
    externs: Vec<ExternData>,
    root: Owned<RootContext>,
    pending: Option<Pending>,
    /// Lent to untyped calls, so that they need not allocate.
    values: Vec<RawVal>,
    engine: Engine,
    data: Box<dyn Any + Send>,
}

impl std::fmt::Debug for StoreInner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("id", &self.id)
            .field("instances", &self.instances.len())
            .finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Store<T> {
    /// An empty store.
    pub fn new(engine: &Engine, data: T) -> Self {
        Store {
            inner: Box::new(StoreInner {
                id: StoreId::next(),
                memories: Vec::new(),
                tables: Vec::new(),
                globals: Vec::new(),
                instances: Vec::new(),
                code: CodeList::default(),
                host_funcs: Vec::new(),
                externs: Vec::new(),
                root: RootContext::new(),
                pending: None,
                values: Vec::new(),
                engine: engine.clone(),
                data: Box::new(data),
            }),
            data: PhantomData,
        }
    }

    /// The engine that it was made with.
    pub fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    /// The host's data.
    pub fn data(&self) -> &T {
        self.inner.data()
    }

    /// The host's data.
    pub fn data_mut(&mut self) -> &mut T {
        self.inner.data_mut()
    }

    /// Drops the store for the host's data.
    pub fn into_data(self) -> T {
        match self.inner.data.downcast() {
            Ok(data) => *data,
            Err(_) => unreachable!("a store's data has the store's type"),
        }
    }
}

impl StoreInner {
    pub(crate) fn id(&self) -> StoreId {
        self.id
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn root(&self) -> &Owned<RootContext> {
        &self.root
    }

    pub(crate) fn data<T: 'static>(&self) -> &T {
        match self.data.downcast_ref() {
            Some(data) => data,
            None => unreachable!("a store's data has the store's type"),
        }
    }

    pub(crate) fn data_mut<T: 'static>(&mut self) -> &mut T {
        match self.data.downcast_mut() {
            Some(data) => data,
            None => unreachable!("a store's data has the store's type"),
        }
    }

    /// # Panics
    /// If a handle of store `id` does not belong here.
    #[track_caller]
    pub(crate) fn check(&self, id: StoreId, what: &str) {
        assert!(self.id == id, "{what} used with another store than the one that owns it");
    }

    pub(crate) fn instance(&self, index: u32) -> &InstanceBox {
        &self.instances[index as usize]
    }

    pub(crate) fn instance_mut(&mut self, index: u32) -> &mut InstanceBox {
        &mut self.instances[index as usize]
    }

    pub(crate) fn next_instance(&self) -> u32 {
        self.instances.len() as u32
    }

    /// Takes over an instance whose index is [`Self::next_instance`].
    pub(crate) fn add_instance(&mut self, instance: InstanceBox) {
        let state = instance.state();
        assert_eq!(state.index, self.next_instance());
        self.code.add(&state.module.compiled().code, Some(state.index));
        self.instances.push(instance);
    }

    pub(crate) fn memory(&self, index: u32) -> &Owned<MemoryDef> {
        &self.memories[index as usize]
    }

    pub(crate) fn memory_mut(&mut self, index: u32) -> &mut Owned<MemoryDef> {
        &mut self.memories[index as usize]
    }

    pub(crate) fn memory_and_data<T: 'static>(&mut self, index: u32) -> (&mut MemoryDef, &mut T) {
        match self.data.downcast_mut() {
            Some(data) => (&mut self.memories[index as usize], data),
            None => unreachable!("a store's data has the store's type"),
        }
    }

    pub(crate) fn next_memory(&self) -> u32 {
        self.memories.len() as u32
    }

    pub(crate) fn add_memory(&mut self, memory: MemoryDef) -> &Owned<MemoryDef> {
        assert_eq!(memory.index(), self.next_memory());
        self.memories.push_mut(Owned::new(memory))
    }

    pub(crate) fn table(&self, index: u32) -> &Owned<TableDef> {
        &self.tables[index as usize]
    }

    pub(crate) fn table_mut(&mut self, index: u32) -> &mut Owned<TableDef> {
        &mut self.tables[index as usize]
    }

    pub(crate) fn next_table(&self) -> u32 {
        self.tables.len() as u32
    }

    pub(crate) fn add_table(&mut self, table: TableDef) -> &Owned<TableDef> {
        assert_eq!(table.index(), self.next_table());
        self.tables.push_mut(Owned::new(table))
    }

    /// Drops the memories and tables from these indices on, to which nothing may refer.
    pub(crate) fn truncate(&mut self, memories: u32, tables: u32) {
        self.memories.truncate(memories as usize);
        self.tables.truncate(tables as usize);
    }

    pub(crate) fn add_global(&mut self, cell: GlobalCell) -> &Owned<GlobalCell> {
        self.globals.push_mut(Owned::new(cell))
    }

    /// Keeps a host function for as long as the store, so that its code may run.
    ///
    /// # Panics
    /// If it was made for another engine: its type would be taken for another.
    pub(crate) fn add_host_func(&mut self, func: &Arc<HostFunc>) -> FuncPtr {
        assert!(
            func.signature().is_of(self.engine.signatures()),
            "a host function used with a store of another engine"
        );
        // A linker brings the same functions for each instance.
        if let Err(place) = self.host_funcs.binary_search_by_key(&Arc::as_ptr(func), Arc::as_ptr) {
            self.host_funcs.insert(place, Arc::clone(func));
            self.code.add(func.trampoline(), None);
        }
        func.func_ref()
    }

    pub(crate) fn add_extern(&mut self, data: ExternData) -> u32 {
        self.externs.push(data);
        self.externs.len() as u32 - 1
    }

    pub(crate) fn extern_data(&self, index: u32) -> &(dyn Any + Send + Sync) {
        &*self.externs[index as usize]
    }

    pub(crate) fn set_pending(&mut self, pending: Pending) {
        self.pending = Some(pending);
    }

    /// The buffer for values, to be given back by [`Self::return_values`].
    pub(crate) fn take_values(&mut self, len: usize) -> Vec<RawVal> {
        let mut values = std::mem::take(&mut self.values);
        values.clear();
        values.resize(len, RawVal::default());
        values
    }

    pub(crate) fn return_values(&mut self, values: Vec<RawVal>) {
        self.values = values;
    }

    /// Calls a function; see [`entry::invoke`].
    pub(crate) fn invoke(
        &mut self,
        callable: &Callable,
        values: &mut [RawVal],
    ) -> Result<(), Error> {
        entry::invoke(self, callable, values).map_err(|stop| self.stopped(stop))
    }

    /// What stopped a call: a trap, or what a host function left.
    #[cold]
    fn stopped(&mut self, stop: Stop) -> Error {
        if stop.code == HOST_ERROR {
            return match self.pending.take() {
                Some(Pending::Error(error)) => error,
                Some(Pending::Panic(payload)) => panic::resume_unwind(payload),
                None => unreachable!("a host function failed without an error"),
            };
        }
        let Some(trap) = Trap::from_code(stop.code) else {
            unreachable!("compiled code stopped with {}", stop.code)
        };
        let Some((instance, func)) = self.code.func_at(stop.pc) else {
            return TrapError::at_instantiation(trap, None).into();
        };
        let module = self.instance(instance).state().module.compiled();
        TrapError {
            trap,
            function: Some(module.function_name(func)),
            module: module.info.name.clone(),
        }
        .into()
    }
}

/// Shared access to a store, for what takes either a store or a caller.
#[derive(Clone, Copy, Debug)]
pub struct StoreContext<'a, T> {
    inner: &'a StoreInner,
    data: PhantomData<&'a T>,
}

/// Exclusive access to a store, for what takes either a store or a caller.
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
        &self.inner.engine
    }
}

impl<'a, T: 'static> StoreContextMut<'a, T> {
    /// `inner` is a store of `T`.
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
        &self.inner.engine
    }
}

/// A store, or what gives access to one.
pub trait AsContext {
    /// The host's data in it.
    type Data: 'static;

    /// The store.
    fn as_context(&self) -> StoreContext<'_, Self::Data>;
}

/// A store, or what gives exclusive access to one.
pub trait AsContextMut: AsContext {
    /// The store.
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
