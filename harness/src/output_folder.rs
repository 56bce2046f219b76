//! Where results are kept: the folder, and files in it, each whole or not at all.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use leakbench_reports::render::{Format, utc};

use crate::command_line::Error;

/// Under which folders are made where their user names none.
const DEFAULT: &str = "leakbench-out";

const RESULT_FILE: &str = "result.json";

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
/// reports to be kept. None of these formats is in it then.
///
/// # Errors
/// It cannot be made.
pub(crate) fn for_reports(
    asked: Option<&Path>,
    kind: &str,
    formats: &[Format],
) -> Result<Option<PathBuf>, Error> {
    let folder = match asked {
        None if !formats.is_empty() => Some(create(None, kind)?),
        asked => asked.map(Path::to_owned),
    };
    if let Some(folder) = &folder {
        forget_reports(folder, formats);
    }
    Ok(folder)
}

/// Removes reports of an earlier run that are to be written anew, so that they cannot pass for those
/// of a run that did not come to them.
pub(crate) fn forget_reports(folder: &Path, formats: &[Format]) {
    for format in formats {
        // What cannot be removed is said when it cannot be written.
        let _ = forget(folder, format.file());
    }
}

/// Removes what an earlier run has left in `folder`, so that its result cannot pass for that of
/// a run that did not come to one.
///
/// # Errors
/// It is there and cannot be removed.
pub(crate) fn forget_result(folder: &Path) -> Result<(), Error> {
    forget(folder, RESULT_FILE)
}

/// The same of any file.
///
/// # Errors
/// It is there and cannot be removed.
pub(crate) fn forget(folder: &Path, file: &str) -> Result<(), Error> {
    let path = folder.join(file);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::Write { path, error }),
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
