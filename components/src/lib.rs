//! The plan of a WebAssembly component: its core modules, the core instances that it consists of, and the
//! memories and tables that they define.
//!
//! ```text
//! bytes ─► validation, with the names of missing proposals ─► definitions of the file
//!                                                          └► translation ─► Plan
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

mod definitions;
mod error;
mod features;
mod plan;
mod text;
mod translate;

pub use definitions::Definition;
pub use error::ComponentError;
pub use plan::{
    CoreInstance, CoreModule, Export, Import, MemoryDefinition, ModuleSource, Origin, Plan,
    TableDefinition,
};
