//! Where results are kept: the folder, and files in it, each whole or not at all.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use leakbench_reports::comparison::COMPARISON_FILE;
use leakbench_reports::render::{Format, GATE_FILE, utc};

use crate::command_line::Error;

/// Under which folders are made where their user names none.
const DEFAULT: &str = "leakbench-out";

const RESULT_FILE: &str = "result.json";
/// Charts that were asked for alone, in one picture.
pub(crate) const PICTURE_FILE: &str = "picture.png";

/// Makes the folder that is asked for, or a new one that is named for `kind` and the moment:
/// `leakbench-out/run-20250615-150640`.
///
/// # Errors
/// It cannot be made.
pub(crate) fn create(asked: Option<&Path>, kind: &str) -> Result<PathBuf, Error> {
    let failed = |path: &Path, error| Error::Write { path: path.to_owned(), error };
    let make = |path: &Path| std::fs::create_dir_all(path).map_err(|error| failed(path, error));
    if let Some(path) = asked {
        make(path)?;
        return Ok(path.to_owned());
    }
    make(Path::new(DEFAULT))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let name = format!("{kind}-{}", stamp(now.as_secs()));
    let mut path = Path::new(DEFAULT).join(&name);
    // Another of the same second keeps its own.
    for number in 2.. {
        match std::fs::create_dir(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                path = Path::new(DEFAULT).join(format!("{name}-{number}"));
            }
            Err(error) => return Err(failed(&path, error)),
            Ok(()) => break,
        }
    }
    Ok(path)
}

/// The folder that is asked for, which need not be there yet; without one, a new one if there are
/// reports to be kept.
///
/// # Errors
/// It cannot be made.
pub(crate) fn for_reports(
    asked: Option<&Path>,
    kind: &str,
    formats: &[Format],
) -> Result<Option<PathBuf>, Error> {
    match asked {
        None if !formats.is_empty() => create(None, kind).map(Some),
        asked => Ok(asked.map(Path::to_owned)),
    }
}

/// Removes whatever was made of an earlier recording in `folder`, its result, its reports and what a
/// gate said of it, so that none of it can pass for that of the recording that is being begun.
///
/// # Errors
/// It is there and cannot be removed.
pub(crate) fn forget_results(folder: &Path) -> Result<(), Error> {
    for format in Format::ALL.into_iter().filter(|format| *format != Format::Svg) {
        forget(folder, format.file())?;
    }
    for file in [GATE_FILE, PICTURE_FILE, COMPARISON_FILE] {
        forget(folder, file)?;
    }
    forget_charts(folder)
}

/// Removes the charts, and their folder unless there is something else in it.
fn forget_charts(folder: &Path) -> Result<(), Error> {
    let charts = folder.join(Format::Svg.file());
    let Ok(entries) = std::fs::read_dir(&charts) else {
        // None are there; or it cannot be read, and what is in it is not told of as a report.
        return Ok(());
    };
    for name in entries.filter_map(|entry| Some(entry.ok()?.file_name())) {
        if let Some(name) = name.to_str().filter(|name| is_chart(name)) {
            forget(&charts, name)?;
        }
    }
    // One with files of its user's stays.
    let _ = std::fs::remove_dir(&charts);
    Ok(())
}

/// Whether a file is called as a chart of a report is.
fn is_chart(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    name.strip_suffix(".svg").is_some_and(|id| !id.is_empty() && id.chars().all(plain))
}

/// Removes a file, if it is there. A folder of its name is none of ours and stays.
///
/// # Errors
/// It is there and cannot be removed.
pub(crate) fn forget(folder: &Path, file: &str) -> Result<(), Error> {
    let path = folder.join(file);
    match std::fs::remove_file(&path) {
        Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::IsADirectory) => {
            Err(Error::Write { path, error })
        }
        _ => Ok(()),
    }
}

/// Writes the result of a run whole or not at all.
///
/// # Errors
/// It cannot be written.
pub(crate) fn keep_result(folder: &Path, text: &str) -> Result<(), Error> {
    keep(folder, RESULT_FILE, text.as_bytes()).map(drop)
}

/// Writes `content` to `file` in `folder`, whole or not at all, and makes the folder of a file
/// that is called `charts/lingering.svg`. Returns the file's path.
///
/// # Errors
/// It cannot be written.
pub(crate) fn keep(folder: &Path, file: &str, content: &[u8]) -> Result<PathBuf, Error> {
    let path = folder.join(file);
    keep_at(&path, content).map_err(|error| Error::Write { path: path.clone(), error })?;
    Ok(path)
}

/// Writes the file at `path` whole or not at all; what is there and no plain file, such as a link
/// or a device, is written to and stays what it is.
///
/// # Errors
/// The kernel's.
pub(crate) fn keep_at(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let name = path.file_name().ok_or(ErrorKind::InvalidFilename)?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    if path.symlink_metadata().is_ok_and(|there| !there.is_file()) {
        return std::fs::write(path, content);
    }
    // A hidden neighbour, because a rename is whole only within one file system.
    let mut partial = std::ffi::OsString::from(".");
    partial.push(name);
    partial.push(".partial");
    let partial = path.with_file_name(partial);
    std::fs::write(&partial, content).and_then(|()| std::fs::rename(&partial, path)).inspect_err(
        |_| {
            // Nobody can use a part of it.
            let _ = std::fs::remove_file(&partial);
        },
    )
}

/// A moment in seconds since 1970, as `20250615-150640`, in UTC.
fn stamp(unix_s: u64) -> String {
    let told = utc(unix_s).replace(['-', ':'], "");
    told.trim_end_matches(" UTC").replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_are_told_from_files_of_others() {
        for (name, expected) in [
            ("lingering.svg", true),
            ("page-tables.svg", true),
            ("slots-2.svg", true),
            (".svg", false),
            ("Logo.svg", false),
            ("my_chart.svg", false),
            ("lingering.svg.bak", false),
            ("lingering.png", false),
            ("lingering", false),
        ] {
            assert_eq!(is_chart(name), expected, "{name}");
        }
    }

    #[test]
    fn moments() {
        for (unix_s, expected) in [
            (0, "19700101-000000"),
            (951_782_399, "20000228-235959"),
            (951_782_400, "20000229-000000"),
            (1_750_000_000, "20250615-150640"),
            (1_767_225_599, "20251231-235959"),
            (4_107_542_400, "21000301-000000"),
        ] {
            assert_eq!(stamp(unix_s), expected);
        }
    }
}
