//! A command run again and again, each time with another system call that fails: what does it leave behind?
//!
//! ```text
//! runs without a fault ─► calls, usual end ─► cells ─► a run each ─► outcome ─► matrix
//! ```
//!
//! The calls of a command fail from its execution on, in all of its processes. What it has at its exit is
//! compared with the runs without a fault. The calls of a subject fail while its cycles run, and the judge decides.

mod cells;
mod command;
mod holdings;
mod outcome;
mod subject;

use std::ffi::OsString;
use std::io;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use leakbench_model::text::{counted, grouped};
use leakbench_model::{Call, Fault, Verdict};
use leakbench_reports::faults::{CallCount, FaultCell, FaultMatrix, FaultOutcome};
use leakbench_reports::render::Progress;
use leakbench_scenarios::shell;
use rustix::process::{getpid, set_child_subreaper};

use self::cells::{Calls, Choice};
use self::command::{End, Runs};
use self::outcome::Usual;
use self::subject::{SubjectResult, SubjectRuns, counting};
use crate::error::Error;
use crate::interrupt::Interrupt;
use crate::output::{ProgressDisplay, Verbosity};
use crate::supervisor::SuperviseError;

/// Runs of a command without faults. What differs between them is no leak.
const USUAL_RUNS: u64 = 3;

/// Maximum time of a run without faults.
const USUAL_LIMIT: Duration = Duration::from_secs(600);

/// The time limit of a run with a fault is this multiple of the time of one without, and at least
/// [`LIMIT_MIN`].
const LIMIT_FACTOR: u32 = 10;
const LIMIT_MIN: Duration = Duration::from_secs(10);

/// Maximum time between two checks for a signal.
const SIGNAL_CHECK_INTERVAL: Duration = Duration::from_millis(200);

/// What is run.
#[derive(Clone, Debug)]
pub(crate) enum Under {
    /// A command, with its arguments.
    Command(Vec<OsString>),
    /// Runs of leakbench with these words, whose subject has the faults.
    Subject(Vec<String>),
}

/// The matrix to make.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) under: Under,
    /// The calls that fail; all if it is empty.
    pub(crate) calls: Vec<Call>,
    /// The cells; chosen by the calls that are made if it is empty.
    pub(crate) cells: Vec<Fault>,
    /// Maximum number of cells.
    pub(crate) cells_max: u64,
    /// Maximum time of a run with a fault; `None`: by the time of one without.
    pub(crate) limit: Option<Duration>,
    /// Runs at the same time.
    pub(crate) jobs: NonZeroU32,
    /// The command that makes the matrix again.
    pub(crate) command: String,
}

/// A plan after the runs without faults.
enum Learned<'a> {
    Command { runs: Runs<'a>, usual: Usual },
    Subject { runs: SubjectRuns<'a>, usual: Verdict },
}

impl Plan {
    /// Makes all runs, until the user interrupts.
    ///
    /// # Errors
    /// The run without faults does not end as it should, or a run cannot be started.
    pub(crate) fn carry_out(&self, verbosity: Verbosity) -> Result<FaultMatrix, Error> {
        // So that what a command leaves behind is found.
        set_child_subreaper(Some(getpid())).map_err(|error| SuperviseError::Own(error.into()))?;
        let mut display = ProgressDisplay::new(verbosity);
        display.show(&Learning);
        let stop = AtomicBool::new(false);
        let (learned, calls) = self.learn(&stop)?;
        // Until now a signal ends this process, as by default.
        let interrupt = Interrupt::listen().map_err(SuperviseError::Own)?;
        let choice = match &self.cells[..] {
            [] => Choice::of(&calls, self.cells_max),
            cells => Choice { faults: cells.to_vec(), total: cells.len() as u64 },
        };
        let mut matrix = FaultMatrix {
            subject: match &self.under {
                Under::Command(words) => shell::command(words.iter().cloned()),
                Under::Subject(words) => leakbench(words),
            },
            command: self.command.clone(),
            calls: calls.iter().map(|&(call, calls)| CallCount { call, calls }).collect(),
            cells_total: choice.total,
            cells_chosen: choice.faults.len() as u64,
            cells: Vec::new(),
            interrupted: false,
        };
        self.try_all(&learned, &choice.faults, &mut matrix, (&interrupt, &stop), &mut display)?;
        display.clear();
        Ok(matrix)
    }

    /// The calls that are tried by default: those that the kernel refuses at times. The messages of a subject are
    /// those of its supervisor's conversation.
    fn chosen_calls(&self) -> Vec<Call> {
        let is_message = |call: &Call| matches!(call, Call::Send | Call::Receive);
        let is_subject = matches!(self.under, Under::Subject(_));
        let is_chosen = |call: &Call| match &self.calls[..] {
            [] if is_subject && is_message(call) => false,
            [] => !call.errors().is_empty(),
            calls => calls.contains(call),
        };
        Call::ALL.into_iter().filter(is_chosen).collect()
    }

    /// Makes the runs without faults. Returns the number of calls.
    fn learn<'a>(&'a self, stop: &'a AtomicBool) -> Result<(Learned<'a>, Calls), Error> {
        let counted = self.chosen_calls();
        let limit =
            |took: Duration| self.limit.unwrap_or_else(|| (took * LIMIT_FACTOR).max(LIMIT_MIN));
        match &self.under {
            Under::Command(words) => {
                let runs = Runs { words, limit: self.limit.unwrap_or(USUAL_LIMIT), stop };
                let (usual, calls, took) = learn_command(&runs, &counted)?;
                Ok((Learned::Command { runs: Runs { limit: limit(took), ..runs }, usual }, calls))
            }
            Under::Subject(words) => {
                let limit_of_first = self.limit.unwrap_or(USUAL_LIMIT);
                let runs = SubjectRuns { words: words.clone(), limit: limit_of_first, stop };
                let began = Instant::now();
                let (usual, calls) = learn_subject(&runs, &counted)?;
                let limit = limit(began.elapsed());
                Ok((Learned::Subject { runs: SubjectRuns { limit, ..runs }, usual }, calls))
            }
        }
    }

    /// Makes a run for each fault, several at the same time.
    fn try_all(
        &self,
        learned: &Learned<'_>,
        faults: &[Fault],
        matrix: &mut FaultMatrix,
        (interrupt, stop): (&Interrupt, &AtomicBool),
        display: &mut ProgressDisplay,
    ) -> Result<(), Error> {
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            let (done, results) = mpsc::channel();
            for _ in 0..self.jobs.get() {
                let (done, next) = (done.clone(), &next);
                scope.spawn(move || {
                    loop {
                        let index = next.fetch_add(1, Relaxed);
                        let Some(fault) = faults.get(index).filter(|_| !stop.load(Relaxed)) else {
                            return;
                        };
                        if done.send(self.try_one(learned, index, *fault)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(done);
            loop {
                match results.recv_timeout(SIGNAL_CHECK_INTERVAL) {
                    Ok(Ok(cell)) => matrix.cells.push(cell),
                    // It was killed.
                    Ok(Err(_)) if matrix.interrupted => {}
                    Ok(Err(error)) => {
                        stop.store(true, Relaxed);
                        return Err(cannot_run(&error));
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return Ok(()),
                }
                if interrupt.take() > 0 {
                    matrix.interrupted = true;
                    stop.store(true, Relaxed);
                }
                display.show(&Count(matrix));
            }
        })
    }

    fn try_one(&self, learned: &Learned<'_>, index: usize, fault: Fault) -> io::Result<FaultCell> {
        let ((outcome, what), command) = match learned {
            Learned::Command { runs, usual } => {
                let ended = runs.make(USUAL_RUNS + index as u64, &[fault], &[])?;
                let words = ["leakbench", "faults", "--cell"].map(OsString::from).into_iter();
                let words = words.chain([fault.to_string().into(), "--".into()]);
                let command = shell::command(words.chain(runs.words.iter().cloned()));
                (outcome::of_command(fault, &ended, usual), command)
            }
            Learned::Subject { runs, usual } => {
                let result = runs.make(&[fault])?;
                let command = leakbench(&runs.words_with(&[fault]));
                (outcome::of_subject(fault, &result, *usual), command)
            }
        };
        Ok(FaultCell { fault, outcome, what, command })
    }
}

/// The command line of leakbench with these words.
fn leakbench(words: &[String]) -> String {
    shell::command(std::iter::once("leakbench".to_owned()).chain(words.iter().cloned()))
}

fn cannot_run(error: &io::Error) -> Error {
    Error::Runs(format!("a run cannot be started: {error}"))
}

/// Runs the command without faults. Returns the end that it has, its calls, and the time of the slowest run.
fn learn_command(runs: &Runs<'_>, counted: &[Call]) -> Result<(Usual, Calls, Duration), Error> {
    let mut found: Option<(Usual, Calls, Duration)> = None;
    for number in 0..USUAL_RUNS {
        let ended = runs.make(number, &[], counted).map_err(|error| cannot_run(&error))?;
        let code = match ended.end {
            End::Exited(code) => code,
            End::Signaled(signal) => {
                return Err(Error::Runs(format!(
                    "without a fault the command is ended by signal {signal}: there is nothing to compare with"
                )));
            }
            End::Hung => {
                return Err(Error::Runs(format!(
                    "without a fault the command does not end within {:.0?}: give it less to do, or --timeout",
                    runs.limit
                )));
            }
        };
        let own = Usual { code, holdings: ended.holdings, left_processes: ended.left_processes };
        found = Some(match found {
            None => (own, ended.calls, ended.took),
            Some((usual, calls, took)) => (
                usual.and(own).map_err(Error::Runs)?,
                fewest(&calls, &ended.calls),
                took.max(ended.took),
            ),
        });
    }
    let (usual, calls, took) = found.expect("there is at least one run");
    Ok((usual, calls.into_iter().filter(|(_, made)| *made > 0).collect(), took))
}

/// The smaller number of each call, so that positions are met.
fn fewest(one: &Calls, other: &Calls) -> Calls {
    one.iter().zip(other).map(|(&(call, made), &(_, others))| (call, made.min(others))).collect()
}

/// Runs the subject without faults. Returns the verdict that it has, and its calls. A leak that is there anyway is
/// no reason to try nothing.
fn learn_subject(runs: &SubjectRuns<'_>, counted: &[Call]) -> Result<(Verdict, Calls), Error> {
    let faults: Vec<Fault> = counted.iter().copied().map(counting).collect();
    let wrong = |words: &str| {
        Err(Error::Runs(format!("without a fault the run has no verdict to compare with: {words}")))
    };
    match runs.make(&faults).map_err(|error| cannot_run(&error))? {
        SubjectResult::Hung => wrong("it did not end in time"),
        SubjectResult::Nothing(words) => wrong(&words),
        SubjectResult::Judged(judged) => match judged.verdict {
            verdict @ (Verdict::Clean | Verdict::Leak) => {
                let made = |call: Call| {
                    let of_call = judged.faults.iter().filter(|count| count.fault.call == call);
                    of_call.map(|count| count.calls).min().unwrap_or(0)
                };
                let calls = counted.iter().map(|call| (*call, made(*call)));
                Ok((verdict, calls.filter(|(_, made)| *made > 0).collect()))
            }
            _ => wrong(&judged.headline),
        },
    }
}

/// The progress before the number of cells is known.
struct Learning;

impl Progress for Learning {
    fn parts(&self) -> Vec<String> {
        vec!["counting the calls of a run without faults".to_owned()]
    }
}

/// The progress of the runs with faults.
struct Count<'a>(&'a FaultMatrix);

impl Progress for Count<'_> {
    fn parts(&self) -> Vec<String> {
        let Count(matrix) = self;
        let mut parts = vec![format!(
            "{} of {}",
            grouped(matrix.cells.len() as u64),
            counted(matrix.cells_chosen, "cell")
        )];
        let outcomes = FaultOutcome::ALL.iter().rev();
        parts.extend(outcomes.filter_map(|outcome| {
            let count = matrix.count(*outcome);
            (count > 0).then(|| format!("{} {outcome}", grouped(count)))
        }));
        parts
    }
}
