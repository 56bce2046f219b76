//! Makes one core module with one memory of instances that are linked and have memories of their own.
//!
//! Absolute addresses in compiled code cannot be relocated, and need not be: each memory becomes a *region*
//! of the one memory, and each access adds the base of its region. The output has no imports, and computes
//! what the input does.
//!
//! ```text
//! Program ─► Module (each parsed) ─► Regions, Spaces ─► rewritten bodies, helpers, start ─► Fused
//! ```
//!
//! ```
//! use leakbench_fuse::{Definition, Export, Instance, Options, Program, fuse};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let library = wat::parse_str(
//!     r#"(module (memory 1 4)
//!          (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))"#,
//! )?;
//! let main = wat::parse_str(
//!     r#"(module (import "library" "load" (func $load (param i32) (result i32)))
//!          (memory 1 1) (data (i32.const 0) "abcd")
//!          (func (export "both") (param i32) (result i32)
//!            (i32.add (call $load (local.get 0)) (i32.load (local.get 0)))))"#,
//! )?;
//! let load = Definition::Export { instance: 0, name: "load".to_owned() };
//! let program = Program {
//!     modules: vec![library, main],
//!     instances: vec![
//!         Instance { module: 0, imports: vec![] },
//!         Instance { module: 1, imports: vec![load] },
//!     ],
//!     exports: vec![Export { name: "both".to_owned(), instance: 1, item: "both".to_owned() }],
//!     ..Program::default()
//! };
//! let fused = fuse(&program, &Options::default())?;
//! assert_eq!(fused.regions.len(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! # Isolation
//! With [`Isolation::Checked`] each access is checked against its region at both ends, so that no instance
//! reads or writes another's memory, and traps where it did before. With [`Isolation::Trusted`] an access
//! outside of a region may reach another one.
//!
//! # Differences
//! - A memory grows up to its maximum, or up to [`Options::max_pages`] if it has none; without the other
//!   regions it might have grown further.
//! - Segments that an instance writes into its memory or its tables are written before any start function
//!   runs, if no earlier instance has one. Nothing can see the difference.
//! - A component instance has 65,535 handles of resources at most, and calls with borrowed handles nest
//!   32,767 times at most, with 65,536 of them lent. Beyond that the program traps.
//! - A component that has trapped must not be called again. Its runtime would refuse the call; the fused
//!   module does not.

mod body;
mod constants;
mod error;
mod fuse;
mod helpers;
mod limit;
mod module;
mod program;
mod regions;
mod resources;
mod segments;
mod shape;
mod spaces;
mod utf8;

pub use error::FuseError;
pub use fuse::{Fused, Isolation, Options, fuse};
pub use limit::limit_memories;
pub use program::{Definition, Export, Instance, ItemOf, Program, Resource};
pub use regions::Region;
