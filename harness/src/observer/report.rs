//! What an observation shows its user.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use leakbench_reports::observation::{Look, ObservationRecording, judge};
use leakbench_reports::render::{ObservationJson, ObservationProgress, ObservationSummary};

use super::target::Target;
use crate::command_line::Error;
use crate::report::{Looks, ProgressLine, finish, write};

/// Progress of an observation, on standard error.
pub(super) struct Progress {
    /// Once it is known which process it is of.
    observation: Option<ObservationProgress>,
    duration: Option<Duration>,
    line: ProgressLine,
    /// Not where it would be drawn over what the command shows on the same terminal.
    silent: bool,
}

impl Progress {
    pub(super) fn new(target: &Target, duration: Option<Duration>) -> Progress {
        let line = ProgressLine::new();
        let silent = matches!(target, Target::Command(_)) && line.is_drawn();
        Progress { observation: None, duration, line, silent }
    }

    /// Takes in a look, and shows it if it is time to.
    pub(super) fn show(&mut self, look: &Look, pid: u32) {
        if self.silent {
            return;
        }
        let duration_ms = self.duration.map(|duration| duration.as_millis() as u64);
        let observation =
            self.observation.get_or_insert_with(|| ObservationProgress::new(pid, duration_ms));
        observation.see(look);
        self.line.show(|width| observation.line(width), || observation.plain());
    }

    /// Makes room for what follows.
    pub(super) fn clear(&mut self) {
        self.line.clear();
        if self.silent {
            // The command may have left the terminal in mid-line, or a Ctrl-C its mark.
            let _ = writeln!(std::io::stderr());
        }
    }
}

/// Judges a finished observation and shows what came of it: with `json` the result on standard
/// output; else the summary, there or, of a command, whose standard output is its own, on
/// standard error. The result is kept in `out` too. `recorded` is whether the recording is kept.
/// Returns the verdict's exit code.
///
/// # Errors
/// Nothing leaked, and the recording or the result cannot be kept or shown.
pub(super) fn conclude(
    target: &Target,
    recording: &ObservationRecording,
    recorded: Result<(), Error>,
    json: bool,
    out: Option<&Path>,
) -> Result<ExitCode, Error> {
    let diagnosis = judge(recording)?;
    let text = ObservationJson::new(&diagnosis).to_text()?;
    let draw = |Looks { colour, width }| ObservationSummary { colour, width, out }.draw(&diagnosis);
    let (mut stdout, mut stderr) = (std::io::stdout(), std::io::stderr());
    let show = || match target {
        _ if json => write(&mut stdout, "standard output", &text),
        Target::Process(_) => {
            let summary = draw(Looks::on(&stdout));
            write(&mut stdout, "standard output", &summary)
        }
        Target::Command(_) => {
            let summary = draw(Looks::on(&stderr));
            write(&mut stderr, "standard error", &summary)
        }
    };
    finish(diagnosis.judgement.verdict, recorded, &text, out, show)
}
