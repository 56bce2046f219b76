//! WebAssembly components: the plan of one, which has its core modules, the core instances that it consists
//! of, and the memories and tables that they define; and instances of those that need no host.
//!
//! ```text
//! bytes ─► validation, with the names of missing proposals ─► definitions of the file
//!                                                          └► translation ─► Plan
//!                                                                          └► Component ─► ComponentInstance
//! ```
//!
//! The translation is that of `wasmtime-environ`, the crate with which Wasmtime flattens components and
//! generates adapters. None of its types is in this interface.
//!
//! ```
//! use leakbench_components::Plan;
//!
//! # fn main() -> Result<(), leakbench_components::ComponentError> {
//! let plan = Plan::new(b"(component (core module $m (memory 1)) (core instance (instantiate $m)))")?;
//! assert_eq!((plan.modules.len(), plan.memories().count()), (1, 1));
//! # Ok(())
//! # }
//! ```

mod data;
mod definitions;
mod error;
mod features;
mod fusion;
mod plan;
mod program;
mod run;
mod text;
mod translate;
mod value_type;

pub use definitions::Definition;
pub use error::ComponentError;
pub use fusion::{Fusible, LeftOut, NumberFunction};
pub use plan::{
    CoreInstance, CoreModule, Export, Import, MemoryDefinition, ModuleSource, Origin, Plan,
    TableDefinition,
};
pub use run::{Component, ComponentInstance, ComponentState, FunctionCall, Number, RunError};
pub use text::is_component;
