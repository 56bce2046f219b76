//! The subject process: it builds a runtime, drives it from barrier to barrier, and reports to the
//! supervisor at each.

use std::os::fd::AsFd;
use std::sync::mpsc;
use std::thread::Scope;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram as Hdr;
use leakbench_model::{Histogram, SlotState};
use leakbench_scenarios::{GuestFile, Scenario, Share};

use crate::guests::Guests;
use crate::wire::{
    BarrierReached, Channel, ChannelError, Event, FailureCause, NO_COUNTS, Request, SharedPage,
    StatusPage, StepKind, add_counts,
};
use crate::worker::{StepFailed, Worker};
use crate::{Subject, SubjectError};
use leakbench_kernel::{DeathWatch, poll_until};
use rustix::event::{PollFd, PollFlags};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The reason why a subject process ends early. It has reported it to its supervisor if it could.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The supervisor has ended or breaks the protocol.
    #[error("subject: {0}")]
    Channel(#[from] ChannelError),
    /// The supervisor sent no usable status page.
    #[error("subject: no status page: {0}")]
    StatusPage(std::io::Error),
    /// The supervisor sent a request out of turn.
    #[error("subject: the supervisor sent {received} in place of {expected}")]
    UnexpectedRequest {
        /// The request that came.
        received: String,
        /// The request that the protocol has at this point.
        expected: &'static str,
    },
    /// The kernel does not restrict this process to its processors.
    #[error("subject: cannot restrict this process to the processors {cpus:?}: {error}")]
    Pin {
        /// The processors.
        cpus: Vec<u32>,
        /// The kernel's answer.
        error: std::io::Error,
    },
    /// The kernel refuses to kill this process when the supervisor ends.
    #[error("subject: cannot ask the kernel to end this process with the supervisor: {0}")]
    ParentDeathSignal(std::io::Error),
}

/// Serves the runtime that `build` makes to the supervisor at the other end of standard input,
/// until the run is over. `build` is as in [`super::main`].
///
/// # Errors
/// The supervisor has ended or breaks the protocol. A step of the runtime that fails is no error
/// here: it is reported to the supervisor.
pub fn serve<S: Subject>(
    build: impl Fn(&Scenario) -> Result<S, SubjectError>,
) -> Result<(), ServeError> {
    // A wrapper script may have started this process: then it has no such signal yet.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .map_err(|error| ServeError::ParentDeathSignal(error.into()))?;
    let mut channel = Channel::over(std::io::stdin().as_fd()).map_err(ChannelError::Io)?;
    let (request, fd) = channel.receive_with_fd::<Request>()?;
    let Request::Begin { scenario, share, cpus } = request else {
        return Err(ServeError::UnexpectedRequest {
            received: format!("{request:?}"),
            expected: "Begin",
        });
    };
    let fd = fd.ok_or_else(|| ServeError::StatusPage(std::io::Error::other("none was sent")))?;
    let page = SharedPage::open(fd).map_err(ServeError::StatusPage)?;
    pin(&cpus).map_err(|error| ServeError::Pin { cpus, error })?;

    let ready = limit(&scenario).and_then(|()| set_up(build, &scenario, share, &page));
    match ready {
        Ok((subject, workers)) => drive(&subject, workers, &scenario, &page, &mut channel),
        Err(failed) => Ok(channel.send(&failed)?),
    }
}

/// Restricts this thread, and those that it starts, to these processors. To be called before a
/// runtime is built, which may count them.
fn pin(cpus: &[u32]) -> std::io::Result<()> {
    let mut set = rustix::thread::CpuSet::new();
    cpus.iter().for_each(|cpu| set.set(*cpu as usize));
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}

/// Sets the soft limits of this process that the scenario has.
fn limit(scenario: &Scenario) -> Result<(), Event> {
    let fds = scenario.max_fds.map(|max| u64::from(max.get()));
    let address_space = scenario.max_address_space.map(|bytes| bytes.0);
    for (flag, limit, value) in
        [("--max-fds", Resource::Nofile, fds), ("--max-address-space", Resource::As, address_space)]
    {
        let Some(value) = value else { continue };
        let before = getrlimit(limit);
        setrlimit(limit, Rlimit { current: Some(value), ..before }).map_err(|error| {
            let hard = before.maximum.map_or("unlimited".to_owned(), |hard| hard.to_string());
            Event::Failed {
                step: "limiting the subject".to_owned(),
                error: format!("{flag} {value}: {error}; the hard limit is {hard}"),
                cause: FailureCause::Step,
            }
        })?;
    }
    Ok(())
}

fn await_go(channel: &mut Channel) -> Result<(), ServeError> {
    match channel.receive()? {
        Request::Go => Ok(()),
        request => {
            Err(ServeError::UnexpectedRequest { received: format!("{request:?}"), expected: "Go" })
        }
    }
}

impl From<StepFailed> for Event {
    fn from(StepFailed { step, error }: StepFailed) -> Event {
        Event::Failed { step, error: error.to_string(), cause: error.cause() }
    }
}

/// Ends a runtime after its last step.
fn shut_down(subject: &impl Subject) -> Result<(), SubjectError> {
    subject.failure().map_or(Ok(()), Err)?;
    subject.shut_down()
}

fn failed_at_barrier(error: SubjectError) -> StepFailed {
    StepFailed { step: StepKind::Barrier.words().to_owned(), error }
}

/// Builds the runtime and the workers, and tries every guest.
fn set_up<S: Subject>(
    build: impl Fn(&Scenario) -> Result<S, SubjectError>,
    scenario: &Scenario,
    share: Share,
    page: &StatusPage,
) -> Result<(S, Vec<Worker<S>>), Event> {
    let failed = |step: &str, error: &dyn std::fmt::Display, cause| Event::Failed {
        step: step.to_owned(),
        error: error.to_string(),
        cause,
    };
    let mut guests = if scenario.wasm.is_empty() {
        Guests::generated(scenario)
    } else {
        let files = GuestFile::read_all(&scenario.wasm);
        let files = files.map_err(|error| failed("reading modules", &error, FailureCause::Step))?;
        Guests::Files(files.into(), scenario.invoke.as_deref().map(Into::into))
    };
    // Pools of subjects side by side must not take the same slots in the same order.
    let own = Scenario { seed: scenario.seed ^ share.first.rotate_left(32), ..scenario.clone() };
    let build = || {
        build(&own).map_err(|error| {
            Event::from(StepFailed { step: "building the runtime".to_owned(), error })
        })
    };
    let preflight = build()?;
    guests.preflight(&preflight, scenario, page)?;
    shut_down(&preflight).map_err(|error| {
        Event::from(StepFailed { step: "shutting the runtime down".to_owned(), error })
    })?;
    drop(preflight);
    let subject = build()?;

    let unwatchable =
        |error: &dyn std::fmt::Display| failed("watching images", error, FailureCause::Machine);
    match DeathWatch::works() {
        Ok(true) => {}
        Ok(false) => {
            let silent = "this kernel sends no inotify event when it destroys a memfd";
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

/// Runs the workers from barrier to barrier. At a barrier the main thread holds all of them, so
/// that nothing moves.
fn drive<S: Subject>(
    subject: &S,
    mut workers: Vec<Worker<S>>,
    scenario: &Scenario,
    page: &StatusPage,
    channel: &mut Channel,
) -> Result<(), ServeError> {
    std::thread::scope(|scope| {
        let (back, returned) = mpsc::channel();
        let (running, has_started) = mpsc::channel();
        let mut lanes = Vec::new();
        for thread in 0..workers.len() {
            match start_lane(scope, subject, page, thread, running.clone(), back.clone()) {
                Ok(lane) => lanes.push(lane),
                Err(error) => {
                    let step = format!("starting thread {thread}");
                    let (error, cause) = (error.to_string(), FailureCause::Resources);
                    return Ok(channel.send(&Event::Failed { step, error, cause })?);
                }
            }
        }
        // What the start of a thread takes is no part of the first cycle.
        for _ in &lanes {
            has_started.recv().expect("every thread starts");
        }
        let (slabs, process, runtime) = (subject.slabs(), subject.process(), subject.runtime());
        channel.send(&Event::Ready { slabs, process, runtime })?;
        await_go(channel)?;

        // No more barriers than cycles: at least one cycle runs between two of them.
        let cycles_max = workers.iter().map(Worker::cycles_asked).max().unwrap_or(1).max(1);
        let barriers = scenario.barriers.get().min(u32::try_from(cycles_max).unwrap_or(u32::MAX));
        for barrier in 1..=barriers {
            page.clock().start();
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
            page.clock().stop();
            // Checked before, because a process that has died has released everything, and after,
            // because the account reads the states of its slots.
            let died = subject.failure();
            let mut account = account(subject, &mut workers, scenario);
            if let Some(error) = died.or_else(|| subject.failure()) {
                failure.get_or_insert(failed_at_barrier(error));
            }
            let last = failure.is_none() && workers.iter().all(|worker| worker.done);
            account.last = last;
            channel.send(&Event::BarrierReached(Box::new(account)))?;
            await_go(channel)?;
            if let Some(failed) = failure {
                return Ok(channel.send(&Event::from(failed))?);
            }
            if last {
                // A process of the runtime may have died since the barrier. Its exit status is
                // reported before the supervisor sees this process exit.
                if let Err(error) = shut_down(subject) {
                    channel.send(&Event::from(failed_at_barrier(error)))?;
                }
                break;
            }
        }
        Ok(())
    })
}

/// A worker on its way to its thread, and the total of cycles after which it returns.
type Task<S> = (Worker<S>, u64);

/// A worker on its way back, and the result of its steps.
type Done<S> = (Worker<S>, Result<(), StepFailed>);

/// Starts a thread that runs each worker that it receives, and sends it back.
fn start_lane<'scope, S: Subject>(
    scope: &'scope Scope<'scope, '_>,
    subject: &'scope S,
    page: &'scope StatusPage,
    thread: usize,
    running: mpsc::Sender<()>,
    back: mpsc::Sender<Done<S>>,
) -> std::io::Result<mpsc::SyncSender<Task<S>>> {
    let (lane, tasks) = mpsc::sync_channel::<Task<S>>(1);
    std::thread::Builder::new().name(format!("worker-{thread}")).spawn_scoped(
        scope,
        move || {
            // It fails only if the subject ends already.
            let _ = running.send(());
            for (mut worker, cycles) in tasks {
                let guard = AbortOnPanic;
                let result = worker.run(subject, page, cycles);
                std::mem::forget(guard);
                if result.is_err() {
                    // The other threads stop, so that the failure is reported soon.
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

/// Ends the subject when its runtime panics, so that the supervisor sees it end. An unwound thread
/// would never reach the barrier, and the subject would seem to hang.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        std::process::abort();
    }
}

/// The account at a barrier, after the settle time.
fn account<S: Subject>(
    subject: &S,
    workers: &mut [Worker<S>],
    scenario: &Scenario,
) -> BarrierReached {
    settle(workers, scenario.settle_ms.duration());
    let mut account = BarrierReached { counts: NO_COUNTS, ..BarrierReached::default() };
    let mut release = Hdr::<u64>::new(2).expect("2 figures are allowed");
    for worker in &mut *workers {
        account.counts = add_counts(account.counts, *worker.images.counts());
        account.live.extend(worker.images.live());
        account.lingering.extend(worker.images.lingering());
        account.witness_failures.extend(worker.images.take_failures());
        account.failed_steps = std::mem::take(&mut account.failed_steps).and(worker.failed_steps());
        worker.images.add_release_times(&mut release);
    }
    account.lingering.sort_by_key(|image| std::cmp::Reverse(image.lingering_ms));
    account.release = recorded(&release);
    let mut states = Vec::new();
    subject.slot_states(&mut states);
    account.slots = states.into_iter().map(SlotState::letter).collect();
    account.reset_failures = subject.reset_failures();
    account.guest_descriptors = subject.guest_descriptors();
    account
}

/// The distribution in the form of the protocol and of a recording.
fn recorded(times: &Hdr<u64>) -> Histogram {
    let steps = times.iter_recorded();
    Histogram(steps.map(|step| (step.value_iterated_to(), step.count_at_value())).collect())
}

/// Waits until the images of all dropped modules are released, at most for `limit`.
fn settle<S: Subject>(workers: &mut [Worker<S>], limit: Duration) {
    let until = Instant::now() + limit;
    loop {
        workers.iter_mut().for_each(|worker| worker.images.drain());
        let settled = workers.iter().all(|worker| worker.images.counts().lingering == 0);
        let mut watches: Vec<_> =
            workers.iter().map(|worker| PollFd::new(&worker.images, PollFlags::IN)).collect();
        // Without a poll there is no wait: what is not released by now is reported as lingering.
        if settled || !poll_until(&mut watches, until).unwrap_or(false) {
            return;
        }
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
