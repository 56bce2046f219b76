//! Reports in files: which formats are asked for, and each written by itself, so that one that
//! fails costs no other.

use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use leakbench_reports::recorded::Recorded;
use leakbench_reports::render::{Format, Judged};
use leakbench_reports::report::Report;

use crate::command_line::Error;
use crate::output_folder;

/// Stands for every format.
const ALL: &str = "all";

/// The flag `--report` of what measures.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ReportFlag {
    /// Draw a report of it too: html, png, ... with a comma between two, or all; kept in --out, or
    /// else in a new folder under leakbench-out
    #[arg(
        long = "report", value_name = "LIST", value_delimiter = ',', value_parser = formats(&Format::ALL),
        hide_possible_values = true, help_heading = "Output",
    )]
    asked: Vec<Asked>,
}

impl ReportFlag {
    pub(crate) fn formats(&self) -> Vec<Format> {
        each_once(&self.asked, &Format::ALL)
    }
}

/// A word of a list of formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    One(Format),
    All,
}

/// Parses one word of such a list; clap then names the nearest one when the user misspells it.
pub(crate) fn formats(known: &'static [Format]) -> impl TypedValueParser<Value = Asked> {
    let names = known.iter().map(|format| format.name()).chain([ALL]);
    PossibleValuesParser::new(names).map(|name| {
        let format = known.iter().find(|format| format.name() == name);
        format.map_or(Asked::All, |format| Asked::One(*format))
    })
}

/// The formats that a list comes to, each once, in the order of the first time.
pub(crate) fn each_once(asked: &[Asked], known: &[Format]) -> Vec<Format> {
    let mut formats = Vec::new();
    for asked in asked {
        let meant = match asked {
            Asked::One(format) => std::slice::from_ref(format),
            Asked::All => known,
        };
        for format in meant {
            if !formats.contains(format) {
                formats.push(*format);
            }
        }
    }
    formats
}

/// What became of formats.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// Each format's files, in the order that they were asked for.
    pub(crate) files: Vec<(Format, PathBuf)>,
    /// What could not be had, or not be kept.
    pub(crate) failed: Vec<Error>,
}

impl Written {
    /// Writes `recorded` to `folder` in each of `formats`; `judged` is what the gate says, where
    /// it was asked.
    pub(crate) fn to(
        folder: &Path,
        formats: &[Format],
        recorded: &Recorded,
        judged: Option<Judged<'_>>,
    ) -> Written {
        let mut written = Written::default();
        if formats.is_empty() {
            return written;
        }
        let report = Report::of(recorded);
        for &format in formats {
            let files = match format.files(&report, recorded, judged) {
                Ok(files) => files,
                Err(error) => {
                    written.failed.push(Error::Draw { format: format.name(), error });
                    continue;
                }
            };
            for file in files {
                match output_folder::keep(folder, &file.name, &file.content) {
                    Ok(path) => written.files.push((format, path)),
                    Err(error) => written.failed.push(error),
                }
            }
        }
        written
    }

    /// What to open first: the page, else what was asked for first.
    pub(crate) fn main(&self) -> Option<&Path> {
        let page = self.files.iter().find(|(format, _)| *format == Format::Html);
        Some(&page.or(self.files.first())?.1)
    }

    /// Whether there is a page to look at.
    pub(crate) fn has_page(&self) -> bool {
        self.files.iter().any(|(format, _)| *format == Format::Html)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_each_format_once() {
        use Format::{Html, Png};
        let lists = [
            (&[][..], &[][..]),
            (&[Asked::One(Png), Asked::One(Html), Asked::One(Png)], &[Png, Html]),
            (&[Asked::All], &Format::ALL),
        ];
        for (asked, expected) in lists {
            assert_eq!(each_once(asked, &Format::ALL), expected);
        }
        let first_png = each_once(&[Asked::One(Png), Asked::All], &Format::ALL);
        assert_eq!((first_png[0], first_png.len()), (Png, Format::ALL.len()));
        assert_eq!(each_once(&[Asked::All], &[Html, Png]), [Html, Png]);
    }
}
