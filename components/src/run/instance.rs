//! Instantiation of a component, and calls of its exported functions.

use leakbench_runtime::{
    Error, Extern, ExternType, Func, FuncType, Global, GlobalType, Instance, Memory, Mutability,
    Store, Val, ValType,
};

use super::abi::{FLAT_PARAMS_MAX, Lifting, Lowering};
use super::host::{self, ComponentState, Resource};
use super::{Component, FunctionCall, call};
use crate::data::Data;
use crate::program::{Item, Step};
use crate::value_type::{Flat, ValueType};

/// An instance of a component. It lives in its store.
#[derive(Debug)]
pub struct ComponentInstance<'a> {
    component: &'a Component,
    /// The core instances, in the order in which they were made.
    instances: Vec<Instance>,
}

fn missing(what: &str) -> Error {
    Error::msg(format!("the component's plan names {what} that does not exist"))
}

impl Component {
    /// Makes the core instances in order. `store` has the component's [`Component::state`], and no other
    /// instance.
    ///
    /// # Errors
    /// If a core instance cannot be made: the reason, or the trap of its start function.
    pub fn instantiate(
        &self,
        store: &mut Store<ComponentState>,
    ) -> Result<ComponentInstance<'_>, Error> {
        let ty = GlobalType::new(ValType::I32, Mutability::Var);
        for _ in 0..self.program.component_instances {
            let flag = Global::new(&mut *store, ty, Val::I32(1))?;
            store.data_mut().may_leave.push(flag);
        }
        let mut made = ComponentInstance { component: self, instances: Vec::new() };
        for step in &self.program.steps {
            match step {
                Step::Instantiate { module, imports } => {
                    let module = self.modules.get(*module).ok_or_else(|| missing("a module"))?;
                    let types: Vec<ExternType> =
                        module.imports().map(|import| import.ty()).collect();
                    let imports = imports.iter().zip(types);
                    let imports = imports.map(|(item, ty)| made.item(store, item, Some(ty)));
                    let imports: Vec<Extern> = imports.collect::<Result<_, _>>()?;
                    made.instances.push(Instance::new(&mut *store, module, &imports)?);
                }
                Step::Memory { number, item } => {
                    let memory = made.item(store, item, None)?.into_memory();
                    let memory = memory.ok_or_else(|| missing("a memory"))?;
                    if let Some(place) = store.data_mut().memories.get_mut(*number) {
                        *place = Some(memory);
                    }
                }
                Step::Resource { number, destructor, component_instance } => {
                    let destructor = match destructor {
                        None => None,
                        Some(item) => Some(made.func(store, item)?),
                    };
                    let resource = Resource { destructor, component_instance: *component_instance };
                    if let Some(place) = store.data_mut().resources.get_mut(*number) {
                        *place = resource;
                    }
                }
            }
        }
        Ok(made)
    }
}

impl ComponentInstance<'_> {
    /// Calls a function, and returns its result as text, if it has one.
    ///
    /// # Errors
    /// If the guest traps, or returns what its type does not have; or an earlier call of the instance ended
    /// with an error.
    pub fn call(
        &self,
        store: &mut Store<ComponentState>,
        call: &FunctionCall,
    ) -> Result<Option<String>, Error> {
        if store.data().has_failed {
            return Err(Error::msg("cannot enter component instance: an earlier call failed"));
        }
        store.data_mut().has_failed = true;
        let result = self.call_once(store, call)?;
        store.data_mut().has_failed = false;
        Ok(result)
    }

    fn call_once(
        &self,
        store: &mut Store<ComponentState>,
        call: &FunctionCall,
    ) -> Result<Option<String>, Error> {
        let functions = &self.component.program.functions;
        let function = functions.get(call.function).ok_or_else(|| missing("a function"))?;
        let memory = match function.memory {
            None => None,
            Some(number) => store.data().memories.get(number).copied().flatten(),
        };
        let realloc = function.realloc.as_ref().map(|item| self.func(store, item)).transpose()?;
        let callee = self.func(store, &function.callee)?;
        let may_leave = store.data().may_leave.get(function.component_instance as usize).copied();
        let may_leave = may_leave.ok_or_else(|| missing("a component instance"))?;

        let types: Vec<&ValueType> = function.params.iter().map(|(_, ty)| ty).collect();
        let flat: Vec<Flat> = types.iter().flat_map(|ty| ty.flatten()).collect();
        store.data_mut().handles.enter();
        // While arguments are written, the component may call no other.
        may_leave.set(&mut *store, Val::I32(0))?;
        let mut bits = Vec::with_capacity(flat.len());
        let mut lowering = Lowering { store: &mut *store, memory, realloc };
        if flat.len() > FLAT_PARAMS_MAX {
            bits.push(lowering.spilled(&types, &call.arguments)? as u64);
        } else {
            for (ty, data) in types.iter().zip(&call.arguments) {
                lowering.flat(ty, data, &mut bits)?;
            }
        }
        may_leave.set(&mut *store, Val::I32(1))?;

        let ty: FuncType = callee.ty(&*store);
        let params: Vec<Val> =
            ty.params().iter().zip(&bits).map(|(ty, bits)| value(*ty, *bits)).collect();
        let mut results = vec![Val::I32(0); ty.results().len()];
        callee.call(&mut *store, &params, &mut results)?;
        store.data_mut().handles.exit().map_err(Error::msg)?;

        let text = match &function.result {
            None => None,
            Some(ty) => {
                let bits: Vec<u64> = results.iter().map(bits_of).collect();
                let bytes = memory.map_or(&[][..], |memory| memory.data(&*store));
                let mut lifting = Lifting { memory: bytes, lifted_bytes: 0 };
                let data: Data = match (ty.flatten().len(), bits.first()) {
                    (0 | 1, _) => lifting.flat(ty, &mut bits.into_iter())?,
                    (_, Some(at)) => lifting.load(ty, *at as u32 as usize)?,
                    (_, None) => return Err(missing("a result")),
                };
                Some(call::text(&data, ty).map_err(Error::msg)?)
            }
        };
        if let Some(post_return) = &function.post_return {
            may_leave.set(&mut *store, Val::I32(0))?;
            self.func(store, post_return)?.call(&mut *store, &results, &mut [])?;
            may_leave.set(&mut *store, Val::I32(1))?;
        }
        Ok(text)
    }

    /// The first memory that a core instance exports, by its place in the order of instantiation.
    pub fn memory(&self, store: &Store<ComponentState>, instance: usize) -> Option<Memory> {
        let mut exports = self.instances.get(instance)?.exports(store);
        exports.find_map(|export| export.into_extern().into_memory())
    }

    fn func(&self, store: &mut Store<ComponentState>, item: &Item) -> Result<Func, Error> {
        self.item(store, item, None)?.into_func().ok_or_else(|| missing("a function"))
    }

    /// An item. A function of the host has the type `ty` of its importer.
    fn item(
        &self,
        store: &mut Store<ComponentState>,
        item: &Item,
        ty: Option<ExternType>,
    ) -> Result<Extern, Error> {
        match item {
            Item::Export { instance, name } => {
                let instance =
                    self.instances.get(*instance).ok_or_else(|| missing("an instance"))?;
                instance.get_export(&*store, name).ok_or_else(|| missing("an export"))
            }
            Item::MayLeave(number) => {
                let flag = store.data().may_leave.get(*number as usize);
                flag.map(|flag| Extern::Global(*flag))
                    .ok_or_else(|| missing("a component instance"))
            }
            Item::Trampoline(at) => {
                let trampoline = self.component.program.trampolines.get(*at);
                match (trampoline, ty) {
                    (Some(trampoline), Some(ExternType::Func(ty))) => {
                        host::function(store, trampoline, ty)
                    }
                    _ => Err(missing("a function of the host")),
                }
            }
        }
    }
}

fn value(ty: ValType, bits: u64) -> Val {
    match ty {
        ValType::I64 => Val::I64(bits as i64),
        ValType::F32 => Val::F32(bits as u32),
        ValType::F64 => Val::F64(bits),
        _ => Val::I32(bits as i32),
    }
}

pub(super) fn bits_of(value: &Val) -> u64 {
    match *value {
        Val::I32(value) => u64::from(value as u32),
        Val::I64(value) => value as u64,
        Val::F32(bits) => u64::from(bits),
        Val::F64(bits) => bits,
        _ => 0,
    }
}
