//! The mappings (VMAs) of a process: those of files, their number, and the kind of each.

mod kind;
mod query;
#[cfg(test)]
mod tests;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use leakbench_model::ObjectId;

pub use kind::{Mapping, MappingKind};

use super::error::ReadError;
use super::process::Process;

/// One mapping of a process with a file behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMapping {
    /// The first address.
    pub start: usize,
    /// The address after the last.
    pub end: usize,
    /// The offset of its first byte in the file.
    pub offset: u64,
    /// The file.
    pub object: ObjectId,
    /// The file is a memfd, of an image or another.
    pub memfd: bool,
    /// Writes reach the file; else the mapping is copy-on-write.
    pub shared: bool,
    /// It may be read.
    pub readable: bool,
    /// It may be written.
    pub writable: bool,
    /// It may be executed.
    pub executable: bool,
}

/// The interface that mappings are read by. Both have the same content and differ in speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MappingSource {
    /// The `PROCMAP_QUERY` request (Linux 6.11 and later).
    Query,
    /// The text of `/proc/PID/maps`.
    Text,
}

/// The number of a process's mappings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MappingCounts {
    /// Lines of `maps`: every mapping, and on x86 `[vsyscall]`, which is no mapping and does not count
    /// against `vm.max_map_count`.
    pub all: u64,
    /// Mappings of memfds.
    pub memfd: u64,
}

impl Process {
    /// Reads every file-backed mapping by address into `mappings`, which it clears first. It queries if
    /// the kernel has `PROCMAP_QUERY` and reads the text otherwise, and returns the source.
    ///
    /// This is no snapshot: the kernel unlocks the address space between two answers, so a mapping that
    /// is mapped or unmapped meanwhile may be included or not. Compare only while the process is
    /// quiescent.
    ///
    /// # Errors
    /// See [`ReadError`]; then `mappings` are incomplete.
    pub fn file_mappings(
        &mut self,
        mappings: &mut Vec<FileMapping>,
    ) -> Result<MappingSource, ReadError> {
        if self.queries_mappings() {
            match self.file_mappings_from(MappingSource::Query, mappings) {
                Ok(()) => return Ok(MappingSource::Query),
                Err(ReadError::Absent { .. }) => self.forget_queries(),
                Err(error) => return Err(error),
            }
        }
        self.file_mappings_from(MappingSource::Text, mappings)?;
        Ok(MappingSource::Text)
    }

    /// As [`file_mappings`](Self::file_mappings), from one source only.
    ///
    /// # Errors
    /// [`ReadError::Absent`] for [`MappingSource::Query`] if the kernel does not have it, else as
    /// [`file_mappings`](Self::file_mappings).
    pub fn file_mappings_from(
        &mut self,
        source: MappingSource,
        mappings: &mut Vec<FileMapping>,
    ) -> Result<(), ReadError> {
        mappings.clear();
        match source {
            MappingSource::Query => query::file_mappings(self, mappings),
            MappingSource::Text => text::file_mappings(self, mappings),
        }
    }

    /// Counts the mappings without parsing each one: cheap enough for a sampler.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn mapping_counts(&mut self) -> Result<MappingCounts, ReadError> {
        text::mapping_counts(self)
    }

    /// Reads every mapping by address into `mappings`, which it clears first.
    ///
    /// It reads the text, which for mappings of all kinds is twice as fast as `PROCMAP_QUERY`. This is no
    /// snapshot: see [`file_mappings`](Self::file_mappings).
    ///
    /// # Errors
    /// See [`ReadError`]; then `mappings` are incomplete.
    pub fn mappings(&mut self, mappings: &mut Vec<Mapping>) -> Result<(), ReadError> {
        mappings.clear();
        text::mappings(self, mappings)
    }

    /// The lines of `maps` for the mappings that begin at `starts`, without offset, device and inode:
    /// `7f12a000-7f12b000 r-xp /memfd:code (deleted)`. Mappings that do not exist any more are
    /// omitted. Bytes that are not UTF-8 are replaced.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn describe_mappings(
        &self,
        starts: &BTreeSet<u64>,
    ) -> Result<BTreeMap<u64, String>, ReadError> {
        text::describe(self, starts)
    }
}
