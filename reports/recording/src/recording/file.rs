//! The file behind a recorder, of whatever kind of lines: one write a line, replaced as a whole when lines are dropped.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::RecordingError;
use super::read::RECORDING_FILE;

/// Where else than in memory a recording is.
#[derive(Debug)]
pub enum Kept {
    /// Nowhere.
    InMemory,
    /// In a folder, every line.
    Whole(RecordingFile),
    /// In a folder, up to a write that failed: perhaps cut in mid-line, so nothing may follow.
    Cut(RecordingFile),
}

impl Kept {
    /// Keeps a recording in `folder` too, in place of any that is there.
    pub fn create(folder: &Path) -> Result<Kept, RecordingError> {
        RecordingFile::create(folder).map(Kept::Whole)
    }

    /// Whether there is a file that lacks lines.
    pub fn is_cut(&self) -> bool {
        matches!(self, Kept::Cut(_))
    }

    /// Brings the file up to `records`: by one more line, or where lines before the last have
    /// gone (`thinned`), as a whole. A failure is told once, and cuts the file.
    pub fn keep<R: Serialize>(
        &mut self,
        records: &[R],
        thinned: bool,
    ) -> Result<(), RecordingError> {
        let Kept::Whole(file) = self else {
            return Ok(());
        };
        let written = match records.last() {
            Some(record) if !thinned => file.append(record),
            _ => file.replace(records),
        };
        if written.is_err() {
            *self = match std::mem::replace(self, Kept::InMemory) {
                Kept::Whole(file) => Kept::Cut(file),
                other => other,
            };
        }
        written
    }

    /// Writes all of `records` once more, if a write has failed.
    pub fn restore<R: Serialize>(&mut self, records: &[R]) -> Result<(), RecordingError> {
        let Kept::Cut(file) = self else {
            return Ok(());
        };
        file.restore(records)?;
        *self = match std::mem::replace(self, Kept::InMemory) {
            Kept::Cut(file) => Kept::Whole(file),
            other => other,
        };
        Ok(())
    }
}

/// An open `recording.jsonl`.
#[derive(Debug)]
pub struct RecordingFile {
    path: PathBuf,
    file: File,
    /// Reused for every line.
    line: Vec<u8>,
}

impl RecordingFile {
    /// Makes `folder` where it is absent and begins an empty recording in it.
    fn create(folder: &Path) -> Result<RecordingFile, RecordingError> {
        std::fs::create_dir_all(folder)
            .map_err(|error| RecordingError::Folder { path: folder.to_owned(), error })?;
        let path = folder.join(RECORDING_FILE);
        match File::create(&path) {
            Ok(file) => Ok(RecordingFile { path, file, line: Vec::new() }),
            Err(error) => Err(RecordingError::Create { path, error }),
        }
    }

    /// Hands one line to the kernel, which keeps it whatever becomes of this process.
    fn append<R: Serialize>(&mut self, record: &R) -> Result<(), RecordingError> {
        self.line.clear();
        encode(record, &mut self.line)
            .and_then(|()| self.file.write_all(&self.line))
            .map_err(|error| self.failed(error))
    }

    /// Puts `records` in the place of all that was written. A process killed meanwhile leaves
    /// either the old lines or the new ones.
    fn replace<R: Serialize>(&mut self, records: &[R]) -> Result<(), RecordingError> {
        self.rewrite(records).map_err(|error| self.failed(error))
    }

    /// As [`RecordingFile::replace`], of a file that a failed write has cut.
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
                // What is there is still a recording; a half-written copy is of no use, and not
                // being able to remove it changes nothing.
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
