//! leakbench proves, for every one of millions of WebAssembly modules, that the kernel gave back
//! what the module held once the module was dropped, or says who still holds it.
//!
//! The library is what a runtime's author needs to put a runtime under test: the [`Subject`]
//! trait and [`serve`]. The binary is the rest.
//!
//! [`Subject`]: subject::Subject
//! [`serve`]: subject::serve

mod channel;
pub mod command_line;
pub mod kernel;
mod report;
pub mod subject;
mod supervisor;
