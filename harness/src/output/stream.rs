//! Standard output and standard error.

use std::io::Write;
use std::os::fd::AsFd;

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use leakbench_model::text::printable;

use crate::error::Error;

/// Columns of a summary that does not go to a terminal.
const PLAIN_WIDTH: usize = 100;

/// A standard stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    pub(crate) fn appearance(self) -> Appearance {
        match self {
            Stream::Stdout => Appearance::of(&std::io::stdout()),
            Stream::Stderr => Appearance::of(&std::io::stderr()),
        }
    }

    /// Writes all of `text`. A reader that has closed its end is no error.
    ///
    /// # Errors
    /// [`Error::Write`] names the stream.
    pub(crate) fn print(self, text: &str) -> Result<(), Error> {
        match self {
            Stream::Stdout => write(&mut std::io::stdout().lock(), "standard output", text),
            Stream::Stderr => write(&mut std::io::stderr().lock(), "standard error", text),
        }
    }
}

fn write(stream: &mut impl Write, name: &str, text: &str) -> Result<(), Error> {
    match stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::Write { path: name.into(), error })
        }
        _ => Ok(()),
    }
}

/// Prints to standard output.
///
/// # Errors
/// As [`Stream::print`].
pub(crate) fn print(text: &str) -> Result<(), Error> {
    Stream::Stdout.print(text)
}

/// Prints one line to standard error, as far as that is possible: no result depends on it.
pub(crate) fn print_note(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}", printable(line));
}

/// Lines of a summary: the first begins with the label, and all begin in the same column. Empty without lines.
pub(crate) fn labelled(label: &str, lines: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut label = label;
    let lines = lines
        .into_iter()
        .map(|line| format!("{:11}{}\n", std::mem::take(&mut label), printable(line.as_ref())));
    lines.collect()
}

/// Colour and width of a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Appearance {
    pub(crate) colour: bool,
    /// Links to files: a terminal with colours.
    pub(crate) links: bool,
    /// Columns, by `COLUMNS` or else the terminal; `None` without either.
    pub(crate) columns: Option<usize>,
}

impl Appearance {
    /// The colour follows `--color`, `NO_COLOR`, `CLICOLOR_FORCE` and the terminal.
    fn of(stream: &(impl AsFd + RawStream)) -> Appearance {
        // anstream takes every value for a request, also 0.
        let is_unforced = ColorChoice::global() == ColorChoice::Auto
            && std::env::var_os("CLICOLOR_FORCE").is_some_and(|value| value == "0")
            && !stream.is_terminal();
        let colour = !is_unforced && AutoStream::choice(stream) != ColorChoice::Never;
        let chosen = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let chosen = chosen.filter(|columns| *columns > 0);
        let links = colour && stream.is_terminal();
        Appearance { colour, links, columns: chosen.or_else(|| terminal_width(stream)) }
    }

    pub(crate) fn width(&self) -> usize {
        self.columns.unwrap_or(PLAIN_WIDTH)
    }
}

/// Columns of the terminal behind `stream`; `None` without a terminal.
pub(super) fn terminal_width(stream: &impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    Some(usize::from(size.ws_col)).filter(|width| *width > 0)
}
