//! Calls that Rust cannot check: modules from files, and mappings.

#![expect(
    unsafe_code,
    reason = "mappings, and artifacts, whose code runs unchecked, have no safe form"
)]

mod mapping;
mod module_from_file;

pub(super) use mapping::Mapping;
pub(super) use module_from_file::{FileError, module_from_file};
