//! The steps of an instantiation, and the exported functions.

use wasmtime_environ::component::{
    CanonicalOptions, CanonicalOptionsDataModel, CoreDef, CoreExport, Export, ExportItem,
    FixedEncoding, GlobalInitializer, InstantiateModule, InterfaceType, StringEncoding,
    Trampoline as Translation, Transcode, TypeResourceTable, TypeResourceTableIndex,
};
use wasmtime_environ::{EntityIndex, EntityRef, StaticModuleIndex};

use super::types::value_type;
use super::{Modules, Translated, kind};
use crate::error::ComponentError;
use crate::program::{Function, HandleType, Item, Program, Step, Trampoline};

fn needs(needs: impl Into<String>) -> ComponentError {
    ComponentError::NeedsHost { needs: needs.into() }
}

/// # Errors
/// The component imports anything, or needs a function of its host that is not offered.
pub(super) fn program(translated: &Translated<'_>) -> Result<Program, ComponentError> {
    let component = &translated.translation.component;
    if let Some((name, _)) = component.import_types.values().next() {
        return Err(needs(format!("imports {name}")));
    }
    let handle_types: Vec<HandleType> = (0..translated.handle_types)
        .map(|at| handle_type(translated, TypeResourceTableIndex::new(at)))
        .collect();
    let mut items = Items { modules: translated.modules, of_instances: Vec::new() };
    let mut steps = Vec::new();
    // Functions of the canonical ABI by their numbers, which exports name.
    let (mut reallocs, mut post_returns) = (Vec::new(), Vec::new());
    for initializer in &component.initializers {
        match initializer {
            GlobalInitializer::InstantiateModule(InstantiateModule::Static(module, args), _) => {
                let imports = args.iter().map(|arg| items.item(arg));
                let imports = imports.collect::<Result<_, _>>()?;
                steps.push(Step::Instantiate { module: module.index(), imports });
                items.of_instances.push(*module);
            }
            GlobalInitializer::InstantiateModule(InstantiateModule::Import(..), _) => {
                return Err(needs("imports a core module"));
            }
            GlobalInitializer::ExtractMemory(memory) => steps.push(Step::Memory {
                number: memory.index.index(),
                item: items.item(&memory.export.clone().into())?,
            }),
            GlobalInitializer::ExtractRealloc(realloc) => {
                reallocs.push((realloc.index, items.item(&realloc.def)?));
            }
            GlobalInitializer::ExtractPostReturn(post_return) => {
                post_returns.push((post_return.index, items.item(&post_return.def)?));
            }
            GlobalInitializer::Resource(resource) => steps.push(Step::Resource {
                number: component.resource_index(resource.index).index(),
                destructor: resource.dtor.as_ref().map(|def| items.item(def)).transpose()?,
                component_instance: resource.instance.as_u32(),
            }),
            // Only threads use tables.
            GlobalInitializer::ExtractTable(_) => {}
            GlobalInitializer::ExtractCallback(_) => return Err(needs("calls asynchronously")),
            GlobalInitializer::LowerImport { .. } => return Err(needs("imports a function")),
        }
    }
    let trampolines = translated.translation.trampolines.values();
    let trampolines = trampolines.map(|trampoline| of_trampoline(trampoline, &handle_types));
    let mut functions = Vec::new();
    for (name, (index, _)) in component.exports.raw_iter() {
        let Export::LiftedFunction { ty, func, options } = &component.export_items[*index] else {
            continue;
        };
        let options = &component.options[*options];
        let CanonicalOptionsDataModel::LinearMemory(memory) = &options.data_model else {
            return Err(needs("passes values of a garbage collector"));
        };
        let realloc = memory.realloc.and_then(|at| found(&reallocs, at));
        let post_return = options.post_return.and_then(|at| found(&post_returns, at));
        let ty = &translated.types[*ty];
        let params = translated.types[ty.params].types.iter();
        let mut unsupported = unsupported_option(options);
        let mut of = |ty: &InterfaceType| match value_type(translated.types, ty) {
            Ok(ty) => Some(ty),
            Err(name) => {
                unsupported = Some(name.to_owned());
                None
            }
        };
        let params = ty.param_names.iter().cloned().zip(params);
        let params = params.filter_map(|(name, ty)| Some((name, of(ty)?))).collect();
        let result = translated.types[ty.results].types.first().and_then(of);
        functions.push(Function {
            name: name.to_string(),
            callee: items.item(func)?,
            component_instance: options.instance.as_u32(),
            memory: memory.memory.map(|memory| memory.index()),
            realloc,
            post_return,
            params,
            result,
            unsupported,
        });
    }
    Ok(Program {
        steps,
        trampolines: trampolines.collect::<Result<_, _>>()?,
        memories: component.num_runtime_memories as usize,
        resources: component.num_resources as usize,
        component_instances: component.num_runtime_component_instances as usize,
        handle_types,
        functions,
    })
}

fn unsupported_option(options: &CanonicalOptions) -> Option<String> {
    match options.string_encoding {
        _ if options.async_ => Some("its result asynchronously".to_owned()),
        StringEncoding::Utf8 => None,
        StringEncoding::Utf16 | StringEncoding::CompactUtf16 => {
            Some("strings of UTF-16".to_owned())
        }
    }
}

fn found<I: Copy + PartialEq>(items: &[(I, Item)], wanted: I) -> Option<Item> {
    items.iter().find(|(index, _)| *index == wanted).map(|(_, item)| item.clone())
}

/// The core instances that were made so far, to find the names of their items.
struct Items<'a> {
    modules: &'a Modules<'a>,
    of_instances: Vec<StaticModuleIndex>,
}

impl Items<'_> {
    fn item(&self, definition: &CoreDef) -> Result<Item, ComponentError> {
        match definition {
            CoreDef::Export(CoreExport { instance, item }) => {
                let name = match item {
                    ExportItem::Name(name) => Some(name.clone()),
                    ExportItem::Index(index) => self.name(instance.index(), *index),
                };
                let name = name.ok_or_else(|| needs("uses an item that no module exports"))?;
                Ok(Item::Export { instance: instance.index(), name })
            }
            CoreDef::InstanceFlags(instance) => Ok(Item::MayLeave(instance.as_u32())),
            CoreDef::Trampoline(at) => Ok(Item::Trampoline(at.index())),
            CoreDef::UnsafeIntrinsic(_) => Err(needs("uses an intrinsic of its host")),
            CoreDef::TaskMayBlock => Err(needs("calls asynchronously")),
        }
    }

    fn name(&self, instance: usize, index: EntityIndex) -> Option<String> {
        let module = &self.modules[*self.of_instances.get(instance)?].module;
        let mut exports = module.exports.iter();
        let (name, _) = exports.find(|(_, exported)| **exported == index)?;
        Some(module.strings[*name].to_owned())
    }
}

/// Types of handles that no instance has are those of no resource.
fn handle_type(translated: &Translated<'_>, index: TypeResourceTableIndex) -> HandleType {
    match translated.types[index] {
        TypeResourceTable::Concrete { ty, instance } => {
            HandleType { resource: ty.index(), component_instance: instance.as_u32() }
        }
        TypeResourceTable::Abstract(_) => {
            HandleType { resource: usize::MAX, component_instance: u32::MAX }
        }
    }
}

fn of_trampoline(
    trampoline: &Translation,
    handle_types: &[HandleType],
) -> Result<Trampoline, ComponentError> {
    let unknown = || needs(format!("needs the function '{}'", kind(trampoline)));
    let handle =
        |at: &TypeResourceTableIndex| handle_types.get(at.index()).copied().ok_or_else(unknown);
    Ok(match trampoline {
        Translation::Transcoder { op, from, from64: false, to, to64: false }
            if *op == Transcode::Copy(FixedEncoding::Utf8) =>
        {
            Trampoline::CopyUtf8 { from: from.index(), to: to.index() }
        }
        Translation::ResourceNew { ty, .. } => Trampoline::ResourceNew(handle(ty)?),
        Translation::ResourceRep { ty, .. } => Trampoline::ResourceRep(handle(ty)?),
        Translation::ResourceDrop { ty, .. } => Trampoline::ResourceDrop(handle(ty)?),
        Translation::ResourceTransferOwn => Trampoline::TransferOwn,
        Translation::ResourceTransferBorrow => Trampoline::TransferBorrow,
        Translation::EnterSyncCall => Trampoline::EnterCall,
        Translation::ExitSyncCall => Trampoline::ExitCall,
        Translation::Trap => Trampoline::Trap,
        _ => return Err(unknown()),
    })
}
