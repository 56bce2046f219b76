//! The ledger of a run: the fate of every image, and the footprint of each subject. A pure fold
//! over a recording, without conclusions.

mod holders;
mod images;
mod subject;

use std::collections::BTreeMap;

pub use holders::{ImagesByReason, SlotsByState};
pub use images::Images;
pub use subject::{
    BarrierSample, CountsSource, DisagreeingBarrier, LingeringBarrier, SubjectLedger, SubjectSample,
};

use crate::recording::{End, Exit, OpenFiles, Record, Recording, Start, WitnessFailure};
use leakbench_model::text::sum;
use leakbench_model::{Counts, Footprint, Histogram, LingeringImage};
use leakbench_scenarios::Share;

/// All that the judge and the renderers read of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Ledger {
    /// The requested run and the machine.
    pub start: Start,
    /// The subjects, by number.
    pub subjects: Vec<SubjectLedger>,
    /// Recorded number of completed cycles of all subjects.
    pub cycles: u64,
    /// Images of all subjects by their fate.
    pub images: Images,
    /// Times from drop to release.
    pub release: ReleaseTimes,
    /// Sum of the peaks of all subjects, which may be of different times. A resource that is unknown
    /// in one subject is absent.
    pub peak: Footprint,
    /// Sum of the footprints of all subjects at their last barriers. Empty if one did not reach it.
    pub at_end: Footprint,
    /// Listed images by the reason why they linger.
    pub held_by: Vec<ImagesByReason>,
    /// Slots that map a listed image, by state.
    pub slots_holding: Vec<SlotsByState>,
    /// Failures of the witnesses.
    pub witness_failures: Vec<WitnessFailure>,
    /// Time of the user's interruption, in ms since the run began.
    pub interrupted_at_ms: Option<u64>,
    /// The end; `None` if the supervisor did not complete the run.
    pub end: Option<End>,
    /// Time of the latest line, in ms since the run began.
    pub last_seen_ms: u64,
}

/// Times from the beginning of a drop until the subject learned of the release. `None` without
/// recorded times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReleaseTimes {
    /// Number of recorded times. Releases since the latest barrier, and releases before a drop
    /// began, have none.
    pub count: u64,
    /// Median.
    pub p50_ns: Option<u64>,
    /// 99th percentile.
    pub p99_ns: Option<u64>,
    /// Maximum.
    pub max_ns: Option<u64>,
}

/// The recording of a run or an observation was cut before its first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the recording is empty: it was cut before its first line, which describes what was recorded"
)]
pub struct NoStart;

impl Ledger {
    /// Folds a recording.
    ///
    /// # Errors
    /// The recording was cut before its first line.
    pub fn of(recording: &Recording) -> Result<Ledger, NoStart> {
        let mut start = recording.start().ok_or(NoStart)?.clone();
        let mut subjects = Subjects::default();
        let mut witness_failures = Vec::new();
        let mut interrupted_at_ms = None;
        let mut end = None;
        let mut last_seen_ms = 0;
        for (line, record) in (1..).zip(&recording.records) {
            let at_ms = match record {
                Record::Start(_) => 0,
                Record::Subject(up) => {
                    subjects.get(up.subject).see_up(line, up);
                    // The subject's own report has priority.
                    start.runtime = up.runtime.clone().or(start.runtime);
                    up.at_ms
                }
                Record::Sample(sample) => {
                    subjects.get(sample.subject).see_sample(line, sample);
                    sample.at_ms
                }
                Record::Barrier(barrier) => {
                    subjects.get(barrier.subject).see_barrier(line, barrier);
                    barrier.at_ms
                }
                Record::Exit(exit) => {
                    subjects.get(exit.subject).exit = Some(exit.clone());
                    exit.at_ms
                }
                Record::WitnessFailure(failure) => {
                    witness_failures.push(failure.clone());
                    failure.at_ms
                }
                Record::Interrupted(interrupted) => {
                    interrupted_at_ms.get_or_insert(interrupted.at_ms);
                    interrupted.at_ms
                }
                Record::End(last) => {
                    end = Some(*last);
                    last.at_ms
                }
            };
            last_seen_ms = last_seen_ms.max(at_ms);
        }
        let mut subjects: Vec<SubjectLedger> = subjects.0.into_values().collect();
        subjects.iter_mut().for_each(|subject| subject.count_cycles_of_run(&start.scenario));
        let listed = || {
            subjects
                .iter()
                .flat_map(|subject| subject.lingering.iter().map(|image| (subject.number, image)))
        };
        Ok(Ledger {
            start,
            cycles: sum(subjects.iter().map(|subject| subject.counts.cycles)),
            images: subjects.iter().map(|subject| subject.images).sum(),
            release: ReleaseTimes::of(subjects.iter().map(|subject| &subject.release)),
            peak: Footprint::sum(subjects.iter().map(|subject| subject.peak)),
            // The footprint of a subject that did not reach its last barrier is unknown.
            at_end: Footprint::sum(
                subjects.iter().map(|it| it.at_last_barrier.unwrap_or_default()),
            ),
            held_by: ImagesByReason::of(listed().map(|(_, image)| image)),
            slots_holding: SlotsByState::of(listed()),
            subjects,
            witness_failures,
            interrupted_at_ms,
            end,
            last_seen_ms,
        })
    }

    /// Listed lingering images with their subjects. Subjects take turns, each with its
    /// longest-lingering images first. [`Images::lingering`] has the number of all.
    pub fn lingering(&self) -> impl Iterator<Item = (u32, &LingeringImage)> {
        let turns = self.subjects.iter().map(|subject| subject.lingering.len()).max();
        (0..turns.unwrap_or(0)).flat_map(|turn| {
            self.subjects.iter().filter_map(move |subject| {
                subject.lingering.get(turn).map(|image| (subject.number, image))
            })
        })
    }

    /// The subjects that died, each with its end, in the order of their ends: the first may be the cause
    /// of the others. Every text that names a dead subject names the first.
    pub fn deaths(&self) -> Vec<(&SubjectLedger, &Exit)> {
        let dead = self.subjects.iter().filter(|subject| subject.died());
        let mut dead: Vec<_> =
            dead.filter_map(|subject| Some((subject, subject.exit.as_ref()?))).collect();
        // Of equal times the lowest number.
        dead.sort_by_key(|(_, exit)| exit.at_ms);
        dead
    }

    /// The limit of a subject's descriptors: its own or, in older recordings, the supervisor's. `None` if
    /// it is unlimited or unknown.
    pub fn open_files(&self, subject: &SubjectLedger) -> Option<OpenFiles> {
        let of_supervisor = || self.start.fingerprint.get("open_files")?.get("soft")?.as_u64();
        subject.open_files.or_else(|| Some(OpenFiles { max: of_supervisor()?, beyond: 0 }))
    }

    /// The part of the cycles of the thread that created module `module` of subject `subject`.
    pub fn share_of(&self, subject: u32, module: u64) -> Option<Share> {
        self.start.scenario.share_of_module(subject, module)
    }

    /// The cycle in which an image's module was dropped, counted by its thread.
    pub fn cycle_of_thread(&self, subject: u32, image: &LingeringImage) -> u64 {
        let first = self.share_of(subject, image.module).map_or(0, |share| share.first);
        image.dropped_at_cycle.saturating_sub(first)
    }

    /// Number of listed lingering images.
    pub fn lingering_listed(&self) -> u64 {
        sum(self.subjects.iter().map(|subject| subject.lingering.len() as u64))
    }

    /// Time in which cycles ran, without barriers, in µs: that of the subject whose cycles ran longest.
    /// `None` if the recording is older than this measurement, or without cycles.
    pub fn cycle_time_us(&self) -> Option<u64> {
        let ran = self.subjects.iter().filter(|subject| subject.counts.cycles > 0);
        let times: Option<Vec<u64>> = ran.map(|subject| subject.running_us).collect();
        times?.into_iter().max()
    }

    /// [`Ledger::cycle_time_us`]. Of an older recording, the time from the first cycle to the end of the
    /// last barrier, or to the last line.
    pub fn running_us(&self) -> u64 {
        let with_barriers = || self.end.map_or(self.last_seen_ms, |end| end.running_ms);
        self.cycle_time_us().unwrap_or_else(|| with_barriers().saturating_mul(1_000))
    }

    /// Cycles a second of all subjects, in the time in which they ran. `None` if that time is 0.
    pub fn rate_per_s(&self) -> Option<f64> {
        let running_us = self.running_us();
        (running_us > 0).then(|| self.cycles as f64 * 1e6 / running_us as f64)
    }
}

/// The subjects of the lines so far.
#[derive(Default)]
struct Subjects(BTreeMap<u32, SubjectLedger>);

impl Subjects {
    fn get(&mut self, number: u32) -> &mut SubjectLedger {
        let subject = self.0.entry(number);
        subject.or_insert_with(|| SubjectLedger::new(number))
    }
}

impl ReleaseTimes {
    fn of<'a>(parts: impl Iterator<Item = &'a Histogram>) -> ReleaseTimes {
        let all = Histogram::merged(parts);
        ReleaseTimes {
            count: all.count(),
            p50_ns: all.quantile_ns(0.5),
            p99_ns: all.quantile_ns(0.99),
            max_ns: all.max_ns(),
        }
    }
}

/// Number of released images.
fn released(counts: &Counts) -> u64 {
    counts.synchronous.saturating_add(counts.late)
}
