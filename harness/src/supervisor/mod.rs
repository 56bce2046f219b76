//! The supervisor: it starts the subjects, looks at them from outside, compares the witnesses at
//! barriers, and records it all. It survives whatever becomes of the subjects.

mod child;
mod look;
mod reconcile;
mod subject;

use std::collections::HashSet;
use std::io;
use std::num::NonZeroU32;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use leakbench_model::Counts;
use leakbench_recording::recording::{
    End, Footprint, Interrupted, RECORDING_VERSION, Record, Recorder, Start, Witness,
    WitnessFailure,
};
use leakbench_scenarios::Scenario;
use rustix::event::{PollFd, PollFlags};
use rustix::thread::{CpuSet, sched_getaffinity};
use rustix::time::{ClockId, clock_gettime};

use self::look::own_memfds;
use self::subject::{Phase, Supervised};
use crate::driver::Driver;
use crate::interrupt::Interrupt;
use crate::timed_recorder::TimedRecorder;
use leakbench_kernel::{Machine, ObjectId, Process, poll_until};
use leakbench_subject::wire::add_counts;

/// Time between two samples of a subject, unless sampling would cost too much.
const SAMPLE_EVERY: Duration = Duration::from_millis(100);

/// A sample may take at most this part of the time between two, up to a limit.
const SAMPLE_COST: u32 = 100;
const SAMPLE_AT_LEAST_EVERY: Duration = Duration::from_secs(5);

/// Deadlines are looked at this often, whenever the next sample is due.
const ATTEND_EVERY: Duration = Duration::from_millis(100);

/// A second signal within this time of the first is an echo of it: `timeout(1)` signals a process
/// and then its group.
const ECHO: Duration = Duration::from_secs(1);

/// How long subjects that are asked to stop may take before they are killed.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Why there is nothing to judge.
#[derive(Debug, thiserror::Error)]
pub enum SuperviseError {
    /// The runtime or a guest cannot be used as asked.
    #[error("{doing}: {error}")]
    SetUp {
        /// What was being set up.
        doing: String,
        /// The runtime's words.
        error: String,
    },
    /// The machine does not allow the measurement.
    #[error("{what}")]
    CannotMeasure {
        /// Which witness cannot be had.
        witness: Witness,
        /// Why not.
        what: String,
    },
    /// A subject cannot be started.
    #[error("cannot start subject {subject}: {error}")]
    Spawn {
        /// Which.
        subject: u32,
        /// Why not.
        error: io::Error,
    },
    /// The supervisor itself lacks something.
    #[error("cannot watch over the subjects: {0}")]
    Own(#[from] io::Error),
}

/// The sums of one round of samples.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    /// Time since the first cycle began.
    pub(crate) running: Duration,
    /// Sum over all subjects.
    pub(crate) counts: Counts,
    /// Sum over all subjects.
    pub(crate) footprint: Footprint,
}

/// Runs `scenario` on the runtime that `driver` has, and records it, until its end or until
/// `interrupt` hears of its user's wish. `show` is called after each round of samples.
///
/// # Errors
/// The run could not begin. What happens after that is in the recording, not an error.
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
    run.introduce(command);
    match run.go_through(interrupt, show) {
        // A result like any other: what came of the attempt is that one cannot tell.
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
    run.end();
    Ok(())
}

/// A run on its way.
struct Run<'a> {
    scenario: &'a Scenario,
    driver: &'a Driver,
    /// The processors that subjects may run on.
    cpus: Vec<u32>,
    recorder: RunRecorder<'a>,
    /// Processor time that this process had used by then, for earlier runs.
    cpu_before: Duration,
    subjects: Vec<Supervised>,
    /// Memfds that subjects may have from here.
    inherited: HashSet<ObjectId>,
    running_since: Option<Instant>,
    running_until: Option<Instant>,
    next_sample: Instant,
    /// Set once the run is being ended: subjects that are not gone by then are killed.
    stop_by: Option<Instant>,
    interrupted_at: Option<Instant>,
}

/// The recorder of a run.
type RunRecorder<'a> = TimedRecorder<'a, Record>;

impl Run<'_> {
    /// Runs all subjects to their end.
    fn go_through(
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
        while self.subjects.iter().any(|subject| !subject.is_gone()) {
            self.wait(interrupt)?;
            self.hear()?;
            self.heed(interrupt);
            self.sample(show);
            self.enforce();
        }
        Ok(())
    }

    /// Records what is asked for, and where.
    fn introduce(&mut self, command: &str) {
        let mut fingerprint = match serde_json::to_value(Machine::read()) {
            Ok(serde_json::Value::Object(facts)) => facts,
            _ => serde_json::Map::new(),
        };
        // Runtimes shard their pools by these.
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

    /// Waits until a subject speaks, a signal comes or a sample is due.
    fn wait(&self, interrupt: &Interrupt) -> io::Result<()> {
        let mut fds = vec![PollFd::new(interrupt, PollFlags::IN)];
        let present = self.subjects.iter().filter_map(Supervised::channel);
        fds.extend(present.map(|channel| PollFd::new(channel, PollFlags::IN)));
        poll_until(&mut fds, self.next_sample.min(Instant::now() + ATTEND_EVERY)).map(drop)
    }

    /// Takes in what the subjects say.
    fn hear(&mut self) -> Result<(), SuperviseError> {
        for subject in &mut self.subjects {
            subject.hear(&self.inherited, &mut self.recorder)?;
        }
        // All begin together, so that the rate is that of all side by side.
        if self.running_since.is_none()
            && self.subjects.iter().all(|subject| subject.phase() == Phase::Ready)
        {
            self.running_since = Some(Instant::now());
            self.subjects.iter_mut().for_each(Supervised::go);
        }
        let over = |s: &Supervised| matches!(s.phase(), Phase::Leaving | Phase::Gone);
        if self.running_until.is_none() && self.subjects.iter().all(over) {
            self.running_until = Some(Instant::now());
        }
        // One subject's failure ends the run: what the others would still do proves nothing.
        if self.stop_by.is_none() && self.subjects.iter().any(Supervised::has_failed) {
            self.stop();
        }
        Ok(())
    }

    fn heed(&mut self, interrupt: &Interrupt) {
        for _ in 0..interrupt.take() {
            if let Some(first) = self.interrupted_at {
                if first.elapsed() >= ECHO {
                    // The user insists.
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

    /// Asks every subject to come to its end.
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
        let mut footprint: Option<Footprint> = None;
        let mut cost = Duration::ZERO;
        for subject in &mut self.subjects {
            totals.counts = add_counts(totals.counts, subject.counts());
            if let Some((its_own, took)) = subject.sample(&mut self.recorder) {
                footprint = Some(footprint.map_or(its_own, |sum| add_footprints(sum, its_own)));
                cost += took;
            }
        }
        totals.footprint = footprint.unwrap_or_default();
        let every = (cost * SAMPLE_COST).clamp(SAMPLE_EVERY, SAMPLE_AT_LEAST_EVERY);
        self.next_sample = Instant::now() + every;
        if let Some(since) = self.running_since {
            totals.running = since.elapsed();
            show(&totals);
        }
    }

    /// Ends subjects that hang, or do not stop when asked to.
    fn enforce(&mut self) {
        let timeout = Duration::from_secs(self.scenario.timeout_s.get())
            .saturating_add(Duration::from_millis(self.scenario.settle_ms));
        for subject in &mut self.subjects {
            subject.end_if_hung(timeout, &mut self.recorder);
            if self.stop_by.is_some_and(|by| Instant::now() >= by) {
                subject.end(&mut self.recorder);
            }
        }
    }

    fn end(&mut self) {
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

/// The first `few` of the processors that this process may run on, or all of them.
fn processors(few: Option<NonZeroU32>) -> io::Result<Vec<u32>> {
    let set = sched_getaffinity(None)?;
    let all = (0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).map(|cpu| cpu as u32);
    Ok(all.take(few.map_or(usize::MAX, |few| few.get() as usize)).collect())
}

fn add_footprints(a: Footprint, b: Footprint) -> Footprint {
    // A sum of which a part is missing is not known.
    let add = |a: Option<u64>, b: Option<u64>| Some(a? + b?);
    Footprint {
        mappings: add(a.mappings, b.mappings),
        memfd_mappings: add(a.memfd_mappings, b.memfd_mappings),
        fds: add(a.fds, b.fds),
        rss_bytes: add(a.rss_bytes, b.rss_bytes),
        shmem_bytes: add(a.shmem_bytes, b.shmem_bytes),
        page_tables_bytes: add(a.page_tables_bytes, b.page_tables_bytes),
    }
}

fn own_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn own_peak_rss_bytes() -> Option<u64> {
    Process::open(std::process::id()).ok()?.status().ok()?.rss_peak_bytes
}
