//! A run before it begins: its options, the scenario that they decide, the steps of the scenario, and
//! the modules that its cycles create. This crate runs nothing.
//!
//! In the order in which data passes them:
//!
//! - [`Options`] are flags and keys of a scenario file, from the table in `options.rs`, which also
//!   makes the next two; [`BUILTIN`] has the scenarios with a name;
//! - [`Offer`] has the choices of a runtime, which a [`SubjectName`] names;
//! - [`Plant`] has the leaks that a run can make on purpose;
//! - [`Scenario`] is both together, with nothing left open, and prints its reproduce command;
//! - [`Share`] is the part of one subject or thread, and [`Steps`] are what that thread does;
//! - [`GeneratedGuest`] and [`GuestFile`] make the modules; [`GuestDir`] and [`GuestVariable`] are what
//!   modules with WASI see of the host.
//!
//! ```
//! use std::num::NonZeroU32;
//!
//! use leakbench_scenarios::{Offer, Options, Scenario, Step, Steps};
//!
//! let options = Options::from_toml("cycles = 2\nslots = 10", "two-cycles")?;
//! let scenario = Scenario::new(options, &Offer::builtin(), NonZeroU32::MIN)?;
//! let command = "leakbench --cycles 2 --slots 10 --processes 1";
//! assert_eq!(scenario.command_line(), command);
//!
//! let mut steps = Steps::new(&scenario, scenario.share_of_subject(0));
//! assert!(matches!(steps.next(), Some(Step::CreateModule { seat: 0, number: 0, .. })));
//! assert_eq!(steps.filter(|step| *step == Step::EndCycle).count(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod builtin;
mod byte_size;
mod command_line;
mod flag;
mod guest;
mod guest_world;
mod mode;
mod offer;
mod options;
mod plant;
mod quantity;
mod scenario;
pub mod shell;
mod steps;
mod subject_name;
mod suggestion;
mod table;
mod toml_text;
mod value;

pub use builtin::{BUILTIN, BuiltinScenario};
pub use byte_size::ByteSize;
pub use flag::OptionRow;
pub use guest::{GUEST_EXPORT, GeneratedGuest, GuestFile, GuestFileError};
pub use guest_world::{GuestDir, GuestVariable};
pub use leakbench_model::{Allocation, Compile, ImageKind, OnDrop, Strategy};
pub use mode::{Feature, Mode, Outcome};
pub use options::{Offer, Options, Scenario, ScenarioFileError};
pub use plant::Plant;
pub use quantity::{Millis, Seconds, parse_count, parse_time};
pub use scenario::{ScenarioError, Share};
pub use steps::{Step, Steps};
pub use subject_name::{CommandLine, DriverName, SubjectName, SubjectNameError};
pub use value::Values;
