//! Bounds of a run's recording: its limits, and the lines that a ledger reads individually.
//!
//! Pinned are, for each subject: the first and the latest barrier, the first one with lingering images,
//! the barriers with the most lingering images and with the most disagreements, the latest sample, and
//! the lines with peaks.

use std::collections::{BTreeMap, HashSet};

use leakbench_model::{Footprint, Histogram, Resource};

use super::line::{Group, Keep, Line, List, Member, Pins, RecordingKind};
use super::{Barrier, RECORDING_VERSION, Record, SlotMap, Start, Witness, WitnessFailure};

/// Indices into [`Line::GROUPS`].
const SAMPLES: usize = 0;
const BARRIERS: usize = 1;

/// Indices into [`Line::LISTS`].
const IMAGES: usize = 0;
const RELEASE_TIMES: usize = 1;

/// Lingering images listed in all barriers together.
const IMAGES_MAX: usize = 40_000;
/// Pairs of release times in all barriers together: 16 bytes each, and a few thousand a barrier.
const RELEASE_TIMES_MAX: usize = 200_000;

/// Slots or bins of the slot maps of one barrier of each subject together.
const SLOTS_MAX: usize = 2 * SlotMap::SLOTS_MAX;
const BINS_MAX: usize = 2 * SlotMap::BINS_MAX;
/// Bins that a slot map keeps in any case.
const BINS_MIN: usize = 32;

impl Line for Record {
    const KIND: RecordingKind = RecordingKind::Run;
    const VERSION: u32 = RECORDING_VERSION;
    const GROUPS: &'static [Group] = &[
        Group { subject_max: 2_000, total_max: 16_000, keep: Keep::FirstOfStretch },
        Group { subject_max: 400, total_max: 8_000, keep: Keep::FirstOfStretch },
    ];
    const LISTS: &'static [List] = &[
        List { max: IMAGES_MAX, always: false },
        // Release times are totals: the latest barrier has those of all earlier ones.
        List { max: RELEASE_TIMES_MAX, always: true },
    ];
    const REPEATS_MAX: usize = 20;
    type Start = Start;
    type Repeat = (u32, Witness);

    fn start(&self) -> Option<&Start> {
        match self {
            Record::Start(start) => Some(start),
            _ => None,
        }
    }

    fn is_end(&self) -> bool {
        matches!(self, Record::End(_))
    }

    fn shorten(&mut self, first: Option<&Record>) {
        let Record::Barrier(barrier) = self else { return };
        let room = Room::of(first.and_then(Record::start));
        barrier.lingering.truncate(room.images);
        if let Some(map) = &mut barrier.slot_map {
            // A bin of several slots takes more text than a slot.
            if map.slots_per_bin() > 1 || map.bin_count() > room.slots {
                map.coarsen(room.bins);
            }
        }
    }

    fn member(&self) -> Option<Member> {
        match self {
            Record::Sample(sample) => {
                Some(Member { group: SAMPLES, subject: sample.subject, at_ms: sample.at_ms })
            }
            Record::Barrier(barrier) => {
                Some(Member { group: BARRIERS, subject: barrier.subject, at_ms: barrier.at_ms })
            }
            _ => None,
        }
    }

    fn list_len(&self, list: usize) -> usize {
        match self {
            Record::Barrier(barrier) if list == IMAGES => barrier.lingering.len(),
            Record::Barrier(barrier) if list == RELEASE_TIMES => barrier.release.0.len(),
            _ => 0,
        }
    }

    fn clear_list(&mut self, list: usize) {
        match self {
            Record::Barrier(barrier) if list == IMAGES => barrier.lingering = Vec::new(),
            Record::Barrier(barrier) if list == RELEASE_TIMES => {
                barrier.release = Histogram::default();
            }
            _ => {}
        }
    }

    fn pins(lines: &[Record]) -> Pins {
        let mut subjects: BTreeMap<u32, SubjectPins> = BTreeMap::new();
        for (position, line) in lines.iter().enumerate() {
            match line {
                Record::Sample(sample) => {
                    let pins = subjects.entry(sample.subject).or_default();
                    pins.latest_sample = Some(position);
                    pins.see_footprint(position, &sample.footprint);
                }
                Record::Barrier(barrier) => {
                    let pins = subjects.entry(barrier.subject).or_default();
                    pins.see_barrier(position, barrier);
                    pins.see_footprint(position, &barrier.footprint);
                }
                _ => {}
            }
        }
        let (mut all, mut images, mut release_times) =
            (HashSet::new(), HashSet::new(), HashSet::new());
        for subject in subjects.into_values() {
            let at = |highest: Option<(u64, usize)>| highest.map(|(_, position)| position);
            let lists =
                [subject.first_lingering, at(subject.most_lingering), subject.latest_barrier];
            images.extend(lists.into_iter().flatten());
            release_times.extend(subject.latest_barrier);
            all.extend(subject.latest_sample);
            all.extend(subject.first_barrier);
            all.extend(at(subject.most_disagreements));
            all.extend(subject.peaks.into_values().filter_map(at));
        }
        all.extend(&images);
        Pins { lines: all, lists: vec![images, release_times] }
    }

    fn repeat(&self) -> Option<((u32, Witness), u64)> {
        match self {
            Record::WitnessFailure(failure) => {
                Some(((failure.subject, failure.witness), failure.at_ms))
            }
            _ => None,
        }
    }

    fn omitted((subject, witness): (u32, Witness), count: u64, at_ms: u64) -> Record {
        let what = format!("{count} more failures of this witness, not listed");
        Record::WitnessFailure(WitnessFailure { at_ms, subject, witness, what })
    }
}

/// Room in one barrier, so that the pinned barriers of all subjects fit.
struct Room {
    images: usize,
    slots: usize,
    bins: usize,
}

impl Room {
    fn of(start: Option<&Start>) -> Room {
        let Some(start) = start else {
            let (slots, bins) = (SlotMap::SLOTS_MAX, SlotMap::BINS_MAX);
            return Room { images: Barrier::LINGERING_MAX, slots, bins };
        };
        let subjects = start.scenario.processes.get() as usize;
        Room {
            // The first, the worst and the latest list of each subject stay and may use three quarters
            // of the limit.
            images: (IMAGES_MAX / 4 / subjects).clamp(16, Barrier::LINGERING_MAX),
            slots: (SLOTS_MAX / subjects).min(SlotMap::SLOTS_MAX),
            bins: (BINS_MAX / subjects).clamp(BINS_MIN, SlotMap::BINS_MAX),
        }
    }
}

/// Pinned positions of one subject.
#[derive(Default)]
struct SubjectPins {
    latest_sample: Option<usize>,
    first_barrier: Option<usize>,
    latest_barrier: Option<usize>,
    first_lingering: Option<usize>,
    most_lingering: Option<(u64, usize)>,
    most_disagreements: Option<(u64, usize)>,
    peaks: BTreeMap<Resource, Option<(u64, usize)>>,
}

impl SubjectPins {
    fn see_footprint(&mut self, position: usize, footprint: &Footprint) {
        for (resource, amount) in footprint.iter() {
            raise(self.peaks.entry(resource).or_default(), amount, position);
        }
    }

    fn see_barrier(&mut self, position: usize, barrier: &Barrier) {
        self.first_barrier.get_or_insert(position);
        self.latest_barrier = Some(position);
        if barrier.counts.lingering > 0 {
            self.first_lingering.get_or_insert(position);
        }
        raise(&mut self.most_lingering, barrier.counts.lingering, position);
        raise(&mut self.most_disagreements, barrier.disagreements_total, position);
    }
}

/// Of equal values the earliest stays, as in a ledger.
fn raise(highest: &mut Option<(u64, usize)>, value: u64, position: usize) {
    if highest.is_none_or(|(before, _)| value > before) {
        *highest = Some((value, position));
    }
}
