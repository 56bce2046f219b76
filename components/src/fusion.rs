//! A component without imports as a program that can be fused.

use leakbench_fuse as fuse;
use leakbench_fuse::{Definition, ItemOf};

use crate::error::ComponentError;
use crate::program::{Function, HandleType, Item, Program, Step, Trampoline};
use crate::run::Number;
use crate::value_type::ValueType;
use crate::{text, translate};

/// A component's core instances and how they are linked, and what of it the fused module cannot offer.
#[derive(Clone, Debug)]
pub struct Fusible {
    /// The program. Its exports are the component's functions of numbers, in the canonical ABI's flat form.
    pub program: fuse::Program,
    /// The types of these functions, in the same order.
    pub functions: Vec<NumberFunction>,
    /// Functions that are not exported, with the reason.
    pub left_out: Vec<LeftOut>,
}

/// An exported function of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberFunction {
    /// Its name.
    pub name: String,
    /// The types of its parameters.
    pub params: Vec<Number>,
    /// The type of its result.
    pub result: Option<Number>,
}

/// A function that is not exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The function.
    pub name: String,
    /// The reason, in words that follow its name.
    pub reason: String,
}

impl Fusible {
    /// The program of a component, in the binary format or as text.
    ///
    /// # Errors
    /// If it has no plan, imports anything, or needs a function that a fused module cannot have.
    pub fn new(bytes: &[u8]) -> Result<Fusible, ComponentError> {
        let (plan, program) = translate::program(&text::assembled(bytes)?)?;
        let parts = Parts::of(&program);
        let mut instances = Vec::new();
        for step in &program.steps {
            let Step::Instantiate { module, imports } = step else { continue };
            let imports = imports.iter().map(|item| parts.definition(item));
            let imports = imports.collect::<Result<_, _>>()?;
            instances.push(fuse::Instance { module: *module, imports });
        }
        let (mut exports, mut functions, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
        for function in &program.functions {
            match export(function) {
                Ok((export, of_numbers)) => {
                    exports.push(export);
                    functions.push(of_numbers);
                }
                Err(reason) => left_out.push(LeftOut { name: function.name.clone(), reason }),
            }
        }
        let resources = program.handle_types.iter().map(|it| parts.resource(*it));
        Ok(Fusible {
            program: fuse::Program {
                modules: plan.modules.into_iter().map(|module| module.binary).collect(),
                instances,
                exports,
                flags: vec![1; program.component_instances],
                resources: resources.collect::<Result<_, _>>()?,
            },
            functions,
            left_out,
        })
    }
}

/// The export of a function that takes and returns numbers only.
///
/// # Errors
/// The reason for which it cannot be.
fn export(function: &Function) -> Result<(fuse::Export, NumberFunction), String> {
    let Function { name, callee, params, result, unsupported, post_return, .. } = function;
    if let Some(what) = unsupported {
        return Err(format!("takes or returns {what}"));
    }
    let no_numbers = || "takes or returns values that are no numbers".to_owned();
    let number = |ty: &ValueType| Number::of(ty).ok_or_else(no_numbers);
    let params = params.iter().map(|(_, ty)| number(ty)).collect::<Result<_, _>>()?;
    let result = result.as_ref().map(number).transpose()?;
    if post_return.is_some() {
        return Err("has a function that is called after it".to_owned());
    }
    let Item::Export { instance, name: item } = callee else {
        return Err("is a function of no core module".to_owned());
    };
    let export = fuse::Export { name: name.clone(), instance: *instance, item: item.clone() };
    Ok((export, NumberFunction { name: name.clone(), params, result }))
}

/// The parts of a program by their numbers.
struct Parts<'a> {
    program: &'a Program,
    memories: Vec<Option<&'a Item>>,
    /// The destructor of each resource, and the component instance that defines it.
    resources: Vec<Option<(Option<&'a Item>, u32)>>,
}

impl Parts<'_> {
    fn of(program: &Program) -> Parts<'_> {
        let mut memories = vec![None; program.memories];
        let mut resources = vec![None; program.resources];
        for step in &program.steps {
            match step {
                Step::Memory { number, item } => memories[*number] = Some(item),
                Step::Resource { number, destructor, component_instance } => {
                    resources[*number] = Some((destructor.as_ref(), *component_instance));
                }
                Step::Instantiate { .. } => {}
            }
        }
        Parts { program, memories, resources }
    }

    fn definition(&self, item: &Item) -> Result<Definition, ComponentError> {
        Ok(match item {
            Item::Export { .. } => {
                let ItemOf { instance, name } = item_of(item)?;
                Definition::Export { instance, name }
            }
            Item::MayLeave(flag) => Definition::Flag(*flag as usize),
            Item::Trampoline(number) => self.trampoline(&self.program.trampolines[*number])?,
        })
    }

    fn trampoline(&self, trampoline: &Trampoline) -> Result<Definition, ComponentError> {
        let memory = |number: usize| match self.memories.get(number).copied().flatten() {
            Some(item) => item_of(item),
            None => Err(missing("a memory")),
        };
        let handle = |of: &HandleType| {
            let index = self.program.handle_types.iter().position(|it| it == of);
            let index = index.ok_or_else(|| missing("a resource"));
            index.map(|resource| (resource, of.component_instance as usize))
        };
        Ok(match trampoline {
            Trampoline::CopyUtf8 { from, to } => {
                Definition::CopyUtf8 { from: memory(*from)?, to: memory(*to)? }
            }
            Trampoline::ResourceNew(of) => {
                let (resource, may_leave) = handle(of)?;
                Definition::ResourceNew { resource, may_leave }
            }
            Trampoline::ResourceRep(of) => Definition::ResourceRep(handle(of)?.0),
            Trampoline::ResourceDrop(of) => {
                let (resource, may_leave) = handle(of)?;
                Definition::ResourceDrop { resource, may_leave }
            }
            Trampoline::TransferOwn => Definition::ResourceTransferOwn,
            Trampoline::TransferBorrow => Definition::ResourceTransferBorrow,
            Trampoline::EnterCall => Definition::EnterCall,
            Trampoline::ExitCall => Definition::ExitCall,
            Trampoline::Trap => Definition::Trap,
        })
    }

    /// A type of handles that no instance has is that of no resource.
    fn resource(&self, of: HandleType) -> Result<fuse::Resource, ComponentError> {
        let defined = self.resources.get(of.resource).copied().flatten();
        let Some((destructor, component_instance)) = defined else {
            return Ok(fuse::Resource { handles: 0, is_own: false, destructor: None });
        };
        Ok(fuse::Resource {
            handles: of.component_instance as usize,
            is_own: of.component_instance == component_instance,
            destructor: destructor.map(item_of).transpose()?,
        })
    }
}

fn item_of(item: &Item) -> Result<ItemOf, ComponentError> {
    match item {
        Item::Export { instance, name } => Ok(ItemOf { instance: *instance, name: name.clone() }),
        _ => Err(missing("an item of a core module")),
    }
}

fn missing(what: &str) -> ComponentError {
    ComponentError::Refused { reason: format!("its plan lacks {what}") }
}
