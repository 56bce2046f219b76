//! leakbench proves, for every one of millions of WebAssembly modules, that the kernel gave back
//! what the module held once the module was dropped, or says who still holds it.
//!
//! The library is what a runtime's author needs to put a runtime under test: the [`Subject`]
//! trait, and [`main`] for a driver, the program that has the runtime. The rest, behind the
//! feature `cli`, is the binary.
//!
//! [`Subject`]: subject::Subject
//! [`main`]: subject::main

#![cfg_attr(not(feature = "cli"), expect(dead_code, reason = "the supervisor's side of it"))]

mod channel;
#[cfg(feature = "cli")]
pub mod command_line;
#[cfg(feature = "cli")]
mod comparison;
#[cfg(feature = "cli")]
mod doctor;
#[cfg(feature = "cli")]
mod driver;
#[cfg(feature = "cli")]
mod gate_command;
#[cfg(feature = "cli")]
mod interrupt;
pub mod kernel;
#[cfg(feature = "cli")]
mod manual;
#[cfg(feature = "cli")]
mod observer;
#[cfg(feature = "cli")]
mod output_folder;
#[cfg(feature = "cli")]
mod report;
#[cfg(feature = "cli")]
mod report_command;
#[cfg(feature = "cli")]
mod report_files;
#[cfg(feature = "cli")]
mod run;
pub mod subject;
#[cfg(feature = "cli")]
mod supervisor;
