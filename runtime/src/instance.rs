//! Instances, and the making of one in the order that the specification gives.

use crate::error::{Error, LinkError, TrapError};
use crate::externs::{Extern, Global, Memory, Table};
use crate::func::Func;
use crate::module::Module;
use crate::module::info::{ElementItems, ExportItem, ImportKind, SegmentMode};
use crate::store::{AsContext, AsContextMut, StoreId, StoreInner};
use crate::sys::context::InstanceBox;
use crate::sys::entry::Callable;
use crate::sys::memory::{MemoryDef, PAGE_BYTES};
use crate::sys::table::TableDef;
use crate::trap::Trap;
use crate::typed::{TypedFunc, WasmParams, WasmResults};
use crate::vm::segments;

/// An instance of a module in a store, which owns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Instance {
    store: StoreId,
    index: u32,
}

impl Instance {
    /// Instantiates `module` with `imports`, one for each that it has, in order.
    ///
    /// # Errors
    /// When module and store are of different engines; when number or type of the imports do not
    /// fit; when no memory or table can be had; when a segment lies out of bounds, or the start
    /// function traps or a host function that it calls fails.
    ///
    /// As the specification has it, what segments and start function wrote to imported memories
    /// and tables until then stays, and so does the instance in its store. Unlike there, if an
    /// element segment is out of bounds, what the image holds of the data segments is in the
    /// instance's own memory already; it can be seen only through functions that earlier element
    /// segments put into imported tables.
    ///
    /// # Panics
    /// If an import belongs to another store, and with what a host function panicked with that
    /// the start function called.
    pub fn new(
        mut store: impl AsContextMut,
        module: &Module,
        imports: &[Extern],
    ) -> Result<Self, Error> {
        instantiate(store.as_context_mut().into_inner(), module, imports)
    }

    pub(crate) fn new_in(store: &StoreInner, index: u32) -> Self {
        Instance { store: store.id(), index }
    }

    fn in_store<'a>(&self, store: &'a StoreInner) -> &'a InstanceBox {
        store.check(self.store, "Instance");
        store.instance(self.index)
    }

    /// The module that it is an instance of.
    pub fn module<'a, T: 'static>(&self, store: &'a impl AsContext<Data = T>) -> &'a Module {
        &self.in_store(store.as_context().into_inner()).state().module
    }

    /// The export named `name`.
    pub fn get_export(&self, store: impl AsContext, name: &str) -> Option<Extern> {
        let store = store.as_context().into_inner();
        let instance = self.in_store(store);
        let item = instance.state().module.compiled().export(name)?;
        Some(export(store, instance, item))
    }

    /// Every export, with its name, in the order of the module.
    pub fn exports<'a, T: 'static>(
        &self,
        store: &'a impl AsContext<Data = T>,
    ) -> impl ExactSizeIterator<Item = (&'a str, Extern)> {
        let store = store.as_context().into_inner();
        let instance = self.in_store(store);
        let exports = &instance.state().module.compiled().info.exports;
        exports.iter().map(move |e| (&*e.name, export(store, instance, e.item)))
    }

    /// The exported function named `name`.
    pub fn get_func(&self, store: impl AsContext, name: &str) -> Option<Func> {
        self.get_export(store, name)?.into_func()
    }

    /// The exported function named `name`, with Rust types.
    ///
    /// # Errors
    /// When there is none, or its type is another.
    pub fn get_typed_func<P: WasmParams, R: WasmResults>(
        &self,
        store: impl AsContext,
        name: &str,
    ) -> Result<TypedFunc<P, R>, Error> {
        let store = store.as_context().into_inner();
        let instance = self.in_store(store);
        let compiled = instance.state().module.compiled();
        let Some(ExportItem::Func(func)) = compiled.export(name) else {
            return Err(Error::NoExport { kind: "function", name: name.to_owned() });
        };
        // The module knows the type, so the engine's registry need not be asked.
        let handle = Func::new_in(store, instance.func(func));
        TypedFunc::new(store, handle, compiled.signature(func))
    }

    /// The exported memory named `name`.
    pub fn get_memory(&self, store: impl AsContext, name: &str) -> Option<Memory> {
        self.get_export(store, name)?.into_memory()
    }

    /// The exported global named `name`.
    pub fn get_global(&self, store: impl AsContext, name: &str) -> Option<Global> {
        self.get_export(store, name)?.into_global()
    }

    /// The exported table named `name`.
    pub fn get_table(&self, store: impl AsContext, name: &str) -> Option<Table> {
        self.get_export(store, name)?.into_table()
    }
}

fn export(store: &StoreInner, instance: &InstanceBox, item: ExportItem) -> Extern {
    match item {
        ExportItem::Func(func) => Func::new_in(store, instance.func(func)).into(),
        ExportItem::Memory(memory) => Memory::new_in(store, instance.memory(memory).index()).into(),
        ExportItem::Table(table) => Table::new_in(store, instance.table(table).index()).into(),
        ExportItem::Global(global) => {
            let ty = instance.state().module.compiled().info.globals[global as usize];
            Global::new_in(store, instance.global(global), ty).into()
        }
    }
}

/// Makes an instance; see [`Instance::new`].
pub(crate) fn instantiate(
    store: &mut StoreInner,
    module: &Module,
    imports: &[Extern],
) -> Result<Instance, Error> {
    if !module.engine().same(store.engine()) {
        return Err(LinkError::OtherEngine.into());
    }
    check_imports(store, module, imports)?;
    let index = store.next_instance();
    let mut instance = InstanceBox::new(module.clone(), index, store.root());
    set_imports(store, &mut instance, imports);
    define(store, module, &mut instance)?;
    // Until here the store is as it was, or is again; what follows belongs to it even if a later
    // step fails, for imported tables may refer to the instance.
    let globals = &module.compiled().info;
    for (i, init) in globals.global_inits.iter().enumerate() {
        let global = (globals.num_imported_globals + i) as u32;
        let bits = init.eval(&instance);
        instance.init_global(global, bits.unwrap_or_else(|| unreachable!("validated")));
    }
    store.add_instance(instance);
    apply_elements(store.instance_mut(index), module)?;
    apply_data(store.instance_mut(index), module)?;
    start(store, module, index)?;
    Ok(Instance::new_in(store, index))
}

fn check_imports(store: &StoreInner, module: &Module, imports: &[Extern]) -> Result<(), Error> {
    let compiled = module.compiled();
    let expected = &compiled.info.imports;
    if expected.len() != imports.len() {
        return Err(LinkError::Count { expected: expected.len(), found: imports.len() }.into());
    }
    for (import, item) in expected.iter().zip(imports) {
        let limits_fit = |min: u32, max: Option<u32>, found_min: u32, found_max: Option<u32>| {
            found_min >= min && max.is_none_or(|max| found_max.is_some_and(|found| found <= max))
        };
        let fits = match (import.kind, item) {
            (ImportKind::Func(ty), Extern::Func(func)) => {
                compiled.signatures[ty as usize].id() == func.type_id(store)
            }
            (ImportKind::Memory(ty), Extern::Memory(memory)) => {
                let found = memory.def(store).ty();
                limits_fit(ty.min_pages, ty.max_pages, found.min_pages, found.max_pages)
            }
            (ImportKind::Table(ty), Extern::Table(table)) => {
                let found = table.def(store).ty();
                found.element == ty.element && limits_fit(ty.min, ty.max, found.min, found.max)
            }
            (ImportKind::Global(ty), Extern::Global(global)) => {
                global.ptr(store);
                global.ty() == ty
            }
            _ => false,
        };
        if !fits {
            return Err(LinkError::Incompatible {
                module: import.module.clone(),
                name: import.name.clone(),
                expected: compiled.info.import_type(import.kind),
                found: item.ty_in(store),
            }
            .into());
        }
    }
    Ok(())
}

fn set_imports(store: &StoreInner, instance: &mut InstanceBox, imports: &[Extern]) {
    let (mut funcs, mut memories, mut tables, mut globals) = (0.., 0.., 0.., 0..);
    let next = |indices: &mut std::ops::RangeFrom<u32>| indices.next().unwrap_or(u32::MAX);
    for item in imports {
        match item {
            Extern::Func(func) => instance.set_imported_func(next(&mut funcs), func.ptr(store)),
            Extern::Memory(memory) => {
                instance.set_memory(next(&mut memories), memory.def(store).as_ptr());
            }
            Extern::Table(table) => {
                instance.set_table(next(&mut tables), table.def(store).as_ptr());
            }
            Extern::Global(global) => {
                instance.set_imported_global(next(&mut globals), global.ptr(store));
            }
        }
    }
}

/// Gives the instance its own memories and tables. Should one of them not be had, the store keeps
/// none: no handle to them exists yet, and a store that lives long would collect them.
fn define(
    store: &mut StoreInner,
    module: &Module,
    instance: &mut InstanceBox,
) -> Result<(), Error> {
    let (memories, tables) = (store.next_memory(), store.next_table());
    define_memories(store, module, instance)
        .and_then(|()| define_tables(store, module, instance))
        .inspect_err(|_| store.truncate(memories, tables))
}

fn define_memories(
    store: &mut StoreInner,
    module: &Module,
    instance: &mut InstanceBox,
) -> Result<(), Error> {
    let info = &module.compiled().info;
    for (i, &ty) in info.memories.iter().enumerate().skip(info.num_imported_memories) {
        // The image is memory 0's.
        let image = (i == 0).then(|| module.pool_module());
        let len_bytes = ty.min_pages as usize * PAGE_BYTES;
        let slot = store.engine().pool().allocate(image, len_bytes)?;
        let index = store.next_memory();
        let memory = store.add_memory(MemoryDef::new(index, ty, slot));
        instance.set_memory(i as u32, memory.as_ptr());
    }
    Ok(())
}

fn define_tables(
    store: &mut StoreInner,
    module: &Module,
    instance: &mut InstanceBox,
) -> Result<(), Error> {
    let info = &module.compiled().info;
    for (i, &ty) in info.tables.iter().enumerate().skip(info.num_imported_tables) {
        let index = store.next_table();
        let table = TableDef::new(index, ty, 0).ok_or(Error::Table { ty })?;
        let table = store.add_table(table);
        instance.set_table(i as u32, table.as_ptr());
    }
    Ok(())
}

fn apply_elements(instance: &mut InstanceBox, module: &Module) -> Result<(), Error> {
    for segment in &module.compiled().info.elements {
        let SegmentMode::Active { target, offset } = &segment.mode else {
            continue;
        };
        let len = match &segment.items {
            ElementItems::Funcs(funcs) => funcs.len(),
            ElementItems::Exprs(exprs) => exprs.len(),
        } as u32;
        let dst = offset.eval(instance).map(|offset| offset as u32);
        dst.and_then(|dst| segments::write_table(instance, *target, dst, &segment.items, 0, len))
            .ok_or_else(|| TrapError::at_instantiation(Trap::TableOutOfBounds, module.name()))?;
    }
    Ok(())
}

fn apply_data(instance: &mut InstanceBox, module: &Module) -> Result<(), Error> {
    let compiled = module.compiled();
    for (i, segment) in compiled.info.data.iter().enumerate().skip(compiled.image.covers()) {
        let SegmentMode::Active { target, offset } = &segment.mode else {
            continue;
        };
        let bytes = module.segment_bytes(i as u32);
        let dst = offset.eval(instance).map(|offset| offset as u32);
        let len = bytes.len() as u32;
        dst.and_then(|dst| segments::write_memory(instance, *target, dst, bytes, 0, len))
            .ok_or_else(|| TrapError::at_instantiation(Trap::MemoryOutOfBounds, module.name()))?;
    }
    Ok(())
}

fn start(store: &mut StoreInner, module: &Module, index: u32) -> Result<(), Error> {
    let compiled = module.compiled();
    let Some(func) = compiled.info.start else {
        return Ok(());
    };
    let signature = compiled.signature(func);
    let entry = signature.entry(store.engine().compiler())?.at(0);
    let callable = Callable::new(store, store.instance(index).func(func), signature, entry);
    store.invoke(&callable, &mut [])
}
