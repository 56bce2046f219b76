//! Progress in one line: on a terminal, which redraws it, or in a log.

mod observation;
mod run;

pub use observation::ObservationProgress;
pub use run::{RunProgress, RunSample};

use unicode_width::UnicodeWidthStr;

/// The parts of a line of progress, in the order of their use.
pub trait Progress {
    /// The parts, such as `1,024 fds`.
    fn parts(&self) -> Vec<String>;

    /// The parts that fit in `width` columns, without a newline.
    fn line(&self, width: usize) -> String {
        let mut line = String::new();
        for part in self.parts() {
            let gap = if line.is_empty() { "" } else { "  " };
            if line.width() + gap.len() + part.width() > width {
                break;
            }
            line = line + gap + &part;
        }
        line
    }

    /// All parts, for a log.
    fn plain(&self) -> String {
        self.parts().join(", ")
    }
}
