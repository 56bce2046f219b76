//! Instances, and instantiation in the steps of the specification.

use tracing::debug_span;

use crate::error::{Error, LinkError, TrapError};
use crate::exception::Tag;
use crate::externs::{Export, Extern, Global, Memory, Table};
use crate::func::Func;
use crate::limits::Amounts;
use crate::module::Module;
use crate::module::info::{ExportItem, SegmentMode};
use crate::module::inspect::ModuleExport;
use crate::store::{AsContext, AsContextMut};
use crate::sys::call::TypedCallable;
use crate::sys::instance::{InstanceBox, NewInstance};
use crate::sys::memory::MemoryPlace;
use crate::sys::shared_memory::SharedMemory;
use crate::sys::store::StoreInner;
use crate::sys::store_id::StoreId;
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
    /// Instantiates `module`. `imports` has one item for each import, in order.
    ///
    /// # Errors
    /// If module and store belong to different engines; if the number or types of the imports do
    /// not match; if a memory or table cannot be allocated, or the store's limits do not allow it; if a segment is out of bounds; if the
    /// start function traps or a host function fails.
    ///
    /// As in the specification, writes of segments and of the start function to imported memories
    /// and tables remain after an error, and the instance stays in its store. One effect differs:
    /// if an element segment is out of bounds, the instance's own memory already holds the data
    /// segments of its image. Only functions in imported tables can observe that.
    ///
    /// # Panics
    /// If an import belongs to another store. If a host function that the start function calls
    /// panics: with its panic.
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

    /// The module.
    pub fn module<'a, T: 'static>(&self, store: &'a impl AsContext<Data = T>) -> &'a Module {
        self.in_store(store.as_context().into_inner()).module()
    }

    /// The export named `name`.
    pub fn get_export(&self, store: impl AsContext, name: &str) -> Option<Extern> {
        let store = store.as_context().into_inner();
        let instance = self.in_store(store);
        let item = instance.module().compiled().export(name)?;
        Some(export(store, instance, item))
    }

    /// The export that [`Module::get_export_index`] found; `None` if it is that of another module.
    pub fn get_module_export(
        &self,
        store: impl AsContext,
        module_export: &ModuleExport,
    ) -> Option<Extern> {
        let store = store.as_context().into_inner();
        let instance = self.in_store(store);
        let item = module_export.of(instance.module())?;
        Some(export(store, instance, item))
    }

    /// All exports, in the order of the module.
    pub fn exports<'a, T: 'static>(
        &self,
        store: &'a impl AsContext<Data = T>,
    ) -> impl ExactSizeIterator<Item = Export<'a>> {
        let store = store.as_context().into_inner();
        let instance = self.in_store(store);
        let exports = &instance.module().compiled().info.exports;
        exports.iter().map(move |e| Export::new(&e.name, export(store, instance, e.item)))
    }

    /// The exported function named `name`.
    pub fn get_func(&self, store: impl AsContext, name: &str) -> Option<Func> {
        self.get_export(store, name)?.into_func()
    }

    /// The exported function named `name`, with Rust types.
    ///
    /// # Errors
    /// If there is none, or it has another type.
    pub fn get_typed_func<P: WasmParams, R: WasmResults>(
        &self,
        store: impl AsContext,
        name: &str,
    ) -> Result<TypedFunc<P, R>, Error> {
        let store = store.as_context().into_inner();
        let instance = self.in_store(store);
        let compiled = instance.module().compiled();
        let Some(ExportItem::Func(func)) = compiled.export(name) else {
            return Err(Error::NoExport { kind: "function", name: name.to_owned() });
        };
        // The module knows the signature, so no lookup in the engine's registry is needed.
        let handle = Func::new_in(instance.func(func));
        TypedFunc::new(store, handle, compiled.signature(func))
    }

    /// The exported shared memory named `name`.
    pub fn get_shared_memory(&self, store: impl AsContext, name: &str) -> Option<SharedMemory> {
        self.get_export(store, name)?.into_shared_memory()
    }

    /// The exported memory named `name`, if it is not shared.
    pub fn get_memory(&self, store: impl AsContext, name: &str) -> Option<Memory> {
        self.get_export(store, name)?.into_memory()
    }

    /// The exported global named `name`.
    pub fn get_global(&self, store: impl AsContext, name: &str) -> Option<Global> {
        self.get_export(store, name)?.into_global()
    }

    /// The exported tag named `name`.
    pub fn get_tag(&self, store: impl AsContext, name: &str) -> Option<Tag> {
        self.get_export(store, name)?.into_tag()
    }

    /// The exported table named `name`.
    pub fn get_table(&self, store: impl AsContext, name: &str) -> Option<Table> {
        self.get_export(store, name)?.into_table()
    }
}

fn export(store: &StoreInner, instance: &InstanceBox, item: ExportItem) -> Extern {
    match item {
        ExportItem::Func(func) => Func::new_in(instance.func(func)).into(),
        ExportItem::Memory(memory) => {
            let def = instance.memory(memory);
            match def.shared() {
                Some(shared) => shared.clone().into(),
                None => Memory::new_in(store, def.index()).into(),
            }
        }
        ExportItem::Table(table) => Table::new_in(store, instance.table(table).index()).into(),
        ExportItem::Global(global) => Global::new_in(instance.global(global)).into(),
        ExportItem::Tag(tag) => Tag::new_in(instance.tag(tag)).into(),
    }
}

/// Creates an instance; see [`Instance::new`].
pub(crate) fn instantiate(
    store: &mut StoreInner,
    module: &Module,
    imports: &[Extern],
) -> Result<Instance, Error> {
    let _span = debug_span!("instantiate", module = module.name()).entered();
    if !module.engine().same(store.engine()) {
        return Err(LinkError::OtherEngine.into());
    }
    let expected = module.compiled().info.imports.len();
    if expected != imports.len() {
        return Err(LinkError::Count { expected, found: imports.len() }.into());
    }
    let info = &module.compiled().info;
    store.check_limits(Amounts::of_instance(
        &info.memories[info.num_imported_memories..],
        &info.tables[info.num_imported_tables..],
    ))?;
    let mut instance = NewInstance::new(store, module);
    let misfit = imports.iter().position(|item| !instance.import(item));
    if let Some(misfit) = misfit {
        drop(instance);
        return Err(incompatible(store, module, misfit, &imports[misfit]));
    }
    define_memories(&mut instance, module)?;
    define_tables(&mut instance, module)?;
    instance.define_tags();
    // After an error up to here the store is unchanged. After an error further down the instance
    // stays in the store, because imported tables may refer to it.
    let index = instance.finish();
    init_tables(store.instance_mut(index), module);
    init_globals(store.instance_mut(index), module);
    apply_elements(store.instance_mut(index), module)?;
    apply_data(store.instance_mut(index), module)?;
    start(store, module, index)?;
    Ok(Instance::new_in(store, index))
}

fn incompatible(store: &StoreInner, module: &Module, import: usize, item: &Extern) -> Error {
    let info = &module.compiled().info;
    let import = &info.imports[import];
    LinkError::Incompatible {
        module: import.module.clone(),
        name: import.name.clone(),
        expected: info.import_type(import.kind),
        found: item.ty_in(store),
    }
    .into()
}

fn define_memories(instance: &mut NewInstance<'_>, module: &Module) -> Result<(), Error> {
    let info = &module.compiled().info;
    for (i, ty) in info.memories.iter().enumerate().skip(info.num_imported_memories) {
        // The module's image is that of memory 0.
        let image = (i == 0).then(|| module.pool_module());
        let place = MemoryPlace::new(instance.engine(), image, *ty)?;
        instance.define_memory(place);
    }
    Ok(())
}

fn define_tables(instance: &mut NewInstance<'_>, module: &Module) -> Result<(), Error> {
    let info = &module.compiled().info;
    for &ty in &info.tables[info.num_imported_tables..] {
        instance.define_table().ok_or(Error::Table { ty })?;
    }
    Ok(())
}

/// Sets the elements of the module's own tables that are not null.
fn init_tables(instance: &mut InstanceBox, module: &Module) {
    let info = &module.compiled().info;
    for (table, init) in (info.num_imported_tables as u32..).zip(&info.table_inits) {
        if let Some(init) = init {
            let value = init.eval(instance);
            instance.fill_table(table, value.unwrap_or_else(|| unreachable!("validated")));
        }
    }
}

fn init_globals(instance: &mut InstanceBox, module: &Module) {
    let info = &module.compiled().info;
    for (i, init) in info.global_inits.iter().enumerate() {
        let global = (info.num_imported_globals + i) as u32;
        let value = init.eval(instance);
        instance.init_global(global, value.unwrap_or_else(|| unreachable!("validated")));
    }
}

fn apply_elements(instance: &mut InstanceBox, module: &Module) -> Result<(), Error> {
    let compiled = module.compiled();
    for (i, segment) in compiled.info.elements.iter().enumerate() {
        let SegmentMode::Active { target, offset } = &segment.mode else {
            continue;
        };
        let dst = offset.eval(instance).and_then(|offset| offset.index());
        let len = segment.items.len() as u64;
        let write = |dst| match compiled.element_refs[i].is_empty() {
            true => segments::write_table(instance, *target, dst, &segment.items, 0, len),
            false => instance.set_table_own_funcs(*target, dst, i),
        };
        dst.and_then(write).ok_or_else(|| {
            TrapError::outside_of_functions(Trap::TableOutOfBounds, module.name())
        })?;
    }
    Ok(())
}

fn apply_data(instance: &mut InstanceBox, module: &Module) -> Result<(), Error> {
    let compiled = module.compiled();
    for (i, segment) in
        compiled.info.data.iter().enumerate().skip(compiled.image.covered_segments())
    {
        let SegmentMode::Active { target, offset } = &segment.mode else {
            continue;
        };
        let bytes = module.segment_bytes(i as u32);
        let dst = offset.eval(instance).and_then(|offset| offset.index());
        let len = bytes.len() as u64;
        dst.and_then(|dst| segments::write_memory(instance, *target, dst, bytes, 0, len))
            .ok_or_else(|| {
                TrapError::outside_of_functions(Trap::MemoryOutOfBounds, module.name())
            })?;
    }
    Ok(())
}

fn start(store: &mut StoreInner, module: &Module, index: u32) -> Result<(), Error> {
    let compiled = module.compiled();
    let Some(func) = compiled.info.start else {
        return Ok(());
    };
    let func_handle = store.instance(index).func(func);
    TypedCallable::<(), ()>::new(store, func_handle, compiled.signature(func))?.call(store, ())
}
