//! The file behind a recorder: one write a line, replaced as a whole when lines are dropped.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::read::RECORDING_FILE;
use super::{Record, RecordingError};

/// An open `recording.jsonl`.
#[derive(Debug)]
pub(super) struct RecordingFile {
    path: PathBuf,
    file: File,
    /// Reused for every line.
    line: Vec<u8>,
}

impl RecordingFile {
    /// Makes `folder` where it is absent and begins an empty recording in it.
    pub(super) fn create(folder: &Path) -> Result<RecordingFile, RecordingError> {
        std::fs::create_dir_all(folder)
            .map_err(|error| RecordingError::Folder { path: folder.to_owned(), error })?;
        let path = folder.join(RECORDING_FILE);
        match File::create(&path) {
            Ok(file) => Ok(RecordingFile { path, file, line: Vec::new() }),
            Err(error) => Err(RecordingError::Create { path, error }),
        }
    }

    /// Hands one line to the kernel, which keeps it whatever becomes of this process.
    pub(super) fn append(&mut self, record: &Record) -> Result<(), RecordingError> {
        self.line.clear();
        encode(record, &mut self.line)
            .and_then(|()| self.file.write_all(&self.line))
            .map_err(|error| self.failed(error))
    }

    /// Puts `records` in the place of all that was written. A process killed meanwhile leaves
    /// either the old lines or the new ones.
    pub(super) fn replace(&mut self, records: &[Record]) -> Result<(), RecordingError> {
        self.rewrite(records).map_err(|error| self.failed(error))
    }

    /// As [`RecordingFile::replace`], of a file that a failed write has cut.
    pub(super) fn restore(&mut self, records: &[Record]) -> Result<(), RecordingError> {
        let restored = self.rewrite(records);
        restored.map_err(|error| RecordingError::Restore { path: self.path.clone(), error })
    }

    fn rewrite(&mut self, records: &[Record]) -> io::Result<()> {
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

fn encode(record: &Record, line: &mut Vec<u8>) -> io::Result<()> {
    serde_json::to_writer(&mut *line, record)?;
    line.push(b'\n');
    Ok(())
}
