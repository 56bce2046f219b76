//! The vocabulary of a leakbench run: what a scenario may say, the steps it unrolls into, and
//! the guest modules that its cycles create. Nothing is run here.

mod builtin;
mod byte_size;
mod command_line;
mod guest;
mod offer;
mod options;
mod scenario;
mod steps;
mod subject_name;
mod suggestion;

pub use builtin::{BUILTIN, BuiltinScenario};
pub use byte_size::ByteSize;
pub use command_line::quoted;
pub use guest::{GUEST_EXPORT, GeneratedGuest, GuestFile, GuestFileError};
pub use leakbench_model::{Allocation, Compile, ImageKind, OnDrop, Strategy};
pub use offer::Offer;
pub use options::{Options, ScenarioFileError};
pub use scenario::{Scenario, ScenarioError, Share};
pub use steps::{Step, Steps};
pub use subject_name::{CommandLine, DriverName, SubjectName, SubjectNameError};
