//! The index spaces of instances, as indices of the fused module.

use std::collections::HashMap;

use wasm_encoder::reencode::{Error, Reencode};
use wasmparser::{ExternalKind, FuncType, GlobalType, MemoryType, TableType};

use crate::error::FuseError;
use crate::helpers::{self, Helper, Helpers};
use crate::module::{Item, Module};
use crate::program::{Definition, ItemOf, Program};
use crate::resources;

/// For each kind of item, the index in the fused module by the index in an instance's module.
#[derive(Debug, Default)]
pub(crate) struct Space {
    pub(crate) types: Vec<u32>,
    pub(crate) functions: Vec<u32>,
    pub(crate) tables: Vec<u32>,
    pub(crate) globals: Vec<u32>,
    /// Indices of regions.
    pub(crate) memories: Vec<usize>,
    pub(crate) first_element: u32,
    pub(crate) first_data: u32,
}

/// The items of the fused module and how instances refer to them.
#[derive(Debug, Default)]
pub(crate) struct Spaces {
    /// One for each instance.
    pub(crate) all: Vec<Space>,
    pub(crate) types: Types,
    pub(crate) helpers: Helpers,
    /// The type of each function that instances define.
    pub(crate) functions: Vec<u32>,
    pub(crate) tables: Vec<TableType>,
    /// Of the globals that instances define, after those of regions and flags.
    pub(crate) globals: Vec<GlobalType>,
    /// Each with the instance that defines it.
    pub(crate) memories: Vec<(usize, MemoryType)>,
    pub(crate) elements: u32,
    pub(crate) data: u32,
    /// The number of the program's flags.
    flags: u32,
    /// The number of globals that calls with borrowed handles need.
    call_globals: u32,
    /// The number of regions: the globals with their lengths are the first ones.
    regions: u32,
}

/// Types of functions, each once.
#[derive(Debug, Default)]
pub(crate) struct Types {
    pub(crate) all: Vec<FuncType>,
    index: HashMap<FuncType, u32>,
}

impl Types {
    pub(crate) fn index(&mut self, ty: &FuncType) -> u32 {
        if let Some(index) = self.index.get(ty) {
            return *index;
        }
        let index = self.all.len() as u32;
        self.all.push(ty.clone());
        self.index.insert(ty.clone(), index);
        index
    }
}

/// What an import is linked to.
enum Linked {
    Function(u32),
    Table(u32),
    Memory(usize),
    Global(u32),
}

impl Spaces {
    /// # Errors
    /// [`FuseError::Link`].
    pub(crate) fn new(program: &Program, modules: &[Module<'_>]) -> Result<Spaces, FuseError> {
        let module_of = |number: usize| {
            let instance = program.instances.get(number);
            let module = instance.and_then(|instance| modules.get(instance.module));
            let reason = || "there is no such instance, or no such module".to_owned();
            module.ok_or_else(|| FuseError::Link { instance: number, reason: reason() })
        };
        let call_globals = if program.resources.is_empty() { 0 } else { resources::GLOBALS };
        let flags = program.flags.len() as u32;
        let mut spaces = Spaces { flags, call_globals, ..Spaces::default() };
        let mut functions = 0;
        for number in 0..program.instances.len() {
            let module = module_of(number)?;
            functions += module.functions.len() as u32;
            spaces.regions += module.memories.len() as u32;
        }
        // Helpers follow the functions of instances.
        spaces.helpers.first = functions;
        for number in 0..program.instances.len() {
            let module = module_of(number)?;
            spaces.add(program, modules, number, module)?;
        }
        Ok(spaces)
    }

    fn add(
        &mut self,
        program: &Program,
        modules: &[Module<'_>],
        number: usize,
        module: &Module<'_>,
    ) -> Result<(), FuseError> {
        let mut space = Space {
            types: module.types.iter().map(|ty| self.types.index(ty)).collect(),
            first_element: self.elements,
            first_data: self.data,
            ..Space::default()
        };
        let definitions = &program.instances[number].imports;
        if definitions.len() != module.imports.len() {
            let [has, needs] = [definitions.len(), module.imports.len()];
            let reason = format!("it has {has} imports linked, and its module needs {needs}");
            return Err(FuseError::Link { instance: number, reason });
        }
        for (import, definition) in module.imports.iter().zip(definitions) {
            let refused = |reason: String| {
                let reason = format!("import {:?} {:?}: {reason}", import.module, import.name);
                FuseError::Link { instance: number, reason }
            };
            let linked = self.link(program, modules, number, module, import.item, definition);
            match linked.map_err(refused)? {
                Linked::Function(function) => space.functions.push(function),
                Linked::Table(table) => space.tables.push(table),
                Linked::Memory(region) => space.memories.push(region),
                Linked::Global(global) => space.globals.push(global),
            }
        }
        for ty in &module.functions {
            space.functions.push(self.functions.len() as u32);
            self.functions.push(space.types[*ty as usize]);
        }
        for table in &module.tables {
            space.tables.push(self.tables.len() as u32);
            self.tables.push(table.ty);
        }
        for memory in &module.memories {
            space.memories.push(self.memories.len());
            self.memories.push((number, *memory));
        }
        for global in &module.globals {
            space.globals.push(self.first_global() + self.globals.len() as u32);
            self.globals.push(global.ty);
        }
        self.elements += module.elements.len() as u32;
        self.data += module.data.len() as u32;
        self.all.push(space);
        Ok(())
    }

    fn link(
        &mut self,
        program: &Program,
        modules: &[Module<'_>],
        number: usize,
        module: &Module<'_>,
        item: Item,
        definition: &Definition,
    ) -> Result<Linked, String> {
        let wrong = || format!("it needs {}", described(item));
        match definition {
            Definition::Export { instance, name } => {
                let (kind, index) = self.export(program, modules, number, *instance, name)?;
                let space = &self.all[*instance];
                let index = index as usize;
                match (kind, item) {
                    (ExternalKind::Func, Item::Function(ty)) => {
                        let function = space.functions[index];
                        let expected = self.types.index(&module.types[ty as usize]);
                        match self.function_type(function) == Some(expected) {
                            true => Ok(Linked::Function(function)),
                            false => Err(wrong()),
                        }
                    }
                    (ExternalKind::Table, Item::Table(ty)) => {
                        let table = space.tables[index];
                        let fits = self.tables[table as usize].element_type == ty.element_type;
                        if fits { Ok(Linked::Table(table)) } else { Err(wrong()) }
                    }
                    (ExternalKind::Memory, Item::Memory(_)) => {
                        Ok(Linked::Memory(space.memories[index]))
                    }
                    (ExternalKind::Global, Item::Global(ty)) => {
                        let global = space.globals[index];
                        let fits = self.global_type(global).is_none_or(|actual| actual == ty);
                        if fits { Ok(Linked::Global(global)) } else { Err(wrong()) }
                    }
                    _ => Err(wrong()),
                }
            }
            Definition::Flag(flag) => {
                let Item::Global(GlobalType { content_type: wasmparser::ValType::I32, .. }) = item
                else {
                    return Err(wrong());
                };
                match u32::try_from(*flag) {
                    Ok(flag) if flag < self.flags => Ok(Linked::Global(self.regions + flag)),
                    _ => Err(format!("there is no flag {flag}")),
                }
            }
            Definition::Trap => {
                let Item::Function(ty) = item else { return Err(wrong()) };
                let ty = self.types.index(&module.types[ty as usize]);
                Ok(Linked::Function(self.helpers.index(Helper::Trap(ty))))
            }
            Definition::CopyUtf8 { from, to } => {
                let Item::Function(ty) = item else { return Err(wrong()) };
                if module.types[ty as usize] != crate::utf8::function_type() {
                    return Err(wrong());
                }
                let region = |memory: &ItemOf| {
                    let ItemOf { instance, name } = memory;
                    match self.export(program, modules, number, *instance, name)? {
                        (ExternalKind::Memory, index) => {
                            Ok(self.all[*instance].memories[index as usize])
                        }
                        _ => Err(format!("{name:?} of instance {instance} is no memory")),
                    }
                };
                let (from, to) = (region(from)?, region(to)?);
                Ok(Linked::Function(self.helpers.index(Helper::CopyUtf8 { from, to })))
            }
            of_resources => {
                let Item::Function(ty) = item else { return Err(wrong()) };
                let (first_flag, flags) = (self.regions, self.flags);
                let flag = |flag: usize| match u32::try_from(flag) {
                    Ok(flag) if flag < flags => Ok(first_flag + flag),
                    _ => Err(format!("there is no flag {flag}")),
                };
                let known = |resource: usize| match program.resources.get(resource) {
                    Some(known) => Ok((resource as u32, known)),
                    None => Err(format!("there is no resource {resource}")),
                };
                let helper = match *of_resources {
                    Definition::ResourceNew { resource, may_leave } => {
                        let (resource, _) = known(resource)?;
                        Helper::ResourceNew { resource, may_leave: flag(may_leave)? }
                    }
                    Definition::ResourceRep(resource) => Helper::ResourceRep(known(resource)?.0),
                    Definition::ResourceDrop { resource, may_leave } => {
                        let (resource, known) = known(resource)?;
                        let destructor = known.destructor.as_ref();
                        let destructor =
                            destructor.map(|it| self.destructor(program, modules, number, it));
                        let may_leave = flag(may_leave)?;
                        Helper::ResourceDrop {
                            resource,
                            may_leave,
                            destructor: destructor.transpose()?,
                        }
                    }
                    Definition::ResourceTransferOwn => Helper::ResourceTransferOwn,
                    Definition::ResourceTransferBorrow => Helper::ResourceTransferBorrow,
                    Definition::EnterCall => Helper::EnterCall,
                    _ => Helper::ExitCall,
                };
                if helpers::function_type(helper).as_ref() != module.types.get(ty as usize) {
                    return Err(wrong());
                }
                if program.resources.is_empty() {
                    return Err("the program has no resources".to_owned());
                }
                Ok(Linked::Function(self.helpers.index(helper)))
            }
        }
    }

    /// The destructor of a resource, which takes its representation.
    fn destructor(
        &mut self,
        program: &Program,
        modules: &[Module<'_>],
        number: usize,
        item: &ItemOf,
    ) -> Result<u32, String> {
        let ItemOf { instance, name } = item;
        let (kind, index) = self.export(program, modules, number, *instance, name)?;
        let function = match kind {
            ExternalKind::Func => self.all[*instance].functions[index as usize],
            _ => return Err(format!("{name:?} of instance {instance} is no function")),
        };
        let takes = self.types.index(&FuncType::new([wasmparser::ValType::I32], []));
        match self.function_type(function) == Some(takes) {
            true => Ok(function),
            false => {
                Err(format!("{name:?} of instance {instance} has not the type of a destructor"))
            }
        }
    }

    /// The type of a function of the fused module, which an instance defines or which is a helper.
    fn function_type(&mut self, function: u32) -> Option<u32> {
        let Some(at) = function.checked_sub(self.helpers.first) else {
            return self.functions.get(function as usize).copied();
        };
        match *self.helpers.all.get(at as usize)? {
            Helper::Trap(ty) => Some(ty),
            helper => helpers::function_type(helper).map(|ty| self.types.index(&ty)),
        }
    }

    /// The kind of an export, and its index in the module of its instance.
    pub(crate) fn export(
        &self,
        program: &Program,
        modules: &[Module<'_>],
        before: usize,
        instance: usize,
        name: &str,
    ) -> Result<(ExternalKind, u32), String> {
        if instance >= before {
            return Err(format!("instance {instance} is not made before it"));
        }
        let exports = &modules[program.instances[instance].module].exports;
        let found = exports.get(name).copied();
        found.ok_or_else(|| format!("instance {instance} has no export {name:?}"))
    }

    /// The type of a global that an instance defines; `None` for a flag.
    fn global_type(&self, global: u32) -> Option<GlobalType> {
        let defined = global.checked_sub(self.first_global())?;
        self.globals.get(defined as usize).copied()
    }

    /// The number of globals before those that instances define.
    pub(crate) fn first_global(&self) -> u32 {
        self.first_call_global() + self.call_globals
    }

    /// The first of the globals that calls with borrowed handles need.
    pub(crate) fn first_call_global(&self) -> u32 {
        self.regions + self.flags
    }
}

fn described(item: Item) -> String {
    match item {
        Item::Function(_) => "a function of its type".to_owned(),
        Item::Table(ty) => format!("a table of {}", ty.element_type),
        Item::Memory(_) => "a memory".to_owned(),
        Item::Global(ty) => {
            let mutable = if ty.mutable { "mutable" } else { "immutable" };
            format!("a {mutable} global of {}", ty.content_type)
        }
    }
}

/// Indices are replaced by those of the fused module, of which the only memory is 0.
impl Reencode for &Space {
    type Error = std::convert::Infallible;

    fn type_index(&mut self, ty: u32) -> Result<u32, Error<Self::Error>> {
        Ok(self.types[ty as usize])
    }

    fn function_index(&mut self, function: u32) -> Result<u32, Error<Self::Error>> {
        Ok(self.functions[function as usize])
    }

    fn table_index(&mut self, table: u32) -> Result<u32, Error<Self::Error>> {
        Ok(self.tables[table as usize])
    }

    fn global_index(&mut self, global: u32) -> Result<u32, Error<Self::Error>> {
        Ok(self.globals[global as usize])
    }

    fn memory_index(&mut self, _: u32) -> Result<u32, Error<Self::Error>> {
        Ok(0)
    }

    fn element_index(&mut self, element: u32) -> Result<u32, Error<Self::Error>> {
        Ok(self.first_element + element)
    }

    fn data_index(&mut self, data: u32) -> Result<u32, Error<Self::Error>> {
        Ok(self.first_data + data)
    }
}
