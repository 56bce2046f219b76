//! The file of a recorder: one write a line, and replaced as a whole when lines are dropped.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::RecordingError;
use super::read::RECORDING_FILE;

/// The storage of a recorder besides memory.
#[derive(Debug)]
pub(super) enum Storage {
    /// Nowhere.
    Memory,
    /// A file with all lines.
    Whole(RecordingFile),
    /// A file that ends at a failed write, perhaps within a line, so nothing can be appended.
    Cut(RecordingFile),
}

impl Storage {
    /// Begins an empty recording in `folder` and replaces an earlier one.
    pub(super) fn create(folder: &Path) -> Result<Storage, RecordingError> {
        RecordingFile::create(folder).map(Storage::Whole)
    }

    /// True if the file lacks lines.
    pub(super) fn is_cut(&self) -> bool {
        matches!(self, Storage::Cut(_))
    }

    /// Appends the last of `records` or, if earlier ones were dropped (`thinned`), writes the
    /// whole file. A failed write is reported once and cuts the file.
    pub(super) fn keep<R: Serialize>(
        &mut self,
        records: &[R],
        thinned: bool,
    ) -> Result<(), RecordingError> {
        let Storage::Whole(file) = self else {
            return Ok(());
        };
        let written = match records.last() {
            Some(record) if !thinned => file.append(record),
            _ => file.replace(records),
        };
        if written.is_err() {
            *self = match std::mem::replace(self, Storage::Memory) {
                Storage::Whole(file) => Storage::Cut(file),
                other => other,
            };
        }
        written
    }

    /// Writes all of `records` again after a failed write.
    pub(super) fn restore<R: Serialize>(&mut self, records: &[R]) -> Result<(), RecordingError> {
        let Storage::Cut(file) = self else {
            return Ok(());
        };
        file.restore(records)?;
        *self = match std::mem::replace(self, Storage::Memory) {
            Storage::Cut(file) => Storage::Whole(file),
            other => other,
        };
        Ok(())
    }
}

/// An open `recording.jsonl`.
#[derive(Debug)]
pub(super) struct RecordingFile {
    path: PathBuf,
    file: File,
    /// Reused for every line.
    line: Vec<u8>,
}

impl RecordingFile {
    /// Creates `folder` if necessary and begins an empty recording in it.
    fn create(folder: &Path) -> Result<RecordingFile, RecordingError> {
        std::fs::create_dir_all(folder)
            .map_err(|error| RecordingError::Folder { path: folder.to_owned(), error })?;
        let path = folder.join(RECORDING_FILE);
        match File::create(&path) {
            Ok(file) => Ok(RecordingFile { path, file, line: Vec::new() }),
            Err(error) => Err(RecordingError::Create { path, error }),
        }
    }

    /// Writes one line to the kernel, so that it survives this process.
    fn append<R: Serialize>(&mut self, record: &R) -> Result<(), RecordingError> {
        self.line.clear();
        encode(record, &mut self.line)
            .and_then(|()| self.file.write_all(&self.line))
            .map_err(|error| self.failed(error))
    }

    /// Replaces the file. A process killed meanwhile leaves either the old lines or the new ones.
    fn replace<R: Serialize>(&mut self, records: &[R]) -> Result<(), RecordingError> {
        self.rewrite(records).map_err(|error| self.failed(error))
    }

    /// Replaces a file that a failed write has cut.
    fn restore<R: Serialize>(&mut self, records: &[R]) -> Result<(), RecordingError> {
        let restored = self.rewrite(records);
        restored.map_err(|error| RecordingError::Restore { path: self.path.clone(), error })
    }

    fn rewrite<R: Serialize>(&mut self, records: &[R]) -> io::Result<()> {
        let temporary = self.path.with_extension("jsonl.new");
        let write = || {
            let mut file = io::BufWriter::new(File::create(&temporary)?);
            let mut line = Vec::new();
            for record in records {
                line.clear();
                encode(record, &mut line)?;
                file.write_all(&line)?;
            }
            let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            std::fs::rename(&temporary, &self.path)?;
            Ok(file)
        };
        match write() {
            Ok(file) => {
                self.file = file;
                Ok(())
            }
            Err(error) => {
                // The old file is still a recording. The incomplete copy is useless, and failing
                // to remove it is harmless.
                let _ = std::fs::remove_file(&temporary);
                Err(error)
            }
        }
    }

    fn failed(&self, error: io::Error) -> RecordingError {
        RecordingError::Write { path: self.path.clone(), error }
    }
}

fn encode<R: Serialize>(record: &R, line: &mut Vec<u8>) -> io::Result<()> {
    serde_json::to_writer(&mut *line, record)?;
    line.push(b'\n');
    Ok(())
}
