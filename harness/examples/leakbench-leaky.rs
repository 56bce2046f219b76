//! A driver with a planted leak: a descriptor for each module, which stays open when the module is
//! dropped. It runs no code, so it is to be given a module of which nothing is called. What
//! leakbench makes of its end is in `tests/died_at.rs`.
//!
//! ```sh
//! cargo build --example leakbench-leaky
//! (ulimit -n 512; leakbench --subject leaky --driver-dir target/debug/examples \
//!    --wasm any.wasm)
//! ```

use std::fs::File;
use std::os::fd::BorrowedFd;
use std::process::ExitCode;

use leakbench::subject::{Offer, Scenario, Subject, SubjectError};

struct Leaky;

/// Its log, which nobody closes.
struct Module(Option<File>);

impl Drop for Module {
    fn drop(&mut self) {
        std::mem::forget(self.0.take());
    }
}

impl Subject for Leaky {
    type Module = Module;
    type Instance = ();

    fn create_module(&self, _: &[u8]) -> Result<Module, SubjectError> {
        let log = File::open("/dev/null");
        let log = log.map_err(|error| SubjectError::new(format!("cannot open a log: {error}")))?;
        Ok(Module(Some(log)))
    }

    fn images(&self, _: &Module, _: &mut dyn FnMut(BorrowedFd<'_>)) {}

    fn instantiate(&self, _: &Module) -> Result<(), SubjectError> {
        Ok(())
    }

    fn call(&self, (): &mut (), export: &str) -> Result<Option<i64>, SubjectError> {
        Err(SubjectError::new(format!("there is no export {export}: nothing is run here")))
    }
}

fn main() -> ExitCode {
    leakbench::subject::main(&Offer::none("leaky 1.0.0"), |_: &Scenario| Ok(Leaky))
}
