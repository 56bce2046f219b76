//! The plan of a component: its core modules, and the core instances that it consists of, in order.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::definitions::Definition;
use crate::error::ComponentError;
use crate::text;
use crate::translate;

/// A component, flattened: instances of components within each other are a list of core instances, and
/// calls between them are adapters, which are core modules that the file does not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The components and core modules as the file has them.
    pub definition: Definition,
    /// The core modules: those of the file in its order, then the adapters.
    pub modules: Vec<CoreModule>,
    /// The core instances in the order in which they are made.
    pub instances: Vec<CoreInstance>,
    /// Functions that no core module has, by their kind.
    pub trampolines: BTreeMap<String, usize>,
    /// The number of component instances.
    pub component_instances: u32,
    /// The imports of the component, in order.
    pub imports: Vec<Import>,
    /// The exports of the component, in order.
    pub exports: Vec<Export>,
}

/// A core module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CoreModule {
    /// The name in its name section.
    pub name: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
    /// Its length in bytes.
    pub len_bytes: u64,
    /// The number of functions that it defines.
    pub functions: usize,
    /// The memories that it defines. Imported ones are of another module.
    pub memories: Vec<MemoryDefinition>,
    /// The tables that it defines.
    pub tables: Vec<TableDefinition>,
    /// The module in the binary format.
    #[serde(skip)]
    pub binary: Vec<u8>,
}

/// The source of a core module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The file, at this offset in bytes.
    File(u64),
    /// The translation, which generated it for calls between component instances.
    Adapter,
}

/// A memory that a core module defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MemoryDefinition {
    /// The initial number of pages.
    pub minimum_pages: u64,
    /// The maximum number of pages.
    pub maximum_pages: Option<u64>,
    /// The size of a page in bytes.
    pub page_bytes: u64,
    /// True if addresses have 64 bits, and not 32.
    pub is_64: bool,
    /// True if several threads may use it.
    pub is_shared: bool,
}

/// A table that a core module defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TableDefinition {
    /// The initial number of elements.
    pub minimum: u64,
    /// The maximum number of elements.
    pub maximum: Option<u64>,
}

/// An instance of a core module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CoreInstance {
    /// The module.
    pub module: ModuleSource,
    /// The component instance to which it belongs; `None` for an adapter.
    pub component_instance: Option<u32>,
}

/// The module of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModuleSource {
    /// One of [`Plan::modules`].
    Module(usize),
    /// One that the component imports: an index of [`Plan::imports`].
    Import(usize),
}

/// An import of a component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Import {
    /// The name, such as `wasi:cli/environment@0.2.0`.
    pub name: String,
    /// Its kind: `function`, `instance`, `core module`, `resource` or another word of the specification.
    pub kind: &'static str,
    /// The items of an imported instance that the component uses.
    pub items: Vec<String>,
}

/// An export of a component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Export {
    /// The name.
    pub name: String,
    /// Its kind: `function`, `instance`, `core module` or `type`.
    pub kind: &'static str,
}

impl Plan {
    /// The plan of a component in the binary format or as text.
    ///
    /// # Errors
    /// If the bytes are no component, are not valid, or need a feature that is not supported.
    pub fn new(bytes: &[u8]) -> Result<Plan, ComponentError> {
        let binary: Cow<'_, [u8]> = text::assembled(bytes)?;
        translate::plan(&binary)
    }

    /// The adapters, as indices of [`Plan::modules`].
    pub fn adapters(&self) -> impl Iterator<Item = usize> {
        let modules = self.modules.iter().enumerate();
        modules.filter(|(_, module)| module.origin == Origin::Adapter).map(|(at, _)| at)
    }

    /// The module of an instance; `None` if the component imports it.
    pub fn module_of(&self, instance: &CoreInstance) -> Option<&CoreModule> {
        match instance.module {
            ModuleSource::Module(index) => self.modules.get(index),
            ModuleSource::Import(_) => None,
        }
    }

    /// The memories of an instance of the component, each with the index of the core instance that
    /// defines it. Those of imported modules are unknown.
    pub fn memories(&self) -> impl Iterator<Item = (usize, &MemoryDefinition)> {
        self.each_instance().flat_map(|(at, module)| module.memories.iter().map(move |it| (at, it)))
    }

    /// The tables of an instance of the component, each with the index of the core instance that defines
    /// it.
    pub fn tables(&self) -> impl Iterator<Item = (usize, &TableDefinition)> {
        self.each_instance().flat_map(|(at, module)| module.tables.iter().map(move |it| (at, it)))
    }

    fn each_instance(&self) -> impl Iterator<Item = (usize, &CoreModule)> {
        let instances = self.instances.iter().enumerate();
        instances.filter_map(|(at, instance)| Some((at, self.module_of(instance)?)))
    }
}
