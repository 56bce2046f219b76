//! One subject under supervision: where it stands, and what is recorded of it.

use std::collections::HashSet;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use leakbench_model::Counts;
use leakbench_recording::recording::{
    Barrier, Exit, ExitKind, Footprint, Record, Sample, SubjectUp, Witness, WitnessFailure,
};
use leakbench_scenarios::{Scenario, Share};

use super::child::SubjectProcess;
use super::look::Look;
use super::{RunRecorder, SuperviseError};
use crate::driver::Program;
use leakbench_kernel::ObjectId;
use leakbench_subject::wire::{
    BarrierReached, Channel, ChannelError, Event, FailureCause, Request, Slab,
};

/// Where a subject stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Building its runtime.
    Building,
    /// Ready for its first cycle.
    Ready,
    /// Cycling, or at a barrier.
    Running,
    /// Past its last barrier.
    Leaving,
    /// Ended and reaped.
    Gone,
}

/// A subject and its supervisor's view of it.
#[derive(Debug)]
pub(super) struct Supervised {
    index: u32,
    share: Share,
    threads: u32,
    process: SubjectProcess,
    /// None before the subject is ready, and if `/proc` cannot be read.
    look: Option<Look>,
    phase: Phase,
    /// The step that failed, in words.
    failure: Option<String>,
    failed: bool,
    /// What each of its threads was seen to do.
    pulses: Vec<Pulse>,
    /// When it last said something, or was told to go on.
    heard_at: Instant,
}

/// The last change of a thread's count of steps; `None` while the thread waits for others.
#[derive(Clone, Copy, Debug)]
struct Pulse {
    steps: Option<u64>,
    at: Instant,
}

impl Supervised {
    pub(super) fn start(
        index: u32,
        program: &Program,
        scenario: &Scenario,
        cpus: &[u32],
    ) -> io::Result<Supervised> {
        let mut process = SubjectProcess::spawn(program)?;
        let share = scenario.share_of_subject(index);
        let threads = scenario.threads.get();
        let request =
            Request::Begin { scenario: Box::new(scenario.clone()), share, cpus: cpus.to_vec() };
        match process.begin(&request) {
            // If it is gone already, hearing from it will tell how.
            Ok(()) | Err(ChannelError::Closed) => {}
            Err(ChannelError::Io(error)) => return Err(error),
            Err(error) => return Err(io::Error::other(error)),
        }
        Ok(Supervised {
            index,
            share,
            threads,
            process,
            look: None,
            phase: Phase::Building,
            failure: None,
            failed: false,
            pulses: vec![Pulse { steps: None, at: Instant::now() }; threads as usize],
            heard_at: Instant::now(),
        })
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    pub(super) fn is_gone(&self) -> bool {
        self.phase == Phase::Gone
    }

    /// Whether it ended, or is about to, other than by doing all that was asked.
    pub(super) fn has_failed(&self) -> bool {
        self.failed
    }

    /// Its end of the conversation, while there is one.
    pub(super) fn channel(&self) -> Option<&Channel> {
        (!self.is_gone()).then_some(&self.process.channel)
    }

    /// Lets it go on.
    pub(super) fn go(&mut self) {
        if self.phase == Phase::Ready {
            self.phase = Phase::Running;
        }
        self.heard_at = Instant::now();
        // If it is gone, hearing from it will tell how.
        let _ = self.process.channel.send(&Request::Go);
    }

    /// Takes in what it has said.
    pub(super) fn hear(
        &mut self,
        inherited: &HashSet<ObjectId>,
        recorder: &mut RunRecorder<'_>,
    ) -> Result<(), SuperviseError> {
        while !self.is_gone() {
            match self.process.channel.try_receive::<Event>() {
                Ok(None) => break,
                Ok(Some(event)) => self.handle(event, inherited, recorder)?,
                Err(ChannelError::Closed) => self.has_closed(recorder),
                Err(ChannelError::Violation(violation)) => {
                    self.end_as(ExitKind::ProtocolViolation { line: violation.line }, recorder);
                }
                Err(error @ ChannelError::Io(_)) => {
                    self.end_as(ExitKind::ProtocolViolation { line: error.to_string() }, recorder);
                }
            }
        }
        Ok(())
    }

    fn handle(
        &mut self,
        event: Event,
        inherited: &HashSet<ObjectId>,
        recorder: &mut RunRecorder<'_>,
    ) -> Result<(), SuperviseError> {
        self.heard_at = Instant::now();
        match (event, self.phase) {
            (Event::Failed { step, error, cause: FailureCause::Machine }, Phase::Building) => {
                let (witness, what) = (Witness::DeathWatch, format!("{step}: {error}"));
                return Err(SuperviseError::CannotMeasure { witness, what });
            }
            (Event::Failed { step, error, cause: FailureCause::Step }, Phase::Building) => {
                return Err(SuperviseError::SetUp { doing: step, error });
            }
            (Event::Failed { step, error, .. }, _) => {
                self.failure = Some(format!("{step}: {error}"));
                self.failed = true;
            }
            (Event::Ready { slabs, process, runtime }, Phase::Building) => {
                self.ready(slabs, process, runtime, inherited, recorder)?;
            }
            (Event::BarrierReached(barrier), Phase::Running) => {
                self.barrier(*barrier, recorder);
                self.go();
            }
            (event, _) => {
                let line: String = format!("{event:?}").chars().take(200).collect();
                self.end_as(ExitKind::ProtocolViolation { line }, recorder);
            }
        }
        Ok(())
    }

    fn ready(
        &mut self,
        slabs: Vec<Slab>,
        process: Option<u32>,
        runtime: Option<String>,
        inherited: &HashSet<ObjectId>,
        recorder: &mut RunRecorder<'_>,
    ) -> Result<(), SuperviseError> {
        let page = self.process.page_object()?;
        let own = self.process.pid();
        match Look::new(own, process, slabs, page, inherited) {
            Ok(look) => self.look = Some(look),
            Err(error) => self.blind(&error, recorder),
        }
        let (at_rest, _) = self.footprint();
        recorder.write(Record::Subject(SubjectUp {
            at_ms: recorder.now_ms(),
            subject: self.index,
            pid: process.unwrap_or(own),
            runtime,
            cycles: self.share.cycles,
            at_rest,
        }));
        self.phase = Phase::Ready;
        Ok(())
    }

    /// Records both witnesses' account. A witness that fails leaves a trouble behind.
    fn barrier(&mut self, report: BarrierReached, recorder: &mut RunRecorder<'_>) {
        // Ages of images are of this moment; a scan may take a while.
        let at_ms = recorder.now_ms();
        let compared = self.look.as_mut().map(|look| look.compare(&report, self.process.pidfd()));
        let reconciled = match compared {
            Some(Ok(reconciled)) => reconciled,
            Some(Err(error)) => {
                self.blind(&error, recorder);
                Default::default()
            }
            // Said when it was lost.
            None => Default::default(),
        };
        let subject = self.index;
        for what in report.witness_failures {
            let witness = Witness::DeathWatch;
            recorder.write(Record::WitnessFailure(WitnessFailure {
                at_ms,
                subject,
                witness,
                what,
            }));
        }
        let (footprint, _) = self.footprint();
        let memory = self.look.as_mut().and_then(Look::memory);
        recorder.write(Record::Barrier(Box::new(Barrier {
            at_ms,
            subject,
            last: report.last,
            counts: report.counts,
            footprint,
            slots: reconciled.slots,
            slot_map: reconciled.slot_map,
            lingering: reconciled.lingering,
            disagreements: reconciled.disagreements,
            disagreements_total: reconciled.disagreements_total,
            release: report.release,
            memory,
            reset_failures: report.reset_failures,
        })));
        if report.last {
            self.phase = Phase::Leaving;
        }
    }

    /// The second witness is lost.
    fn blind(&mut self, error: &dyn std::fmt::Display, recorder: &mut RunRecorder<'_>) {
        recorder.write(Record::WitnessFailure(WitnessFailure {
            at_ms: recorder.now_ms(),
            subject: self.index,
            witness: Witness::ProcScan,
            what: error.to_string(),
        }));
    }

    fn footprint(&mut self) -> (Footprint, Duration) {
        self.look.as_mut().map(Look::footprint).unwrap_or_default()
    }

    /// What its status page says.
    pub(super) fn counts(&self) -> Counts {
        self.process.page().counts(self.threads)
    }

    /// Looks at it while it runs. Returns what it cost, too; `None` when it does not run.
    pub(super) fn sample(
        &mut self,
        recorder: &mut RunRecorder<'_>,
    ) -> Option<(Footprint, Duration)> {
        // One that has said that it failed is giving back what it had.
        if self.phase != Phase::Running || self.failed {
            return None;
        }
        let counts = self.counts();
        let (footprint, cost) = self.footprint();
        let (at_ms, subject) = (recorder.now_ms(), self.index);
        recorder.write(Record::Sample(Sample { at_ms, subject, counts, footprint }));
        Some((footprint, cost))
    }

    /// Asks it to come to its end. Before its first cycle there is nothing to come to.
    pub(super) fn stop(&mut self, recorder: &mut RunRecorder<'_>) {
        self.process.page().ask_to_stop();
        if matches!(self.phase, Phase::Building | Phase::Ready) {
            self.end(recorder);
        }
    }

    /// Ends it if nothing has happened for `timeout`.
    pub(super) fn end_if_hung(&mut self, timeout: Duration, recorder: &mut RunRecorder<'_>) {
        if self.is_gone() {
            return;
        }
        let now = Instant::now();
        let mut heard = self.heard_at;
        let mut silent = Duration::ZERO;
        for (thread, pulse) in (0..).zip(&mut self.pulses) {
            let steps = self.process.page().steps_of_busy(thread);
            if steps != pulse.steps {
                *pulse = Pulse { steps, at: now };
            }
            heard = heard.max(pulse.at);
            if steps.is_some() {
                silent = silent.max(now - pulse.at);
            }
        }
        // With every thread waiting, it is the subject's main thread that has to say something;
        // but for a subject that waits for the others to be ready.
        if self.phase != Phase::Ready && self.pulses.iter().all(|pulse| pulse.steps.is_none()) {
            silent = now - heard;
        }
        if silent > timeout {
            self.end_as(ExitKind::Hung { silent_ms: silent.as_millis() as u64 }, recorder);
        }
    }

    /// Ends it because the run ends.
    pub(super) fn end(&mut self, recorder: &mut RunRecorder<'_>) {
        if !self.is_gone() {
            self.end_as(ExitKind::Stopped, recorder);
        }
    }

    /// Kills it and records `how` it ended.
    fn end_as(&mut self, how: ExitKind, recorder: &mut RunRecorder<'_>) {
        // What the subject said of its end says more than how we ended it.
        let how = self.failure.take().map_or(how, |error| ExitKind::Failed { error });
        // A failure leaves nothing more to do: the process ends with this one.
        let _ = self.process.end();
        self.gone(how, recorder);
    }

    /// It has closed its end: it has left, or died.
    fn has_closed(&mut self, recorder: &mut RunRecorder<'_>) {
        let silent_ms = self.heard_at.elapsed().as_millis() as u64;
        let how = match (self.process.wait(), self.failure.take()) {
            (_, Some(error)) => ExitKind::Failed { error },
            (Ok(None), None) => ExitKind::Hung { silent_ms },
            (Ok(Some(status)), None) => self.how_it_left(status),
            // Who it was cannot be learnt any more; that it did not do its part is certain.
            (Err(_), None) => ExitKind::Exited { code: -1 },
        };
        self.gone(how, recorder);
    }

    fn how_it_left(&self, status: ExitStatus) -> ExitKind {
        match (status.signal(), status.code()) {
            (Some(signal), _) => ExitKind::Signaled { signal },
            (None, Some(0)) if self.phase == Phase::Leaving => ExitKind::Done,
            (None, code) => ExitKind::Exited { code: code.unwrap_or(-1) },
        }
    }

    fn gone(&mut self, how: ExitKind, recorder: &mut RunRecorder<'_>) {
        self.failed |= !matches!(how, ExitKind::Done | ExitKind::Stopped);
        if self.phase == Phase::Running {
            // Its status page has outlived it.
            let counts = self.counts();
            let (at_ms, subject, footprint) = (recorder.now_ms(), self.index, Footprint::default());
            recorder.write(Record::Sample(Sample { at_ms, subject, counts, footprint }));
        }
        self.phase = Phase::Gone;
        let last_steps = self.process.page().last_steps(self.threads);
        let (at_ms, subject) = (recorder.now_ms(), self.index);
        recorder.write(Record::Exit(Exit { at_ms, subject, how, last_steps }));
    }
}
