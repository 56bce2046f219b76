//! The processes that run the works, one for each runtime.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::rows::{Row, Side};
use crate::{builtin, wasmtime_48};

/// A function that does a row's work so many times.
pub(crate) type Run = Box<dyn FnMut(u64) -> Result<i64, String>>;

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
        let start = clock(row);
        let result = run(times);
        let nanos = (clock(row) - start).as_nanos();
        answer(&match result {
            Ok(check) => format!("{nanos} {check}"),
            Err(error) => format!("error {}", error.replace('\n', " ")),
        })?;
    }
    Ok(())
}

/// The processor time of this process, which other processes of the machine disturb least. Of a row that
/// uses several processors, the time that passes.
fn clock(row: &Row) -> Duration {
    let id = match row.pair.contains(&Side::Parallel) {
        true => ClockId::Monotonic,
        false => ClockId::ProcessCPUTime,
    };
    let now = clock_gettime(id);
    Duration::new(now.tv_sec.cast_unsigned(), u32::try_from(now.tv_nsec).unwrap_or(0))
}

fn answer(text: &str) -> Result<(), String> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|error| error.to_string())
}
