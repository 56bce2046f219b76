//! One subject's part of the ledger.

use super::Images;
use crate::recording::{
    Barrier, ExactMemory, Exit, ExitKind, Footprint, Sample, SlotMap, SubjectUp,
};
use leakbench_model::{Counts, Histogram, LingeringImage, SlotCounts};

/// What is known of one subject.
#[derive(Clone, Debug, PartialEq)]
pub struct SubjectLedger {
    /// Which of the run's subjects.
    pub number: u32,
    /// Its process; `None` of one that never came up.
    pub pid: Option<u32>,
    /// Its share of the cycles.
    pub cycles_asked: Option<u64>,
    /// The moment that `counts` and `images` are of.
    pub counts_from: CountsSource,
    /// The line of the recording that has them, from 1; 0 where nothing was seen.
    pub counts_line: usize,
    /// The death watch's account at that moment.
    pub counts: Counts,
    /// What became of its images, as of that moment; what was open then is unknown.
    pub images: Images,
    /// Images that its latest barrier listed as lingering; none if it was seen running after
    /// that.
    pub lingering: Vec<LingeringImage>,
    /// Images that its latest barrier listed, if it was seen running after that: what became of
    /// them is unknown, and who held them then is all that there is to say of them.
    pub listed_before: Vec<LingeringImage>,
    /// The first of the barriers with the most lingering images, where there were any.
    pub worst: Option<LingeringBarrier>,
    /// The first of the barriers at which the witnesses disagreed most.
    pub disagreeing: Option<DisagreeingBarrier>,
    /// Time from the beginning of the drop until the release was heard of, as of its latest
    /// barrier.
    pub release: Histogram,
    /// Late releases among those that `release` has the times of: what came after that barrier
    /// is not.
    pub late_timed: u64,
    /// Before the first cycle.
    pub at_rest: Footprint,
    /// At the first barrier.
    pub at_first_barrier: Option<Footprint>,
    /// At the last barrier.
    pub at_last_barrier: Option<Footprint>,
    /// Its slots at the last barrier.
    pub slots: Option<SlotCounts>,
    /// Peaks over the run, each at its own time.
    pub peak: Footprint,
    /// What it had and had done, at every sample and barrier that the recording has.
    pub samples: Vec<SubjectSample>,
    /// What was seen at barriers alone, at every one that the recording has.
    pub barriers: Vec<BarrierSample>,
    /// Mapping calls that failed while a slot was reset.
    pub reset_failures: u64,
    /// How it ended.
    pub exit: Option<Exit>,
}

/// A look at a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubjectSample {
    /// The line of the recording that has it, from 1.
    pub line: usize,
    /// When, in ms since the run began.
    pub at_ms: u64,
    /// The death watch's account. Exact at a barrier; in between, an image whose drop has only
    /// begun may count as lingering.
    pub counts: Counts,
    /// What it had.
    pub footprint: Footprint,
    /// Whether it stood still.
    pub at_barrier: bool,
}

/// What was seen of a subject at a barrier, beside its [`SubjectSample`].
#[derive(Clone, Debug, PartialEq)]
pub struct BarrierSample {
    /// The line of the recording that has it, from 1.
    pub line: usize,
    /// When, in ms since the run began.
    pub at_ms: u64,
    /// Cycles done by then.
    pub cycles: u64,
    /// Images that lingered.
    pub lingering: u64,
    /// Its memory to the page.
    pub memory: Option<ExactMemory>,
    /// How many slots were in which state.
    pub slots: Option<SlotCounts>,
    /// What each slot was doing.
    pub slot_map: Option<SlotMap>,
}

/// What a subject's numbers are read off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountsSource {
    /// Its last barrier: every module had been dropped.
    LastBarrier,
    /// A barrier in mid-run, the last that was seen of it. Live images are unknown.
    Barrier,
    /// A sample in mid-run, the last that was seen of it. All but released images are unknown.
    Sample,
    /// Nothing was seen of its images.
    Nothing,
}

/// A barrier at which images lingered.
#[derive(Clone, Debug, PartialEq)]
pub struct LingeringBarrier {
    /// The line of the recording that has it, from 1.
    pub line: usize,
    /// Cycles done by then.
    pub after_cycle: u64,
    /// How many images lingered.
    pub lingering: u64,
    /// The first of them.
    pub example: Option<LingeringImage>,
}

/// A barrier at which the witnesses disagreed.
#[derive(Clone, Debug, PartialEq)]
pub struct DisagreeingBarrier {
    /// The line of the recording that has it, from 1.
    pub line: usize,
    /// Cycles done by then.
    pub after_cycle: u64,
    /// How often they disagreed.
    pub total: u64,
    /// The first of it, in words.
    pub listed: Vec<String>,
}

impl SubjectLedger {
    pub(super) fn new(number: u32) -> SubjectLedger {
        SubjectLedger {
            number,
            pid: None,
            cycles_asked: None,
            counts_from: CountsSource::Nothing,
            counts_line: 0,
            counts: Counts::default(),
            images: Images::default(),
            lingering: Vec::new(),
            listed_before: Vec::new(),
            worst: None,
            disagreeing: None,
            release: Histogram::default(),
            late_timed: 0,
            at_rest: Footprint::default(),
            at_first_barrier: None,
            at_last_barrier: None,
            slots: None,
            peak: Footprint::default(),
            samples: Vec::new(),
            barriers: Vec::new(),
            reset_failures: 0,
            exit: None,
        }
    }

    /// Whether it came to the barrier at which every module has been dropped.
    pub fn reached_last_barrier(&self) -> bool {
        self.counts_from == CountsSource::LastBarrier
    }

    /// Images that its latest barrier listed, whether or not it was seen after that.
    pub fn last_listed(&self) -> &[LingeringImage] {
        if self.listed_before.is_empty() { &self.lingering } else { &self.listed_before }
    }

    /// Whether it ended in a way that is neither its own nor leakbench's intention.
    pub fn died(&self) -> bool {
        self.exit.as_ref().is_some_and(|exit| match exit.how {
            ExitKind::Done | ExitKind::Stopped => false,
            ExitKind::Failed { .. }
            | ExitKind::Exited { .. }
            | ExitKind::Signaled { .. }
            | ExitKind::Hung { .. }
            | ExitKind::ProtocolViolation { .. } => true,
        })
    }

    pub(super) fn see_up(&mut self, up: &SubjectUp) {
        self.pid = Some(up.pid);
        self.cycles_asked = Some(up.cycles);
        self.at_rest = up.at_rest;
        self.raise_peak(&up.at_rest);
    }

    /// Takes in a sample, which is on this line of the recording.
    pub(super) fn see_sample(&mut self, line: usize, sample: &Sample) {
        let Sample { at_ms, counts, footprint, .. } = *sample;
        self.see(SubjectSample { line, at_ms, counts, footprint, at_barrier: false });
        // A subject says nothing new after its last barrier, and a sample would say less.
        if self.reached_last_barrier() {
            return;
        }
        self.counts_from = CountsSource::Sample;
        self.counts_line = line;
        self.counts = sample.counts;
        self.images = Images::of(&sample.counts, false);
        self.listed_before.append(&mut self.lingering);
    }

    /// Takes in a barrier, which is on this line of the recording.
    pub(super) fn see_barrier(&mut self, line: usize, barrier: &Barrier) {
        let Barrier { at_ms, counts, footprint, .. } = *barrier;
        self.see(SubjectSample { line, at_ms, counts, footprint, at_barrier: true });
        self.barriers.push(BarrierSample {
            line,
            at_ms,
            cycles: counts.cycles,
            lingering: counts.lingering,
            memory: barrier.memory,
            slots: barrier.slots,
            slot_map: barrier.slot_map.clone(),
        });
        self.counts_from =
            if barrier.last { CountsSource::LastBarrier } else { CountsSource::Barrier };
        self.counts_line = line;
        let counts = &barrier.counts;
        self.counts = *counts;
        self.images = Images::of(counts, true);
        self.lingering.clone_from(&barrier.lingering);
        self.listed_before = Vec::new();
        self.release.clone_from(&barrier.release);
        // An image released before its drop began has no time, but no late one is among those.
        self.late_timed = counts.late.min(barrier.release.count());
        self.reset_failures = barrier.reset_failures;
        self.at_first_barrier.get_or_insert(barrier.footprint);
        if barrier.last {
            self.at_last_barrier = Some(barrier.footprint);
            self.slots = barrier.slots;
        }
        let worst = self.worst.as_ref().map_or(0, |worst| worst.lingering);
        if counts.lingering > worst {
            self.worst = Some(LingeringBarrier {
                line,
                after_cycle: counts.cycles,
                lingering: counts.lingering,
                example: barrier.lingering.first().cloned(),
            });
        }
        let most = self.disagreeing.as_ref().map_or(0, |most| most.total);
        if barrier.disagreements_total > most {
            self.disagreeing = Some(DisagreeingBarrier {
                line,
                after_cycle: counts.cycles,
                total: barrier.disagreements_total,
                listed: barrier.disagreements.clone(),
            });
        }
    }

    fn see(&mut self, moment: SubjectSample) {
        self.raise_peak(&moment.footprint);
        self.samples.push(moment);
    }

    fn raise_peak(&mut self, seen: &Footprint) {
        let peak = &mut self.peak;
        // `None` is below every measured value.
        for (most, value) in [
            (&mut peak.mappings, seen.mappings),
            (&mut peak.memfd_mappings, seen.memfd_mappings),
            (&mut peak.fds, seen.fds),
            (&mut peak.rss_bytes, seen.rss_bytes),
            (&mut peak.shmem_bytes, seen.shmem_bytes),
            (&mut peak.page_tables_bytes, seen.page_tables_bytes),
        ] {
            *most = (*most).max(value);
        }
    }
}
