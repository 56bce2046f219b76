//! What the fuzz targets check. A target is a file in `targets`; `scripts/fuzz` builds and runs it.
//!
//! | module | contents |
//! |---|---|
//! | `runtimes`, `outcome`, `modules` | what a module does on three runtimes; modules that can be compared |
//! | `mutator` | mutations of modules |
//! | `validation`, `artifact` | validation beside wasmparser's; damaged artifacts |
//! | `allocator` | the index of slots and the pool beside models |
//! | `wasi` | paths beside the kernel's answer, and calls with any arguments |
//! | `parsers` | recordings, budgets, scenarios and protocols |
//! | `sys` | the unsafe code |

pub mod allocator;
pub mod artifact;
pub mod modules;
pub mod mutator;
pub mod outcome;
pub mod parsers;
pub mod runtimes;
pub mod sys;
pub mod validation;
pub mod wasi;
