//! The vocabulary of a leakbench run: what a scenario may say, the steps it unrolls into, and
//! the guest modules that its cycles create. Nothing is run here.

mod builtin;
mod command_line;
mod guest;
mod options;
mod scenario;
mod steps;

pub use builtin::{BUILTIN, BuiltinScenario};
pub use guest::{GUEST_EXPORT, GeneratedGuest, GuestFile, GuestFileError};
pub use leakbench_allocator::{ImageKind, OnDrop, Strategy};
pub use options::{ByteSize, Compile, Options, ScenarioFileError};
pub use scenario::{Scenario, ScenarioError, Share};
pub use steps::{Step, Steps};
