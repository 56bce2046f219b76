//! The areas (VMAs) of a process: which file-backed ones there are, how many of all, and what
//! each one is.

mod kind;
mod query;
#[cfg(test)]
mod tests;
mod text;

use std::collections::{BTreeMap, BTreeSet};

pub use kind::{Area, AreaKind};

use super::error::ReadError;
use super::object::ObjectId;
use super::process::Process;

/// One area of a process with a file behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileArea {
    /// The first address.
    pub start: usize,
    /// The address after the last.
    pub end: usize,
    /// Where in the file the area begins, in bytes.
    pub offset: u64,
    /// The file.
    pub object: ObjectId,
    /// Whether the file is a memfd (an image, or what else made one).
    pub memfd: bool,
    /// Whether writes reach the file; else the area is copy-on-write.
    pub shared: bool,
    /// Whether it may be read.
    pub readable: bool,
    /// Whether it may be written.
    pub writable: bool,
    /// Whether it may be executed.
    pub executable: bool,
}

/// Where areas were read from. Both give the same answer; they differ in speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AreaSource {
    /// The `PROCMAP_QUERY` request (Linux 6.11 and later).
    Query,
    /// The text of `/proc/PID/maps`.
    Text,
}

/// How many areas a process has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AreaCounts {
    /// Lines of `maps`: every area, and on x86 `[vsyscall]`, which is none and does not count
    /// against `vm.max_map_count`.
    pub all: u64,
    /// Those of them that map a memfd.
    pub memfd: u64,
}

impl Process {
    /// Every file-backed area by address, into `areas` (whatever it held is dropped).
    ///
    /// By query where the kernel has it, by text otherwise; which, is returned. Not a snapshot:
    /// the kernel lets go of the address space between two answers, so an area that is mapped or
    /// unmapped meanwhile may be in or out. Compare only while the process is quiescent.
    ///
    /// # Errors
    /// See [`ReadError`]; what `areas` holds then is not an answer.
    pub fn file_areas(&mut self, areas: &mut Vec<FileArea>) -> Result<AreaSource, ReadError> {
        if self.queries_areas() {
            match self.file_areas_from(AreaSource::Query, areas) {
                Ok(()) => return Ok(AreaSource::Query),
                Err(ReadError::Absent { .. }) => self.forget_queries(),
                Err(error) => return Err(error),
            }
        }
        self.file_areas_from(AreaSource::Text, areas)?;
        Ok(AreaSource::Text)
    }

    /// The same from one source and no other.
    ///
    /// # Errors
    /// [`ReadError::Absent`] for [`AreaSource::Query`] where the kernel does not have it, else as
    /// [`file_areas`](Self::file_areas).
    pub fn file_areas_from(
        &mut self,
        source: AreaSource,
        areas: &mut Vec<FileArea>,
    ) -> Result<(), ReadError> {
        areas.clear();
        match source {
            AreaSource::Query => query::file_areas(self, areas),
            AreaSource::Text => text::file_areas(self, areas),
        }
    }

    /// How many areas there are, without reading what each one is: cheap enough for a sampler.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn area_counts(&mut self) -> Result<AreaCounts, ReadError> {
        text::area_counts(self)
    }

    /// Every area by address, into `areas` (whatever it held is dropped).
    ///
    /// From the text, which for areas of all kinds is twice as fast as `PROCMAP_QUERY`. Not a
    /// snapshot: see [`file_areas`](Self::file_areas).
    ///
    /// # Errors
    /// See [`ReadError`]; what `areas` holds then is not an answer.
    pub fn areas(&mut self, areas: &mut Vec<Area>) -> Result<(), ReadError> {
        areas.clear();
        text::areas(self, areas)
    }

    /// What `maps` prints of the areas that begin at `starts`, without offset, device and inode:
    /// `7f12a000-7f12b000 r-xp /memfd:code (deleted)`. One that is gone is left out. Bytes that
    /// are not UTF-8 are replaced.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn describe_areas(
        &self,
        starts: &BTreeSet<u64>,
    ) -> Result<BTreeMap<u64, String>, ReadError> {
        text::describe(self, starts)
    }
}
