//! Lists of report formats, as `--report` takes them.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use leakbench_reports::render::Format;

use super::help::RESULT;

/// The word for every format.
const ALL: &str = "all";

/// The flag `--report` of the commands that measure.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct ReportFlag {
    /// Draw reports too: html, png, ... or all
    ///
    /// Separated by commas. They are kept in --out, or else in a new folder under leakbench-out
    #[arg(
        long = "report", value_name = "LIST", value_delimiter = ',', value_parser = word_parser(&Format::ALL),
        hide_possible_values = true, help_heading = RESULT,
    )]
    words: Vec<FormatWord>,
}

impl ReportFlag {
    pub(super) fn formats(&self) -> Vec<Format> {
        distinct(&self.words, &Format::ALL)
    }
}

/// A word of a list of formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FormatWord {
    One(Format),
    All,
}

/// Parses one word of a list; clap suggests the nearest name for a misspelt one.
pub(super) fn word_parser(known: &'static [Format]) -> impl TypedValueParser<Value = FormatWord> {
    let names = known.iter().map(|format| format.name()).chain([ALL]);
    PossibleValuesParser::new(names).map(|name| {
        let format = known.iter().find(|format| format.name() == name);
        format.map_or(FormatWord::All, |format| FormatWord::One(*format))
    })
}

/// The formats of a list, each once, in the order of their first appearance.
pub(super) fn distinct(words: &[FormatWord], known: &[Format]) -> Vec<Format> {
    let mut formats = Vec::new();
    for word in words {
        let meant = match word {
            FormatWord::One(format) => std::slice::from_ref(format),
            FormatWord::All => known,
        };
        for format in meant {
            if !formats.contains(format) {
                formats.push(*format);
            }
        }
    }
    formats
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_each_format_once() {
        use Format::{Html, Png};
        let lists = [
            (&[][..], &[][..]),
            (&[FormatWord::One(Png), FormatWord::One(Html), FormatWord::One(Png)], &[Png, Html]),
            (&[FormatWord::All], &Format::ALL),
        ];
        for (words, expected) in lists {
            assert_eq!(distinct(words, &Format::ALL), expected);
        }
        let first_png = distinct(&[FormatWord::One(Png), FormatWord::All], &Format::ALL);
        assert_eq!((first_png[0], first_png.len()), (Png, Format::ALL.len()));
        assert_eq!(distinct(&[FormatWord::All], &[Html, Png]), [Html, Png]);
    }
}
