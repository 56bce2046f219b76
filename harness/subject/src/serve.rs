//! The subject process: it builds a runtime, drives it from barrier to barrier, and tells the
//! supervisor at each.

use std::os::fd::AsFd;
use std::sync::mpsc;
use std::thread::Scope;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram as Hdr;
use leakbench_model::Histogram;
use leakbench_scenarios::{GeneratedGuest, GuestFile, Scenario, Share};

use super::protocol::{BarrierReport, Blame, Order, Report, SlotLetter};
use super::status_page::{StatusPage, StepKind, add_counts};
use super::sys::SharedPage;
use super::worker::{Guests, StepFailed, Worker};
use super::{Subject, SubjectError};
use crate::channel::{Channel, ChannelError};
use leakbench_kernel::DeathWatch;

/// Why a subject process ends early. It has told its supervisor already where it could.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The supervisor is gone, or says what it should not.
    #[error("subject: {0}")]
    Channel(#[from] ChannelError),
    /// The supervisor sent no usable status page.
    #[error("subject: no status page: {0}")]
    StatusPage(std::io::Error),
    /// The supervisor said something out of turn.
    #[error("subject: the supervisor said {said} where {expected} was due")]
    OutOfTurn {
        /// What it said.
        said: String,
        /// What was due.
        expected: &'static str,
    },
    /// The kernel would not keep this process to its processors.
    #[error("subject: cannot run on the processors {cpus:?} alone: {error}")]
    Pin {
        /// Which.
        cpus: Vec<u32>,
        /// Why not.
        error: std::io::Error,
    },
    /// The kernel would not tie this process to its supervisor.
    #[error("subject: cannot ask to die with the supervisor: {0}")]
    Tie(std::io::Error),
}

/// Serves the runtime that `build` makes to the supervisor at the other end of standard input,
/// until the run is over. `build` is as [`super::main`] has it.
///
/// # Errors
/// The supervisor is gone or breaks the protocol. That a step of the runtime fails is no error
/// here: the supervisor is told.
pub fn serve<S: Subject>(
    build: impl Fn(&Scenario) -> Result<S, SubjectError>,
) -> Result<(), ServeError> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .map_err(|error| ServeError::Tie(error.into()))?;
    let mut channel = Channel::over(std::io::stdin().as_fd()).map_err(ChannelError::Io)?;
    let (order, fd) = channel.receive_with_fd::<Order>()?;
    let Order::Begin { scenario, share, cpus } = order else {
        return Err(ServeError::OutOfTurn { said: format!("{order:?}"), expected: "Begin" });
    };
    let fd = fd.ok_or_else(|| ServeError::StatusPage(std::io::Error::other("none was sent")))?;
    let page = SharedPage::open(fd).map_err(ServeError::StatusPage)?;
    pin(&cpus).map_err(|error| ServeError::Pin { cpus, error })?;

    match set_up(build, &scenario, share, &page) {
        Ok((subject, workers)) => drive(&subject, workers, &scenario, &page, &mut channel),
        Err(failed) => Ok(channel.send(&failed)?),
    }
}

/// Keeps this thread, and those that it starts, to these processors. Before a runtime is built,
/// which may count them.
fn pin(cpus: &[u32]) -> std::io::Result<()> {
    let mut set = rustix::thread::CpuSet::new();
    cpus.iter().for_each(|cpu| set.set(*cpu as usize));
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}

fn await_go(channel: &mut Channel) -> Result<(), ServeError> {
    match channel.receive()? {
        Order::Go => Ok(()),
        order => Err(ServeError::OutOfTurn { said: format!("{order:?}"), expected: "Go" }),
    }
}

impl From<StepFailed> for Report {
    fn from(StepFailed { doing, error }: StepFailed) -> Report {
        Report::Failed { doing, error: error.to_string(), blame: error.blame() }
    }
}

/// Ends a runtime after its last step.
fn shut_down(subject: &impl Subject) -> Result<(), SubjectError> {
    subject.failure().map_or(Ok(()), Err)?;
    subject.shut_down()
}

fn failed_at_barrier(error: SubjectError) -> StepFailed {
    StepFailed { doing: StepKind::Barrier.words().to_owned(), error }
}

/// Builds the runtime and the workers, and tries every guest.
fn set_up<S: Subject>(
    build: impl Fn(&Scenario) -> Result<S, SubjectError>,
    scenario: &Scenario,
    share: Share,
    page: &StatusPage,
) -> Result<(S, Vec<Worker<S>>), Report> {
    let failed = |doing: &str, error: &dyn std::fmt::Display, blame| Report::Failed {
        doing: doing.to_owned(),
        error: error.to_string(),
        blame,
    };
    let mut guests = if scenario.wasm.is_empty() {
        Guests::Generated(GeneratedGuest::new(scenario.image_size.0, scenario.seed))
    } else {
        let files = GuestFile::read_all(&scenario.wasm);
        let files = files.map_err(|error| failed("reading modules", &error, Blame::Step))?;
        Guests::Files(files.into(), scenario.invoke.as_deref().map(Into::into))
    };
    // Subjects side by side must not all take the same slots in the same order.
    let own = Scenario { seed: scenario.seed ^ share.first.rotate_left(32), ..scenario.clone() };
    let build = || {
        build(&own).map_err(|error| {
            Report::from(StepFailed { doing: "building the runtime".to_owned(), error })
        })
    };
    let preflight = build()?;
    guests.preflight(&preflight, page)?;
    shut_down(&preflight).map_err(|error| {
        Report::from(StepFailed { doing: "ending the runtime".to_owned(), error })
    })?;
    drop(preflight);
    let subject = build()?;

    let unwatchable =
        |error: &dyn std::fmt::Display| failed("watching images", error, Blame::Machine);
    match DeathWatch::is_told_of_deaths() {
        Ok(true) => {}
        Ok(false) => {
            let silent = "this kernel does not tell by inotify when a memfd ends";
            return Err(unwatchable(&silent));
        }
        Err(error) => return Err(unwatchable(&error)),
    }
    let workers = (0..scenario.threads.get())
        .map(|thread| {
            let share = share.part(thread, scenario.threads);
            Worker::new(thread, scenario, share, guests.clone())
                .map_err(|error| unwatchable(&error))
        })
        .collect::<Result<_, _>>()?;
    Ok((subject, workers))
}

/// Lets the workers run from barrier to barrier. At a barrier they are all here, in the main
/// thread's hands, so that nothing moves.
fn drive<S: Subject>(
    subject: &S,
    mut workers: Vec<Worker<S>>,
    scenario: &Scenario,
    page: &StatusPage,
    channel: &mut Channel,
) -> Result<(), ServeError> {
    std::thread::scope(|scope| {
        let (back, returned) = mpsc::channel();
        let mut lanes = Vec::new();
        for thread in 0..workers.len() {
            match start_lane(scope, subject, page, thread, back.clone()) {
                Ok(lane) => lanes.push(lane),
                Err(error) => {
                    let doing = format!("starting thread {thread}");
                    let (error, blame) = (error.to_string(), Blame::Step);
                    return Ok(channel.send(&Report::Failed { doing, error, blame })?);
                }
            }
        }
        let (slabs, process, runtime) = (subject.slabs(), subject.process(), subject.runtime());
        channel.send(&Report::Ready { slabs, process, runtime })?;
        await_go(channel)?;

        // No more barriers than cycles: between two of them something happens.
        let most = workers.iter().map(Worker::cycles_asked).max().unwrap_or(1).max(1);
        let barriers = scenario.barriers.get().min(u32::try_from(most).unwrap_or(u32::MAX));
        for barrier in 1..=barriers {
            for (worker, lane) in workers.drain(..).zip(&lanes) {
                let cycles = worker.cycles_until(barrier, barriers);
                lane.send((worker, cycles)).expect("a worker's thread waits for tasks");
            }
            let mut failure = None;
            for _ in &lanes {
                let (worker, result) = returned.recv().expect("every worker comes back");
                workers.push(worker);
                if let Err(failed) = result {
                    failure.get_or_insert(failed);
                }
            }
            // Before, because a subject that has died has released what it held, and after, because
            // it is asked for its slots.
            let dead = subject.failure();
            let mut report = report(subject, &mut workers, scenario);
            if let Some(error) = dead.or_else(|| subject.failure()) {
                failure.get_or_insert(failed_at_barrier(error));
            }
            let last = failure.is_none() && workers.iter().all(|worker| worker.done);
            report.last = last;
            channel.send(&Report::Barrier(Box::new(report)))?;
            await_go(channel)?;
            if let Some(failed) = failure {
                return Ok(channel.send(&Report::from(failed))?);
            }
            if last {
                // It may have died only now, while the witnesses were compared. How it ends is
                // known before the supervisor sees this process leave.
                if let Err(error) = shut_down(subject) {
                    channel.send(&Report::from(failed_at_barrier(error)))?;
                }
                break;
            }
        }
        Ok(())
    })
}

/// A worker on its way to its thread, and the cycles it is to have done when it comes back.
type Task<S> = (Worker<S>, u64);

/// A worker on its way back, and how it fared.
type Done<S> = (Worker<S>, Result<(), StepFailed>);

/// Starts a thread that runs the workers it is sent, and sends them back.
fn start_lane<'scope, S: Subject>(
    scope: &'scope Scope<'scope, '_>,
    subject: &'scope S,
    page: &'scope StatusPage,
    thread: usize,
    back: mpsc::Sender<Done<S>>,
) -> std::io::Result<mpsc::SyncSender<Task<S>>> {
    let (lane, tasks) = mpsc::sync_channel::<Task<S>>(1);
    std::thread::Builder::new().name(format!("worker-{thread}")).spawn_scoped(
        scope,
        move || {
            for (mut worker, cycles) in tasks {
                let bomb = AbortOnPanic;
                let result = worker.run(subject, page, cycles);
                std::mem::forget(bomb);
                if result.is_err() {
                    // The others need not do the rest of their share before the failure is told.
                    page.ask_to_stop();
                }
                if back.send((worker, result)).is_err() {
                    return;
                }
            }
        },
    )?;
    Ok(lane)
}

/// A runtime that panics ends the subject, as a result that the supervisor sees. Unwound, the
/// thread would be missing at the barrier, and the subject would seem to hang.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        std::process::abort();
    }
}

fn report<S: Subject>(
    subject: &S,
    workers: &mut [Worker<S>],
    scenario: &Scenario,
) -> BarrierReport {
    settle(workers, Duration::from_millis(scenario.settle_ms));
    let mut report = BarrierReport::default();
    let mut release = Hdr::<u64>::new(2).expect("2 figures are allowed");
    for worker in &mut *workers {
        report.counts = add_counts(report.counts, *worker.images.counts());
        report.live.extend(worker.images.live());
        report.lingering.extend(worker.images.lingering());
        report.troubles.extend(worker.images.take_troubles());
        worker.images.add_release_times(&mut release);
    }
    report.lingering.sort_by_key(|image| std::cmp::Reverse(image.lingering_ms));
    report.release = recorded(&release);
    let mut states = Vec::new();
    subject.slot_states(&mut states);
    report.slots = states.into_iter().map(SlotLetter::of).collect();
    report.reset_failures = subject.reset_failures();
    report
}

/// The distribution as the protocol and a recording keep it.
fn recorded(times: &Hdr<u64>) -> Histogram {
    let steps = times.iter_recorded();
    Histogram(steps.map(|step| (step.value_iterated_to(), step.count_at_value())).collect())
}

/// Waits until every dropped module's image is released, at most for `limit`.
fn settle<S: Subject>(workers: &mut [Worker<S>], limit: Duration) {
    let until = Instant::now() + limit;
    loop {
        workers.iter_mut().for_each(|worker| worker.images.drain());
        let settled = workers.iter().all(|worker| worker.images.counts().lingering == 0);
        if settled || Instant::now() >= until {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_keeps_what_hdrhistogram_counted() {
        let mut times = Hdr::<u64>::new(3).expect("three figures");
        for value in [1_000, 1_000, 2_000_000] {
            times.record(value).expect("in range");
        }
        let kept = recorded(&times);
        assert_eq!(kept.count(), 3);
        assert_eq!(kept.quantile_ns(0.5), Some(times.value_at_quantile(0.5)));
        let max_ns = kept.max_ns().expect("values");
        assert!((2_000_000..2_002_000).contains(&max_ns), "{max_ns}");
    }
}
