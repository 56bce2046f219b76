//! One phase: a run that takes about as long as the plan says.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use leakbench_kernel::{Child, ProcessGroup};
use leakbench_model::Verdict;
use leakbench_recording::recording::RECORDING_FILE;
use leakbench_scenarios::shell;
use serde::Deserialize;

use super::checkpoint::{Checkpoint, Plan};
use crate::error::Error;
use crate::interrupt::Interrupt;

/// A kind of phase.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    flags: &'static [&'static str],
}

/// What the phases of the built-in runtime do in turn.
pub(super) const KINDS: [Kind; 7] = [
    Kind { name: "random", flags: &[] },
    Kind { name: "queue", flags: &["--decommit-batch", "16", "--flush-on-drop"] },
    Kind {
        name: "affinity",
        flags: &["--strategy", "reuse-affinity", "--live-modules", "8", "--instances", "2"],
    },
    Kind {
        name: "modes",
        flags: &["--mode", "plain", "--mode", "trap", "--mode", "grow", "--mode", "module-first"],
    },
    Kind { name: "threads", flags: &["--threads", "2"] },
    Kind { name: "on-demand", flags: &["--allocation", "on-demand"] },
    Kind { name: "fresh", flags: &["--compile", "fresh"] },
];

/// Cycles of the run that measures the rate.
const CALIBRATION_CYCLES: u64 = 4_000;
/// Barriers of a phase: enough for a trend.
const BARRIERS: &str = "60";
/// Maximum time between two checks for a signal.
const SIGNAL_CHECK_INTERVAL: Duration = Duration::from_millis(200);
/// Time for a run to stop on request.
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// How a phase ended.
#[derive(Debug)]
pub(super) enum Ended {
    Checkpoint(Box<Checkpoint>),
    Interrupted,
}

#[derive(Deserialize)]
struct ResultJson {
    verdict: Verdict,
    headline: String,
    cycles: u64,
    rate_per_s: Option<f64>,
    images: Images,
    at_end: Amounts,
    supervisor: Option<Supervisor>,
    command: String,
}

#[derive(Deserialize)]
struct Images {
    made: u64,
}

#[derive(Deserialize)]
struct Amounts {
    rss_bytes: Option<u64>,
}

#[derive(Deserialize)]
struct Supervisor {
    peak_rss_bytes: Option<u64>,
}

/// Makes phase `number`. An earlier phase of its kind in `done` has the rate; without one, a short run measures it.
///
/// # Errors
/// The run cannot be started, or has no result.
pub(super) fn make(
    plan: &Plan,
    number: u64,
    done: &[Checkpoint],
    folder: &Path,
    interrupt: &Interrupt,
    show: &mut dyn FnMut(Duration),
) -> Result<Ended, Error> {
    let kind = plan.kind(number);
    let began = Instant::now();
    let earlier = done.iter().rev().find(|it| it.kind == kind.name).and_then(|it| it.rate_per_s);
    let rate = match earlier {
        Some(rate) => rate,
        None => {
            let words = words(plan, kind, number, CALIBRATION_CYCLES);
            match run(&words, interrupt, &mut || show(began.elapsed()))? {
                Some(result) => result.rate_per_s.unwrap_or(1.0),
                None => return Ok(Ended::Interrupted),
            }
        }
    };
    let out = folder.join(format!("phase-{:04}", number + 1));
    let cycles = (rate * plan.phase_s as f64).max(1.0) as u64;
    let mut words = words(plan, kind, number, cycles);
    words.extend(["--out".to_owned(), out.display().to_string()]);
    let Some(result) = run(&words, interrupt, &mut || show(began.elapsed()))? else {
        return Ok(Ended::Interrupted);
    };
    if result.verdict == Verdict::Interrupted {
        return Ok(Ended::Interrupted);
    }
    let recording = out.join(RECORDING_FILE);
    let recording_bytes = std::fs::metadata(&recording)
        .map_err(|error| Error::Read { path: recording, error })?
        .len();
    Ok(Ended::Checkpoint(Box::new(Checkpoint {
        phase: number,
        kind: kind.name.to_owned(),
        took_s: began.elapsed().as_secs_f64(),
        verdict: result.verdict,
        headline: result.headline,
        cycles: result.cycles,
        images: result.images.made,
        rate_per_s: result.rate_per_s,
        supervisor_peak_bytes: result.supervisor.and_then(|it| it.peak_rss_bytes),
        subject_rss_bytes: result.at_end.rss_bytes,
        recording_bytes,
        command: result.command,
    })))
}

fn words(plan: &Plan, kind: Kind, number: u64, cycles: u64) -> Vec<String> {
    let own =
        ["--no-config", "--subject", &plan.subject, "--barriers", BARRIERS].map(str::to_owned);
    let numbers =
        ["--cycles".to_owned(), cycles.to_string(), "--seed".to_owned(), number.to_string()];
    let mut words: Vec<String> = own.into_iter().chain(numbers).collect();
    words.extend(kind.flags.iter().map(|flag| (*flag).to_owned()));
    words.extend(plan.flags.iter().cloned());
    words
}

/// Makes a run to its end. `None` if the user interrupted it.
fn run(
    words: &[String],
    interrupt: &Interrupt,
    wait: &mut dyn FnMut(),
) -> Result<Option<ResultJson>, Error> {
    let command =
        || shell::command(std::iter::once("leakbench".to_owned()).chain(words.iter().cloned()));
    let failed = |error: std::io::Error| Error::Runs(format!("{}: {error}", command()));
    let (stdout, stderr) =
        (tempfile::tempfile().map_err(failed)?, tempfile::tempfile().map_err(failed)?);
    let mut process = Command::new("/proc/self/exe");
    process.args(words).arg("--json").stdin(Stdio::null());
    process.stdout(stdout.try_clone().map_err(failed)?);
    process.stderr(stderr.try_clone().map_err(failed)?);
    let mut child = Child::spawn(&mut process, ProcessGroup::Own).map_err(failed)?;
    while child.wait_for(SIGNAL_CHECK_INTERVAL).map_err(failed)?.is_none() {
        wait();
        if interrupt.take() > 0 {
            child.end(STOP_WITHIN).map_err(failed)?;
            return Ok(None);
        }
    }
    let stdout = text(stdout).map_err(failed)?;
    match serde_json::from_str(&stdout) {
        Ok(result) => Ok(Some(result)),
        Err(_) => {
            let words = text(stderr).map_err(failed)?;
            let last = words.lines().last().unwrap_or("it printed nothing");
            Err(Error::Runs(format!("{}: no result: {last}", command())))
        }
    }
}

fn text(mut file: File) -> std::io::Result<String> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
