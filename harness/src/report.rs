//! What a run shows its user: progress while it lasts, the summary or the JSON at its end.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use leakbench_reports::judge::{Judgement, Verdict};
use leakbench_reports::ledger::Ledger;
use leakbench_reports::recording::Recording;
use leakbench_reports::render;
use leakbench_scenarios::Scenario;

use crate::command_line::Error;
use crate::supervisor::Glance;

/// Between two lines of progress in a log.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// Columns of a summary that goes to no terminal.
const PLAIN_WIDTH: usize = 100;

/// Progress on standard error: one line that is redrawn on a terminal, lines now and then
/// elsewhere.
pub(crate) struct Progress {
    line: render::Progress,
    terminal: bool,
    drawn: bool,
    said: Instant,
}

impl Progress {
    pub(crate) fn new(scenario: &Scenario) -> Progress {
        Progress {
            line: render::Progress::new(scenario.cycles.get()),
            terminal: std::io::stderr().is_terminal(),
            drawn: false,
            said: Instant::now(),
        }
    }

    /// Takes in a look at the run, and shows it if it is time to.
    pub(crate) fn show(&mut self, glance: &Glance) {
        let at_ms = glance.running.as_millis() as u64;
        self.line.see(at_ms, 0, &glance.counts, &glance.footprint);
        let mut stderr = std::io::stderr().lock();
        // Progress that cannot be shown is no reason to end a run.
        if self.terminal {
            self.drawn = true;
            let width = width_of(&stderr).unwrap_or(80);
            let _ = write!(stderr, "\r\x1b[K{}", self.line.line(width.saturating_sub(1)));
        } else if self.said.elapsed() >= PLAIN_EVERY {
            self.said = Instant::now();
            let _ = writeln!(stderr, "{}", self.line.plain());
        }
    }

    /// Makes room for what follows.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
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
    let kept = out.map(|folder| keep(folder, &text));
    let stdout = std::io::stdout();
    let shown = if json {
        text
    } else {
        let width = width_of(&stdout).unwrap_or(PLAIN_WIDTH);
        let colour = stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none();
        render::TerminalSummary { colour, width, out }.draw(&ledger, &judgement)
    };
    let written = stdout.lock().write_all(shown.as_bytes()).and_then(|()| stdout.lock().flush());
    let written = match written {
        // A reader that has seen enough is no failure.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::Write { path: "standard output".into(), error })
        }
        _ => Ok(()),
    };
    match recorded.and(kept.unwrap_or(Ok(()))).and(written) {
        Err(error) if judgement.verdict == Verdict::Clean => Err(error),
        Err(error) => {
            // That there is a leak must not be lost over where it was to be written.
            let _ = writeln!(std::io::stderr(), "leakbench: {error}");
            Ok(ExitCode::from(judgement.verdict.exit_code()))
        }
        Ok(()) => Ok(ExitCode::from(judgement.verdict.exit_code())),
    }
}

const RESULT_FILE: &str = "result.json";

/// Removes what an earlier run has left in `folder`, so that its result cannot pass for that of
/// a run that did not come to one.
///
/// # Errors
/// It is there and cannot be removed.
pub(crate) fn forget_result(folder: &Path) -> Result<(), Error> {
    let path = folder.join(RESULT_FILE);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::Write { path, error })
        }
        _ => Ok(()),
    }
}

/// Writes the result whole or not at all.
fn keep(folder: &Path, text: &str) -> Result<(), Error> {
    let path = folder.join(RESULT_FILE);
    let partial = folder.join(".result.json.partial");
    std::fs::write(&partial, text).and_then(|()| std::fs::rename(&partial, &path)).map_err(
        |error| {
            // Nobody can use a part of it.
            let _ = std::fs::remove_file(&partial);
            Error::Write { path, error }
        },
    )
}

/// Columns of the terminal behind `stream`, if there is one.
fn width_of(stream: &impl std::os::fd::AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    Some(usize::from(size.ws_col)).filter(|width| *width > 0)
}
