//! Instantiation as far as it touches contexts: sets every entry, in the order of the indices.

use std::sync::Arc;

use super::InstanceBox;
use crate::engine::Engine;
use crate::externs::Extern;
use crate::module::Module;
use crate::module::info::ImportKind;
use crate::sys::exception::TagDef;
use crate::sys::memory::{MemoryDef, MemoryPlace};
use crate::sys::owned::Owned;
use crate::sys::store::StoreInner;
use crate::sys::table::TableDef;
use crate::vm::layout::{FuncRefPlace, GlobalPlace};

/// An instance that is being made in a store, which it borrows so that nothing else is added.
///
/// Entries of each kind are set in the order of their indices: imports first, then the module's
/// own. Dropping it unfinished removes its memories and tables from the store again: no handle to
/// them exists yet, and in a long-lived store they would accumulate.
#[derive(Debug)]
pub(crate) struct NewInstance<'a> {
    store: &'a mut StoreInner,
    /// `None` only after `finish`.
    instance: Option<InstanceBox>,
    /// Memories, tables and tags that the store had before.
    memories_before: usize,
    tables_before: usize,
    tags_before: usize,
    /// Imports that are set.
    imports: usize,
    /// Entries that are set, of each kind.
    memories: u32,
    tables: u32,
    globals: u32,
    funcs: u32,
    tags: u32,
}

impl<'a> NewInstance<'a> {
    /// # Panics
    /// If module and store belong to different engines.
    pub(crate) fn new(store: &'a mut StoreInner, module: &Module) -> Self {
        assert!(module.engine().same(store.engine()), "a module of another engine");
        let instance =
            InstanceBox::new(module.clone(), store.next_instance(), store.id(), store.root());
        NewInstance {
            memories_before: store.memories.len(),
            tables_before: store.tables.len(),
            tags_before: store.tags.len(),
            store,
            instance: Some(instance),
            imports: 0,
            memories: 0,
            tables: 0,
            globals: 0,
            funcs: 0,
            tags: 0,
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.store.engine()
    }

    fn instance(&mut self) -> &mut InstanceBox {
        self.instance.as_mut().unwrap_or_else(|| unreachable!("only `finish` takes the instance"))
    }

    /// Sets the module's next import. Returns false if the item's type does not fit.
    ///
    /// # Panics
    /// If the item belongs to another store, or the module has no more imports.
    pub(crate) fn import(&mut self, item: &Extern) -> bool {
        let instance =
            self.instance.as_mut().unwrap_or_else(|| unreachable!("only `finish` takes it"));
        let kind = instance.info().imports[self.imports].kind;
        self.imports += 1;
        if let (ImportKind::Memory(ty), Extern::SharedMemory(memory)) = (kind, item) {
            if !ty.accepts(memory.ty()) {
                return false;
            }
            instance.set_memory(self.memories, self.store.shared_memory(memory));
            self.memories += 1;
            return true;
        }
        let store = &*self.store;
        match (kind, item) {
            (ImportKind::Func(ty), Extern::Func(func)) => {
                let func = func.handle();
                if instance.module().compiled().signatures[ty as usize].id() != func.type_id(store)
                {
                    return false;
                }
                match instance.layout().func_ref(self.funcs) {
                    FuncRefPlace::Imported(offset) => {
                        instance.write(offset, func.func_ref(store.id()));
                    }
                    FuncRefPlace::Defined(_) => unreachable!("more functions than imports"),
                }
                self.funcs += 1;
            }
            (ImportKind::Memory(ty), Extern::Memory(memory)) => {
                let def = memory.def(store);
                if !ty.accepts(def.ty()) {
                    return false;
                }
                instance.set_memory(self.memories, def);
                self.memories += 1;
            }
            (ImportKind::Table(ty), Extern::Table(table)) => {
                let def = table.def(store);
                if !ty.accepts(def.ty()) {
                    return false;
                }
                instance.write(instance.layout().table_def(self.tables), def.as_ptr());
                self.tables += 1;
            }
            (ImportKind::Global(ty), Extern::Global(global)) => {
                let global = global.handle();
                let cell = global.cell(store);
                if !ty.accepts(global.ty()) {
                    return false;
                }
                match instance.layout().global(self.globals) {
                    GlobalPlace::Imported(offset) => instance.write(offset, cell),
                    GlobalPlace::Defined(_) => unreachable!("more globals than imports"),
                }
                self.globals += 1;
            }
            (ImportKind::Tag(ty), Extern::Tag(tag)) => {
                let tag = tag.handle();
                if instance.module().compiled().signatures[ty as usize].id() != tag.type_id(store) {
                    return false;
                }
                instance.write(instance.layout().tag_def(self.tags), tag.def(store.id()));
                self.tags += 1;
            }
            _ => return false,
        }
        true
    }

    /// Puts the module's next own memory into `place`.
    ///
    /// # Panics
    /// If the place is shorter than the memory's minimum.
    pub(crate) fn define_memory(&mut self, place: MemoryPlace) {
        let memory = self.memories;
        let ty = self.instance().info().memories[memory as usize];
        let index = self.store.memories.len() as u32;
        let def = self.store.memories.push_mut(Owned::new(MemoryDef::new(index, ty, place)));
        if let Some(instance) = &mut self.instance {
            instance.set_memory(memory, def);
        }
        self.memories += 1;
    }

    /// Creates the module's next own table, filled with null; `None` if there is no memory for it.
    pub(crate) fn define_table(&mut self) -> Option<()> {
        let table = self.tables;
        let ty = self.instance().info().tables[table as usize];
        let index = self.store.tables.len() as u32;
        let def = Owned::new(TableDef::new(index, ty, 0)?);
        let address = self.store.tables.push_mut(def).as_ptr();
        let instance = self.instance();
        instance.write(instance.layout().table_def(table), address);
        self.tables += 1;
        Some(())
    }

    /// Creates the module's own tags.
    pub(crate) fn define_tags(&mut self) {
        let compiled = self.instance().module().clone();
        let compiled = compiled.compiled();
        for &ty in &compiled.info.tags[self.tags as usize..] {
            let signature = Arc::clone(&compiled.signatures[ty as usize]);
            let def = Owned::new(TagDef::new(signature));
            let address = self.store.tags.push_mut(def).as_ptr();
            let tag = self.tags;
            let instance = self.instance();
            instance.write(instance.layout().tag_def(tag), address);
            self.tags += 1;
        }
    }

    /// Gives the instance to the store, and returns its index. Its own globals are zero or null.
    ///
    /// # Panics
    /// If an import, a memory, a table or a tag is not set.
    pub(crate) fn finish(mut self) -> u32 {
        let info = self.instance().info();
        let expected = [
            info.memories.len(),
            info.tables.len(),
            info.num_imported_globals,
            info.num_imported_funcs,
            info.tags.len(),
        ];
        let set = [self.memories, self.tables, self.globals, self.funcs, self.tags];
        assert_eq!(set.map(|count| count as usize), expected, "entries that are not set");
        // The store keeps them.
        self.memories_before = self.store.memories.len();
        self.tables_before = self.store.tables.len();
        self.tags_before = self.store.tags.len();
        match self.instance.take() {
            Some(instance) => self.store.add_instance(instance),
            None => unreachable!("only `finish` takes the instance"),
        }
    }
}

impl Drop for NewInstance<'_> {
    fn drop(&mut self) {
        self.store.memories.truncate(self.memories_before);
        self.store.tables.truncate(self.tables_before);
        self.store.tags.truncate(self.tags_before);
    }
}
