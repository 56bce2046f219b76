//! The subject's side of a run: the trait that a runtime implements, the workload over it, and
//! the process that serves both to the supervisor.

pub mod channel;
mod driver_main;
mod images;
mod new_memfds;
pub mod protocol;
mod serve;
pub mod status_page;
pub mod sys;
mod worker;

use std::os::fd::BorrowedFd;

use self::protocol::Blame;
pub use driver_main::main;
pub use leakbench_scenarios::{
    Allocation, ByteSize, Compile, ImageKind, Offer, OnDrop, Scenario, Strategy,
};
pub use new_memfds::NewMemfds;
pub use protocol::Slab;
pub use serve::ServeError;
pub use serve::serve;

/// A runtime under test, as the workload drives it.
///
/// One value is shared by all threads of a subject. Handles are given up by value, so that
/// nothing can be used after it was dropped.
pub trait Subject: Sync {
    /// A module, compiled and ready to be instantiated.
    type Module: Send;
    /// An instance with whatever it needs to be called.
    type Instance: Send;

    /// Makes a module of a binary. A module made twice of the same bytes is two modules.
    ///
    /// # Errors
    /// The binary is not one that the runtime takes, or the runtime lacks a resource.
    fn create_module(&self, binary: &[u8]) -> Result<Self::Module, SubjectError>;

    /// Shows each memory image of `module` that exists so far, by a descriptor. The workload
    /// asks after making the module and, while there is none, after instantiating it.
    fn images(&self, module: &Self::Module, show: &mut dyn FnMut(BorrowedFd<'_>));

    /// Makes an instance of a module.
    ///
    /// # Errors
    /// An import is missing, the start function traps, or the runtime lacks a resource.
    fn instantiate(&self, module: &Self::Module) -> Result<Self::Instance, SubjectError>;

    /// Calls an export that takes no parameters. Returns its result where it is one integer.
    ///
    /// # Errors
    /// There is no such export, or it traps.
    fn call(
        &self,
        instance: &mut Self::Instance,
        export: &str,
    ) -> Result<Option<i64>, SubjectError>;

    /// Drops an instance. What it held may stay warm.
    fn drop_instance(&self, instance: Self::Instance) {
        drop(instance);
    }

    /// Drops a module, all of whose instances are gone. Its images should be released when this
    /// returns.
    fn drop_module(&self, module: Self::Module) {
        drop(module);
    }

    /// Where the runtime's slots lie, so that a mapping can be named after its slot. Empty when
    /// it has none, or cannot tell.
    fn slabs(&self) -> Vec<Slab> {
        Vec::new()
    }

    /// What each slot is doing, into `states` in slot order. Called at barriers only; leaves
    /// `states` empty when the runtime cannot tell.
    fn slot_states(&self, states: &mut Vec<SlotState>) {
        states.clear();
    }

    /// The process that has the runtime, where it is not this one.
    fn process(&self) -> Option<u32> {
        None
    }

    /// The runtime's name and version, where no [`Offer`] could give them.
    fn runtime(&self) -> Option<String> {
        None
    }

    /// What failed in a drop, in showing images or in telling of slots, which cannot say so
    /// themselves. The workload asks after each of them; a failure ends the run.
    fn failure(&self) -> Option<SubjectError> {
        None
    }

    /// Ends what the runtime has outside of this process, and waits for that end. Called when no
    /// step follows.
    ///
    /// # Errors
    /// It did not end as it should, so that its last steps prove nothing.
    fn shut_down(&self) -> Result<(), SubjectError> {
        Ok(())
    }

    /// Mapping calls that failed while a slot was reset or purged, if the runtime counts them.
    fn reset_failures(&self) -> u64 {
        0
    }
}

/// What a slot is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotState {
    /// Free, mapping nothing.
    Cold,
    /// Free, mapping memory that is no module's.
    Warm,
    /// Lent to an instance.
    InUse,
    /// Free, kept warm for the module that it last served.
    Affine,
    /// Given back, and waiting to be reset.
    Queued,
    /// The runtime cannot tell, after a call that failed.
    Unknown,
}

/// A step that the runtime could not do, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SubjectError {
    message: String,
    blame: Blame,
}

impl SubjectError {
    /// The runtime's reason. Before the first cycle it says that what was asked for is no good
    /// (exit code 2), after that that the subject failed (exit code 3).
    pub fn new(message: impl Into<String>) -> SubjectError {
        SubjectError { message: message.into(), blame: Blame::Step }
    }

    /// The subject died or does not answer as it must: it failed, also before the first cycle.
    pub fn broken(message: impl Into<String>) -> SubjectError {
        SubjectError { message: message.into(), blame: Blame::Subject }
    }

    /// The machine does not let the subject be watched: before the first cycle this says that
    /// one cannot tell (exit code 4).
    pub fn unmeasurable(message: impl Into<String>) -> SubjectError {
        SubjectError { message: message.into(), blame: Blame::Machine }
    }

    /// Who is to blame.
    pub fn blame(&self) -> Blame {
        self.blame
    }
}
