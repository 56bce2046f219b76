//! What a run or an observation shows its user: progress while it lasts, the summary or the
//! JSON at its end.

use std::io::{IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use leakbench_recording::judge::Verdict;
use leakbench_recording::recording::Recording;
use leakbench_reports::recorded::{Recorded, RecordedRun};
use leakbench_reports::render::{self, Format, Progress as _};
use leakbench_scenarios::Scenario;

use crate::command_line::Error;
use crate::output_folder;
use crate::report_files::Written;
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
    run: render::RunProgress,
    line: ProgressLine,
}

impl Progress {
    /// Of a run that goes by `label`, empty where it is the only one.
    pub(crate) fn new(scenario: &Scenario, label: &str) -> Progress {
        let label = match label {
            "" => String::new(),
            label => format!("{}: ", render::printable(label)),
        };
        let run = render::RunProgress::new(scenario.cycles.get());
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

/// What is to be shown and kept of a run or an observation.
#[derive(Debug)]
pub(crate) struct Output<'a> {
    /// Whether to print the result as JSON instead of the summary.
    pub(crate) json: bool,
    /// The folder to keep it in.
    pub(crate) folder: Option<&'a Path>,
    /// What to draw into the folder.
    pub(crate) formats: &'a [Format],
}

impl Output<'_> {
    /// Keeps a result, `text`, and draws what was `recorded`. Drawing comes last: it may take a
    /// while, and then nothing that was measured can be lost. What could not be kept or drawn is in
    /// [`Written::failed`].
    pub(crate) fn keep(
        &self,
        text: &str,
        recorded: impl FnOnce(&Path) -> Result<Recorded, Error>,
    ) -> Written {
        let Some(folder) = self.folder else { return Written::default() };
        let kept = output_folder::keep_result(folder, text);
        let mut written = Written::default();
        if !self.formats.is_empty() {
            written = match recorded(folder) {
                Ok(recorded) => Written::to(folder, self.formats, &recorded, None),
                Err(error) => Written { failed: vec![error], ..written },
            };
            if self.json {
                say(&format!("kept in {}", folder.display()));
            }
        }
        written.failed.splice(0..0, kept.err());
        written
    }

    /// What is there to read on in.
    pub(crate) fn kept(&self, written: &Written) -> render::Kept<'_> {
        render::Kept { folder: self.folder, is_drawn: written.has_page() }
    }
}

/// Judges a finished run, keeps what came of it and shows it: the summary, or the result as JSON.
/// `recorded` is whether the recording is kept. Returns the verdict's exit code.
///
/// # Errors
/// The run was clean, and its recording, its result or a report cannot be kept or shown.
pub(crate) fn conclude(
    recording: &Recording,
    recorded: Result<(), Error>,
    output: &Output<'_>,
) -> Result<ExitCode, Error> {
    let RecordedRun { ledger, judgement } = RecordedRun::of(recording)?;
    let text = render::ResultJson::new(&ledger, &judgement).to_text()?;
    let mut written = output.keep(&text, |folder| Ok(Recorded::of_run(folder, recording)?));

    let mut stdout = std::io::stdout();
    let shown = if output.json {
        text
    } else {
        let Looks { colour, width } = Looks::on(&stdout);
        let style = render::SummaryStyle { colour, width: Some(width), out: output.folder };
        let hints = render::run_hints(&ledger, &judgement, output.kept(&written));
        let closing = render::Closing { report: written.main(), hints: &hints };
        render::Summary::of_run(&ledger, &judgement).draw(&style, &closing)
    };
    let shown = write(&mut stdout, "standard output", &shown);
    let failed = recorded.err().into_iter().chain(written.failed.drain(..)).chain(shown.err());
    finish(judgement.verdict, failed)
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

/// Says what `failed` to be kept or shown. Returns the verdict's exit code.
///
/// # Errors
/// All is clean, and something failed: the last of it.
pub(crate) fn finish(
    verdict: Verdict,
    failed: impl IntoIterator<Item = Error>,
) -> Result<ExitCode, Error> {
    let mut failed: Vec<Error> = failed.into_iter().collect();
    // That there is a leak must not be lost over where it was to be written.
    let last = if verdict == Verdict::Clean { failed.pop() } else { None };
    for error in failed {
        say(&format!("leakbench: {error}"));
    }
    last.map_or(Ok(ExitCode::from(verdict.exit_code())), Err)
}

/// A line for whoever watches.
pub(crate) fn say(line: &str) {
    // That nobody can be told is no reason to end anything. One line, whatever a path is called.
    let _ = writeln!(std::io::stderr(), "{}", render::printable(line));
}

/// Columns of the terminal behind `stream`, if there is one.
pub(crate) fn width_of(stream: &impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    Some(usize::from(size.ws_col)).filter(|width| *width > 0)
}
