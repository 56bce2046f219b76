//! Interfaces that other versions do not have.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use wasmtime::{Func, Instance, Linker, Module, Result, Store, Val};

use crate::common::Host;

pub(crate) fn set_fuel(store: &mut Store<Host>, fuel: u64) -> Result<()> {
    store.set_fuel(fuel)
}

/// Instantiates on a stack that the engine allocates for it.
pub(crate) fn instantiate_on_fiber(
    linker: &Linker<Host>,
    store: &mut Store<Host>,
    module: &Module,
) -> Result<Instance> {
    complete(linker.instantiate_async(store, module))
}

/// Calls a function without parameters on a stack that the engine allocates for it.
pub(crate) fn call_on_fiber(
    func: &Func,
    store: &mut Store<Host>,
    results: &mut [Val],
) -> Result<()> {
    complete(func.call_async(store, &[], results))
}

/// Completes a future that waits for nothing.
fn complete<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
    }
}
