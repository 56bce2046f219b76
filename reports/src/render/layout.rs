//! The lines of a summary: a label, a text beside it that is wrapped, and the verdict last.

use std::path::Path;

use leakbench_model::Verdict;
use leakbench_model::text::printable;
use leakbench_recording::judge::Level;

use super::width::{shortened, wrap};

/// Columns of a label with the space after it.
const LABEL_WIDTH: usize = 11;

/// Colour and width of a summary's lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    colour: bool,
    /// Columns to wrap at.
    width: usize,
    /// Nothing is shortened.
    is_full: bool,
}

/// The colour of a verdict.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tone {
    /// Green.
    Good,
    /// Red.
    Bad,
    /// Yellow.
    Doubtful,
}

/// The last lines above the verdict.
#[derive(Clone, Copy, Debug, Default)]
pub struct Closing<'a> {
    /// The report that was drawn. Without one, the summary names the result's file in the output
    /// folder.
    pub report: Option<&'a Path>,
    /// Its URI, for a terminal that shows links.
    pub link: Option<&'a str>,
    /// Next steps, a line each.
    pub hints: &'a [String],
}

impl Layout {
    /// Wraps at `width`, taken as at least 60 and at most 100. With `is_full`, nothing is shortened.
    pub(super) fn new(colour: bool, width: usize, is_full: bool) -> Layout {
        Layout { colour, width: width.clamp(60, 100), is_full }
    }

    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// The command that reproduces the run, and the lines of `closing`. `kept` is the file to read
    /// where no report was drawn. Commands and paths are never wrapped, so that they can be copied
    /// whole.
    pub(super) fn closing(
        &self,
        command: Option<&str>,
        kept: Option<&Path>,
        closing: &Closing<'_>,
    ) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        lines.extend(command.map(|command| self.unwrapped("reproduce", command)));
        let mut label = "next";
        for hint in closing.hints {
            lines.push(self.unwrapped(label, hint));
            label = "";
        }
        let report = closing.report.or(kept);
        let path = report.map(|path| printable(&path.display().to_string()).into_owned());
        lines.extend(path.map(|path| {
            self.label("report")
                + &match closing.link {
                    // An OSC 8 link: terminals without links show the path alone.
                    Some(uri) => format!("\x1b]8;;{uri}\x1b\\{path}\x1b]8;;\x1b\\"),
                    None => path,
                }
        }));
        lines
    }

    /// The last line of a run: `verdict: clean — …`.
    pub(super) fn verdict(&self, label: &str, verdict: Verdict, headline: &str) -> String {
        let tone = match verdict {
            Verdict::Clean => Tone::Good,
            Verdict::Leak | Verdict::SubjectDied => Tone::Bad,
            Verdict::Inconclusive | Verdict::Interrupted => Tone::Doubtful,
        };
        self.last_line(label, tone, headline)
    }

    /// The last line: `gate: PASS — …`.
    pub(super) fn last_line(&self, label: &str, tone: Tone, headline: &str) -> String {
        let colour = match tone {
            Tone::Good => "1;32",
            Tone::Bad => "1;31",
            Tone::Doubtful => "1;33",
        };
        self.paint(colour, &format!("{label}: {headline}"))
    }

    /// A labelled text from any source, wrapped, its further lines beneath its first. Of more than
    /// `lines_max` lines the last ends in `…`.
    pub(super) fn entry(&self, label: &str, text: &str, lines_max: usize) -> Vec<String> {
        let width = self.width - LABEL_WIDTH;
        let mut lines = wrap(&printable(text), width);
        if lines.len() > lines_max && !self.is_full {
            let rest = lines.split_off(lines_max.saturating_sub(1)).join(" ");
            lines.push(shortened(&rest, width));
        }
        let lines = lines.into_iter().enumerate().map(|(index, line)| {
            let label = if index == 0 { label } else { "" };
            self.label(label) + &line
        });
        lines.collect()
    }

    /// A labelled text on one line, however long.
    pub(super) fn unwrapped(&self, label: &str, text: &str) -> String {
        self.label(label) + &printable(text)
    }

    pub(super) fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    fn label(&self, label: &str) -> String {
        let padded = format!("{label:LABEL_WIDTH$}");
        let colour = match label {
            _ if label == Level::Error.as_str() => "31",
            _ if label == Level::Warn.as_str() => "33",
            _ => "2",
        };
        self.paint(colour, &padded)
    }

    fn paint(&self, sgr: &str, text: &str) -> String {
        if self.colour && !text.trim().is_empty() {
            format!("\x1b[{sgr}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}
