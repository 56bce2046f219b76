//! The contents of a store: everything that compiled code reaches by address.
//!
//! Items are added and stay at their addresses until the store is dropped. Handles, such as
//! [`FuncHandle`], hold the id of their store together with an
//! address; a handle reads its address only after it has compared the ids.

use std::any::Any;
use std::panic;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::backtrace::{FrameInfo, WasmBacktrace};
use crate::engine::Engine;
use crate::error::{Error, TrapError, TypeError};
use crate::externref::ExternData;
use crate::limits::{Amounts, LimitError, StoreLimits};
use crate::sys::context::{FuncHandle, GlobalCell, GlobalHandle, RootContext};
use crate::sys::entry::Stop;
use crate::sys::exception::{Exception, Exceptions, TagDef, TagHandle};
use crate::sys::host::HostFunc;
use crate::sys::instance::InstanceBox;
use crate::sys::memory::{MemoryDef, MemoryPlace};
use crate::sys::owned::Owned;
use crate::sys::shared_memory::SharedMemory;
use crate::sys::store_id::StoreId;
use crate::sys::table::TableDef;
use crate::sys::values::RawVal;
use crate::trap::{HOST_ERROR, Trap, UNKNOWN_STACK};
use crate::types::{FuncType, GlobalType, MemoryType, TableType, ValType};
use crate::val::Val;
use crate::vm::code::{CodeList, Place};

/// Why a host function or a builtin does not return, until the host's call of the guest does.
pub(crate) enum Pending {
    /// The deadline of the store has passed.
    Late,
    Error(Error),
    Panic(Box<dyn Any + Send>),
}

/// A store without the type of its data.
///
/// Memories come before instances, so that every slot is back in the pool before the last
/// reference to the instance's module is dropped.
pub(crate) struct StoreInner {
    id: StoreId,
    pub(super) memories: Vec<Owned<MemoryDef>>,
    pub(super) tables: Vec<Owned<TableDef>>,
    globals: Vec<Owned<GlobalCell>>,
    pub(super) tags: Vec<Owned<TagDef>>,
    pub(super) exceptions: Exceptions,
    instances: Vec<InstanceBox>,
    /// The signal handler reads it by address.
    pub(super) code: CodeList,
    /// Sorted by address, without duplicates.
    host_funcs: Vec<Arc<HostFunc>>,
    externs: Vec<ExternData>,
    root: Arc<RootContext>,
    limits: StoreLimits,
    pending: Option<Pending>,
    /// A buffer for calls whose types are checked at each call, so that they need not allocate.
    values: Vec<RawVal>,
    /// The addresses at which the frames of the last trap stopped, the innermost first.
    pub(super) frames: Vec<usize>,
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

impl StoreInner {
    pub(crate) fn new(engine: &Engine, data: Box<dyn Any + Send>) -> Box<Self> {
        let root = RootContext::new();
        if engine.config().epoch_interruption {
            engine.epochs().add(&root);
        }
        Box::new(StoreInner {
            id: StoreId::next(),
            memories: Vec::new(),
            tables: Vec::new(),
            globals: Vec::new(),
            tags: Vec::new(),
            exceptions: Exceptions::default(),
            instances: Vec::new(),
            code: CodeList::default(),
            host_funcs: Vec::new(),
            externs: Vec::new(),
            root,
            limits: StoreLimits::default(),
            pending: None,
            values: Vec::new(),
            frames: Vec::new(),
            engine: engine.clone(),
            data,
        })
    }

    pub(crate) fn id(&self) -> StoreId {
        self.id
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn root(&self) -> &Arc<RootContext> {
        &self.root
    }

    /// Sets the deadline of guests to so many epochs after the present one.
    pub(crate) fn set_epoch_deadline(&mut self, epochs: u64) {
        if self.engine.config().epoch_interruption {
            self.engine.epochs().set_deadline(&self.root.limits, epochs);
        }
    }

    /// True if the deadline of guests has passed.
    pub(super) fn is_interrupted(&self) -> bool {
        let has_epochs = self.engine.config().epoch_interruption;
        has_epochs && self.engine.epochs().has_passed(&self.root.limits)
    }

    /// The fuel that is left.
    ///
    /// # Errors
    /// If the engine's code counts none.
    pub(crate) fn fuel(&self) -> Result<u64, Error> {
        self.check_fuel()?;
        // Code subtracts before it compares.
        Ok(self.root.limits.fuel.load(Ordering::Relaxed).max(0).cast_unsigned())
    }

    /// As [`Self::fuel`].
    pub(crate) fn set_fuel(&mut self, fuel: u64) -> Result<(), Error> {
        self.check_fuel()?;
        let fuel = i64::try_from(fuel).unwrap_or(i64::MAX);
        self.root.limits.fuel.store(fuel, Ordering::Relaxed);
        Ok(())
    }

    fn check_fuel(&self) -> Result<(), Error> {
        if self.engine.config().consume_fuel { Ok(()) } else { Err(Error::NoFuel) }
    }

    /// Sets the limits of what is added from now on.
    pub(crate) fn set_limits(&mut self, limits: StoreLimits) {
        self.limits = limits;
    }

    /// Checks that the store may have so much more.
    ///
    /// # Errors
    /// With the limit that would be exceeded.
    pub(crate) fn check_limits(&self, more: Amounts) -> Result<(), LimitError> {
        // Counting costs a look at each memory and table.
        if self.limits == StoreLimits::default() {
            Ok(())
        } else {
            self.limits.check(self.amounts(), more)
        }
    }

    fn amounts(&self) -> Amounts {
        let bytes = self.memories.iter().map(|memory| memory.head().len_bytes());
        let elements = self.tables.iter().map(|table| table.ty().minimum());
        Amounts {
            instances: self.instances.len() as u64,
            memories: self.memories.len() as u64,
            memory_bytes: bytes.sum(),
            tables: self.tables.len() as u64,
            table_elements: elements.sum(),
        }
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

    pub(crate) fn into_data(self) -> Box<dyn Any + Send> {
        self.data
    }

    /// Checks that an item of store `owner` belongs to this store.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub(crate) fn check(&self, owner: StoreId, item: &str) {
        self.id.check(owner, item);
    }

    pub(crate) fn instance(&self, index: u32) -> &InstanceBox {
        &self.instances[index as usize]
    }

    pub(crate) fn instance_mut(&mut self, index: u32) -> &mut InstanceBox {
        &mut self.instances[index as usize]
    }

    pub(super) fn next_instance(&self) -> u32 {
        self.instances.len() as u32
    }

    /// Takes over an instance whose index is [`Self::next_instance`].
    pub(super) fn add_instance(&mut self, instance: InstanceBox) -> u32 {
        let index = instance.index();
        assert_eq!(index, self.next_instance());
        self.code.add(&instance.module().compiled().code, Some(index));
        self.instances.push(instance);
        index
    }

    pub(crate) fn memory(&self, index: u32) -> &Owned<MemoryDef> {
        &self.memories[index as usize]
    }

    /// The bytes of a memory, exclusively borrowed.
    pub(crate) fn memory_bytes_mut(&mut self, index: u32) -> &mut [u8] {
        self.memories[index as usize].data_mut()
    }

    /// The bytes of a memory and the host's data, both exclusively borrowed.
    pub(crate) fn memory_and_data<T: 'static>(&mut self, index: u32) -> (&mut [u8], &mut T) {
        match self.data.downcast_mut() {
            Some(data) => (self.memories[index as usize].data_mut(), data),
            None => unreachable!("a store's data has the store's type"),
        }
    }

    /// Adds `delta` pages to a memory and returns its previous size in pages; `None` if its
    /// maximum, the limits or the kernel do not allow it.
    pub(crate) fn grow_memory(&mut self, index: u32, delta: u64) -> Option<u64> {
        let memory_bytes = self.memory(index).growth_bytes(delta)?;
        self.check_limits(Amounts { memory_bytes, ..Amounts::default() }).ok()?;
        self.memories[index as usize].grow(delta)
    }

    /// Allocates a memory that no module has affinity to, and returns its index.
    ///
    /// # Errors
    /// Those of [`MemoryPlace::new`]; or if the type is shared, or the limits do not allow it.
    pub(crate) fn add_memory(&mut self, ty: MemoryType) -> Result<u32, Error> {
        if ty.is_shared() {
            return Err(TypeError::Sharing { ty }.into());
        }
        self.check_limits(Amounts::of_memory(ty))?;
        let place = MemoryPlace::new(&self.engine, None, ty)?;
        let index = self.memories.len() as u32;
        self.memories.push(Owned::new(MemoryDef::new(index, ty, place)));
        Ok(index)
    }

    /// This store's definition of a shared memory.
    pub(super) fn shared_memory(&mut self, memory: &SharedMemory) -> &Owned<MemoryDef> {
        let is_it = |def: &Owned<MemoryDef>| def.shared().is_some_and(|known| known.is(memory));
        let known = self.memories.iter().position(is_it);
        let index = known.unwrap_or_else(|| {
            let place = MemoryPlace::Shared(memory.clone());
            let def = MemoryDef::new(self.memories.len() as u32, memory.ty(), place);
            self.memories.push(Owned::new(def));
            self.memories.len() - 1
        });
        &self.memories[index]
    }

    pub(crate) fn table(&self, index: u32) -> &Owned<TableDef> {
        &self.tables[index as usize]
    }

    /// Creates a table filled with `init`, and returns its index.
    ///
    /// # Errors
    /// If there is no memory for it, or the limits do not allow it.
    ///
    /// # Panics
    /// If `init` is not of the table's type.
    pub(crate) fn add_table(&mut self, ty: TableType, init: Val) -> Result<u32, Error> {
        self.check_limits(Amounts::of_table(ty))?;
        // SAFETY: this store.
        let init = unsafe { init.to_ref_bits(ty.element(), self.id) };
        let index = self.tables.len() as u32;
        let def = TableDef::new(index, ty, init).ok_or(Error::Table { ty })?;
        self.tables.push(Owned::new(def));
        Ok(index)
    }

    /// An element of a table; `None` beyond the table's end.
    pub(crate) fn table_element(&self, table: u32, element: u64) -> Option<Val> {
        let table = self.table(table);
        let bits = *table.elements().get(element as usize)?;
        // SAFETY: every element was written by compiled code of this store, or from a value of
        // this store, as one of the table's type.
        Some(unsafe {
            Val::from_raw(ValType::Ref(table.ty().element()), RawVal::new(bits), self.id)
        })
    }

    /// Sets an element of a table; `None` beyond the table's end.
    ///
    /// # Panics
    /// If `value` is not of the table's type.
    pub(crate) fn set_table_element(&mut self, table: u32, element: u64, value: Val) -> Option<()> {
        let table = &mut self.tables[table as usize];
        // SAFETY: this store.
        let bits = unsafe { value.to_ref_bits(table.ty().element(), self.id) };
        *table.elements_mut().get_mut(element as usize)? = bits;
        Some(())
    }

    /// Adds `delta` elements that hold `init` to a table, and returns its previous size; `None` if
    /// its maximum, the limits or the memory do not allow it.
    ///
    /// # Panics
    /// If `init` is not of the table's type.
    pub(crate) fn grow_table(&mut self, table: u32, delta: u64, init: Val) -> Option<u64> {
        // SAFETY: this store.
        let init = unsafe { init.to_ref_bits(self.table(table).ty().element(), self.id) };
        self.grow_table_raw(table, delta, init)
    }

    /// As [`Self::grow_table`], with the bits of an element of the table's type.
    pub(super) fn grow_table_raw(&mut self, table: u32, delta: u64, init: u64) -> Option<u64> {
        self.check_limits(Amounts { table_elements: delta, ..Amounts::default() }).ok()?;
        self.tables[table as usize].grow(delta, init)
    }

    /// Sets `len` elements of a table from `start` on; `None` beyond the table's end.
    ///
    /// # Panics
    /// If `value` is not of the table's type.
    pub(crate) fn fill_table(
        &mut self,
        table: u32,
        start: u64,
        value: Val,
        len: u64,
    ) -> Option<()> {
        let table = &mut self.tables[table as usize];
        // SAFETY: this store.
        let bits = unsafe { value.to_ref_bits(table.ty().element(), self.id) };
        table.range_mut(start, len)?.fill(bits);
        Some(())
    }

    /// Copies `len` elements between two places, each a table and an element; `None` beyond the end
    /// of a table.
    ///
    /// # Panics
    /// If an element of the source cannot be one of the destination.
    pub(crate) fn copy_table(
        &mut self,
        (to, dst): (u32, u64),
        (from, src): (u32, u64),
        len: u64,
    ) -> Option<()> {
        let (to, from) = (self.table(to), self.table(from));
        assert!(from.ty().element().matches(&to.ty().element()), "tables of other types");
        // SAFETY: live tables of this store, which is exclusively borrowed. Each element of the one
        // is of the other's type.
        unsafe { TableDef::copy(to.as_ptr(), from.as_ptr(), dst, src, len) }
    }

    /// Creates a global.
    ///
    /// # Panics
    /// If `value` is not of type `ty`.
    pub(crate) fn add_global(&mut self, ty: GlobalType, value: Val) -> GlobalHandle {
        // SAFETY: this store.
        let raw = unsafe { value.to_typed_raw(ty.content(), self.id) };
        let cell = self.globals.push_mut(Owned::new(GlobalCell(raw)));
        // SAFETY: this store keeps the cell, which holds a value of type `ty`.
        unsafe { GlobalHandle::new(self.id, cell.as_ptr(), ty) }
    }

    /// Creates a tag for exceptions with values of the types of `ty`'s parameters.
    ///
    /// # Errors
    /// If the type has results, or contains a function type that nothing uses.
    pub(crate) fn add_tag(&mut self, ty: &FuncType) -> Result<TagHandle, Error> {
        if !ty.results().is_empty() {
            return Err(TypeError::TagResults { ty: ty.clone() }.into());
        }
        let unused = || TypeError::UnusedType { ty: ty.clone() };
        let signature = self.engine.signatures().intern(ty).ok_or_else(unused)?;
        let def = self.tags.push_mut(Owned::new(TagDef::new(signature))).as_ptr();
        // SAFETY: this store keeps the tag.
        Ok(unsafe { TagHandle::new(self.id, def) })
    }

    /// Keeps a host function for as long as the store, so that guests can call it.
    ///
    /// # Panics
    /// If it was made for another engine, whose type ids mean other types.
    pub(crate) fn add_host_func(&mut self, func: &Arc<HostFunc>) -> FuncHandle {
        assert!(
            func.signature().is_of(self.engine.signatures()),
            "a host function used with a store of another engine"
        );
        // A linker adds the same functions for each instance.
        if let Err(place) = self.host_funcs.binary_search_by_key(&Arc::as_ptr(func), Arc::as_ptr) {
            self.host_funcs.insert(place, Arc::clone(func));
            self.code.add(func.trampoline(), None);
        }
        // SAFETY: this store keeps the host function, and with it the function reference.
        unsafe { FuncHandle::new(self.id, func.func_ref()) }
    }

    pub(crate) fn add_extern(&mut self, data: ExternData) -> u32 {
        self.externs.push(data);
        self.externs.len() as u32 - 1
    }

    pub(crate) fn extern_data(&self, index: u32) -> &(dyn Any + Send + Sync) {
        &*self.externs[index as usize]
    }

    #[cold]
    pub(super) fn set_pending(&mut self, pending: Pending) {
        self.pending = Some(pending);
    }

    pub(super) fn take_pending(&mut self) -> Option<Pending> {
        self.pending.take()
    }

    /// The exception that a host function returned as its error.
    ///
    /// # Panics
    /// If it belongs to another store.
    pub(super) fn pending_exception(&self) -> Option<NonNull<Exception>> {
        match &self.pending {
            Some(Pending::Error(Error::Exception(error))) => {
                Some(error.exception.handle().address(self.id))
            }
            _ => None,
        }
    }

    /// Takes the buffer for values out. [`Self::return_values`] puts it back.
    pub(super) fn take_values(&mut self, len: usize) -> Vec<RawVal> {
        let mut values = std::mem::take(&mut self.values);
        values.clear();
        values.resize(len, RawVal::default());
        values
    }

    pub(super) fn return_values(&mut self, values: Vec<RawVal>) {
        self.values = values;
    }

    /// The error of a call that stopped: a trap, or the failure of a host function.
    #[cold]
    pub(super) fn error_of(&mut self, stop: Stop) -> Error {
        if stop.code == HOST_ERROR {
            return match self.pending.take() {
                Some(Pending::Late) => self.trap_error(Trap::Interrupt),
                Some(Pending::Error(error)) => error.with_callers(self.backtrace()),
                Some(Pending::Panic(payload)) => panic::resume_unwind(payload),
                None => unreachable!("a host function failed without an error"),
            };
        }
        if stop.code == UNKNOWN_STACK {
            return Error::UnknownStack;
        }
        let Some(trap) = Trap::from_code(stop.code) else {
            unreachable!("compiled code stopped with {}", stop.code)
        };
        // After the deadline no function has enough stack.
        let is_late = trap == Trap::StackOverflow && self.is_interrupted();
        self.trap_error(if is_late { Trap::Interrupt } else { trap })
    }

    /// The error of a trap in the innermost function of the last stop's frames.
    fn trap_error(&self, trap: Trap) -> Error {
        let Some(place) = self.places().next() else {
            return TrapError::outside_of_functions(trap, None).into();
        };
        let module = self.instance(place.instance).module().compiled();
        TrapError {
            trap,
            function: Some(module.function_name(place.func)),
            module: module.info.name.clone(),
            backtrace: self.backtrace(),
        }
        .into()
    }

    /// The places of the last stop's frames in functions of modules.
    fn places(&self) -> impl Iterator<Item = Place> {
        self.frames.iter().enumerate().filter_map(|(depth, &pc)| {
            // The instruction after a call may be that of another function.
            self.code.place_of(if depth == 0 { pc } else { pc - 1 })
        })
    }

    /// The functions of guests in the frames of the last trap.
    fn backtrace(&self) -> WasmBacktrace {
        let frames = self.places().map(|place| {
            let module = self.instance(place.instance).module().compiled();
            FrameInfo::new(module, &place)
        });
        WasmBacktrace::new(frames.collect())
    }
}
