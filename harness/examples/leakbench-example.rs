//! A complete driver, as the author of a runtime writes it for `leakbench --subject example`. Its
//! runtime is leakbench's own, used as any embedder would.
//!
//! ```sh
//! cargo build --example leakbench-example
//! leakbench --subject example --driver-dir target/debug/examples --cycles 3000
//! ```

use std::num::NonZeroU32;
use std::os::fd::BorrowedFd;
use std::process::ExitCode;

use leakbench_runtime::allocator::PoolConfig;
use leakbench_runtime::{Config, Engine, Instance, Linker, Module, Store};
use leakbench_subject::{Offer, OnDrop, Scenario, Subject, SubjectError};

struct Example {
    engine: Engine,
    linker: Linker<()>,
}

/// The options that this runtime offers; leakbench refuses all others by name.
fn offer() -> Offer {
    Offer {
        slots: NonZeroU32::new(100),
        on_drop: vec![OnDrop::Purge, OnDrop::Keep],
        ..Offer::none("example 1.0.0")
    }
}

impl Example {
    fn new(scenario: &Scenario) -> Result<Example, SubjectError> {
        let mut pool = PoolConfig { seed: scenario.seed, ..PoolConfig::default() };
        pool.slots = scenario.slots.unwrap_or(pool.slots);
        pool.on_drop = scenario.on_drop.unwrap_or(pool.on_drop);
        let engine = Engine::new(&Config { pool, ..Config::default() }).map_err(failed)?;
        let linker = Linker::new(&engine);
        Ok(Example { engine, linker })
    }
}

impl Subject for Example {
    type Module = Module;
    type Instance = (Store<()>, Instance);

    fn create_module(&self, binary: &[u8]) -> Result<Module, SubjectError> {
        Module::new(&self.engine, binary).map_err(failed)
    }

    fn images(&self, module: &Module, show: &mut dyn FnMut(BorrowedFd<'_>)) {
        if let Some(fd) = module.image().and_then(|image| image.as_fd()) {
            show(fd);
        }
    }

    fn instantiate(&self, module: &Module) -> Result<Self::Instance, SubjectError> {
        let mut store = Store::new(&self.engine, ());
        let instance = self.linker.instantiate(&mut store, module).map_err(failed)?;
        Ok((store, instance))
    }

    fn call(
        &self,
        (store, instance): &mut Self::Instance,
        export: &str,
    ) -> Result<Option<i64>, SubjectError> {
        let func = instance.get_typed_func::<(), i64>(&*store, export).map_err(failed)?;
        func.call(store, ()).map(Some).map_err(failed)
    }
}

fn failed(error: leakbench_runtime::Error) -> SubjectError {
    SubjectError::new(error.to_string())
}

fn main() -> ExitCode {
    leakbench_subject::main(&offer(), Example::new)
}
