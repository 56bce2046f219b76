//! The ledger: what became of every image, and what was seen beside it. A pure fold over a
//! recording; it concludes nothing.

mod holders;
mod images;
mod subject;

use std::collections::BTreeMap;

pub use holders::{ImagesByReason, SlotsByState};
pub use images::Images;
pub use subject::{
    BarrierSample, CountsSource, DisagreeingBarrier, LingeringBarrier, SubjectLedger, SubjectSample,
};

use crate::recording::{End, Footprint, Record, Recording, Start, WitnessFailure};
use leakbench_model::text::sum;
use leakbench_model::{Counts, Histogram, LingeringImage};

/// Everything that a judge and the renderers need to know of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Ledger {
    /// What was asked for.
    pub start: Start,
    /// Each subject's account, by its number.
    pub subjects: Vec<SubjectLedger>,
    /// Cycles done, of all subjects, as far as was seen.
    pub cycles: u64,
    /// What became of the images of all subjects.
    pub images: Images,
    /// Time from drop to release.
    pub release: ReleaseTimes,
    /// Each subject's own peaks, added: they need not have been at the same time. What one
    /// subject could not be asked for is `None` here as well.
    pub peak: Footprint,
    /// What all subjects had at their last barriers, added; nothing where one did not come to it.
    pub at_end: Footprint,
    /// Which holders the listed images have.
    pub held_by: Vec<ImagesByReason>,
    /// How many slots map a listed image, by what the slots are doing.
    pub slots_holding: Vec<SlotsByState>,
    /// Why the witnesses may not be believed.
    pub witness_failures: Vec<WitnessFailure>,
    /// When its user interrupted the run, in ms since it began.
    pub interrupted_at_ms: Option<u64>,
    /// The end; `None` of a run whose supervisor did not come to it.
    pub end: Option<End>,
    /// When the last line was recorded, in ms since the run began.
    pub last_seen_ms: u64,
}

/// Time from the beginning of a drop until the release was heard of, over all released images of
/// which it is known; `None` where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReleaseTimes {
    /// How many they are: fewer than were released, where a subject was last seen between two
    /// barriers, or images were released before the drop of their module began.
    pub count: u64,
    /// Half of them took no longer.
    pub p50_ns: Option<u64>,
    /// All but one in a hundred took no longer.
    pub p99_ns: Option<u64>,
    /// None took longer.
    pub max_ns: Option<u64>,
}

/// A recording that was cut before its first line: nothing is known of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the recording is empty: it was cut before its first line, which says what was run")]
pub struct NoStart;

impl Ledger {
    /// Folds a recording.
    ///
    /// # Errors
    /// The recording does not say what was run.
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
                    subjects.get(up.subject).see_up(up);
                    // It knows itself better than what started it.
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
                Record::WitnessFailure(trouble) => {
                    witness_failures.push(trouble.clone());
                    trouble.at_ms
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
        let subjects: Vec<SubjectLedger> = subjects.0.into_values().collect();
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
            peak: added(subjects.iter().map(|subject| Some(&subject.peak))),
            at_end: added(subjects.iter().map(|subject| subject.at_last_barrier.as_ref())),
            held_by: ImagesByReason::of(listed().map(|(_, image)| image)),
            slots_holding: SlotsByState::of(listed()),
            subjects,
            witness_failures,
            interrupted_at_ms,
            end,
            last_seen_ms,
        })
    }

    /// Lingering images as each subject's last look listed them, with their subject: of subjects
    /// in turn the longest-lingering that is left, so that the first few are of all of them.
    /// There may be more, see [`Images::lingering`].
    pub fn lingering(&self) -> impl Iterator<Item = (u32, &LingeringImage)> {
        let turns = self.subjects.iter().map(|subject| subject.lingering.len()).max();
        (0..turns.unwrap_or(0)).flat_map(|turn| {
            self.subjects.iter().filter_map(move |subject| {
                subject.lingering.get(turn).map(|image| (subject.number, image))
            })
        })
    }

    /// How many of the lingering images are listed.
    pub fn lingering_listed(&self) -> u64 {
        sum(self.subjects.iter().map(|subject| subject.lingering.len() as u64))
    }

    /// How long cycles ran, in ms; where the supervisor did not come to say, until the last
    /// line.
    pub fn running_ms(&self) -> u64 {
        self.end.map_or(self.last_seen_ms, |end| end.running_ms)
    }

    /// Cycles a second, over all subjects. `None` of a run too short to say.
    pub fn rate_per_s(&self) -> Option<f64> {
        let running_ms = self.running_ms();
        (running_ms > 0).then(|| self.cycles as f64 * 1000.0 / running_ms as f64)
    }
}

/// Subjects as far as they have been met.
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

/// What all subjects have together; of what one of them could not be asked for, nothing.
fn added<'a>(subjects: impl Iterator<Item = Option<&'a Footprint>>) -> Footprint {
    let subjects: Option<Vec<&Footprint>> = subjects.collect();
    let subjects = subjects.unwrap_or_default();
    let added = |field: fn(&Footprint) -> Option<u64>| {
        let values: Option<Vec<u64>> = subjects.iter().map(|subject| field(subject)).collect();
        values.filter(|values| !values.is_empty()).map(sum)
    };
    Footprint {
        mappings: added(|of| of.mappings),
        memfd_mappings: added(|of| of.memfd_mappings),
        fds: added(|of| of.fds),
        rss_bytes: added(|of| of.rss_bytes),
        shmem_bytes: added(|of| of.shmem_bytes),
        page_tables_bytes: added(|of| of.page_tables_bytes),
    }
}

/// The images that a count tells of as dropped and gone.
fn released(counts: &Counts) -> u64 {
    counts.synchronous.saturating_add(counts.late)
}
