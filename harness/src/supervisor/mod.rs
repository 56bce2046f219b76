//! The supervisor starts the subjects, samples them from outside, compares the two witnesses at
//! each barrier, and records all of it. It outlives every crash of a subject.
//!
//! ```text
//! subject ─► event ──────────────────┐
//! /proc ─► sampler (second witness) ─┴─► reconcile (at barriers) ─► recorder
//! ```

mod activity;
mod child;
mod error;
mod reconcile;
mod sampler;
mod subject;

use std::collections::HashSet;
use std::io;
use std::num::NonZeroU32;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use leakbench_model::{Counts, Footprint, ObjectId};
use leakbench_recording::recording::{
    End, Interrupted, RECORDING_VERSION, Record, Recorder, Start, Witness, WitnessFailure,
};
use leakbench_scenarios::Scenario;
use rustix::event::{PollFd, PollFlags};
use rustix::thread::{CpuSet, sched_getaffinity};
use rustix::time::{ClockId, clock_gettime};

pub(crate) use self::error::SuperviseError;
use self::sampler::own_memfds;
use self::subject::{Phase, Supervised};
use crate::driver::Driver;
use crate::interrupt::{Interrupt, SIGNAL_ECHO};
use crate::timed_recorder::TimedRecorder;
use leakbench_kernel::{Machine, Process, poll_until};
use leakbench_subject::wire::add_counts;

/// Minimum time between two samples of a subject.
const SAMPLE_INTERVAL_MIN: Duration = Duration::from_millis(100);

/// The interval grows to this multiple of the time that a sample takes, up to a maximum.
const SAMPLE_COST_FACTOR: u32 = 100;
const SAMPLE_INTERVAL_MAX: Duration = Duration::from_secs(5);

/// Maximum time between two checks of the deadlines.
const DEADLINE_CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// Time for subjects to stop on request before they are killed.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// The sums of one round of samples.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    /// Time since the first cycle began.
    pub(crate) since_start: Duration,
    /// The longest time in which cycles of a subject ran, without barriers.
    pub(crate) running: Duration,
    /// Sum over all subjects.
    pub(crate) counts: Counts,
    /// Sum over all subjects.
    pub(crate) footprint: Footprint,
}

/// Runs `scenario` on the runtime of `driver` and records it, until it is done or interrupted.
/// Calls `show` after each round of samples.
///
/// # Errors
/// The run could not begin. Later failures are lines of the recording.
pub(crate) fn supervise(
    scenario: &Scenario,
    driver: &Driver,
    command: &str,
    recorder: &mut Recorder,
    interrupt: &Interrupt,
    show: &mut dyn FnMut(&Totals),
) -> Result<(), SuperviseError> {
    let mut run = Run {
        scenario,
        driver,
        cpus: processors(scenario.cpus)?,
        recorder: TimedRecorder::start(recorder),
        cpu_before: own_cpu_time(),
        subjects: Vec::new(),
        inherited: HashSet::new(),
        running_since: None,
        running_until: None,
        next_sample: Instant::now(),
        stop_by: None,
        interrupted_at: None,
    };
    run.record_start(command);
    match run.run(interrupt, show) {
        // The run has a result: it is inconclusive.
        Err(SuperviseError::CannotMeasure { witness, what }) => {
            let at_ms = run.recorder.now_ms();
            run.recorder.write(Record::WitnessFailure(WitnessFailure {
                at_ms,
                subject: 0,
                witness,
                what,
            }));
        }
        result => result?,
    }
    run.record_end();
    Ok(())
}

/// A run in progress.
struct Run<'a> {
    scenario: &'a Scenario,
    driver: &'a Driver,
    /// The processors that subjects may run on.
    cpus: Vec<u32>,
    recorder: RunRecorder<'a>,
    /// Processor time that earlier runs of this process took.
    cpu_before: Duration,
    subjects: Vec<Supervised>,
    /// Memfds that subjects may inherit from this process.
    inherited: HashSet<ObjectId>,
    /// Start of the first cycle.
    running_since: Option<Instant>,
    /// End of the last barrier of the last subject.
    running_until: Option<Instant>,
    next_sample: Instant,
    /// Set when the run is stopped: subjects that still exist then are killed.
    stop_by: Option<Instant>,
    interrupted_at: Option<Instant>,
}

/// The recorder of a run.
type RunRecorder<'a> = TimedRecorder<'a, Record>;

impl Run<'_> {
    /// Starts all subjects and supervises them until the last has exited.
    fn run(
        &mut self,
        interrupt: &Interrupt,
        show: &mut dyn FnMut(&Totals),
    ) -> Result<(), SuperviseError> {
        self.inherited = own_memfds().map_err(|error| SuperviseError::CannotMeasure {
            witness: Witness::ProcScan,
            what: error.to_string(),
        })?;
        for index in 0..self.scenario.processes.get() {
            let subject = Supervised::start(index, &self.driver.program, self.scenario, &self.cpus)
                .map_err(|error| SuperviseError::Spawn { subject: index, error })?;
            self.subjects.push(subject);
        }
        while self.subjects.iter().any(|subject| !subject.has_exited()) {
            self.wait(interrupt)?;
            self.receive_events()?;
            self.handle_signals(interrupt);
            self.sample(show);
            self.end_overdue();
        }
        Ok(())
    }

    /// Records the scenario and the machine.
    fn record_start(&mut self, command: &str) {
        let mut fingerprint = match serde_json::to_value(Machine::read()) {
            Ok(serde_json::Value::Object(facts)) => facts,
            _ => serde_json::Map::new(),
        };
        // Runtimes shard their pools by processor.
        fingerprint.insert("subject_cpus".to_owned(), self.cpus.clone().into());
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.recorder.write(Record::Start(Box::new(Start {
            version: RECORDING_VERSION,
            subject: self.scenario.subject.to_string(),
            runtime: Some(self.driver.offer.runtime.clone()),
            scenario: self.scenario.clone(),
            command: command.to_owned(),
            started_unix_s: started.as_secs(),
            fingerprint,
        })));
    }

    /// Waits for an event of a subject, a signal, or the time of the next sample.
    fn wait(&self, interrupt: &Interrupt) -> io::Result<()> {
        let mut fds = vec![PollFd::new(interrupt, PollFlags::IN)];
        let present = self.subjects.iter().filter_map(Supervised::channel);
        fds.extend(present.map(|channel| PollFd::new(channel, PollFlags::IN)));
        poll_until(&mut fds, self.next_sample.min(Instant::now() + DEADLINE_CHECK_INTERVAL))
            .map(drop)
    }

    fn receive_events(&mut self) -> Result<(), SuperviseError> {
        for subject in &mut self.subjects {
            subject.receive_events(&self.inherited, &mut self.recorder)?;
        }
        // All subjects begin at the same time, so that the rate is that of all in parallel.
        if self.running_since.is_none()
            && self.subjects.iter().all(|subject| subject.phase() == Phase::Ready)
        {
            self.running_since = Some(Instant::now());
            self.subjects.iter_mut().try_for_each(Supervised::go)?;
        }
        let over = |s: &Supervised| matches!(s.phase(), Phase::Exiting | Phase::Exited);
        if self.running_until.is_none() && self.subjects.iter().all(over) {
            self.running_until = Some(Instant::now());
        }
        // The failure of one subject ends the run: no verdict depends on the others any more.
        if self.stop_by.is_none() && self.subjects.iter().any(Supervised::has_failed) {
            self.stop();
        }
        Ok(())
    }

    fn handle_signals(&mut self, interrupt: &Interrupt) {
        for _ in 0..interrupt.take() {
            if let Some(first) = self.interrupted_at {
                if first.elapsed() >= SIGNAL_ECHO {
                    // The second request of the user: kill.
                    self.stop_by = Some(Instant::now());
                }
                continue;
            }
            self.interrupted_at = Some(Instant::now());
            let at_ms = self.recorder.now_ms();
            self.recorder.write(Record::Interrupted(Interrupted { at_ms }));
            self.stop();
        }
    }

    /// Requests every subject to stop.
    fn stop(&mut self) {
        self.stop_by.get_or_insert(Instant::now() + STOP_WITHIN);
        for subject in &mut self.subjects {
            subject.stop(&mut self.recorder);
        }
    }

    fn sample(&mut self, show: &mut dyn FnMut(&Totals)) {
        if Instant::now() < self.next_sample {
            return;
        }
        let mut totals = Totals::default();
        let mut footprints = Vec::new();
        let mut cost = Duration::ZERO;
        for subject in &mut self.subjects {
            totals.counts = add_counts(totals.counts, subject.counts());
            totals.running = totals.running.max(subject.cycle_time());
            if let Some((own, took)) = subject.sample(&mut self.recorder) {
                footprints.push(own);
                cost += took;
            }
        }
        totals.footprint = Footprint::sum(footprints);
        let interval = (cost * SAMPLE_COST_FACTOR).clamp(SAMPLE_INTERVAL_MIN, SAMPLE_INTERVAL_MAX);
        self.next_sample = Instant::now() + interval;
        if let Some(since) = self.running_since {
            totals.since_start = since.elapsed();
            show(&totals);
        }
    }

    /// Kills subjects that hang or do not stop on request.
    fn end_overdue(&mut self) {
        let timeout =
            self.scenario.timeout.duration().saturating_add(self.scenario.settle_ms.duration());
        for subject in &mut self.subjects {
            subject.end_if_hung(timeout, &mut self.recorder);
            if self.stop_by.is_some_and(|by| Instant::now() >= by) {
                subject.end(&mut self.recorder);
            }
        }
    }

    fn record_end(&mut self) {
        let began = self.recorder.began();
        let since = self.running_since.unwrap_or(began);
        let until = self.running_until.unwrap_or_else(Instant::now);
        let cpu = own_cpu_time().saturating_sub(self.cpu_before);
        let at_ms = self.recorder.now_ms();
        self.recorder.write(Record::End(End {
            at_ms,
            running_ms: until.saturating_duration_since(since).as_millis() as u64,
            supervisor_cpu_ms: Some(cpu.as_millis() as u64),
            supervisor_peak_rss_bytes: own_peak_rss_bytes(),
        }));
    }
}

/// The first `max` processors that this process may run on, or all of them.
fn processors(max: Option<NonZeroU32>) -> io::Result<Vec<u32>> {
    let set = sched_getaffinity(None)?;
    let all = (0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).map(|cpu| cpu as u32);
    Ok(all.take(max.map_or(usize::MAX, |max| max.get() as usize)).collect())
}

fn own_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn own_peak_rss_bytes() -> Option<u64> {
    Process::open(std::process::id()).ok()?.rss_peak_bytes().ok()?
}
