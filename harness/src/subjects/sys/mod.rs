//! Calls that Rust cannot check: modules from files, mappings, and the end of a main thread.

#![expect(
    unsafe_code,
    reason = "mappings, a handler of a signal, and artifacts, whose code runs unchecked, have no safe form"
)]

mod main_thread;
mod mapping;
mod module_from_file;

pub(super) use main_thread::end_main_thread;
pub(super) use mapping::Mapping;
pub(super) use module_from_file::{FileError, module_from_file};
