//! Reports as files. Each format is written separately, so that one that fails costs no other.

use std::path::{Path, PathBuf};

use leakbench_reports::recorded::Recorded;
use leakbench_reports::render::{Format, Judged};
use leakbench_reports::report::Report;

use super::folder;
use crate::error::Error;

/// The files that were written, and the errors of those that were not.
#[derive(Debug, Default)]
pub(crate) struct ReportFiles {
    /// Each format's files, in the order of the list of formats.
    pub(crate) files: Vec<(Format, PathBuf)>,
    pub(crate) errors: Vec<Error>,
}

impl ReportFiles {
    /// Writes `recorded` to `folder` in each of `formats`, with the gate's outcome if there is one.
    pub(crate) fn write(
        folder: &Path,
        formats: &[Format],
        recorded: &Recorded,
        judged: Option<Judged<'_>>,
    ) -> ReportFiles {
        let mut written = ReportFiles::default();
        if formats.is_empty() {
            return written;
        }
        let report = Report::of(recorded);
        for &format in formats {
            let files = match format.files(&report, recorded, judged) {
                Ok(files) => files,
                Err(error) => {
                    written.errors.push(Error::Draw { format: format.name(), error });
                    continue;
                }
            };
            for file in files {
                match folder::write(folder, &file.name, &file.content) {
                    Ok(path) => written.files.push((format, path)),
                    Err(error) => written.errors.push(error),
                }
            }
        }
        written
    }

    /// The file to open first: the page, else the first one.
    pub(crate) fn main(&self) -> Option<&Path> {
        self.page().or_else(|| Some(&self.files.first()?.1))
    }

    pub(crate) fn page(&self) -> Option<&Path> {
        let page = self.files.iter().find(|(format, _)| *format == Format::Html);
        page.map(|(_, path)| path.as_path())
    }

    pub(crate) fn has_page(&self) -> bool {
        self.page().is_some()
    }
}
