//! An observation on its way: when to look, what to record, and how it ends.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use leakbench_recording::observation::{
    ObservationEnd, ObservationRecord, ObservationRecorder, ObservationSample, ObservationStart,
    ProcessExit, ProcessExitKind, Remark,
};
use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::Settings;
use super::command::Started;
use super::examples::FIRST_LOOKS;
use super::member::Member;
use super::pace::{Pace, process_cpu_time, thread_cpu_time};
use super::remarks::{Remarks, Waiting};
use super::watch::Watch;
use crate::interrupt::Interrupt;
use crate::timed_recorder::TimedRecorder;
use leakbench_kernel::{Process, ReadError, Stat, poll_until};

/// Time that a command has to leave by itself after a Ctrl-C, which its terminal sent it too,
/// before it is asked to.
const HEED_WITHIN: Duration = Duration::from_secs(1);

/// A second signal within this time of the first is an echo of it: `timeout(1)` signals a process
/// and then its group.
const ECHO: Duration = Duration::from_secs(1);

/// Why there are no more looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Gone,
    TimeUp,
    Interrupted,
}

/// An observation on its way.
pub(super) struct Observation<'a> {
    settings: Settings,
    recorder: TimedRecorder<'a, ObservationRecord>,
    watch: Watch,
    pub(super) remarks: Remarks,
    started: Option<Started>,
    /// Becomes readable when the process ends, where the kernel has that.
    ending: Option<OwnedFd>,
    pace: Pace,
    looks: u64,
    /// When the last of the first looks was.
    first_looks_ms: u64,
    /// The look after which examples are recorded next.
    next_examples: u64,
    /// Whether the process runs and `/proc` shows nothing of it any more.
    blind: bool,
}

impl<'a> Observation<'a> {
    /// Of a process, which may be one that was started here. Records what is observed.
    pub(super) fn begin(
        recorder: &'a mut ObservationRecorder,
        observe: ObservationStart,
        settings: Settings,
        process: Process,
        stat: &Stat,
        started: Option<Started>,
    ) -> Observation<'a> {
        let pid = i32::try_from(process.pid()).ok().and_then(Pid::from_raw);
        let ending = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        // Its number was not another's by then, if the process is still there now.
        let ending = ending.filter(|_| process.stat().is_ok());
        let mut recorder = TimedRecorder::start(recorder);
        recorder.write(ObservationRecord::Start(Box::new(observe)));
        Observation {
            settings,
            recorder,
            watch: Watch::new(Member::new(process, stat), settings.tree),
            remarks: Remarks::default(),
            started,
            ending,
            pace: Pace::new(settings.interval),
            looks: 0,
            first_looks_ms: 0,
            next_examples: FIRST_LOOKS + 1,
            blind: false,
        }
    }

    /// Looks until there is a reason not to.
    pub(super) fn watch(
        &mut self,
        interrupt: &Interrupt,
        show: &mut dyn FnMut(&ObservationSample, u32),
    ) -> io::Result<Ending> {
        let mut next_look = Instant::now();
        let deadline = self.settings.duration.and_then(|d| self.recorder.began().checked_add(d));
        loop {
            if self.has_ended()? {
                return Ok(Ending::Gone);
            }
            if !self.blind && Instant::now() >= next_look {
                let began = Instant::now();
                if !self.look(show) {
                    if self.waits_to_end()? {
                        return Ok(Ending::Gone);
                    }
                    self.go_blind();
                }
                next_look = began + self.pace.every();
            }
            if interrupt.take() > 0 {
                return Ok(Ending::Interrupted);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(Ending::TimeUp);
            }
            let until = deadline.map_or(next_look, |deadline| deadline.min(next_look));
            self.wait(interrupt, until)?;
        }
    }

    /// Waits until the process ends, a signal comes or it is time.
    fn wait(&self, interrupt: &Interrupt, until: Instant) -> io::Result<()> {
        let mut fds = vec![PollFd::new(interrupt, PollFlags::IN)];
        fds.extend(self.ending.as_ref().map(|ending| PollFd::new(ending, PollFlags::IN)));
        // Blind, there is no next look to wait for.
        let blind = Instant::now() + Duration::from_millis(100);
        let until = if self.blind { until.max(blind) } else { until };
        poll_until(&mut fds, until).map(drop)
    }

    /// Looks once. Returns whether the process was there.
    fn look(&mut self, show: &mut dyn FnMut(&ObservationSample, u32)) -> bool {
        let before = thread_cpu_time();
        let at_ms = self.recorder.now_ms();
        let look = self.watch.look(at_ms, &mut self.remarks);
        if let Err(error) = &look {
            self.remarks.unreadable(self.watch.family.root.pid(), "stat", error);
        }
        self.write_remarks();
        let look = match look {
            Ok(look) => look,
            Err(error) => return !matches!(error, ReadError::Vanished { .. }),
        };
        show(&look, self.watch.family.root.pid());
        self.looks += 1;
        self.recorder.write(ObservationRecord::Sample(look));
        if self.looks <= FIRST_LOOKS {
            self.first_looks_ms = at_ms;
        }
        if self.looks >= self.next_examples {
            // Rarer and rarer: a process that ends leaves examples that are hardly older than it.
            self.next_examples = self.looks + (self.looks / 8).clamp(1, 60);
            self.write_examples();
        }
        if let Some(what) = self.pace.spent(thread_cpu_time().saturating_sub(before)) {
            self.remarks.note(what);
            self.write_remarks();
        }
        true
    }

    fn write_remarks(&mut self) {
        let at_ms = self.recorder.now_ms();
        for Waiting { spoils, what } in self.remarks.take() {
            self.recorder.write(ObservationRecord::Remark(Remark {
                at_ms,
                prevents_clean: spoils,
                what,
            }));
        }
    }

    fn write_examples(&mut self) {
        let at_ms = self.recorder.now_ms();
        let examples = self.watch.examples(at_ms, self.first_looks_ms);
        self.recorder.write(ObservationRecord::Examples(examples));
    }

    /// Whether the kernel says that the process has ended.
    fn has_ended(&mut self) -> io::Result<bool> {
        if let Some(started) = &mut self.started {
            return Ok(started.try_wait()?.is_some());
        }
        let Some(ending) = &self.ending else {
            return Ok(self.watch.family.root.process.stat().is_err());
        };
        poll_until(&mut [PollFd::new(ending, PollFlags::IN)], Instant::now())
    }

    /// Whether a process that shows nothing any more is gone within a moment, as it is unless
    /// only its main thread has ended.
    fn waits_to_end(&mut self) -> io::Result<bool> {
        if let Some(started) = &mut self.started {
            return Ok(started.wait_for(HEED_WITHIN)?.is_some());
        }
        let Some(ending) = &self.ending else { return Ok(true) };
        poll_until(&mut [PollFd::new(ending, PollFlags::IN)], Instant::now() + HEED_WITHIN)
    }

    fn go_blind(&mut self) {
        self.blind = true;
        let pid = self.watch.family.root.pid();
        let what =
            "its main thread has ended and others run on: /proc shows nothing of it any more";
        self.remarks.blind(pid, "task", format!("process {pid}: {what}"));
        self.write_remarks();
    }

    /// Records how it ended, after ending what was started here.
    pub(super) fn end(&mut self, ending: Ending, interrupt: &Interrupt) -> io::Result<()> {
        let mut interrupted = ending == Ending::Interrupted;
        if ending != Ending::Gone && self.looks > FIRST_LOOKS && !self.blind {
            self.write_examples();
        }
        let gone = match &mut self.started {
            Some(started) => Some(end_command(started, ending, interrupt, &mut interrupted)?),
            None if ending == Ending::Gone => Some(ProcessExitKind::Vanished),
            None => None,
        };
        let at_ms = self.recorder.now_ms();
        if let Some(how) = gone {
            self.recorder.write(ObservationRecord::Exit(ProcessExit { at_ms, how }));
        }
        if self.started.is_some() {
            self.tell_of_those_left();
        }
        self.recorder.write(ObservationRecord::End(ObservationEnd {
            at_ms,
            interrupted,
            observer_cpu_ms: Some(process_cpu_time().as_millis() as u64),
        }));
        Ok(())
    }

    /// What the command started is not leakbench's to end.
    fn tell_of_those_left(&mut self) {
        let runs = |member: &&Member| member.process.stat().is_ok_and(|stat| !stat.has_ended);
        let left: Vec<_> = self.watch.family.descendants.values().filter(runs).collect();
        if let Some(first) = left.first() {
            let (count, pid, name) = (left.len(), first.pid(), &first.name);
            self.remarks.note(format!(
                "processes that the command started still run: {count}, the first is {pid} ({name})"
            ));
            self.write_remarks();
        }
    }
}

/// Sees that a command is gone. Returns how it went.
fn end_command(
    started: &mut Started,
    ending: Ending,
    interrupt: &Interrupt,
    interrupted: &mut bool,
) -> io::Result<ProcessExitKind> {
    let asked = Instant::now();
    if ending == Ending::Interrupted {
        // The terminal has told the command too, and it may have things to put in order.
        started.wait_for(HEED_WITHIN)?;
    }
    let left = started.try_wait()?;
    if let (Some(how), false) = (left, *interrupted) {
        // A Ctrl-C reaches both, and the command may have been the quicker one.
        if matches!(how, ProcessExitKind::Signaled { .. }) {
            let until = Instant::now() + Duration::from_millis(20);
            poll_until(&mut [PollFd::new(interrupt, PollFlags::IN)], until)?;
            *interrupted = interrupt.take() > 0;
        }
        return Ok(if *interrupted { ProcessExitKind::Stopped } else { how });
    }
    started.stop(interrupt, || asked.elapsed() >= ECHO)?;
    Ok(ProcessExitKind::Stopped)
}
