//! Progress on standard error: one line that is redrawn on a terminal, a line every five seconds
//! in a log.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use leakbench_model::text::printable;
use leakbench_reports::render::Progress;

use super::stream::terminal_width;
use super::verbosity::Verbosity;

/// Between two lines in a log.
const LOG_INTERVAL: Duration = Duration::from_secs(5);

/// The progress of a run or an observation. Errors of standard error are ignored: no result
/// depends on progress.
#[derive(Debug)]
pub(crate) struct ProgressDisplay {
    /// Before each line; names one of several runs.
    label: String,
    is_terminal: bool,
    /// Nothing is shown.
    is_quiet: bool,
    /// The observed command has the terminal.
    hidden: bool,
    drawn: bool,
    printed_at: Instant,
}

impl ProgressDisplay {
    /// For one of several runs, named by `label`.
    pub(crate) fn labelled(label: &str, verbosity: Verbosity) -> ProgressDisplay {
        let label = format!("{}: ", printable(label));
        ProgressDisplay { label, ..ProgressDisplay::new(verbosity) }
    }

    /// For the only run, or an observed process.
    pub(crate) fn new(verbosity: Verbosity) -> ProgressDisplay {
        ProgressDisplay {
            label: String::new(),
            is_terminal: std::io::stderr().is_terminal(),
            is_quiet: verbosity == Verbosity::Quiet,
            hidden: false,
            drawn: false,
            printed_at: Instant::now(),
        }
    }

    /// For an observed command, which may print to the same terminal: hidden on a terminal.
    pub(crate) fn beside_a_command(verbosity: Verbosity) -> ProgressDisplay {
        let display = ProgressDisplay::new(verbosity);
        ProgressDisplay { hidden: display.is_terminal, ..display }
    }

    pub(crate) fn is_hidden(&self) -> bool {
        self.hidden || self.is_quiet
    }

    /// Reports in a log that the run begins; on a terminal its first sample does.
    pub(crate) fn begin(&self) {
        if !self.is_terminal && !self.is_quiet {
            let _ = writeln!(std::io::stderr(), "{}begins", self.label);
        }
    }

    /// Shows the progress, in a log only if five seconds have passed.
    pub(crate) fn show(&mut self, progress: &impl Progress) {
        let mut stderr = std::io::stderr().lock();
        if self.is_hidden() {
        } else if self.is_terminal {
            self.drawn = true;
            let width = terminal_width(&stderr).unwrap_or(80).saturating_sub(1);
            let label: String = self.label.chars().take(width).collect();
            let line = progress.line(width - label.chars().count());
            let _ = write!(stderr, "\r\x1b[K{label}{line}");
        } else if self.printed_at.elapsed() >= LOG_INTERVAL {
            self.printed_at = Instant::now();
            let _ = writeln!(stderr, "{}{}", self.label, progress.plain());
        }
    }

    /// Clears the line for what is printed next.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
        if self.hidden {
            // The command, or the echo of a Ctrl-C, may have left an unfinished line.
            let _ = writeln!(std::io::stderr());
        }
    }
}
