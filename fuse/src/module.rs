//! A core module, parsed and validated.

use std::collections::HashMap;

use wasmparser::{
    Data, Element, ExternalKind, FuncType, FunctionBody, Global, GlobalType, MemoryType, Name,
    NameSectionReader, Parser, Payload, Table, TableType, TypeRef, Validator, WasmFeatures,
};

use crate::error::FuseError;

/// What modules may use. Validation with these features is the list of the instructions that are rewritten.
const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::REFERENCE_TYPES)
    // References to functions and to values of the host.
    .union(WasmFeatures::GC_TYPES)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::RELAXED_SIMD)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::WIDE_ARITHMETIC);

/// A module, by section.
#[derive(Default)]
pub(crate) struct Module<'a> {
    pub(crate) types: Vec<FuncType>,
    pub(crate) imports: Vec<Import<'a>>,
    /// The types of the functions that it defines.
    pub(crate) functions: Vec<u32>,
    pub(crate) tables: Vec<Table<'a>>,
    pub(crate) memories: Vec<MemoryType>,
    pub(crate) globals: Vec<Global<'a>>,
    pub(crate) exports: HashMap<&'a str, (ExternalKind, u32)>,
    pub(crate) start: Option<u32>,
    pub(crate) elements: Vec<Element<'a>>,
    pub(crate) data: Vec<Data<'a>>,
    pub(crate) bodies: Vec<FunctionBody<'a>>,
    /// Names of functions, for profilers and backtraces.
    pub(crate) names: Vec<(u32, &'a str)>,
}

/// An import of a module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Import<'a> {
    pub(crate) module: &'a str,
    pub(crate) name: &'a str,
    pub(crate) item: Item,
}

/// The type of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Function(u32),
    Table(TableType),
    Memory(MemoryType),
    Global(GlobalType),
}

impl<'a> Module<'a> {
    /// # Errors
    /// [`FuseError::Module`]. `number` is the module's.
    pub(crate) fn parse(number: usize, binary: &'a [u8]) -> Result<Module<'a>, FuseError> {
        let refused = |error: &wasmparser::Error| FuseError::Module {
            module: number,
            offset: error.offset(),
            reason: error.message().replace('\n', " "),
        };
        Validator::new_with_features(FEATURES)
            .validate_all(binary)
            .map_err(|error| refused(&error))?;
        let mut module = Module::default();
        for payload in Parser::new(0).parse_all(binary) {
            payload.and_then(|payload| module.add(payload)).map_err(|error| refused(&error))?;
        }
        Ok(module)
    }

    fn add(&mut self, payload: Payload<'a>) -> wasmparser::Result<()> {
        match payload {
            Payload::TypeSection(section) => {
                for ty in section.into_iter_err_on_gc_types() {
                    self.types.push(ty?);
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    let item = match import.ty {
                        TypeRef::Func(ty) | TypeRef::FuncExact(ty) => Item::Function(ty),
                        TypeRef::Table(ty) => Item::Table(ty),
                        TypeRef::Memory(ty) => Item::Memory(ty),
                        TypeRef::Global(ty) => Item::Global(ty),
                        // Validation refuses exceptions.
                        TypeRef::Tag(_) => continue,
                    };
                    self.imports.push(Import { module: import.module, name: import.name, item });
                }
            }
            Payload::FunctionSection(section) => collect(section, &mut self.functions)?,
            Payload::TableSection(section) => collect(section, &mut self.tables)?,
            Payload::MemorySection(section) => collect(section, &mut self.memories)?,
            Payload::GlobalSection(section) => collect(section, &mut self.globals)?,
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    self.exports.insert(export.name, (export.kind, export.index));
                }
            }
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::ElementSection(section) => collect(section, &mut self.elements)?,
            Payload::DataSection(section) => collect(section, &mut self.data)?,
            Payload::CodeSectionEntry(body) => self.bodies.push(body),
            Payload::CustomSection(section) => {
                if let wasmparser::KnownCustom::Name(names) = section.as_known() {
                    self.add_names(names);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Names that are damaged are left out, as other programs do.
    fn add_names(&mut self, names: NameSectionReader<'a>) {
        let functions = names.into_iter().flatten().filter_map(|name| match name {
            Name::Function(map) => Some(map),
            _ => None,
        });
        self.names.extend(functions.flatten().flatten().map(|naming| (naming.index, naming.name)));
    }
}

fn collect<'a, T: wasmparser::FromReader<'a>>(
    section: wasmparser::SectionLimited<'a, T>,
    into: &mut Vec<T>,
) -> wasmparser::Result<()> {
    for item in section {
        into.push(item?);
    }
    Ok(())
}
