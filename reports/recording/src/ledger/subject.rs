//! One subject in the ledger.

use leakbench_model::{Counts, FailedSteps, Footprint, Histogram, LingeringImage, SlotCounts};
use leakbench_scenarios::Scenario;

use super::Images;
use crate::recording::{
    Barrier, ExactMemory, Exit, ExitKind, OpenFiles, Sample, SlotMap, SubjectUp,
};

/// All recorded facts about one subject.
#[derive(Clone, Debug, PartialEq)]
pub struct SubjectLedger {
    /// Number of the subject.
    pub number: u32,
    /// Process id; `None` if it did not start.
    pub pid: Option<u32>,
    /// Number of requested cycles.
    pub cycles_asked: Option<u64>,
    /// The kind of line that `counts` and `images` come from.
    pub counts_from: CountsSource,
    /// Number of that line, from 1; 0 if there is none.
    pub counts_line: usize,
    /// Counts of the death watch in that line.
    pub counts: Counts,
    /// Time in which cycles ran until that line, without barriers. Older recordings do not have it.
    pub running_us: Option<u64>,
    /// Images by their fate as of that line. Images whose fate was open then are unknown.
    pub images: Images,
    /// Lingering images listed at the latest barrier; empty if a later sample exists.
    pub lingering: Vec<LingeringImage>,
    /// Lingering images listed at the latest barrier, if a later sample exists. Their fate is
    /// unknown; their holders are those at the barrier.
    pub listed_before: Vec<LingeringImage>,
    /// The barrier with the most lingering images, if any. Of equal barriers, the first.
    pub worst: Option<LingeringBarrier>,
    /// The first barrier at which images lingered, if any. It lists only the first dropped one.
    pub began: Option<LingeringBarrier>,
    /// The barrier with the most disagreements, if any. Of equal barriers, the first.
    pub disagreeing: Option<DisagreeingBarrier>,
    /// Times from the beginning of a drop until the subject learned of the release, as of the
    /// latest barrier.
    pub release: Histogram,
    /// Number of late releases whose times are in `release`.
    pub late_timed: u64,
    /// Footprint before the first cycle.
    pub at_rest: Footprint,
    /// The line of the recording that has it, and its time in ms since the run began; `None` if the
    /// subject did not start.
    pub at_rest_from: Option<(usize, u64)>,
    /// The limit of its descriptors; see [`Ledger::open_files`](super::Ledger::open_files).
    pub open_files: Option<OpenFiles>,
    /// Footprint at the first barrier.
    pub at_first_barrier: Option<Footprint>,
    /// Footprint at the last barrier.
    pub at_last_barrier: Option<Footprint>,
    /// Slots by state at the last barrier.
    pub slots: Option<SlotCounts>,
    /// The peak of each resource, each at its own time.
    pub peak: Footprint,
    /// All recorded samples and barriers.
    pub samples: Vec<SubjectSample>,
    /// Further values at all recorded barriers.
    pub barriers: Vec<BarrierSample>,
    /// Failed mapping calls while slots were reset.
    pub reset_failures: u64,
    /// Descriptors that guests have open at the last barrier, as their runtime counts them, if it does.
    pub guest_descriptors: Option<u64>,
    /// Steps that failed while calls failed on purpose, as of the latest barrier.
    pub failed_steps: FailedSteps,
    /// Its end.
    pub exit: Option<Exit>,
}

/// Counts and footprint of a subject, on a timer or at a barrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubjectSample {
    /// Number of its line in the recording, from 1.
    pub line: usize,
    /// Time in ms since the run began.
    pub at_ms: u64,
    /// Counts of the death watch. They are exact at a barrier only: in other samples an image may
    /// count as lingering during its drop.
    pub counts: Counts,
    /// Time in which cycles ran so far, without barriers. Older recordings do not have it.
    pub running_us: Option<u64>,
    /// The footprint.
    pub footprint: Footprint,
    /// True if this is a barrier.
    pub at_barrier: bool,
}

/// Values of a subject at a barrier that a [`SubjectSample`] does not have.
#[derive(Clone, Debug, PartialEq)]
pub struct BarrierSample {
    /// Number of its line in the recording, from 1.
    pub line: usize,
    /// Time in ms since the run began.
    pub at_ms: u64,
    /// Completed cycles.
    pub cycles: u64,
    /// Number of lingering images.
    pub lingering: u64,
    /// The exact counts of the death watch.
    pub counts: Counts,
    /// Number of disagreements of the witnesses.
    pub disagreements: u64,
    /// Exact memory.
    pub memory: Option<ExactMemory>,
    /// Slots by state.
    pub slots: Option<SlotCounts>,
    /// State of each slot.
    pub slot_map: Option<SlotMap>,
}

/// The kind of line that a subject's counts come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountsSource {
    /// The last barrier: all modules were dropped.
    LastBarrier,
    /// An earlier barrier. Images that were live are unknown.
    Barrier,
    /// A sample. All images that were not released are unknown.
    Sample,
    /// There is no such line.
    Nothing,
}

/// A barrier at which images lingered.
#[derive(Clone, Debug, PartialEq)]
pub struct LingeringBarrier {
    /// Number of its line in the recording, from 1.
    pub line: usize,
    /// Completed cycles.
    pub after_cycle: u64,
    /// Number of lingering images.
    pub lingering: u64,
    /// The listed images.
    pub listed: Vec<LingeringImage>,
}

/// A barrier at which the witnesses disagreed.
#[derive(Clone, Debug, PartialEq)]
pub struct DisagreeingBarrier {
    /// Number of its line in the recording, from 1.
    pub line: usize,
    /// Completed cycles.
    pub after_cycle: u64,
    /// Number of disagreements.
    pub total: u64,
    /// The listed disagreements, in words.
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
            running_us: None,
            images: Images::default(),
            lingering: Vec::new(),
            listed_before: Vec::new(),
            worst: None,
            began: None,
            disagreeing: None,
            release: Histogram::default(),
            late_timed: 0,
            at_rest: Footprint::default(),
            at_rest_from: None,
            open_files: None,
            at_first_barrier: None,
            at_last_barrier: None,
            slots: None,
            peak: Footprint::default(),
            samples: Vec::new(),
            barriers: Vec::new(),
            reset_failures: 0,
            guest_descriptors: None,
            failed_steps: FailedSteps::default(),
            exit: None,
        }
    }

    /// True if it reached its last barrier, at which all modules are dropped.
    pub fn reached_last_barrier(&self) -> bool {
        self.counts_from == CountsSource::LastBarrier
    }

    /// Lingering images listed at the latest barrier, with or without later samples.
    pub fn last_listed(&self) -> &[LingeringImage] {
        if self.listed_before.is_empty() { &self.lingering } else { &self.listed_before }
    }

    /// The number of images that lingered at the latest barrier and were not released until a later
    /// sample, which is the last line: at least these of the unknown ones are not released there. 0 if
    /// the last line is a barrier.
    pub fn lingered_before(&self) -> u64 {
        match self.barriers.last() {
            Some(barrier) if self.counts_from == CountsSource::Sample => {
                let released = self.counts.late.saturating_sub(barrier.counts.late);
                barrier.lingering.saturating_sub(released).min(self.images.unknown)
            }
            _ => 0,
        }
    }

    /// The number of late releases that nothing explains: leakbench did not read the process meanwhile, and
    /// no holder outside of it was found. `None` in older recordings.
    pub fn late_unexplained(&self) -> Option<u64> {
        let Counts { late, late_beside_reading, late_held_outside, .. } = self.counts;
        Some(
            late.saturating_sub(late_beside_reading?)
                .saturating_sub(late_held_outside.unwrap_or(0)),
        )
    }

    /// True if it failed, crashed, hung, was killed or violated the protocol.
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

    /// Adds its start, of this line number.
    pub(super) fn see_up(&mut self, line: usize, up: &SubjectUp) {
        self.pid = Some(up.pid);
        self.cycles_asked = Some(up.cycles);
        self.at_rest = up.at_rest;
        self.at_rest_from = Some((line, up.at_ms));
        self.open_files = up.open_files;
        self.peak.raise_to(&up.at_rest);
    }

    /// Adds a sample of this line number.
    pub(super) fn see_sample(&mut self, line: usize, sample: &Sample) {
        let Sample { at_ms, counts, running_us, footprint, .. } = *sample;
        self.see(SubjectSample { line, at_ms, counts, running_us, footprint, at_barrier: false });
        // The last barrier is exact and final.
        if self.reached_last_barrier() {
            return;
        }
        self.counts_from = CountsSource::Sample;
        self.counts_line = line;
        self.counts = sample.counts;
        self.running_us = sample.running_us;
        self.images = Images::of(&sample.counts, false);
        self.listed_before.append(&mut self.lingering);
    }

    /// Adds a barrier of this line number.
    pub(super) fn see_barrier(&mut self, line: usize, barrier: &Barrier) {
        let Barrier { at_ms, counts, running_us, footprint, .. } = *barrier;
        self.see(SubjectSample { line, at_ms, counts, running_us, footprint, at_barrier: true });
        self.barriers.push(BarrierSample {
            line,
            at_ms,
            cycles: counts.cycles,
            lingering: counts.lingering,
            counts,
            disagreements: barrier.disagreements_total,
            memory: barrier.memory,
            slots: barrier.slots,
            slot_map: barrier.slot_map.clone(),
        });
        self.counts_from =
            if barrier.last { CountsSource::LastBarrier } else { CountsSource::Barrier };
        self.counts_line = line;
        let counts = &barrier.counts;
        self.counts = *counts;
        self.running_us = barrier.running_us;
        self.images = Images::of(counts, true);
        self.lingering.clone_from(&barrier.lingering);
        self.listed_before = Vec::new();
        self.release.clone_from(&barrier.release);
        // Only releases before a drop began have no time, and those are not late.
        self.late_timed = counts.late.min(barrier.release.count());
        self.reset_failures = barrier.reset_failures;
        self.failed_steps.clone_from(&barrier.failed_steps);
        self.at_first_barrier.get_or_insert(barrier.footprint);
        if barrier.last {
            self.at_last_barrier = Some(barrier.footprint);
            self.slots = barrier.slots;
            self.guest_descriptors = barrier.guest_descriptors;
        }
        let worst = self.worst.as_ref().map_or(0, |worst| worst.lingering);
        if counts.lingering > worst {
            let seen = LingeringBarrier {
                line,
                after_cycle: counts.cycles,
                lingering: counts.lingering,
                listed: barrier.lingering.clone(),
            };
            if self.began.is_none() {
                let listed = first_dropped(&barrier.lingering).cloned().into_iter().collect();
                self.began = Some(LingeringBarrier { listed, ..seen });
            }
            self.worst = Some(seen);
        }
        let highest = self.disagreeing.as_ref().map_or(0, |highest| highest.total);
        if barrier.disagreements_total > highest {
            self.disagreeing = Some(DisagreeingBarrier {
                line,
                after_cycle: counts.cycles,
                total: barrier.disagreements_total,
                listed: barrier.disagreements.clone(),
            });
        }
    }

    /// Replaces the cycles of threads in its listed images by those of the run.
    pub(super) fn count_cycles_of_run(&mut self, scenario: &Scenario) {
        let examples = self.worst.iter_mut().chain(&mut self.began);
        let examples = examples.flat_map(|barrier| &mut barrier.listed);
        for image in self.lingering.iter_mut().chain(&mut self.listed_before).chain(examples) {
            if let Some(share) = scenario.share_of_module(self.number, image.module) {
                image.dropped_at_cycle = share.cycle_of_run(image.dropped_at_cycle);
            }
        }
    }

    fn see(&mut self, sample: SubjectSample) {
        self.peak.raise_to(&sample.footprint);
        self.samples.push(sample);
    }
}

/// The image whose module was dropped first. Times are whole ms, so of those that linger longest it is
/// the one of the lowest cycle.
fn first_dropped(listed: &[LingeringImage]) -> Option<&LingeringImage> {
    let longest = listed.first()?.lingering_ms;
    let same = listed.iter().filter(|image| image.lingering_ms == longest);
    same.min_by_key(|image| image.dropped_at_cycle)
}
