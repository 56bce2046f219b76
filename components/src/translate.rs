//! From a binary to its plan and program: the only folder that reads the translation's types.

mod steps;
mod types;

use std::collections::BTreeMap;

use wasmtime_environ::component::{
    Component, ComponentTranslation, ComponentTypes, ComponentTypesBuilder,
    Export as TranslatedExport, GlobalInitializer, InstantiateModule, Trampoline, Translator,
};
use wasmtime_environ::wasmparser::Validator;
use wasmtime_environ::{
    EntityRef, IndexType, Memory, ModuleTranslation, PrimaryMap, ScopeVec, StaticModuleIndex,
    Table, Trap, Tunables,
};

use crate::definitions::{self, Definitions};
use crate::error::ComponentError;
use crate::features::{ACCEPTED, explain};
use crate::plan::{
    CoreInstance, CoreModule, Export, Import, MemoryDefinition, ModuleSource, Origin, Plan,
    TableDefinition,
};
use crate::program::Program;

type Modules<'a> = PrimaryMap<StaticModuleIndex, ModuleTranslation<'a>>;

/// A translation, and what the file defines.
struct Translated<'a> {
    definitions: Definitions,
    translation: &'a ComponentTranslation,
    modules: &'a Modules<'a>,
    types: &'a ComponentTypes,
    /// The number of types of handles.
    handle_types: usize,
}

/// The plan of a component in the binary format.
///
/// # Errors
/// If it is not valid, needs a feature that is not supported, or cannot be flattened.
pub(crate) fn plan(binary: &[u8]) -> Result<Plan, ComponentError> {
    translated(binary, |translated| Ok(plan_of(translated)))
}

/// The plan, and the steps of an instantiation.
///
/// # Errors
/// Those of [`plan`]; or the component imports anything, or needs a function of its host that is not
/// offered.
pub(crate) fn program(binary: &[u8]) -> Result<(Plan, Program), ComponentError> {
    translated(binary, |translated| {
        let program = steps::program(&translated)?;
        Ok((plan_of(translated), program))
    })
}

/// Calls `read` with the translation of a binary.
fn translated<R>(
    binary: &[u8],
    read: impl FnOnce(Translated<'_>) -> Result<R, ComponentError>,
) -> Result<R, ComponentError> {
    // The translator relies on a valid binary, and its errors have no offset.
    Validator::new_with_features(ACCEPTED)
        .validate_all(binary)
        .map_err(|error| explain(binary, &error))?;
    let definitions = definitions::read(binary)?;

    let mut tunables = Tunables::default_host();
    // Without asynchronous calls no adapter needs a task.
    tunables.concurrency_support = false;
    let mut validator = Validator::new_with_features(ACCEPTED);
    let mut types = ComponentTypesBuilder::new(&validator);
    let adapters = ScopeVec::new();
    let translator = Translator::new(&tunables, &mut validator, &mut types, &adapters);
    let (translation, modules) = translator.translate(binary).map_err(|error| {
        ComponentError::Refused { reason: format!("{error:#}").replace('\n', " ") }
    })?;
    let handle_types = types.num_resource_tables();
    let (types, _) = types.finish(&translation.component);
    read(Translated {
        definitions,
        translation: &translation,
        modules: &modules,
        types: &types,
        handle_types,
    })
}

fn plan_of(translated: Translated<'_>) -> Plan {
    let Translated {
        definitions: Definitions { root, modules: defined },
        translation,
        modules,
        ..
    } = translated;
    let component = &translation.component;
    let mut names = defined.into_iter();
    let modules: Vec<CoreModule> =
        modules.values().map(|module| core_module(module, names.next())).collect();
    Plan {
        definition: root,
        instances: instances(component),
        trampolines: trampolines(translation.trampolines.values()),
        component_instances: component.num_runtime_component_instances,
        imports: imports(component),
        exports: exports(component),
        modules,
    }
}

/// The reason of a trap that an adapter names by number.
pub(crate) fn trap_message(code: u32) -> String {
    let trap = u8::try_from(code).ok().and_then(Trap::from_u8);
    trap.map_or_else(|| format!("trap {code}"), |trap| trap.to_string())
}

/// `definition` is `None` for an adapter, which is in no file. Modules of the file come first.
fn core_module(
    translation: &ModuleTranslation<'_>,
    definition: Option<definitions::ModuleDefinition>,
) -> CoreModule {
    let module = &translation.module;
    let memories = module.memories.values().skip(module.num_imported_memories);
    let tables = module.tables.values().skip(module.num_imported_tables);
    CoreModule {
        origin: definition.as_ref().map_or(Origin::Adapter, |it| Origin::File(it.offset)),
        name: definition.and_then(|it| it.name),
        len_bytes: translation.wasm.len() as u64,
        functions: module.functions.len() - module.num_imported_funcs,
        memories: memories.map(memory).collect(),
        tables: tables.map(table).collect(),
        binary: translation.wasm.to_vec(),
    }
}

fn memory(memory: &Memory) -> MemoryDefinition {
    MemoryDefinition {
        minimum_pages: memory.limits.min,
        maximum_pages: memory.limits.max,
        page_bytes: 1 << memory.page_size_log2,
        is_64: matches!(memory.idx_type, IndexType::I64),
        is_shared: memory.shared,
    }
}

fn table(table: &Table) -> TableDefinition {
    TableDefinition { minimum: table.limits.min, maximum: table.limits.max }
}

fn instances(component: &Component) -> Vec<CoreInstance> {
    let instances = component.initializers.iter().filter_map(|initializer| match initializer {
        GlobalInitializer::InstantiateModule(instantiate, component_instance) => {
            let module = match instantiate {
                InstantiateModule::Static(module, _) => ModuleSource::Module(module.index()),
                InstantiateModule::Import(import, _) => {
                    ModuleSource::Import(component.imports[*import].0.index())
                }
            };
            let component_instance = component_instance.map(|instance| instance.as_u32());
            Some(CoreInstance { module, component_instance })
        }
        _ => None,
    });
    instances.collect()
}

fn trampolines<'a>(all: impl Iterator<Item = &'a Trampoline>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for trampoline in all {
        *counts.entry(kind(trampoline)).or_default() += 1;
    }
    counts
}

/// The kind of a trampoline, without the numbers of its items.
fn kind(trampoline: &Trampoline) -> String {
    match trampoline {
        Trampoline::LowerImport { .. } => "lowered import".to_owned(),
        Trampoline::Transcoder { op, .. } => format!("string {}", op.desc()),
        other => {
            let name = other.symbol_name();
            let name = name.strip_prefix("component-").unwrap_or(&name);
            name.split('[').next().unwrap_or(name).replace('-', " ")
        }
    }
}

fn imports(component: &Component) -> Vec<Import> {
    let mut imports: Vec<Import> = component
        .import_types
        .values()
        .map(|(name, item)| Import {
            name: name.clone(),
            kind: kind_of_import(item.ty.desc()),
            items: Vec::new(),
        })
        .collect();
    for (import, path) in component.imports.values() {
        if let Some(import) = imports.get_mut(import.index())
            && !path.is_empty()
        {
            import.items.push(path.join("."));
        }
    }
    imports
}

/// The description of a type in a text that lives as long as the program.
fn kind_of_import(description: &str) -> &'static str {
    const KINDS: [&str; 7] =
        ["component", "instance", "function", "type", "core module", "core function", "resource"];
    KINDS.into_iter().find(|kind| *kind == description).unwrap_or("item")
}

fn exports(component: &Component) -> Vec<Export> {
    let exports = component.exports.raw_iter().map(|(name, (index, _))| Export {
        name: name.to_string(),
        kind: match component.export_items[*index] {
            TranslatedExport::LiftedFunction { .. } => "function",
            TranslatedExport::ModuleStatic { .. } | TranslatedExport::ModuleImport { .. } => {
                "core module"
            }
            TranslatedExport::Instance { .. } => "instance",
            TranslatedExport::Type(_) => "type",
        },
    });
    exports.collect()
}
