//! The folder that results are kept in, and its files, each of which is written whole or not at
//! all.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use leakbench_recording::recording::{Line, Recorder};
use leakbench_reports::comparison::COMPARISON_FILE;
use leakbench_reports::render::{Format, GATE_FILE, utc};

use crate::error::Error;

/// The parent of the folders of commands without --out.
const DEFAULT_PARENT: &str = "leakbench-out";

/// The picture of `leakbench report --charts`.
pub(crate) const PICTURE_FILE: &str = "picture.png";

/// Creates the folder of --out, or a new one named for the command and the time:
/// `leakbench-out/run-20250615-150640`.
///
/// # Errors
/// It cannot be created.
pub(crate) fn create(out: Option<&Path>, command: &str) -> Result<PathBuf, Error> {
    let failed = |path: &Path, error| Error::Write { path: path.to_owned(), error };
    let make = |path: &Path| std::fs::create_dir_all(path).map_err(|error| failed(path, error));
    if let Some(path) = out {
        make(path)?;
        return Ok(path.to_owned());
    }
    make(Path::new(DEFAULT_PARENT))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let name = format!("{command}-{}", stamp(now.as_secs()));
    let mut path = Path::new(DEFAULT_PARENT).join(&name);
    // Two commands of the same second have a folder each.
    for number in 2.. {
        match std::fs::create_dir(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                path = Path::new(DEFAULT_PARENT).join(format!("{name}-{number}"));
            }
            Err(error) => return Err(failed(&path, error)),
            Ok(()) => break,
        }
    }
    Ok(path)
}

/// The folder of --out, which need not exist yet; without --out a new one if reports are to be kept.
///
/// # Errors
/// It cannot be created.
pub(crate) fn for_reports(
    out: Option<&Path>,
    command: &str,
    formats: &[Format],
) -> Result<Option<PathBuf>, Error> {
    match out {
        None if !formats.is_empty() => create(None, command).map(Some),
        out => Ok(out.map(Path::to_owned)),
    }
}

/// Creates the recorder of a run or an observation, in `folder` if there is one. Files of an earlier
/// recording are removed.
///
/// # Errors
/// The folder cannot be written.
pub(crate) fn create_recorder<L: Line>(folder: Option<&Path>) -> Result<Recorder<L>, Error> {
    let Some(folder) = folder else { return Ok(Recorder::in_memory()) };
    let recorder = Recorder::create(folder)?;
    remove_results(folder)?;
    Ok(recorder)
}

/// Removes the result, the reports and the gate's outcome of an earlier recording in `folder`, so
/// that none of them can be mistaken for those of the recording that begins.
///
/// # Errors
/// A file exists and cannot be removed.
pub(crate) fn remove_results(folder: &Path) -> Result<(), Error> {
    for format in Format::ALL.into_iter().filter(|format| *format != Format::Svg) {
        remove(folder, format.file())?;
    }
    for file in [GATE_FILE, PICTURE_FILE, COMPARISON_FILE] {
        remove(folder, file)?;
    }
    remove_charts(folder)
}

/// Removes the charts, and their folder if nothing else is in it.
fn remove_charts(folder: &Path) -> Result<(), Error> {
    let charts = folder.join(Format::Svg.file());
    let Ok(entries) = std::fs::read_dir(&charts) else {
        // There are none; or the folder cannot be read, and no report refers to it.
        return Ok(());
    };
    for name in entries.filter_map(|entry| Some(entry.ok()?.file_name())) {
        if let Some(name) = name.to_str().filter(|name| is_chart(name)) {
            remove(&charts, name)?;
        }
    }
    // Fails if the user keeps other files in it.
    let _ = std::fs::remove_dir(&charts);
    Ok(())
}

/// Holds for the names that reports give to charts.
fn is_chart(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    name.strip_suffix(".svg").is_some_and(|id| !id.is_empty() && id.chars().all(plain))
}

/// Removes a file if it exists. A folder of that name belongs to the user and stays.
///
/// # Errors
/// The file exists and cannot be removed.
pub(crate) fn remove(folder: &Path, file: &str) -> Result<(), Error> {
    let path = folder.join(file);
    match std::fs::remove_file(&path) {
        Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::IsADirectory) => {
            Err(Error::Write { path, error })
        }
        _ => Ok(()),
    }
}

/// Writes `content` to `file` in `folder`, whole or not at all, and creates the folder of a file
/// such as `charts/lingering.svg`. Returns the file's path.
///
/// # Errors
/// It cannot be written.
pub(crate) fn write(folder: &Path, file: &str, content: &[u8]) -> Result<PathBuf, Error> {
    let path = folder.join(file);
    write_at(&path, content).map_err(|error| Error::Write { path: path.clone(), error })?;
    Ok(path)
}

/// Writes the file at `path` whole or not at all. A link or a device at `path` is written to and
/// not replaced.
///
/// # Errors
/// The kernel's.
pub(crate) fn write_at(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let name = path.file_name().ok_or(ErrorKind::InvalidFilename)?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    if path.symlink_metadata().is_ok_and(|there| !there.is_file()) {
        return std::fs::write(path, content);
    }
    // In the same folder, because a rename is atomic only within one file system.
    let mut partial = std::ffi::OsString::from(".");
    partial.push(name);
    partial.push(".partial");
    let partial = path.with_file_name(partial);
    std::fs::write(&partial, content).and_then(|()| std::fs::rename(&partial, path)).inspect_err(
        |_| {
            // A part of the file is of no use.
            let _ = std::fs::remove_file(&partial);
        },
    )
}

/// A time in seconds since 1970 as `20250615-150640`, in UTC.
fn stamp(unix_s: u64) -> String {
    let text = utc(unix_s).replace(['-', ':'], "");
    text.trim_end_matches(" UTC").replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_are_recognized_by_name() {
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
    fn stamps_sort_by_time() {
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
