//! One subject under supervision: where it stands, and what is recorded of it.

use std::io;
use std::time::{Duration, Instant};

use leakbench_reports::recording::{
    Barrier, Counts, Exit, ExitKind, Footprint, Record, Sample, SubjectUp, Trouble, Witness,
};
use leakbench_scenarios::{Scenario, Share};

use super::child::{SubjectProcess, signal_of};
use super::look::Look;
use super::{Log, SuperviseError};
use crate::channel::{Channel, ChannelError};
use crate::kernel::ReadError;
use crate::subject::protocol::{BarrierReport, Order, Report, Slab};

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
    /// Last change of what its status page says it does.
    pulse: u64,
    pulse_at: Instant,
}

impl Supervised {
    pub(super) fn start(index: u32, scenario: &Scenario) -> io::Result<Supervised> {
        let mut process = SubjectProcess::spawn()?;
        let share = scenario.share_of_subject(index);
        let order = Order::Begin { scenario: Box::new(scenario.clone()), share };
        match process.begin(&order) {
            // If it is gone already, hearing from it will tell how.
            Ok(()) | Err(ChannelError::Closed) => {}
            Err(ChannelError::Io(error)) => return Err(error),
            Err(error) => return Err(io::Error::other(error)),
        }
        Ok(Supervised {
            index,
            share,
            threads: scenario.threads.get(),
            process,
            look: None,
            phase: Phase::Building,
            failure: None,
            failed: false,
            pulse: 0,
            pulse_at: Instant::now(),
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
        self.pulse_at = Instant::now();
        // If it is gone, hearing from it will tell how.
        let _ = self.process.channel.send(&Order::Go);
    }

    /// Takes in what it has said.
    pub(super) fn hear(&mut self, log: &mut Log<'_>) -> Result<(), SuperviseError> {
        while !self.is_gone() {
            match self.process.channel.try_receive::<Report>() {
                Ok(None) => break,
                Ok(Some(report)) => self.handle(report, log)?,
                Err(ChannelError::Closed) => self.has_closed(log)?,
                Err(ChannelError::Io(error)) => return Err(error.into()),
                Err(ChannelError::NotAMessage { line, .. }) => {
                    self.end_as(ExitKind::Rubbish { said: line }, log);
                }
            }
        }
        Ok(())
    }

    fn handle(&mut self, report: Report, log: &mut Log<'_>) -> Result<(), SuperviseError> {
        self.pulse_at = Instant::now();
        match (report, self.phase) {
            (Report::Failed { doing, error }, Phase::Building) => {
                return Err(SuperviseError::SetUp { doing, error });
            }
            (Report::Failed { doing, error }, _) => {
                self.failure = Some(format!("{doing}: {error}"));
                self.failed = true;
            }
            (Report::Ready { slabs }, Phase::Building) => self.ready(slabs, log),
            (Report::Barrier(report), Phase::Running) => {
                self.barrier(*report, log);
                self.go();
            }
            (report, _) => self.end_as(ExitKind::Rubbish { said: format!("{report:?}") }, log),
        }
        Ok(())
    }

    fn ready(&mut self, slabs: Vec<Slab>, log: &mut Log<'_>) {
        match Look::new(self.process.pid(), slabs) {
            Ok(look) => self.look = Some(look),
            Err(error) => self.blind(&error, log),
        }
        let (at_rest, _) = self.footprint();
        log.write(Record::Subject(SubjectUp {
            at_ms: log.now_ms(),
            subject: self.index,
            pid: self.process.pid(),
            cycles: self.share.cycles,
            at_rest,
        }));
        self.phase = Phase::Ready;
    }

    /// Records both witnesses' account. A witness that fails leaves a trouble behind.
    fn barrier(&mut self, report: BarrierReport, log: &mut Log<'_>) {
        let compared = self.look.as_mut().map(|look| look.compare(&report));
        let reconciled = match compared {
            Some(Ok(reconciled)) => reconciled,
            Some(Err(error)) => {
                self.blind(&error, log);
                Default::default()
            }
            // Said when it was lost.
            None => Default::default(),
        };
        let at_ms = log.now_ms();
        let subject = self.index;
        for what in report.troubles {
            let witness = Witness::DeathWatch;
            log.write(Record::Trouble(Trouble { at_ms, subject, witness, what }));
        }
        let (footprint, _) = self.footprint();
        log.write(Record::Barrier(Box::new(Barrier {
            at_ms,
            subject,
            last: report.last,
            counts: report.counts,
            footprint,
            slots: reconciled.slots,
            lingering: reconciled.lingering,
            disagreements: reconciled.disagreements,
            disagreements_total: reconciled.disagreements_total,
            release: report.release,
            reset_failures: report.reset_failures,
        })));
        if report.last {
            self.phase = Phase::Leaving;
        }
    }

    /// The second witness is lost.
    fn blind(&mut self, error: &ReadError, log: &mut Log<'_>) {
        log.write(Record::Trouble(Trouble {
            at_ms: log.now_ms(),
            subject: self.index,
            witness: Witness::ProcScan,
            what: error.to_string(),
        }));
    }

    fn footprint(&mut self) -> (Footprint, Duration) {
        self.look.as_mut().map(Look::footprint).unwrap_or_default()
    }

    /// Looks at it while it runs. Returns what it cost, too.
    pub(super) fn sample(&mut self, log: &mut Log<'_>) -> (Counts, Footprint, Duration) {
        let counts = self.process.page().counts(self.threads);
        if self.phase != Phase::Running {
            return (counts, Footprint::default(), Duration::ZERO);
        }
        let (footprint, cost) = self.footprint();
        let (at_ms, subject) = (log.now_ms(), self.index);
        log.write(Record::Sample(Sample { at_ms, subject, counts, footprint }));
        (counts, footprint, cost)
    }

    /// Asks it to come to its end. Before its first cycle there is nothing to come to.
    pub(super) fn stop(&mut self, log: &mut Log<'_>) {
        self.process.page().ask_to_stop();
        if matches!(self.phase, Phase::Building | Phase::Ready) {
            self.end(log);
        }
    }

    /// Ends it if nothing has happened for `timeout`.
    pub(super) fn end_if_hung(&mut self, timeout: Duration, log: &mut Log<'_>) {
        let pulse = self.process.page().pulse(self.threads);
        if pulse != self.pulse || self.phase == Phase::Ready {
            self.pulse = pulse;
            self.pulse_at = Instant::now();
        }
        let silent = self.pulse_at.elapsed();
        if silent > timeout && !self.is_gone() {
            self.end_as(ExitKind::Hung { silent_ms: silent.as_millis() as u64 }, log);
        }
    }

    /// Ends it because the run ends.
    pub(super) fn end(&mut self, log: &mut Log<'_>) {
        if !self.is_gone() {
            self.end_as(ExitKind::Stopped, log);
        }
    }

    /// Kills it and records `how` it ended.
    fn end_as(&mut self, how: ExitKind, log: &mut Log<'_>) {
        self.process.kill();
        // Killed or not, nothing more can be learnt of it.
        let _ = self.process.reap();
        self.gone(how, log);
    }

    /// It has closed its end: it has left, or died.
    fn has_closed(&mut self, log: &mut Log<'_>) -> Result<(), SuperviseError> {
        let status = self.process.reap()?;
        let how = match (self.failure.take(), signal_of(status), status.code()) {
            (Some(error), _, _) => ExitKind::Failed { error },
            (None, Some(signal), _) => ExitKind::Signaled { signal },
            (None, None, Some(0)) if self.phase == Phase::Leaving => ExitKind::Done,
            (None, None, code) => ExitKind::Exited { code: code.unwrap_or(-1) },
        };
        self.gone(how, log);
        Ok(())
    }

    fn gone(&mut self, how: ExitKind, log: &mut Log<'_>) {
        self.failed |= !matches!(how, ExitKind::Done | ExitKind::Stopped);
        self.phase = Phase::Gone;
        let last_steps = self.process.page().last_steps(self.threads);
        let (at_ms, subject) = (log.now_ms(), self.index);
        log.write(Record::Exit(Exit { at_ms, subject, how, last_steps }));
    }
}
