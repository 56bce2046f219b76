//! Interfaces that later versions do not have, and those that this driver does not offer.

use wasmtime::{Func, Instance, Linker, Module, Store, Val};

use crate::common::Host;

pub(crate) fn set_fuel(store: &mut Store<Host>, fuel: u64) -> anyhow::Result<()> {
    store.add_fuel(fuel)
}

/// On the thread's own stack, since the driver does not offer others.
pub(crate) fn instantiate_on_fiber(
    linker: &Linker<Host>,
    store: &mut Store<Host>,
    module: &Module,
) -> anyhow::Result<Instance> {
    linker.instantiate(store, module)
}

/// On the thread's own stack, since the driver does not offer others.
pub(crate) fn call_on_fiber(
    func: &Func,
    store: &mut Store<Host>,
    results: &mut [Val],
) -> anyhow::Result<()> {
    func.call(store, &[], results)
}
