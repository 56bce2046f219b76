//! Where a comparison is kept, and what its runs' folders are called.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use leakbench_reports::comparison::Kind;

use crate::command_line::Error;

/// Under which folders are made for comparisons whose user names none.
const DEFAULT: &str = "leakbench-out";

/// Characters of a run's name in its folder's, at most.
const NAME_MAX: usize = 80;

/// Makes the folder that is asked for, or a new one that is named for the moment.
///
/// # Errors
/// It cannot be made.
pub(super) fn create(asked: Option<&Path>, kind: Kind) -> Result<PathBuf, Error> {
    let failed = |path: &Path, error| Error::Write { path: path.to_owned(), error };
    let make = |path: &Path| std::fs::create_dir_all(path).map_err(|error| failed(path, error));
    if let Some(path) = asked {
        make(path)?;
        return Ok(path.to_owned());
    }
    make(Path::new(DEFAULT))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let kind = match kind {
        Kind::Compare => "compare",
        Kind::Sweep => "sweep",
    };
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

/// `03-subject=wasmtime@48,decommit-batch=16`: numbered so that they sort in the order of the
/// runs.
pub(super) fn name_of_run(number: usize, total: usize, name: &str) -> String {
    let digits = total.to_string().len().max(2);
    let plain = |c: char| c.is_ascii_alphanumeric() || "@._=,+-".contains(c);
    let mut shown = String::new();
    for c in name.chars() {
        match c {
            c if plain(c) => shown.push(c),
            // Of several in a row one says as much.
            _ if shown.ends_with('-') => {}
            _ => shown.push('-'),
        }
    }
    shown.truncate(NAME_MAX);
    format!("{number:0digits$}-{}", shown.trim_matches('-'))
}

/// A moment in seconds since 1970, as `20250615-150000`, in UTC.
fn stamp(unix_s: u64) -> String {
    let (days, seconds) = (unix_s / 86_400, unix_s % 86_400);
    // The calendar repeats every 400 years of 146,097 days; with years from March on, a leap day
    // is the last one of its year.
    let from_march_0000 = days + 719_468;
    let (era, day) = (from_march_0000 / 146_097, from_march_0000 % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}")
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

    #[test]
    fn names_are_plain_and_sort_as_the_runs_were_made() {
        assert_eq!(name_of_run(3, 12, "wasmtime@48 round 2"), "03-wasmtime@48-round-2");
        assert_eq!(name_of_run(7, 500, "builtin (2)"), "007-builtin-2");
        assert_eq!(name_of_run(1, 2, "python3 ../a b.py"), "01-python3-..-a-b.py");
        let long = name_of_run(1, 2, &"größe/".repeat(50));
        assert!(long.is_ascii() && long.len() <= 3 + NAME_MAX, "{long}");
    }
}
