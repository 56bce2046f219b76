//! leakbench proves, for every one of millions of WebAssembly modules, that the kernel gave back
//! what the module held once the module was dropped, or says who still holds it.
//!
//! The library is what a runtime's author needs to put a runtime under test: the [`Subject`]
//! trait, and [`main`] for a driver, the program that has the runtime. The rest, behind the
//! feature `cli`, is the binary.
//!
//! [`Subject`]: subject::Subject
//! [`main`]: subject::main

pub mod command_line;
mod comparison;
mod doctor;
mod driver;
mod gate_command;
mod interrupt;
mod manual;
mod observer;
mod output_folder;
mod report;
mod report_command;
mod report_files;
mod run;
mod subjects;
mod supervisor;
