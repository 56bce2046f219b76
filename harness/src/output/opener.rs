//! Opening a page with the desktop's own program.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::Error;

/// The desktop's opener, from xdg-utils.
const OPENER: &str = "xdg-open";

/// Opens a file with the desktop's opener, without a shell, and waits for it.
///
/// # Errors
/// [`Error::Open`] names what is missing.
pub(crate) fn open(path: &Path) -> Result<(), Error> {
    let failed = |why: String| Error::Open { path: path.to_owned(), why };
    if let Some(why) = no_display(|name| std::env::var_os(name)) {
        return Err(failed(why.to_owned()));
    }
    let absolute = std::path::absolute(path).map_err(|error| failed(error.to_string()))?;
    let mut command = Command::new(OPENER);
    command.arg(absolute).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(match status.code() {
            Some(3) => format!("{OPENER} found no browser: install one"),
            _ => format!("{OPENER} failed ({status})"),
        })),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(failed(format!("there is no {OPENER} in PATH: install xdg-utils")))
        }
        Err(error) => Err(failed(format!("{OPENER} cannot be started: {error}"))),
    }
}

/// Why no browser can be shown; `None` if one can. `BROWSER` may name one for the terminal.
fn no_display<V: AsRef<OsStr>>(variable: impl Fn(&str) -> Option<V>) -> Option<&'static str> {
    let is_set = |name: &&str| variable(name).is_some_and(|value| !value.as_ref().is_empty());
    let mut known = ["WAYLAND_DISPLAY", "DISPLAY", "BROWSER"].iter();
    (!known.any(is_set))
        .then_some("there is no desktop: none of WAYLAND_DISPLAY, DISPLAY and BROWSER is set")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_needs_a_display_or_a_name() {
        let with = |set: &'static str, value: &'static str| {
            no_display(move |name| (name == set).then_some(value))
        };
        for name in ["WAYLAND_DISPLAY", "DISPLAY", "BROWSER"] {
            assert_eq!(with(name, "x"), None);
            assert!(with(name, "").is_some_and(|why| why.contains(name)), "{name} is empty");
        }
    }
}
