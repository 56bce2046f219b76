//! What a run or an observation shows its user: progress while it lasts, the summary or the JSON at its end.

use std::io::{IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use leakbench_reports::judge::{Judgement, Verdict};
use leakbench_reports::ledger::Ledger;
use leakbench_reports::recording::Recording;
use leakbench_reports::render;
use leakbench_scenarios::Scenario;

use crate::command_line::Error;
use crate::output_folder;
use crate::supervisor::Glance;

/// Between two lines of progress in a log.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// Columns of a summary that goes to no terminal.
const PLAIN_WIDTH: usize = 100;

/// A line on standard error: redrawn on a terminal, a line now and then elsewhere.
pub(crate) struct ProgressLine {
    terminal: bool,
    drawn: bool,
    said: Instant,
}

impl ProgressLine {
    pub(crate) fn new() -> ProgressLine {
        let terminal = std::io::stderr().is_terminal();
        ProgressLine { terminal, drawn: false, said: Instant::now() }
    }

    /// Whether it is redrawn, on a terminal.
    pub(crate) fn is_drawn(&self) -> bool {
        self.terminal
    }

    /// Shows it if it is time to: `narrow` makes a line of at most so many columns, `plain` one
    /// for a log.
    pub(crate) fn show(
        &mut self,
        narrow: impl FnOnce(usize) -> String,
        plain: impl FnOnce() -> String,
    ) {
        let mut stderr = std::io::stderr().lock();
        // Progress that cannot be shown is no reason to end a run.
        if self.terminal {
            self.drawn = true;
            let width = width_of(&stderr).unwrap_or(80);
            let _ = write!(stderr, "\r\x1b[K{}", narrow(width.saturating_sub(1)));
        } else if self.said.elapsed() >= PLAIN_EVERY {
            self.said = Instant::now();
            let _ = writeln!(stderr, "{}", plain());
        }
    }

    /// Makes room for what follows.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// Progress of a run.
pub(crate) struct Progress {
    /// Before each line: which of several runs it is.
    label: String,
    run: render::Progress,
    line: ProgressLine,
}

impl Progress {
    /// Of a run that goes by `label`, empty where it is the only one.
    pub(crate) fn new(scenario: &Scenario, label: &str) -> Progress {
        let label = match label {
            "" => String::new(),
            label => format!("{}: ", render::printable(label)),
        };
        let run = render::Progress::new(scenario.cycles.get());
        Progress { label, run, line: ProgressLine::new() }
    }

    /// Says that the run begins, in a log; on a terminal the first look at it will.
    pub(crate) fn begin(&self) {
        if !self.line.is_drawn() {
            // Progress that cannot be shown is no reason to end a run.
            let _ = writeln!(std::io::stderr(), "{}begins", self.label);
        }
    }

    /// Takes in a look at the run, and shows it if it is time to.
    pub(crate) fn show(&mut self, glance: &Glance) {
        let at_ms = glance.running.as_millis() as u64;
        self.run.see(at_ms, 0, &glance.counts, &glance.footprint);
        let label = &self.label;
        let narrow = |width: usize| {
            let label: String = label.chars().take(width).collect();
            let line = self.run.line(width - label.chars().count());
            label + &line
        };
        self.line.show(narrow, || format!("{label}{}", self.run.plain()));
    }

    /// Makes room for what follows.
    pub(crate) fn clear(&mut self) {
        self.line.clear();
    }
}

/// Judges a finished run and shows what came of it: the summary, or with `json` the result as
/// JSON, which is kept in `out` too. `recorded` is whether the recording is kept. Returns the
/// verdict's exit code.
///
/// # Errors
/// The run was clean, and its recording or its result cannot be kept or shown.
pub(crate) fn conclude(
    recording: &Recording,
    recorded: Result<(), Error>,
    json: bool,
    out: Option<&Path>,
) -> Result<ExitCode, Error> {
    let ledger = Ledger::of(recording)?;
    let judgement = Judgement::of(&ledger);
    let text = render::ResultJson::new(&ledger, &judgement).to_text()?;
    let mut stdout = std::io::stdout();
    let shown = match json {
        true => text.clone(),
        false => {
            let Looks { colour, width } = Looks::on(&stdout);
            render::TerminalSummary { colour, width, out }.draw(&ledger, &judgement)
        }
    };
    let show = || write(&mut stdout, "standard output", &shown);
    finish(judgement.verdict, recorded, &text, out, show)
}

/// How a summary is to look where it goes.
pub(crate) struct Looks {
    pub(crate) colour: bool,
    pub(crate) width: usize,
}

impl Looks {
    /// For this stream.
    pub(crate) fn on(stream: &(impl AsFd + IsTerminal)) -> Looks {
        let colour = stream.is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Looks { colour, width: width_of(stream).unwrap_or(PLAIN_WIDTH) }
    }
}

/// Writes a result to a stream of this name.
///
/// # Errors
/// It takes it no more, though somebody reads.
pub(crate) fn write(stream: &mut impl Write, name: &str, shown: &str) -> Result<(), Error> {
    match stream.write_all(shown.as_bytes()).and_then(|()| stream.flush()) {
        // A reader that has seen enough is no failure.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::Write { path: name.into(), error })
        }
        _ => Ok(()),
    }
}

/// Keeps the result `text` in `out`, and then shows it, which may wait for a reader. Returns the
/// verdict's exit code.
///
/// # Errors
/// All is clean, and the recording or the result is lost, or could not be shown.
pub(crate) fn finish(
    verdict: Verdict,
    recorded: Result<(), Error>,
    text: &str,
    out: Option<&Path>,
    show: impl FnOnce() -> Result<(), Error>,
) -> Result<ExitCode, Error> {
    let kept = out.map_or(Ok(()), |folder| output_folder::keep_result(folder, text));
    match recorded.and(kept).and(show()) {
        Err(error) if verdict == Verdict::Clean => Err(error),
        Err(error) => {
            // That there is a leak must not be lost over where it was to be written.
            let _ = writeln!(std::io::stderr(), "leakbench: {error}");
            Ok(ExitCode::from(verdict.exit_code()))
        }
        Ok(()) => Ok(ExitCode::from(verdict.exit_code())),
    }
}

/// Columns of the terminal behind `stream`, if there is one.
pub(crate) fn width_of(stream: &impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    Some(usize::from(size.ws_col)).filter(|width| *width > 0)
}
