//! An observation in progress: when it samples, what it records, and how it ends.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use leakbench_model::text::counted;
use leakbench_recording::observation::{
    ObservationEnd, ObservationRecord, ObservationRecorder, ObservationSample, ObservationStart,
    ProcessExit, ProcessExitKind, Remark, Scope,
};
use leakbench_recording::trend::Trend;
use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::Settings;
use super::command::Started;
use super::examples::WARM_UP_SAMPLES;
use super::limits::SharedLimits;
use super::observed_process::ObservedProcess;
use super::remarks::{PendingRemark, Remarks};
use super::sampler::Sampler;
use super::sampling_interval::{SamplingInterval, process_cpu_time, thread_cpu_time};
use super::survivors;
use crate::interrupt::{Interrupt, SIGNAL_ECHO};
use crate::timed_recorder::TimedRecorder;
use leakbench_kernel::{Process, ReadError, Stat, poll_until};

/// Time for a command to exit after a Ctrl-C, which its terminal sent it too, before SIGTERM.
const EXIT_WITHIN: Duration = Duration::from_secs(1);

/// The reason for the last sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The process has ended.
    Exited,
    TimeUp,
    Interrupted,
}

/// An observation in progress.
pub(super) struct Observation<'a> {
    settings: Settings,
    recorder: TimedRecorder<'a, ObservationRecord>,
    sampler: Sampler,
    pub(super) remarks: Remarks,
    pub(super) limits: SharedLimits,
    started: Option<Started>,
    /// Becomes readable when the process ends; `None` if the kernel has no pidfd.
    pidfd: Option<OwnedFd>,
    interval: SamplingInterval,
    /// Number of samples.
    samples: u64,
    /// Time of the last warm-up sample.
    warm_up_ms: u64,
    /// The sample after which examples are recorded next.
    next_examples: u64,
    /// The process runs, but `/proc` shows nothing of it any more.
    is_unreadable: bool,
    /// The command has ended and its end is recorded: its descendants are followed.
    follows_descendants: bool,
}

impl<'a> Observation<'a> {
    /// Of `process`, which is that of `started` if there is one. Records the first line.
    pub(super) fn begin(
        recorder: &'a mut ObservationRecorder,
        start: ObservationStart,
        settings: Settings,
        process: Process,
        stat: &Stat,
        started: Option<Started>,
    ) -> Observation<'a> {
        let pid = i32::try_from(process.pid()).ok().and_then(Pid::from_raw);
        let pidfd = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        // If the process still exists, the pidfd is that of no later process.
        let pidfd = pidfd.filter(|_| process.stat().is_ok());
        let mut recorder = TimedRecorder::start(recorder);
        recorder.write(ObservationRecord::Start(Box::new(start)));
        let mut sampler = Sampler::new(ObservedProcess::new(process, stat), settings.scope);
        if started.is_some() {
            sampler.tree.adopt_orphans();
        }
        Observation {
            settings,
            recorder,
            sampler,
            remarks: Remarks::default(),
            limits: SharedLimits::new(),
            started,
            pidfd,
            interval: SamplingInterval::new(settings.interval),
            samples: 0,
            warm_up_ms: 0,
            next_examples: WARM_UP_SAMPLES + 1,
            is_unreadable: false,
            follows_descendants: false,
        }
    }

    /// Samples until the process ends, the time is up, or the user interrupts.
    pub(super) fn run(
        &mut self,
        interrupt: &Interrupt,
        show: &mut dyn FnMut(&ObservationSample, u32),
    ) -> io::Result<Ending> {
        let mut next_sample = Instant::now();
        let deadline = self.settings.duration.and_then(|d| self.recorder.began().checked_add(d));
        loop {
            if self.has_ended()? {
                return Ok(Ending::Exited);
            }
            if !self.is_unreadable && Instant::now() >= next_sample {
                let began = Instant::now();
                if !self.sample(show) {
                    if self.follows_descendants {
                        return Ok(Ending::Exited);
                    }
                    if self.ends_soon()? {
                        // What it started may go on.
                        continue;
                    }
                    // It may have run another program during the first sample.
                    if !self.sample(show) {
                        self.record_unreadable();
                    }
                }
                next_sample = began + self.interval.get();
            }
            if interrupt.take() > 0 {
                return Ok(Ending::Interrupted);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(Ending::TimeUp);
            }
            let until = deadline.map_or(next_sample, |deadline| deadline.min(next_sample));
            self.wait(interrupt, until)?;
        }
    }

    /// Waits until the process ends, a signal comes, or `until`.
    fn wait(&self, interrupt: &Interrupt, until: Instant) -> io::Result<()> {
        let mut fds = vec![PollFd::new(interrupt, PollFlags::IN)];
        fds.extend(self.pidfd.as_ref().map(|pidfd| PollFd::new(pidfd, PollFlags::IN)));
        // Without samples, the time of the next one is in the past.
        let pause = Instant::now() + Duration::from_millis(100);
        let until = if self.is_unreadable { until.max(pause) } else { until };
        poll_until(&mut fds, until).map(drop)
    }

    /// Takes a sample. Returns `false` if the process does not exist any more.
    fn sample(&mut self, show: &mut dyn FnMut(&ObservationSample, u32)) -> bool {
        let before = thread_cpu_time();
        let at_ms = self.recorder.now_ms();
        let sample = self.sampler.sample(at_ms, &mut self.remarks);
        if let Err(error) = &sample {
            self.remarks.unreadable(self.sampler.tree.root.pid(), "stat", error);
        }
        self.write_remarks();
        let sample = match sample {
            Ok(sample) => sample,
            Err(error) => return !matches!(error, ReadError::Vanished { .. }),
        };
        show(&sample, self.sampler.tree.root.pid());
        self.samples += 1;
        let amounts = sample.amounts;
        self.recorder.write(ObservationRecord::Sample(Box::new(sample)));
        if let Some(limits) = self.limits.update(at_ms, &mut self.sampler, &amounts) {
            self.recorder.write(ObservationRecord::Limits(limits));
        }
        // With the present interval, since the first ones are short.
        let warm_up = self.interval.get() * (WARM_UP_SAMPLES as u32 - 1);
        if self.samples <= WARM_UP_SAMPLES || u128::from(at_ms) <= warm_up.as_millis() {
            self.warm_up_ms = at_ms;
        }
        if self.samples >= self.next_examples {
            // The gap grows with the observation, so the last examples are at most 1/8 of it old.
            self.next_examples = self.samples + (self.samples / 8).clamp(1, 60);
            self.write_objects();
        }
        if let Some(mut what) = self.interval.add_cost(thread_cpu_time().saturating_sub(before)) {
            what.extend(self.shortage());
            self.remarks.note(what);
            self.write_remarks();
        }
        true
    }

    /// The end of a remark on a longer interval, if the duration has too few samples by it.
    fn shortage(&self) -> Option<String> {
        let interval = self.interval.get();
        let min = Trend::POINTS_MIN as u32;
        let duration = self.settings.duration?;
        let left = duration.saturating_sub(Duration::from_millis(self.recorder.now_ms()));
        let samples = self.samples + (left.as_nanos() / interval.as_nanos().max(1)) as u64;
        (samples < u64::from(min)).then(|| {
            let least_s = (interval * min).as_secs() + 1;
            format!(
                "; that is {} by the end, and a trend needs {min}: --duration {least_s}s",
                counted(samples, "sample")
            )
        })
    }

    fn write_remarks(&mut self) {
        let at_ms = self.recorder.now_ms();
        for PendingRemark { prevents_clean, what, event } in self.remarks.take() {
            let remark = Remark { at_ms, prevents_clean, what, event };
            self.recorder.write(ObservationRecord::Remark(remark));
        }
        for reached in self.sampler.tree.take_limits_reached() {
            self.recorder.write(ObservationRecord::LimitReached(reached));
        }
    }

    /// Records examples and ages of the objects so far.
    fn write_objects(&mut self) {
        let at_ms = self.recorder.now_ms();
        let examples = self.sampler.examples(at_ms, self.warm_up_ms);
        self.recorder.write(ObservationRecord::Examples(examples));
        if let Some(old_objects) = self.sampler.ages.old_objects() {
            self.recorder.write(ObservationRecord::OldObjects(old_objects));
        }
    }

    /// Holds once the kernel reports the end of the process, and nothing is left to observe.
    fn has_ended(&mut self) -> io::Result<bool> {
        if self.follows_descendants {
            return Ok(false);
        }
        if let Some(started) = &mut self.started {
            let Some(how) = started.try_wait()? else { return Ok(false) };
            let is_wanted =
                self.settings.scope == Scope::Family && self.settings.duration.is_some();
            return Ok(!(is_wanted && self.follow_descendants(how)));
        }
        let Some(pidfd) = &self.pidfd else {
            let stat = self.sampler.tree.root.process.stat();
            return Ok(stat.map_or(true, |stat| stat.has_ended));
        };
        poll_until(&mut [PollFd::new(pidfd, PollFlags::IN)], Instant::now())
    }

    /// Continues with the descendants of the command, which ended in this way. Returns false if none
    /// runs: a program that starts a daemon leaves its work to it.
    fn follow_descendants(&mut self, how: ProcessExitKind) -> bool {
        let at_ms = self.recorder.now_ms();
        self.sampler.tree.root_ended(at_ms);
        if self.sampler.tree.update(at_ms, &mut self.remarks).is_err() {
            return false;
        }
        self.follows_descendants = true;
        self.is_unreadable = false;
        // It would be readable for ever.
        self.pidfd = None;
        let left = counted(self.sampler.tree.descendants.len() as u64, "process");
        self.remarks.note(format!("the command {how}; what it started is observed: {left}"));
        let exit = self.exit(at_ms, how);
        self.recorder.write(ObservationRecord::Exit(exit));
        self.write_remarks();
        true
    }

    fn exit(&self, at_ms: u64, how: ProcessExitKind) -> ProcessExit {
        let faults = self.started.as_ref().map(Started::fault_counts).unwrap_or_default();
        ProcessExit { at_ms, how, faults }
    }

    /// Holds if a process that `/proc` does not show any more ends within a second. It does, unless
    /// only its main thread has ended.
    fn ends_soon(&mut self) -> io::Result<bool> {
        if let Some(started) = &mut self.started {
            return Ok(started.wait_for(EXIT_WITHIN)?.is_some());
        }
        let Some(pidfd) = &self.pidfd else { return Ok(true) };
        poll_until(&mut [PollFd::new(pidfd, PollFlags::IN)], Instant::now() + EXIT_WITHIN)
    }

    fn record_unreadable(&mut self) {
        self.is_unreadable = true;
        let pid = self.sampler.tree.root.pid();
        let what = "its main thread has ended and others still run, so /proc shows nothing of it";
        self.remarks.prevent_clean(pid, "task", format!("process {pid}: {what}"));
        self.write_remarks();
    }

    /// Ends the command and its descendants, if there is one, and records the end. If `ending` is an
    /// error, it is returned after that.
    pub(super) fn end(
        &mut self,
        ending: io::Result<Ending>,
        interrupt: &Interrupt,
    ) -> io::Result<()> {
        match ending {
            Ok(ending) => self.end_as(ending, interrupt),
            Err(error) => self.end_as(Ending::TimeUp, interrupt).and(Err(error)),
        }
    }

    fn end_as(&mut self, ending: Ending, interrupt: &Interrupt) -> io::Result<()> {
        let mut interrupted = ending == Ending::Interrupted;
        if ending != Ending::Exited && self.samples > WARM_UP_SAMPLES && !self.is_unreadable {
            self.sampler.allow_expensive_reads();
            self.write_objects();
        }
        let exit = match &mut self.started {
            Some(started) => Some(end_command(started, ending, interrupt, &mut interrupted)?),
            None if ending == Ending::Exited => Some(ProcessExitKind::Vanished),
            None => None,
        };
        let at_ms = self.recorder.now_ms();
        if let (Some(how), false) = (exit, self.follows_descendants) {
            self.sampler.tree.root_ended(at_ms);
            let exit = self.exit(at_ms, how);
            self.recorder.write(ObservationRecord::Exit(exit));
        }
        if let Some(started) = &self.started {
            let leave_running = started.leave_running;
            survivors::end(&mut self.sampler.tree, at_ms, leave_running, &mut self.remarks)?;
        }
        self.write_remarks();
        self.recorder.write(ObservationRecord::End(ObservationEnd {
            at_ms,
            interrupted,
            observer_cpu_ms: Some(process_cpu_time().as_millis() as u64),
        }));
        Ok(())
    }
}

/// Ends a command, unless it has ended. Returns how it ended.
fn end_command(
    started: &mut Started,
    ending: Ending,
    interrupt: &Interrupt,
    interrupted: &mut bool,
) -> io::Result<ProcessExitKind> {
    let began = Instant::now();
    if ending == Ending::Interrupted {
        // The terminal has sent Ctrl-C to the command too: give it time to clean up.
        started.wait_for(EXIT_WITHIN)?;
    }
    let exit = started.try_wait()?;
    if let (Some(how), false) = (exit, *interrupted) {
        // A Ctrl-C reaches both, and the command may have handled it first.
        if matches!(how, ProcessExitKind::Signaled { .. }) {
            let until = Instant::now() + Duration::from_millis(20);
            poll_until(&mut [PollFd::new(interrupt, PollFlags::IN)], until)?;
            *interrupted = interrupt.take() > 0;
        }
        return Ok(if *interrupted { ProcessExitKind::Stopped } else { how });
    }
    started.stop(interrupt, || began.elapsed() >= SIGNAL_ECHO)?;
    Ok(ProcessExitKind::Stopped)
}
