//! The components and core modules as the file has them, with their names and places.

use std::ops::Range;

use serde::Serialize;
use wasmtime_environ::wasmparser::{
    ComponentName, ComponentNameSectionReader, KnownCustom, Name, NameSectionReader, Parser,
    Payload,
};

use crate::error::ComponentError;
use crate::features::explain;

/// A component of the file, with what is defined in it. Instances of it are another matter: it may have
/// none or several.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Definition {
    /// The name in its name section.
    pub name: Option<String>,
    /// Offset of its first byte in the file.
    pub offset: u64,
    /// Length in bytes, with what it contains.
    pub len_bytes: u64,
    /// The core modules that it defines, as indices of [`Plan::modules`](crate::Plan::modules).
    pub modules: Vec<usize>,
    /// The components that it defines.
    pub components: Vec<Definition>,
}

impl Definition {
    /// The number of components in it, with itself.
    pub fn count(&self) -> usize {
        1 + self.components.iter().map(Definition::count).sum::<usize>()
    }
}

/// A core module of the file.
#[derive(Debug, Default)]
pub(crate) struct ModuleDefinition {
    pub(crate) name: Option<String>,
    pub(crate) offset: u64,
}

/// Everything that the file defines.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    pub(crate) root: Definition,
    /// In the order of the file.
    pub(crate) modules: Vec<ModuleDefinition>,
}

/// Reads the definitions of a component that validation accepted.
///
/// # Errors
/// If a definition continues beyond the end of the binary, which validation does not notice.
pub(crate) fn read(binary: &[u8]) -> Result<Definitions, ComponentError> {
    let mut modules: Vec<ModuleDefinition> = Vec::new();
    // The components around the present place, the outermost first.
    let root = Definition { len_bytes: binary.len() as u64, ..Definition::default() };
    let mut open = vec![root];
    let mut is_in_module = false;
    for payload in Parser::new(0).parse_all(binary) {
        let payload = payload.map_err(|error| explain(binary, &error))?;
        if let Payload::ModuleSection { unchecked_range, .. }
        | Payload::ComponentSection { unchecked_range, .. } = &payload
        {
            check_range(binary, unchecked_range)?;
        }
        match payload {
            Payload::ModuleSection { unchecked_range, .. } => {
                if let Some(component) = open.last_mut() {
                    component.modules.push(modules.len());
                }
                let offset = unchecked_range.start as u64;
                modules.push(ModuleDefinition { name: None, offset });
                is_in_module = true;
            }
            Payload::ComponentSection { unchecked_range, .. } => open.push(Definition {
                offset: unchecked_range.start as u64,
                len_bytes: unchecked_range.len() as u64,
                ..Definition::default()
            }),
            Payload::CustomSection(section) => match section.as_known() {
                KnownCustom::Name(names) if is_in_module => {
                    if let Some(module) = modules.last_mut() {
                        module.name = module_name(names);
                    }
                }
                KnownCustom::ComponentName(names) if !is_in_module => {
                    if let Some(component) = open.last_mut() {
                        component.name = component_name(names);
                    }
                }
                _ => {}
            },
            Payload::End(_) if is_in_module => is_in_module = false,
            Payload::End(_) if open.len() > 1 => {
                if let (Some(inner), Some(outer)) = (open.pop(), open.last_mut()) {
                    outer.components.push(inner);
                }
            }
            _ => {}
        }
    }
    Ok(Definitions { root: open.into_iter().next().unwrap_or_default(), modules })
}

fn check_range(binary: &[u8], range: &Range<usize>) -> Result<(), ComponentError> {
    if range.end <= binary.len() {
        return Ok(());
    }
    let (end, len) = (range.end, binary.len());
    Err(ComponentError::Invalid {
        offset: range.start as u64,
        reason: format!("its module or component ends at {end:#x}, and the file at {len:#x}"),
    })
}

/// Validation does not read names, so one that cannot be read is no error.
fn module_name(names: NameSectionReader<'_>) -> Option<String> {
    names.into_iter().find_map(|name| match name {
        Ok(Name::Module { name, .. }) => Some(name.to_owned()),
        _ => None,
    })
}

fn component_name(names: ComponentNameSectionReader<'_>) -> Option<String> {
    names.into_iter().find_map(|name| match name {
        Ok(ComponentName::Component { name, .. }) => Some(name.to_owned()),
        _ => None,
    })
}
