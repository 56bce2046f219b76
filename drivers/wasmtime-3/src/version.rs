//! Interfaces that later versions do not have, and those that this driver does not offer.

use wasmtime::{Func, Instance, Linker, Module, Store, StoreLimits, Val};

pub(crate) fn set_fuel(store: &mut Store<StoreLimits>, fuel: u64) -> anyhow::Result<()> {
    store.add_fuel(fuel)
}

/// On the thread's own stack, since the driver does not offer others.
pub(crate) fn instantiate_on_fiber(
    linker: &Linker<StoreLimits>,
    store: &mut Store<StoreLimits>,
    module: &Module,
) -> anyhow::Result<Instance> {
    linker.instantiate(store, module)
}

/// On the thread's own stack, since the driver does not offer others.
pub(crate) fn call_on_fiber(
    func: &Func,
    store: &mut Store<StoreLimits>,
    results: &mut [Val],
) -> anyhow::Result<()> {
    func.call(store, &[], results)
}
