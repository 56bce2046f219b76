//! The processes that run the works, one for each runtime.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::rows::{Row, Side};
use crate::{builtin, wasmtime_48};

/// A function that does a row's work so many times, and returns a number that depends on it.
pub(crate) type Run = Box<dyn FnMut(u64, &mut Stopwatch) -> Result<i64, String>>;

/// The time of a work. It runs but while it is paused.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    clock: ClockId,
    /// The time until the last pause.
    total: Duration,
    /// The clock at the last start.
    started: Duration,
}

impl Stopwatch {
    /// Starts with the processor time of this process, which other processes of the machine disturb
    /// least. For works of several threads, with the time that passes.
    pub(crate) fn start(work_is_concurrent: bool) -> Stopwatch {
        let clock = match work_is_concurrent {
            true => ClockId::Monotonic,
            false => ClockId::ProcessCPUTime,
        };
        Stopwatch { clock, total: Duration::ZERO, started: read(clock) }
    }

    pub(crate) fn pause(&mut self) {
        self.total += read(self.clock) - self.started;
    }

    pub(crate) fn resume(&mut self) {
        self.started = read(self.clock);
    }
}

fn read(clock: ClockId) -> Duration {
    let now = clock_gettime(clock);
    Duration::new(now.tv_sec.cast_unsigned(), u32::try_from(now.tv_nsec).unwrap_or(0))
}

impl Side {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Side::Builtin => "builtin",
            Side::Parallel => "parallel",
            Side::Wasmtime => "wasmtime",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Side> {
        [Side::Builtin, Side::Parallel, Side::Wasmtime].into_iter().find(|side| side.name() == name)
    }
}

/// Prepares a row's work on one runtime.
pub(crate) fn prepare(row: &Row, side: Side) -> Result<Run, String> {
    match side {
        Side::Builtin | Side::Parallel => builtin::works::prepare(&row.work, side),
        Side::Wasmtime => wasmtime_48::works::prepare(&row.work, side),
    }
}

/// A process that has prepared a row's work.
#[derive(Debug)]
pub(crate) struct Peer {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts a process, with the options of this one.
    pub(crate) fn start(row: usize, side: Side) -> Result<Peer, String> {
        let text = |error: io::Error| format!("cannot start a process: {error}");
        let mut child = Command::new(std::env::current_exe().map_err(text)?)
            .args(std::env::args_os().skip(1))
            .arg("--serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(text)?;
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("a process without pipes".to_owned());
        };
        let mut peer = Peer { child, requests: Some(requests), answers: BufReader::new(answers) };
        peer.ask(&format!("{row} {}", side.name()))?;
        Ok(peer)
    }

    /// Does the work `times` times. Returns the time that it took, and a number that depends on it.
    pub(crate) fn run(&mut self, times: u64) -> Result<(Duration, i64), String> {
        let answer = self.ask(&times.to_string())?;
        let numbers = answer.split_once(' ').and_then(|(nanos, check)| {
            Some((Duration::from_nanos(nanos.parse().ok()?), check.parse().ok()?))
        });
        numbers.ok_or_else(|| format!("a process answered '{answer}'"))
    }

    fn ask(&mut self, request: &str) -> Result<String, String> {
        let text = |error: io::Error| format!("a process ended: {error}");
        if let Some(requests) = &mut self.requests {
            writeln!(requests, "{request}").map_err(text)?;
        }
        let mut answer = String::new();
        self.answers.read_line(&mut answer).map_err(text)?;
        match answer.trim_end().split_once(' ') {
            Some(("error", reason)) => Err(reason.to_owned()),
            _ if answer.is_empty() => Err("a process ended without an answer".to_owned()),
            _ => Ok(answer.trim_end().to_owned()),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // The process ends at the end of its input.
        self.requests = None;
        let _ = self.child.wait();
    }
}

/// Answers the requests on standard input: first a row and a runtime, then numbers of runs.
pub(crate) fn serve(rows: &[Row]) -> Result<(), String> {
    let mut lines = io::stdin().lines();
    let Some(Ok(first)) = lines.next() else { return Ok(()) };
    let wanted = first
        .split_once(' ')
        .and_then(|(row, side)| Some((rows.get(row.parse::<usize>().ok()?)?, Side::named(side)?)));
    let Some((row, side)) = wanted else { return Err(format!("no such work: {first}")) };
    let mut run = match prepare(row, side) {
        Ok(run) => run,
        Err(error) => return answer(&format!("error {}", error.replace('\n', " "))),
    };
    answer("ready")?;
    for line in lines {
        let Some(times) = line.ok().and_then(|line| line.parse().ok()) else { break };
        let mut stopwatch = Stopwatch::start(row.is_concurrent());
        let result = run(times, &mut stopwatch);
        stopwatch.pause();
        answer(&match result {
            Ok(check) => format!("{} {check}", stopwatch.total.as_nanos()),
            Err(error) => format!("error {}", error.replace('\n', " ")),
        })?;
    }
    Ok(())
}

fn answer(text: &str) -> Result<(), String> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|error| error.to_string())
}
