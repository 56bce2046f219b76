//! What an observation shows its user.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use leakbench_recording::observation::{Diagnosis, ObservationRecording, ObservationSample};
use leakbench_reports::recorded::Recorded;
use leakbench_reports::render::{
    Closing, ObservationJson, ObservationProgress, Progress as _, Summary, SummaryStyle,
    observation_hints,
};

use super::target::Target;
use crate::command_line::Error;
use crate::report::{Looks, Output, ProgressLine, finish, write};

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
    pub(super) fn show(&mut self, look: &ObservationSample, pid: u32) {
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

/// Judges a finished observation, keeps what came of it and shows it: as JSON on standard output;
/// else the summary, there or, of a command, whose standard output is its own, on standard error.
/// `recorded` is whether the recording is kept. Returns the verdict's exit code.
///
/// # Errors
/// Nothing leaked, and the recording, the result or a report cannot be kept or shown.
pub(super) fn conclude(
    target: &Target,
    recording: &ObservationRecording,
    recorded: Result<(), Error>,
    output: &Output<'_>,
) -> Result<ExitCode, Error> {
    let diagnosis = Diagnosis::of(recording)?;
    let text = ObservationJson::new(&diagnosis).to_text()?;
    let mut written =
        output.keep(&text, |folder| Ok(Recorded::of_observation(folder, diagnosis.clone())));

    let draw = |Looks { colour, width }| {
        let style = SummaryStyle { colour, width: Some(width), out: output.folder };
        let hints = observation_hints(&diagnosis, output.kept(&written));
        let closing = Closing { report: written.main(), hints: &hints };
        Summary::of_observation(&diagnosis).draw(&style, &closing)
    };
    let (mut stdout, mut stderr) = (std::io::stdout(), std::io::stderr());
    let shown = match target {
        _ if output.json => write(&mut stdout, "standard output", &text),
        Target::Process(_) => {
            let summary = draw(Looks::on(&stdout));
            write(&mut stdout, "standard output", &summary)
        }
        Target::Command(_) => {
            let summary = draw(Looks::on(&stderr));
            write(&mut stderr, "standard error", &summary)
        }
    };
    let failed = recorded.err().into_iter().chain(written.failed.drain(..)).chain(shown.err());
    finish(diagnosis.judgement.verdict, failed)
}
