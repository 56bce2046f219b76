//! The interface by which a WebAssembly runtime is put under test by leakbench: the trait [`Subject`],
//! and [`main`], the whole `main` of such a program (a *driver*).
//!
//! ```text
//! Offer ─► main ─► Scenario ─► Subject: create_module ─► images ─► instantiate ─► call
//!                                       ─► drop_instance ─► drop_module
//! ```
//!
//! A driver is called `leakbench-NAME`, for `leakbench --subject NAME`. It first prints its [`Offer`]:
//! the choices of a run that its runtime has. The supervisor starts it again with a [`Scenario`] of
//! these choices. Then the workload makes modules, watches their images, and drops them.
//!
//! ```no_run
//! use std::os::fd::BorrowedFd;
//! use std::process::ExitCode;
//!
//! use leakbench_subject::{Offer, Scenario, Subject, SubjectError};
//!
//! // A runtime whose modules are their binaries, without images.
//! struct Mine;
//!
//! impl Subject for Mine {
//!     type Module = Vec<u8>;
//!     type Instance = Vec<u8>;
//!
//!     fn create_module(&self, binary: &[u8]) -> Result<Vec<u8>, SubjectError> {
//!         match binary {
//!             [0, b'a', b's', b'm', ..] => Ok(binary.to_vec()),
//!             _ => Err(SubjectError::new("not a WebAssembly module")),
//!         }
//!     }
//!
//!     // A real runtime shows the memfd that its instances map.
//!     fn images(&self, _: &Vec<u8>, _: &mut dyn FnMut(BorrowedFd<'_>)) {}
//!
//!     fn instantiate(&self, module: &Vec<u8>) -> Result<Vec<u8>, SubjectError> {
//!         Ok(module.clone())
//!     }
//!
//!     fn call(&self, _: &mut Vec<u8>, export: &str) -> Result<Option<i64>, SubjectError> {
//!         Err(SubjectError::new(format!("there is no export {export}")))
//!     }
//! }
//!
//! fn main() -> ExitCode {
//!     leakbench_subject::main(&Offer::none("mine 0.1.0"), |_: &Scenario| Ok(Mine))
//! }
//! ```
//!
//! `harness/examples/leakbench-example.rs` is a driver over a real runtime. A runtime that keeps the
//! descriptors of its images to itself finds them by [`NewMemfds`]. The supervisor's side is in
//! [`wire`].

mod driver_main;
mod guests;
mod holders;
mod images;
mod new_memfds;
mod outcome;
mod serve;
mod sys;
mod tolerance;
pub mod wire;
mod worker;

use std::os::fd::BorrowedFd;

pub use driver_main::main;
pub use leakbench_model::{Slab, Slabs, SlotState};
pub use leakbench_scenarios::{
    Allocation, ByteSize, Compile, Feature, ImageKind, Mode, Offer, OnDrop, Outcome, Scenario,
    Strategy,
};
pub use new_memfds::NewMemfds;

use wire::FailureCause;

/// A runtime under test, as the workload drives it.
///
/// All threads of a subject share one value. Handles are given up by value, so that the workload
/// cannot use one after its drop.
pub trait Subject: Sync {
    /// A module, compiled and ready to be instantiated.
    type Module: Send;
    /// An instance with all that a call needs.
    type Instance: Send;

    /// Makes a module of a binary. Two modules made of the same bytes are two modules.
    ///
    /// # Errors
    /// The runtime does not accept the binary, or lacks a resource.
    fn create_module(&self, binary: &[u8]) -> Result<Self::Module, SubjectError>;

    /// Makes a module in a cycle of `mode`. A runtime that offers [`Mode::OwnEngine`] or
    /// [`Mode::FromFile`] does so here.
    ///
    /// # Errors
    /// As [`Subject::create_module`]; a binary that is no valid module has the outcome
    /// [`Outcome::Invalid`].
    fn create_module_as(&self, _: Mode, binary: &[u8]) -> Result<Self::Module, SubjectError> {
        self.create_module(binary)
    }

    /// Shows each memory image of `module` that exists so far, by a descriptor: of a memfd, or of a
    /// file that has no name any more. The workload calls this after it made the module and, while
    /// there is no image, after it instantiated it.
    fn images(&self, module: &Self::Module, show: &mut dyn FnMut(BorrowedFd<'_>));

    /// Makes an instance of a module.
    ///
    /// # Errors
    /// An import is missing, the start function traps, or the runtime lacks a resource.
    fn instantiate(&self, module: &Self::Module) -> Result<Self::Instance, SubjectError>;

    /// Makes an instance of a module in a cycle of `mode`. A runtime that offers [`Mode::Limit`] does so
    /// here.
    ///
    /// # Errors
    /// As [`Subject::instantiate`], with an outcome that a mode may expect: [`Outcome::Trap`],
    /// [`Outcome::MissingImport`], [`Outcome::NoSlot`], [`Outcome::Limit`].
    fn instantiate_as(
        &self,
        _: Mode,
        module: &Self::Module,
    ) -> Result<Self::Instance, SubjectError> {
        self.instantiate(module)
    }

    /// Makes another instance of `module` in the store of `instance`. Later calls of `instance` are
    /// calls of the new one. Called only of a runtime that offers [`Mode::OneStore`].
    ///
    /// # Errors
    /// As [`Subject::instantiate`].
    fn instantiate_beside(
        &self,
        _instance: &mut Self::Instance,
        _module: &Self::Module,
    ) -> Result<(), SubjectError> {
        Err(SubjectError::new(format!("the runtime has no {}", Mode::OneStore)))
    }

    /// Calls an export that takes no parameters. Returns its result if that is one integer.
    ///
    /// # Errors
    /// There is no such export, or it traps.
    fn call(
        &self,
        instance: &mut Self::Instance,
        export: &str,
    ) -> Result<Option<i64>, SubjectError>;

    /// Drops an instance. Its slot may stay warm.
    fn drop_instance(&self, instance: Self::Instance) {
        drop(instance);
    }

    /// Drops a module. All of its instances are dropped, but in a cycle of [`Mode::ModuleFirst`]. Its
    /// images should be released when the last of these drops returns.
    fn drop_module(&self, module: Self::Module) {
        drop(module);
    }

    /// The address ranges of the runtime's slots, by which a mapping is attributed to its slot. Empty
    /// if the runtime has no slots, or does not know their addresses.
    fn slabs(&self) -> Slabs {
        Slabs::default()
    }

    /// Writes the state of each slot into `states`, in slot order. Called at barriers only; leaves
    /// `states` empty if the runtime does not know them.
    fn slot_states(&self, states: &mut Vec<SlotState>) {
        states.clear();
    }

    /// The process that has the runtime, if it is not this one.
    fn process(&self) -> Option<u32> {
        None
    }

    /// The runtime's name and version, if the [`Offer`] does not have them.
    fn runtime(&self) -> Option<String> {
        None
    }

    /// A failure in a drop, in showing images or in reading slots, which return no error themselves.
    /// The workload calls this after each of them; a failure ends the run.
    fn failure(&self) -> Option<SubjectError> {
        None
    }

    /// Ends the processes that the runtime has beside this one, and waits for their end. Called once,
    /// after the last step.
    ///
    /// # Errors
    /// One of them did not end as it should, so that its last steps prove nothing.
    fn shut_down(&self) -> Result<(), SubjectError> {
        Ok(())
    }

    /// The number of mapping calls that failed while a slot was reset or purged, if the runtime
    /// counts them.
    fn reset_failures(&self) -> u64 {
        0
    }

    /// The number of descriptors that guests have open, if the runtime counts them. At the last barrier
    /// no guest is left.
    fn guest_descriptors(&self) -> Option<u64> {
        None
    }
}

/// A step that the runtime could not do, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SubjectError {
    message: String,
    cause: FailureCause,
    outcome: Outcome,
}

impl SubjectError {
    /// A step fails, for the runtime's own reason. Before the first cycle this means that the scenario
    /// asks for something impossible (exit code 2), later that the subject failed (exit code 3).
    pub fn new(message: impl Into<String>) -> SubjectError {
        SubjectError::caused(FailureCause::Step, message)
    }

    /// The same error of a step with this outcome, which a mode may expect. Without it, the outcome is
    /// [`Outcome::Failed`], which none does.
    pub fn with_outcome(self, outcome: Outcome) -> SubjectError {
        SubjectError { outcome, ..self }
    }

    fn caused(cause: FailureCause, message: impl Into<String>) -> SubjectError {
        SubjectError { message: message.into(), cause, outcome: Outcome::Failed }
    }

    /// As [`SubjectError::new`]; but if the kernel refused memory, a descriptor or a process, the
    /// scenario is not to blame (exit code 4 before the first cycle).
    pub fn of(error: &(dyn std::error::Error + 'static)) -> SubjectError {
        let cause = match leakbench_kernel::is_for_lack_of_resources(error) {
            true => FailureCause::Resources,
            false => FailureCause::Step,
        };
        SubjectError::caused(cause, error.to_string())
    }

    /// The subject died or violates the protocol: it failed (exit code 3), also before the first
    /// cycle.
    pub fn broken(message: impl Into<String>) -> SubjectError {
        SubjectError::caused(FailureCause::Subject, message)
    }

    /// The machine does not allow the measurement: before the first cycle the verdict is then
    /// inconclusive (exit code 4).
    pub fn unmeasurable(message: impl Into<String>) -> SubjectError {
        SubjectError::caused(FailureCause::Machine, message)
    }

    /// A guest found another memory than its module's.
    fn wrong_memory(message: impl Into<String>) -> SubjectError {
        SubjectError::caused(FailureCause::Guest, message)
    }

    /// The same error with more words at its end.
    fn with_words(self, words: &str) -> SubjectError {
        SubjectError { message: format!("{} {words}", self.message), ..self }
    }

    /// The outcome of the step.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The kind of failure.
    pub fn cause(&self) -> FailureCause {
        self.cause
    }
}
