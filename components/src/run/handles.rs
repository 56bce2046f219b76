//! Handles to resources, as the canonical ABI counts them. Pure.

use crate::program::HandleType;

/// The handles of all component instances, and the calls that borrow.
#[derive(Debug, Default)]
pub(super) struct Handles {
    /// For each component instance: its handles. A handle is an index from 1.
    tables: Vec<Table>,
    calls: Vec<Call>,
}

#[derive(Clone, Debug, Default)]
struct Table {
    handles: Vec<Option<Handle>>,
    /// The indices of places without a handle; the last one is used next.
    free: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Handle {
    resource: usize,
    /// The number with which the defining component knows the resource.
    rep: u32,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// With the number of calls that borrow it.
    Own(u32),
    /// For the call at this depth.
    Borrow(usize),
}

/// A call between component instances that may borrow.
#[derive(Debug, Default)]
struct Call {
    /// The owned handles that it borrowed: component instance and handle.
    lenders: Vec<(u32, u32)>,
    /// Borrowed handles that the callee has not dropped.
    borrowed: u32,
}

/// What becomes of a resource whose handle was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dropped {
    /// Its owner dropped it: the destructor gets this number.
    Owned(u32),
    Borrowed,
}

/// Handles of an instance. More would take the memory of the host.
const HANDLES_MAX: usize = 1 << 20;

impl Handles {
    pub(super) fn new(component_instances: usize) -> Handles {
        Handles { tables: vec![Table::default(); component_instances], calls: Vec::new() }
    }

    pub(super) fn insert_own(&mut self, ty: HandleType, rep: u32) -> Result<u32, String> {
        self.insert(
            ty.component_instance,
            Handle { resource: ty.resource, rep, kind: Kind::Own(0) },
        )
    }

    pub(super) fn rep(&self, ty: HandleType, handle: u32) -> Result<u32, String> {
        Ok(self.get(ty, handle)?.rep)
    }

    pub(super) fn remove(&mut self, ty: HandleType, handle: u32) -> Result<Dropped, String> {
        let Handle { rep, kind, .. } = self.get(ty, handle)?;
        let dropped = match kind {
            Kind::Own(0) => Dropped::Owned(rep),
            Kind::Own(_) => return Err("an owned resource was dropped while it is borrowed".into()),
            Kind::Borrow(depth) => {
                if let Some(call) = self.calls.get_mut(depth) {
                    call.borrowed = call.borrowed.saturating_sub(1);
                }
                Dropped::Borrowed
            }
        };
        if let Some(place) = self.place(ty.component_instance, handle) {
            *place = None;
        }
        if let Some(table) = self.tables.get_mut(ty.component_instance as usize) {
            table.free.push(handle as usize - 1);
        }
        Ok(dropped)
    }

    /// Moves an owned handle to another component instance, and returns its handle there.
    pub(super) fn transfer_own(
        &mut self,
        handle: u32,
        from: HandleType,
        to: HandleType,
    ) -> Result<u32, String> {
        match self.remove(from, handle)? {
            Dropped::Owned(rep) => self.insert_own(to, rep),
            Dropped::Borrowed => Err("a borrowed resource was passed as an owned one".into()),
        }
    }

    /// Lends a resource to another component instance for the present call. `definer` is the component
    /// instance that defined it, which gets the resource's own number.
    pub(super) fn transfer_borrow(
        &mut self,
        handle: u32,
        from: HandleType,
        to: HandleType,
        definer: u32,
    ) -> Result<u32, String> {
        let Handle { rep, kind, resource } = self.get(from, handle)?;
        let depth =
            self.calls.len().checked_sub(1).ok_or("a resource was lent outside of a call")?;
        if let Kind::Own(lent) = kind {
            if let Some(Some(lender)) = self.place(from.component_instance, handle) {
                lender.kind = Kind::Own(lent + 1);
            }
            self.calls[depth].lenders.push((from.component_instance, handle));
        }
        if to.component_instance == definer {
            return Ok(rep);
        }
        self.calls[depth].borrowed += 1;
        self.insert(to.component_instance, Handle { resource, rep, kind: Kind::Borrow(depth) })
    }

    pub(super) fn enter(&mut self) {
        self.calls.push(Call::default());
    }

    /// Ends the present call.
    pub(super) fn exit(&mut self) -> Result<(), String> {
        let call = self.calls.pop().ok_or("a call ended that did not begin")?;
        if call.borrowed > 0 {
            return Err("borrow handles still remain at the end of the call".into());
        }
        for (component_instance, handle) in call.lenders {
            if let Some(Some(lender)) = self.place(component_instance, handle)
                && let Kind::Own(lent) = &mut lender.kind
            {
                *lent = lent.saturating_sub(1);
            }
        }
        Ok(())
    }

    fn place(&mut self, component_instance: u32, handle: u32) -> Option<&mut Option<Handle>> {
        let table = self.tables.get_mut(component_instance as usize)?;
        table.handles.get_mut((handle as usize).checked_sub(1)?)
    }

    fn get(&self, ty: HandleType, handle: u32) -> Result<Handle, String> {
        let table = self.tables.get(ty.component_instance as usize);
        let index = (handle as usize).checked_sub(1);
        let found = table.zip(index).and_then(|(table, index)| *table.handles.get(index)?);
        match found {
            None => Err(format!("unknown handle index {handle}")),
            Some(found) if found.resource != ty.resource => {
                Err(format!("handle index {handle} used with the wrong type"))
            }
            Some(found) => Ok(found),
        }
    }

    fn insert(&mut self, component_instance: u32, handle: Handle) -> Result<u32, String> {
        let table = self.tables.get_mut(component_instance as usize);
        let table = table.ok_or("a handle of no component instance")?;
        let index = match table.free.pop() {
            Some(free) => {
                table.handles[free] = Some(handle);
                free
            }
            None if table.handles.len() >= HANDLES_MAX => return Err("too many handles".into()),
            None => {
                table.handles.push(Some(handle));
                table.handles.len() - 1
            }
        };
        Ok(index as u32 + 1)
    }
}
