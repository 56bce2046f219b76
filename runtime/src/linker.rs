//! Linkers: items by the names of imports.

mod unknown;

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::engine::Engine;
use crate::error::{Error, LinkError};
use crate::externs::Extern;
use crate::func::{Caller, Func, untyped};
use crate::host::IntoFunc;
use crate::instance::{Instance, instantiate};
use crate::module::{ImportType, Module};
use crate::store::{AsContext, AsContextMut};
use crate::sys::host::HostFunc;
use crate::sys::store::StoreInner;
use crate::types::FuncType;
use crate::val::Val;

/// Items by the names of imports. Any store of the linker's engine can use its host functions, and
/// only the owning store its other items.
#[derive(Debug)]
pub struct Linker<T> {
    engine: Engine,
    /// By module name, then by item name.
    items: HashMap<String, HashMap<String, Item>>,
    shadowing: bool,
    data: PhantomData<fn(T)>,
}

// Derived, it would need a `T` that can be cloned.
impl<T> Clone for Linker<T> {
    fn clone(&self) -> Self {
        let Linker { engine, items, shadowing, data } = self;
        Linker { engine: engine.clone(), items: items.clone(), shadowing: *shadowing, data: *data }
    }
}

#[derive(Clone, Debug)]
enum Item {
    Extern(Extern),
    Host(Arc<HostFunc>),
}

impl Item {
    fn in_store(&self, store: &mut StoreInner) -> Extern {
        match self {
            Item::Extern(item) => item.clone(),
            Item::Host(host) => Func::of_host(store, host).into(),
        }
    }
}

impl<T: Send + 'static> Linker<T> {
    /// Creates an empty linker.
    pub fn new(engine: &Engine) -> Self {
        Linker {
            engine: engine.clone(),
            items: HashMap::new(),
            shadowing: false,
            data: PhantomData,
        }
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Sets whether a later definition of a name may replace an earlier one. The default is false.
    pub fn allow_shadowing(&mut self, allow: bool) -> &mut Self {
        self.shadowing = allow;
        self
    }

    /// Defines an item of `store`.
    ///
    /// # Errors
    /// If the name is already defined, or `store` belongs to another engine than the linker.
    pub fn define(
        &mut self,
        store: impl AsContext<Data = T>,
        module: &str,
        name: &str,
        item: impl Into<Extern>,
    ) -> Result<&mut Self, Error> {
        if !self.engine.same(store.as_context().engine()) {
            return Err(LinkError::OtherEngine.into());
        }
        self.insert(module, name, Item::Extern(item.into()))
    }

    /// Defines a host function from a closure; see [`Func::wrap`].
    ///
    /// # Errors
    /// If the name is already defined, or the trampoline for the type cannot be compiled or mapped.
    pub fn func_wrap<P, R>(
        &mut self,
        module: &str,
        name: &str,
        func: impl IntoFunc<T, P, R>,
    ) -> Result<&mut Self, Error> {
        let host = func.into_host_func(&self.engine)?;
        self.insert(module, name, Item::Host(host))
    }

    /// Defines a host function over values; see [`Func::new`].
    ///
    /// # Errors
    /// If the name is already defined, `ty` has more than 1000 parameters or results, or the
    /// trampoline for it cannot be compiled or mapped.
    pub fn func_new(
        &mut self,
        module: &str,
        name: &str,
        ty: FuncType,
        func: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Result<&mut Self, Error> {
        let host = untyped(&self.engine, &ty, func)?;
        self.insert(module, name, Item::Host(host))
    }

    /// Defines every export of `instance` under the module name `module`.
    ///
    /// # Errors
    /// If a name is already defined.
    pub fn instance(
        &mut self,
        store: impl AsContext<Data = T>,
        module: &str,
        instance: Instance,
    ) -> Result<&mut Self, Error> {
        let store = store.as_context();
        for export in instance.exports(&store) {
            self.insert(module, export.name(), Item::Extern(export.into_extern()))?;
        }
        Ok(self)
    }

    fn insert(&mut self, module: &str, name: &str, item: Item) -> Result<&mut Self, Error> {
        let names = self.items.entry(module.to_owned()).or_default();
        if !self.shadowing && names.contains_key(name) {
            return Err(
                LinkError::Duplicate { module: module.to_owned(), name: name.to_owned() }.into()
            );
        }
        names.insert(name.to_owned(), item);
        Ok(self)
    }

    fn lookup(&self, module: &str, name: &str) -> Option<&Item> {
        self.items.get(module)?.get(name)
    }

    /// The item of this name, for use in `store`.
    ///
    /// # Panics
    /// If `store` belongs to another engine than the linker.
    pub fn get(
        &self,
        mut store: impl AsContextMut<Data = T>,
        module: &str,
        name: &str,
    ) -> Option<Extern> {
        let store = store.as_context_mut().into_inner();
        assert!(self.engine.same(store.engine()), "Linker used with a store of another engine");
        Some(self.lookup(module, name)?.in_store(store))
    }

    /// The item for an import, for use in `store`.
    ///
    /// # Panics
    /// As [`Linker::get`].
    pub fn get_by_import(
        &self,
        store: impl AsContextMut<Data = T>,
        import: &ImportType<'_>,
    ) -> Option<Extern> {
        self.get(store, import.module(), import.name())
    }

    /// All items with their module's and their own name, for use in `store`, in no particular order.
    ///
    /// # Panics
    /// As [`Linker::get`].
    pub fn iter<'a>(
        &'a self,
        mut store: impl AsContextMut<Data = T>,
    ) -> impl ExactSizeIterator<Item = (&'a str, &'a str, Extern)> + 'a {
        let mut items = Vec::new();
        for (module, names) in &self.items {
            for name in names.keys() {
                let item = self.get(&mut store, module, name);
                items.extend(item.map(|item| (&**module, &**name, item)));
            }
        }
        items.into_iter()
    }

    /// The function to run of the module that is defined as `module`: the item without a name, or
    /// else `_start`, or else a function that does nothing.
    ///
    /// # Errors
    /// If the item is not a function, or the trampoline of the new function cannot be compiled or
    /// mapped.
    ///
    /// # Panics
    /// As [`Linker::get`].
    pub fn get_default(
        &self,
        mut store: impl AsContextMut<Data = T>,
        module: &str,
    ) -> Result<Func, Error> {
        for name in ["", "_start"] {
            if let Some(item) = self.get(&mut store, module, name) {
                let no_function =
                    || Error::NoExport { kind: "function", name: format!("{module} {name}") };
                return item.into_func().ok_or_else(no_function);
            }
        }
        Func::try_wrap(store, || ())
    }

    /// Instantiates `module` with the items of the linker.
    ///
    /// # Errors
    /// If `store` or `module` belongs to another engine than the linker, or an import has no item;
    /// and those of [`Instance::new`].
    ///
    /// # Panics
    /// As [`Instance::new`].
    pub fn instantiate(
        &self,
        mut store: impl AsContextMut<Data = T>,
        module: &Module,
    ) -> Result<Instance, Error> {
        let items = self.items_of(module)?;
        let store = store.as_context_mut().into_inner();
        // Checked before a host function enters the store, because each engine numbers types
        // itself.
        if !self.engine.same(store.engine()) {
            return Err(LinkError::OtherEngine.into());
        }
        let imports: Vec<Extern> = items.into_iter().map(|item| item.in_store(store)).collect();
        instantiate(store, module, &imports)
    }

    /// Finds the imports of `module` once, for many instances.
    ///
    /// # Errors
    /// If `module` belongs to another engine than the linker, or an import has no item.
    pub fn instantiate_pre(&self, module: &Module) -> Result<InstancePre<T>, Error> {
        let items = self.items_of(module)?.into_iter().cloned().collect();
        Ok(InstancePre { module: module.clone(), items, data: PhantomData })
    }

    /// Instantiates `module` and defines its exports under the module name `name`.
    ///
    /// # Errors
    /// Those of [`Linker::instantiate`] and [`Linker::instance`].
    ///
    /// # Panics
    /// As [`Instance::new`].
    pub fn module(
        &mut self,
        mut store: impl AsContextMut<Data = T>,
        name: &str,
        module: &Module,
    ) -> Result<&mut Self, Error> {
        let instance = self.instantiate(&mut store, module)?;
        self.instance(&store, name, instance)
    }

    /// Defines `as_module` `as_name` as another name of the item `module` `name`.
    ///
    /// # Errors
    /// If there is no such item, or the new name is already defined.
    pub fn alias(
        &mut self,
        module: &str,
        name: &str,
        as_module: &str,
        as_name: &str,
    ) -> Result<&mut Self, Error> {
        let Some(item) = self.lookup(module, name).cloned() else {
            return Err(Error::NoExport { kind: "item", name: format!("{module} {name}") });
        };
        self.insert(as_module, as_name, item)
    }

    /// Defines each item of the module name `module` also under the module name `as_module`.
    ///
    /// # Errors
    /// If a name is already defined there.
    pub fn alias_module(&mut self, module: &str, as_module: &str) -> Result<(), Error> {
        let items = self.items.get(module).cloned().unwrap_or_default();
        for (name, item) in items {
            self.insert(as_module, &name, item)?;
        }
        Ok(())
    }

    /// The items of a module's imports, in order.
    fn items_of(&self, module: &Module) -> Result<Vec<&Item>, Error> {
        if !self.engine.same(module.engine()) {
            return Err(LinkError::OtherEngine.into());
        }
        let info = &module.compiled().info;
        let items = info.imports.iter().map(|import| {
            let unknown = || LinkError::Unknown {
                module: import.module.clone(),
                name: import.name.clone(),
                expected: info.import_type(import.kind),
            };
            self.lookup(&import.module, &import.name).ok_or_else(|| unknown().into())
        });
        items.collect()
    }
}

/// A module with the items of its imports, from [`Linker::instantiate_pre`].
#[derive(Debug)]
pub struct InstancePre<T> {
    module: Module,
    items: Box<[Item]>,
    data: PhantomData<fn(T)>,
}

impl<T> Clone for InstancePre<T> {
    fn clone(&self) -> Self {
        InstancePre { module: self.module.clone(), items: self.items.clone(), data: PhantomData }
    }
}

impl<T: Send + 'static> InstancePre<T> {
    /// The module.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Instantiates the module.
    ///
    /// # Errors
    /// If `store` belongs to another engine than the linker, and those of [`Instance::new`].
    ///
    /// # Panics
    /// As [`Instance::new`].
    pub fn instantiate(&self, mut store: impl AsContextMut<Data = T>) -> Result<Instance, Error> {
        let store = store.as_context_mut().into_inner();
        if !self.module.engine().same(store.engine()) {
            return Err(LinkError::OtherEngine.into());
        }
        let imports: Vec<Extern> = self.items.iter().map(|item| item.in_store(store)).collect();
        instantiate(store, &self.module, &imports)
    }
}
