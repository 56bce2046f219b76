//! Lines as every summary has them: a label, a text beside it, wrapped; the verdict last.

use std::path::Path;

use leakbench_model::text::{counted, printable};
use leakbench_recording::judge::{Level, Verdict};

/// Columns of a label with the space after it.
pub(super) const LABEL_WIDTH: usize = 11;

/// What a summary's last lines have, above the verdict, of what else there is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Closing<'a> {
    /// The report that was drawn; where there is none, that is result.json in the output folder.
    pub report: Option<&'a Path>,
    /// What to do next, a line each.
    pub hints: &'a [String],
}

/// How lines are to look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    colour: bool,
    /// Columns to wrap at.
    width: usize,
    /// Where what is cut can be read.
    elsewhere: &'static str,
}

impl Page {
    /// Of at least 60 and at most 100 columns; what is cut is in result.json in `out`.
    pub(super) fn new(colour: bool, width: usize, out: Option<&Path>) -> Page {
        let elsewhere = match out {
            Some(_) => "in result.json",
            None => "see --json",
        };
        Page { colour, width: width.clamp(60, 100), elsewhere }
    }

    /// As many entries as fit in `room` lines; where some do not, the last line says how many.
    pub(super) fn draw_list(&self, list: &List, room: usize) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let mut left = list.total;
        for entry in &list.entries {
            let line_for_rest = usize::from(left > 1);
            if lines.len() + entry.len() + line_for_rest > room {
                break;
            }
            lines.extend_from_slice(entry);
            left -= 1;
        }
        if left > 0 && lines.len() < room {
            let noun = list.noun;
            let (label, text) = if lines.is_empty() {
                (list.label, format!("{} ({})", counted(left, noun), self.elsewhere))
            } else {
                ("", self.more(left, noun))
            };
            lines.extend(self.entry(label, &text, 1));
        }
        lines
    }

    /// How many more there are, where there is no room for them.
    pub(super) fn more(&self, number: u64, noun: &str) -> String {
        format!("… and {} ({})", counted(number, &format!("more {noun}")), self.elsewhere)
    }

    /// As much of a line as fits.
    pub(super) fn cut(&self, line: &str) -> String {
        if line.chars().count() <= self.width {
            return line.to_owned();
        }
        line.chars().take(self.width - 2).collect::<String>() + " …"
    }

    /// The last lines: the command that does the same `again`, and what `closing` has. `kept` is the
    /// file to read on in where no report was drawn. Commands and paths are never wrapped, so that
    /// they can be taken whole.
    pub(super) fn last_lines(
        &self,
        again: Option<&str>,
        kept: Option<&Path>,
        closing: &Closing<'_>,
    ) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        lines.extend(again.map(|again| self.unwrapped("run again", again)));
        let mut label = "next";
        for hint in closing.hints {
            lines.push(self.unwrapped(label, hint));
            label = "";
        }
        let report = closing.report.or(kept);
        lines.extend(report.map(|path| self.unwrapped("report", &path.display().to_string())));
        lines
    }

    /// The last line, from a headline.
    pub(super) fn verdict(&self, verdict: Verdict, headline: &str) -> String {
        self.closing("verdict", verdict, headline)
    }

    /// A last line: `gate: PASS — …`.
    pub(super) fn closing(&self, label: &str, verdict: Verdict, headline: &str) -> String {
        let colour = match verdict {
            Verdict::Clean => "1;32",
            Verdict::Leak | Verdict::SubjectDied => "1;31",
            Verdict::Inconclusive | Verdict::Interrupted => "1;33",
        };
        self.paint(colour, &format!("{label}: {headline}"))
    }

    /// A labelled text from anywhere, wrapped, its further lines beneath its first; of more than
    /// `most` lines the last ends in `…`.
    pub(super) fn entry(&self, label: &str, text: &str, most: usize) -> Vec<String> {
        let width = self.width - LABEL_WIDTH;
        let indent = " ".repeat(LABEL_WIDTH);
        let mut lines = wrap(&printable(text), width);
        if lines.len() > most {
            lines.truncate(most);
            if let Some(last) = lines.last_mut() {
                *last = last.chars().take(width - 2).collect::<String>() + " …";
            }
        }
        let lines = lines.into_iter().enumerate().map(|(index, line)| {
            let head = if index == 0 { self.label(label) } else { indent.clone() };
            head + &line
        });
        lines.collect()
    }

    pub(super) fn unwrapped(&self, label: &str, text: &str) -> String {
        self.label(label) + &printable(text)
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

    pub(super) fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(super) fn faint(&self, text: &str) -> String {
        self.paint("2", text)
    }

    fn paint(&self, sgr: &str, text: &str) -> String {
        if self.colour && !text.trim().is_empty() {
            format!("\x1b[{sgr}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// What there is to tell one by one, as far as room allows.
pub(super) struct List {
    /// Before what is said of entries when none of them fits.
    pub(super) label: &'static str,
    /// What an entry is.
    pub(super) noun: &'static str,
    /// The first entries, with their lines.
    pub(super) entries: Vec<Vec<String>>,
    /// How many entries there would be.
    pub(super) total: u64,
}

/// Breaks `text` at spaces into lines of at most `width` characters; a longer word has a line of
/// its own. There is at least one line.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut length = 0;
    for word in text.split_whitespace() {
        let word_length = word.chars().count();
        if length > 0 && length + 1 + word_length > width {
            lines.push(String::new());
            length = 0;
        }
        if let Some(line) = lines.last_mut() {
            if length > 0 {
                line.push(' ');
                length += 1;
            }
            line.push_str(word);
            length += word_length;
        }
    }
    lines
}
