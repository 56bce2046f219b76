//! The functions that core modules of a composition import from the host.

use leakbench_runtime::{Caller, Error, Extern, Func, FuncType, Global, Memory, Store, Val};

use super::handles::{Dropped, Handles};
use crate::program::{HandleType, Trampoline};
use crate::translate::trap_message;

/// What the host keeps for an instance of a component.
#[derive(Debug)]
pub struct ComponentState {
    pub(super) memories: Vec<Option<Memory>>,
    pub(super) resources: Vec<Resource>,
    /// For each component instance: whether it may call others, a number 1 or 0.
    pub(super) may_leave: Vec<Global>,
    pub(super) handles: Handles,
    pub(super) handle_types: Vec<HandleType>,
    /// A call ended with an error, which leaves the component in the middle of its work.
    pub(super) has_failed: bool,
}

/// A resource that a component defines.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Resource {
    pub(super) destructor: Option<Func>,
    pub(super) component_instance: u32,
}

/// A function of the host for a trampoline, of the type that its importer has.
///
/// # Errors
/// If its code cannot be mapped.
pub(super) fn function(
    store: &mut Store<ComponentState>,
    trampoline: &Trampoline,
    ty: FuncType,
) -> Result<Extern, Error> {
    let trampoline = trampoline.clone();
    let func = Func::try_new(store, ty, move |caller, params, results| {
        call(caller, &trampoline, params, results)
    })?;
    Ok(Extern::Func(func))
}

fn call(
    mut caller: Caller<'_, ComponentState>,
    trampoline: &Trampoline,
    params: &[Val],
    results: &mut [Val],
) -> Result<(), Error> {
    let param = |nth: usize| params.get(nth).and_then(Val::i32).unwrap_or_default() as u32;
    let result = match trampoline {
        Trampoline::CopyUtf8 { from, to } => {
            let (at, len, place) = (param(0) as usize, param(1) as usize, param(2) as usize);
            copy_utf8(&mut caller, (*from, at), len, (*to, place))?;
            None
        }
        Trampoline::ResourceNew(ty) => {
            check_may_leave(&caller, ty.component_instance)?;
            Some(caller.data_mut().handles.insert_own(*ty, param(0)).map_err(Error::msg)?)
        }
        Trampoline::ResourceRep(ty) => {
            Some(caller.data().handles.rep(*ty, param(0)).map_err(Error::msg)?)
        }
        Trampoline::ResourceDrop(ty) => {
            check_may_leave(&caller, ty.component_instance)?;
            drop_resource(&mut caller, *ty, param(0))?;
            None
        }
        Trampoline::TransferOwn => {
            let (from, to) = handle_types(&caller, param(1), param(2))?;
            let handles = &mut caller.data_mut().handles;
            Some(handles.transfer_own(param(0), from, to).map_err(Error::msg)?)
        }
        Trampoline::TransferBorrow => {
            let (from, to) = handle_types(&caller, param(1), param(2))?;
            let definer = caller.data().resources.get(to.resource);
            let definer = definer.map_or(u32::MAX, |resource| resource.component_instance);
            let handles = &mut caller.data_mut().handles;
            Some(handles.transfer_borrow(param(0), from, to, definer).map_err(Error::msg)?)
        }
        Trampoline::EnterCall => {
            caller.data_mut().handles.enter();
            None
        }
        Trampoline::ExitCall => {
            caller.data_mut().handles.exit().map_err(Error::msg)?;
            None
        }
        Trampoline::Trap => return Err(Error::msg(trap_message(param(0)))),
    };
    if let (Some(value), Some(place)) = (result, results.first_mut()) {
        *place = Val::I32(value as i32);
    }
    Ok(())
}

/// The adapter has compared both places with the lengths of their memories.
fn copy_utf8(
    caller: &mut Caller<'_, ComponentState>,
    (from, at): (usize, usize),
    len: usize,
    (to, place): (usize, usize),
) -> Result<(), Error> {
    let memory = |number: usize| {
        let memory = caller.data().memories.get(number).copied().flatten();
        memory.ok_or_else(|| Error::msg("a string was copied before its memory exists"))
    };
    let (from, to) = (memory(from)?, memory(to)?);
    let bytes = from.data(&*caller).get(at..at.saturating_add(len));
    let bytes = bytes.ok_or_else(|| Error::msg("a string is beyond its memory"))?;
    let text = std::str::from_utf8(bytes);
    let bytes = text.map_err(|_| Error::msg("a string is not UTF-8"))?.as_bytes().to_vec();
    to.write(caller, place, &bytes)
}

fn drop_resource(
    caller: &mut Caller<'_, ComponentState>,
    ty: HandleType,
    handle: u32,
) -> Result<(), Error> {
    let dropped = caller.data_mut().handles.remove(ty, handle).map_err(Error::msg)?;
    let Dropped::Owned(rep) = dropped else { return Ok(()) };
    let resource = caller.data().resources.get(ty.resource).copied().unwrap_or_default();
    match resource.destructor {
        Some(destructor) => destructor.call(caller, &[Val::I32(rep as i32)], &mut []),
        None => Ok(()),
    }
}

/// The types of handles that an adapter names by number.
fn handle_types(
    caller: &Caller<'_, ComponentState>,
    from: u32,
    to: u32,
) -> Result<(HandleType, HandleType), Error> {
    let types = &caller.data().handle_types;
    match (types.get(from as usize), types.get(to as usize)) {
        (Some(from), Some(to)) => Ok((*from, *to)),
        _ => Err(Error::msg("an adapter names a resource that does not exist")),
    }
}

fn check_may_leave(
    caller: &Caller<'_, ComponentState>,
    component_instance: u32,
) -> Result<(), Error> {
    let flag = caller.data().may_leave.get(component_instance as usize);
    match flag.map(|flag| flag.get(caller)) {
        Some(Val::I32(0)) => Err(Error::msg("cannot leave component instance")),
        _ => Ok(()),
    }
}
