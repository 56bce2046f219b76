//! The end of a subject: on request, by a kill, or by itself.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use leakbench_kernel::Injector;
use leakbench_model::Footprint;
use leakbench_recording::recording::{Exit, ExitKind, Record, Sample};

use super::super::RunRecorder;
use super::{Phase, Supervised};

impl Supervised {
    /// Requests it to stop; before its first cycle it is killed.
    pub(in super::super) fn stop(&mut self, recorder: &mut RunRecorder<'_>) {
        self.process.page().ask_to_stop();
        if matches!(self.phase, Phase::Building | Phase::Ready) {
            self.end(recorder);
        }
    }

    /// Kills it if it made no progress for `timeout`.
    pub(in super::super) fn end_if_hung(
        &mut self,
        timeout: Duration,
        recorder: &mut RunRecorder<'_>,
    ) {
        if self.has_exited() {
            return;
        }
        // While it waits for the other subjects to become ready, it owes no event.
        let owes_event = self.phase != Phase::Ready;
        let silent = self.activity.silent(self.process.page(), owes_event);
        if silent > timeout {
            self.end_as(ExitKind::Hung { silent_ms: silent.as_millis() as u64 }, recorder);
        }
    }

    /// Kills it because the run ends.
    pub(in super::super) fn end(&mut self, recorder: &mut RunRecorder<'_>) {
        if !self.has_exited() {
            self.end_as(ExitKind::Stopped, recorder);
        }
    }

    /// Kills it and records how it ended: by its own failure if it reported one, else `how`.
    pub(super) fn end_as(&mut self, how: ExitKind, recorder: &mut RunRecorder<'_>) {
        let how = self.failure.take().map_or(how, |error| ExitKind::Failed { error });
        // If that fails, nothing more can be done: the process ends with this one.
        let _ = self.process.end();
        self.record_exit(how, recorder);
    }

    /// It has closed its end of the channel: it exits or has died.
    pub(super) fn channel_closed(&mut self, recorder: &mut RunRecorder<'_>) {
        let silent_ms = self.activity.since_message().as_millis() as u64;
        let how = match (self.process.wait(), self.failure.take()) {
            (_, Some(error)) => ExitKind::Failed { error },
            (Ok(None), None) => ExitKind::Hung { silent_ms },
            (Ok(Some(status)), None) => self.exit_kind(status),
            // The status is unknown, and the work was not done.
            (Err(_), None) => ExitKind::Exited { code: -1 },
        };
        self.record_exit(how, recorder);
    }

    fn exit_kind(&self, status: ExitStatus) -> ExitKind {
        match (status.signal(), status.code()) {
            (Some(signal), _) => ExitKind::Signaled { signal },
            (None, Some(0)) if self.phase == Phase::Exiting => ExitKind::Done,
            (None, code) => ExitKind::Exited { code: code.unwrap_or(-1) },
        }
    }

    fn record_exit(&mut self, how: ExitKind, recorder: &mut RunRecorder<'_>) {
        self.failed |= !matches!(how, ExitKind::Done | ExitKind::Stopped);
        if self.phase == Phase::Running {
            // Its status page outlives it.
            let (counts, running_us) = (self.counts(), self.running_us());
            let (at_ms, subject, footprint) = (recorder.now_ms(), self.index, Footprint::default());
            let last = Sample { at_ms, subject, counts, running_us, footprint };
            recorder.write(Record::Sample(last));
        }
        self.phase = Phase::Exited;
        let last_steps = self.process.page().last_steps(self.threads);
        let (at_ms, subject) = (recorder.now_ms(), self.index);
        let faults = self.process.injector.as_ref().map(Injector::counts).unwrap_or_default();
        recorder.write(Record::Exit(Exit { at_ms, subject, how, last_steps, faults }));
    }
}
