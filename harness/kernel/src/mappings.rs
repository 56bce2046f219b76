//! The mappings (VMAs) of a process: which file-backed ones there are, how many of all, and what
//! each one is.

mod kind;
mod query;
#[cfg(test)]
mod tests;
mod text;

use std::collections::{BTreeMap, BTreeSet};

pub use kind::{Mapping, MappingKind};

use super::error::ReadError;
use super::object::ObjectId;
use super::process::Process;

/// One mapping of a process with a file behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMapping {
    /// The first address.
    pub start: usize,
    /// The address after the last.
    pub end: usize,
    /// Where in the file the mapping begins, in bytes.
    pub offset: u64,
    /// The file.
    pub object: ObjectId,
    /// Whether the file is a memfd (an image, or what else made one).
    pub memfd: bool,
    /// Whether writes reach the file; else the mapping is copy-on-write.
    pub shared: bool,
    /// Whether it may be read.
    pub readable: bool,
    /// Whether it may be written.
    pub writable: bool,
    /// Whether it may be executed.
    pub executable: bool,
}

/// Where mappings were read from. Both give the same answer; they differ in speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MappingSource {
    /// The `PROCMAP_QUERY` request (Linux 6.11 and later).
    Query,
    /// The text of `/proc/PID/maps`.
    Text,
}

/// How many mappings a process has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct MappingCounts {
    /// Lines of `maps`: every mapping, and on x86 `[vsyscall]`, which is none and does not count
    /// against `vm.max_map_count`.
    pub all: u64,
    /// Those of them that map a memfd.
    pub memfd: u64,
}

impl Process {
    /// Every file-backed mapping by address, into `mappings` (whatever it held is dropped).
    ///
    /// By query where the kernel has it, by text otherwise; which, is returned. Not a snapshot:
    /// the kernel lets go of the address space between two answers, so a mapping that is mapped or
    /// unmapped meanwhile may be in or out. Compare only while the process is quiescent.
    ///
    /// # Errors
    /// See [`ReadError`]; what `mappings` holds then is not an answer.
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

    /// The same from one source and no other.
    ///
    /// # Errors
    /// [`ReadError::Absent`] for [`MappingSource::Query`] where the kernel does not have it, else as
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

    /// How many mappings there are, without reading what each one is: cheap enough for a sampler.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn mapping_counts(&mut self) -> Result<MappingCounts, ReadError> {
        text::mapping_counts(self)
    }

    /// Every mapping by address, into `mappings` (whatever it held is dropped).
    ///
    /// From the text, which for mappings of all kinds is twice as fast as `PROCMAP_QUERY`. Not a
    /// snapshot: see [`file_mappings`](Self::file_mappings).
    ///
    /// # Errors
    /// See [`ReadError`]; what `mappings` holds then is not an answer.
    pub fn mappings(&mut self, mappings: &mut Vec<Mapping>) -> Result<(), ReadError> {
        mappings.clear();
        text::mappings(self, mappings)
    }

    /// What `maps` prints of the mappings that begin at `starts`, without offset, device and inode:
    /// `7f12a000-7f12b000 r-xp /memfd:code (deleted)`. One that is gone is left out. Bytes that
    /// are not UTF-8 are replaced.
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
