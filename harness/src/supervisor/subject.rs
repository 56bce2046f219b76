//! One subject under supervision: its phase, its events, and the lines that are recorded of it.

mod ending;

use std::collections::HashSet;
use std::io;
use std::time::Duration;

use leakbench_model::{Counts, Footprint, ObjectId, Slabs};
use leakbench_recording::recording::{
    Barrier, ExitKind, Record, Sample, SubjectUp, Witness, WitnessFailure,
};
use leakbench_scenarios::{Scenario, Share};

use super::activity::Activity;
use super::child::SubjectProcess;
use super::sampler::ProcSampler;
use super::{RunRecorder, SuperviseError};
use crate::driver::Program;
use leakbench_subject::wire::{
    BarrierReached, Channel, ChannelError, Event, FailureCause, Request,
};

/// The phases of a subject, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Building its runtime.
    Building,
    /// Ready for its first cycle.
    Ready,
    /// Cycling, or at a barrier.
    Running,
    /// Past its last barrier.
    Exiting,
    /// Exited and reaped.
    Exited,
}

/// A subject, as its supervisor knows it.
#[derive(Debug)]
pub(super) struct Supervised {
    index: u32,
    share: Share,
    threads: u32,
    process: SubjectProcess,
    /// `None` before the subject is ready, and if `/proc` cannot be read.
    sampler: Option<ProcSampler>,
    phase: Phase,
    /// The message of the step that failed.
    failure: Option<String>,
    failed: bool,
    activity: Activity,
}

impl Supervised {
    pub(super) fn start(
        index: u32,
        program: &Program,
        scenario: &Scenario,
        cpus: &[u32],
    ) -> io::Result<Supervised> {
        let mut process = SubjectProcess::spawn(program, &scenario.inject)?;
        let share = scenario.share_of_subject(index);
        let threads = scenario.threads.get();
        let request =
            Request::Begin { scenario: Box::new(scenario.clone()), share, cpus: cpus.to_vec() };
        match process.begin(&request) {
            Ok(()) => {}
            // It has exited already; or if not, it learns so that nothing follows.
            Err(ChannelError::Closed) => process.channel.close(),
            Err(ChannelError::Io(error)) => return Err(error),
            Err(error) => return Err(io::Error::other(error)),
        }
        Ok(Supervised {
            index,
            share,
            threads,
            process,
            sampler: None,
            phase: Phase::Building,
            failure: None,
            failed: false,
            activity: Activity::new(threads),
        })
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    pub(super) fn has_exited(&self) -> bool {
        self.phase == Phase::Exited
    }

    /// Holds if it ended, or reported that it ends, before its work was done.
    pub(super) fn has_failed(&self) -> bool {
        self.failed
    }

    /// The channel to it, unless it has exited.
    pub(super) fn channel(&self) -> Option<&Channel> {
        (!self.has_exited()).then_some(&self.process.channel)
    }

    /// Requests it to continue.
    ///
    /// # Errors
    /// The kernel refuses to send the request, so the subject would wait for ever.
    pub(super) fn go(&mut self) -> Result<(), SuperviseError> {
        if self.phase == Phase::Ready {
            self.phase = Phase::Running;
            if let Some(injector) = &self.process.injector {
                injector.arm();
            }
        }
        self.activity.message();
        match self.process.channel.send(&Request::Go) {
            Ok(()) => Ok(()),
            // What it sent before is still received, and then its end.
            Err(ChannelError::Closed) => {
                self.process.channel.close();
                Ok(())
            }
            Err(error) => Err(self.unreachable(&error)),
        }
    }

    /// The run cannot go on for a reason that is not the subject's.
    fn unreachable(&self, error: &ChannelError) -> SuperviseError {
        let (witness, index) = (Witness::ProcScan, self.index);
        let what = format!("leakbench cannot exchange messages with subject {index}: {error}");
        SuperviseError::CannotMeasure { witness, what }
    }

    /// Handles every event that has arrived.
    pub(super) fn receive_events(
        &mut self,
        inherited: &HashSet<ObjectId>,
        recorder: &mut RunRecorder<'_>,
    ) -> Result<(), SuperviseError> {
        while !self.has_exited() {
            match self.process.channel.try_receive::<Event>() {
                Ok(None) => break,
                Ok(Some(event)) => self.handle(event, inherited, recorder)?,
                Err(ChannelError::Closed) => self.channel_closed(recorder),
                Err(ChannelError::Violation(violation)) => {
                    self.end_as(ExitKind::ProtocolViolation { line: violation.line }, recorder);
                }
                Err(error @ ChannelError::Io(_)) => return Err(self.unreachable(&error)),
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
        self.activity.message();
        match (event, self.phase) {
            (Event::Failed { step, error, cause: FailureCause::Machine }, Phase::Building) => {
                let (witness, what) = (Witness::DeathWatch, format!("{step}: {error}"));
                return Err(SuperviseError::CannotMeasure { witness, what });
            }
            (
                Event::Failed {
                    step,
                    error,
                    cause:
                        cause @ (FailureCause::Step | FailureCause::Resources | FailureCause::Guest),
                },
                Phase::Building,
            ) => {
                let lacks_resources = cause == FailureCause::Resources;
                return Err(SuperviseError::SetUp { doing: step, error, lacks_resources });
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
                self.go()?;
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
        slabs: Slabs,
        process: Option<u32>,
        runtime: Option<String>,
        inherited: &HashSet<ObjectId>,
        recorder: &mut RunRecorder<'_>,
    ) -> Result<(), SuperviseError> {
        let page = self.process.page_object()?;
        let own = self.process.pid();
        match ProcSampler::new(own, process, slabs, page, inherited) {
            Ok(sampler) => self.sampler = Some(sampler),
            Err(error) => self.record_sampler_failure(&error, recorder),
        }
        let (at_rest, _) = self.footprint();
        let open_files = self.sampler.as_mut().and_then(ProcSampler::open_files);
        recorder.write(Record::Subject(SubjectUp {
            at_ms: recorder.now_ms(),
            subject: self.index,
            pid: process.unwrap_or(own),
            runtime,
            cycles: self.share.cycles,
            at_rest,
            open_files,
        }));
        self.phase = Phase::Ready;
        Ok(())
    }

    /// Records the accounts of both witnesses, and their failures.
    fn barrier(&mut self, report: BarrierReached, recorder: &mut RunRecorder<'_>) {
        // What follows the last drop is no part of the run.
        if let Some(injector) = self.process.injector.as_ref().filter(|_| report.last) {
            injector.disarm();
        }
        // Before the scan, which takes a while: the ages of images count until now.
        let at_ms = recorder.now_ms();
        let compared =
            self.sampler.as_mut().map(|sampler| sampler.compare(&report, self.process.pidfd()));
        let reconciled = match compared {
            Some(Ok(reconciled)) => reconciled,
            Some(Err(error)) => {
                self.record_sampler_failure(&error, recorder);
                Default::default()
            }
            // Its failure was recorded when the subject became ready.
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
        let memory = self.sampler.as_mut().and_then(ProcSampler::memory);
        recorder.write(Record::Barrier(Box::new(Barrier {
            at_ms,
            subject,
            last: report.last,
            counts: report.counts,
            running_us: self.running_us(),
            footprint,
            slots: reconciled.slots,
            slot_map: reconciled.slot_map,
            lingering: reconciled.lingering,
            disagreements: reconciled.disagreements,
            disagreements_total: reconciled.disagreements_total,
            release: report.release,
            memory,
            reset_failures: report.reset_failures,
            guest_descriptors: report.guest_descriptors,
            failed_steps: report.failed_steps,
        })));
        if report.last {
            self.phase = Phase::Exiting;
        }
    }

    fn record_sampler_failure(
        &mut self,
        error: &dyn std::fmt::Display,
        recorder: &mut RunRecorder<'_>,
    ) {
        recorder.write(Record::WitnessFailure(WitnessFailure {
            at_ms: recorder.now_ms(),
            subject: self.index,
            witness: Witness::ProcScan,
            what: error.to_string(),
        }));
    }

    fn footprint(&mut self) -> (Footprint, Duration) {
        let Some(sampler) = &mut self.sampler else { return Default::default() };
        self.process.page().readings().during(|| sampler.footprint())
    }

    /// The counts on its status page.
    pub(super) fn counts(&self) -> Counts {
        self.process.page().counts(self.threads)
    }

    /// The time in which its cycles ran.
    pub(super) fn cycle_time(&self) -> Duration {
        self.process.page().clock().total()
    }

    fn running_us(&self) -> Option<u64> {
        u64::try_from(self.cycle_time().as_micros()).ok()
    }

    /// Samples it. Returns its footprint and the time that took; `None` if it does not run.
    pub(super) fn sample(
        &mut self,
        recorder: &mut RunRecorder<'_>,
    ) -> Option<(Footprint, Duration)> {
        // After a failure it releases what it had.
        if self.phase != Phase::Running || self.failed {
            return None;
        }
        let (counts, running_us) = (self.counts(), self.running_us());
        let (footprint, cost) = self.footprint();
        let (at_ms, subject) = (recorder.now_ms(), self.index);
        recorder.write(Record::Sample(Sample { at_ms, subject, counts, running_us, footprint }));
        Some((footprint, cost))
    }
}
