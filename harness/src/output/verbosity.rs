//! How much a command prints.

use super::stream::print_note;

/// How much a command prints. Errors, JSON and files do not depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Verbosity {
    /// `-q`: the last line of the summary.
    Quiet,
    /// Progress, and a summary of bounded length.
    #[default]
    Normal,
    /// `-v`: progress, and the whole summary.
    Full,
}

impl Verbosity {
    /// The lines of a summary that are printed.
    pub(crate) fn of_summary(self, summary: &str) -> &str {
        if self != Verbosity::Quiet {
            return summary;
        }
        let last = summary.trim_end_matches('\n').rfind('\n');
        &summary[last.map_or(0, |end| end + 1)..]
    }

    /// Prints a line to standard error, unless quiet.
    pub(crate) fn note(self, line: &str) {
        if self != Verbosity::Quiet {
            print_note(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_summary_is_its_last_line() {
        for (summary, last) in [("a\nb\n", "b\n"), ("b\n", "b\n"), ("", ""), ("a\nb", "b")] {
            assert_eq!(Verbosity::Quiet.of_summary(summary), last);
            assert_eq!(Verbosity::Normal.of_summary(summary), summary);
        }
    }
}
