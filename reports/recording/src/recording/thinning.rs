//! Which lines a recording may lose so that its size does not grow with the run. Pure.
//!
//! Counters are totals, so a dropped line spoils none after it. What a ledger reads off a single
//! line is pinned: a subject's first and latest barrier, its worst in lingering images and in
//! disagreements, its latest sample, and whichever lines carry its peaks. Of the rest, the first
//! line in each stretch of time stays; stretches double in length whenever there are too many
//! lines, so what stays is even over the run, and lines since the last thinning are all there.
//! Of release times, which are totals and long, only those of each subject's latest barrier stay.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Barrier, Footprint, Histogram, Record, SlotMap};

/// Lines of one kind that are kept at most.
#[derive(Clone, Copy, Debug)]
struct Limit {
    /// Of one subject.
    a_subject: usize,
    /// Of all.
    total: usize,
}

const SAMPLES: Limit = Limit { a_subject: 2_000, total: 16_000 };
const BARRIERS: Limit = Limit { a_subject: 400, total: 8_000 };
/// Lingering images listed in all barriers together at most.
const LISTED_IMAGES: usize = 40_000;
/// Pairs of release times in all barriers together at most, beyond those of each subject's latest:
/// 16 bytes each, and a few thousand a barrier.
const RELEASE_PAIRS: usize = 200_000;
/// Cells of the slot maps of one barrier of each subject together, but that each subject has some.
const SLOT_CELLS: usize = 2 * SlotMap::COLUMNS_MAX;
const SLOT_CELLS_MIN: usize = 64;

/// The two kinds of line that a run makes more of the longer it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sample,
    Barrier,
}

impl Kind {
    /// Kind, subject and time in ms of a line that may be thinned.
    fn of(record: &Record) -> Option<(Kind, u32, u64)> {
        match record {
            Record::Sample(sample) => Some((Kind::Sample, sample.subject, sample.at_ms)),
            Record::Barrier(barrier) => Some((Kind::Barrier, barrier.subject, barrier.at_ms)),
            _ => None,
        }
    }
}

/// How many lines of a kind there are.
#[derive(Debug, Default)]
struct Tally {
    by_subject: HashMap<u32, usize>,
    total: usize,
    most: usize,
}

impl Tally {
    fn add(&mut self, subject: u32) {
        let count = self.by_subject.entry(subject).or_default();
        *count += 1;
        self.most = self.most.max(*count);
        self.total += 1;
    }

    fn exceeds(&self, limit: Limit) -> bool {
        self.most > limit.a_subject || self.total > limit.total
    }
}

/// Keeps count of what a recording holds, and says when and what to drop.
#[derive(Debug)]
pub(super) struct Thinning {
    samples: Tally,
    barriers: Tally,
    listed_images: usize,
    release_pairs: usize,
    /// When there are more, it is time to thin. Twice what stayed the last time, if that is more
    /// than [`RELEASE_PAIRS`]: with many subjects their latest barriers alone may take that much.
    release_pairs_max: usize,
    /// Of each stretch of this many ms the first sample stays.
    sample_stretch_ms: u64,
    barrier_stretch_ms: u64,
    /// Images that one barrier may list, so that the lists that stay fit.
    images_a_barrier: usize,
    /// Cells that the slot map of one barrier may have.
    cells_a_barrier: usize,
}

impl Thinning {
    pub(super) fn new() -> Thinning {
        Thinning {
            samples: Tally::default(),
            barriers: Tally::default(),
            listed_images: 0,
            release_pairs: 0,
            release_pairs_max: RELEASE_PAIRS,
            sample_stretch_ms: 1,
            barrier_stretch_ms: 1,
            images_a_barrier: Barrier::LINGERING_MAX,
            cells_a_barrier: SlotMap::COLUMNS_MAX,
        }
    }

    /// Takes note of `record`, cutting what it lists to what there is room for.
    pub(super) fn admit(&mut self, record: &mut Record) {
        match record {
            Record::Start(start) => {
                // The worst and the latest list of each subject stay: half of the room is theirs.
                let subjects = start.scenario.processes.get() as usize;
                self.images_a_barrier =
                    (LISTED_IMAGES / 4 / subjects).clamp(16, Barrier::LINGERING_MAX);
                self.cells_a_barrier =
                    (SLOT_CELLS / subjects).clamp(SLOT_CELLS_MIN, SlotMap::COLUMNS_MAX);
            }
            Record::Sample(sample) => self.samples.add(sample.subject),
            Record::Barrier(barrier) => {
                barrier.lingering.truncate(self.images_a_barrier);
                if let Some(map) = &mut barrier.slot_map {
                    map.coarsen(self.cells_a_barrier);
                }
                self.see_barrier(barrier);
            }
            _ => {}
        }
    }

    fn see_barrier(&mut self, barrier: &Barrier) {
        self.barriers.add(barrier.subject);
        self.listed_images += barrier.lingering.len();
        self.release_pairs += barrier.release.0.len();
    }

    /// Whether [`Thinning::thin`] is due.
    pub(super) fn is_due(&self) -> bool {
        self.samples.exceeds(SAMPLES)
            || self.barriers.exceeds(BARRIERS)
            || self.listed_images > LISTED_IMAGES
            || self.release_pairs > self.release_pairs_max
    }

    /// Drops lines until at most half of each limit is used, so that the next time is far off.
    pub(super) fn thin(&mut self, records: &mut Vec<Record>) {
        let pins = Pins::of(records);
        let longest_ms = records.iter().filter_map(Kind::of).map(|(_, _, at)| at).max();
        let longest_ms = longest_ms.unwrap_or(0);
        if self.samples.exceeds(SAMPLES) {
            let stretch = &mut self.sample_stretch_ms;
            thin_kind(records, &pins, Kind::Sample, SAMPLES, stretch, longest_ms);
        }
        // Positions have moved.
        let pins = Pins::of(records);
        if self.barriers.exceeds(BARRIERS) {
            let stretch = &mut self.barrier_stretch_ms;
            thin_kind(records, &pins, Kind::Barrier, BARRIERS, stretch, longest_ms);
        }
        let pins = Pins::of(records);
        let many_images = self.listed_images > LISTED_IMAGES;
        for (index, record) in records.iter_mut().enumerate() {
            let Record::Barrier(barrier) = record else { continue };
            if many_images && !pins.lists.contains(&index) {
                barrier.lingering = Vec::new();
            }
            // Times are totals: the latest has all of those before it.
            if !pins.latest_barriers.contains(&index) {
                barrier.release = Histogram::default();
            }
        }
        self.recount(records);
    }

    fn recount(&mut self, records: &[Record]) {
        self.samples = Tally::default();
        self.barriers = Tally::default();
        self.listed_images = 0;
        self.release_pairs = 0;
        for record in records {
            match record {
                Record::Sample(sample) => self.samples.add(sample.subject),
                Record::Barrier(barrier) => self.see_barrier(barrier),
                _ => {}
            }
        }
        self.release_pairs_max = RELEASE_PAIRS.max(self.release_pairs.saturating_mul(2));
    }
}

fn thin_kind(
    records: &mut Vec<Record>,
    pins: &Pins,
    kind: Kind,
    limit: Limit,
    stretch_ms: &mut u64,
    longest_ms: u64,
) {
    loop {
        let mut kept = Tally::default();
        let mut last_stretch = HashMap::new();
        let mask: Vec<bool> = records
            .iter()
            .enumerate()
            .map(|(index, record)| {
                let Some((_, subject, at_ms)) = Kind::of(record).filter(|(k, ..)| *k == kind)
                else {
                    return true;
                };
                let stretch = at_ms / *stretch_ms;
                let first = last_stretch.insert(subject, stretch) != Some(stretch);
                let keep = first || pins.lines.contains(&index);
                if keep {
                    kept.add(subject);
                }
                keep
            })
            .collect();
        let few = kept.most <= limit.a_subject / 2 && kept.total <= limit.total / 2;
        if few || *stretch_ms > longest_ms {
            let mut mask = mask.into_iter();
            records.retain(|_| mask.next().unwrap_or(true));
            return;
        }
        *stretch_ms = stretch_ms.saturating_mul(2);
    }
}

/// Positions of the lines that a ledger reads something off.
#[derive(Debug, Default)]
struct Pins {
    lines: HashSet<usize>,
    /// Barriers whose lists of images stay as well.
    lists: HashSet<usize>,
    /// Barriers whose release times stay as well: the latest of each subject.
    latest_barriers: HashSet<usize>,
}

/// The pinned positions of one subject, as far as they are known.
#[derive(Default)]
struct SubjectPins {
    latest_sample: Option<usize>,
    first_barrier: Option<usize>,
    latest_barrier: Option<usize>,
    most_lingering: Option<(u64, usize)>,
    most_disagreements: Option<(u64, usize)>,
    peaks: [Option<(u64, usize)>; 6],
}

impl SubjectPins {
    fn see_footprint(&mut self, index: usize, footprint: &Footprint) {
        let values = [
            footprint.mappings,
            footprint.memfd_mappings,
            footprint.fds,
            footprint.rss_bytes,
            footprint.shmem_bytes,
            footprint.page_tables_bytes,
        ];
        for (peak, value) in self.peaks.iter_mut().zip(values) {
            if let Some(value) = value {
                raise(peak, value, index);
            }
        }
    }

    fn see_barrier(&mut self, index: usize, barrier: &Barrier) {
        self.first_barrier.get_or_insert(index);
        self.latest_barrier = Some(index);
        raise(&mut self.most_lingering, barrier.counts.lingering, index);
        raise(&mut self.most_disagreements, barrier.disagreements_total, index);
    }
}

/// The earliest of equals stays, as in a ledger.
fn raise(most: &mut Option<(u64, usize)>, value: u64, index: usize) {
    if most.is_none_or(|(before, _)| value > before) {
        *most = Some((value, index));
    }
}

impl Pins {
    fn of(records: &[Record]) -> Pins {
        let mut subjects: BTreeMap<u32, SubjectPins> = BTreeMap::new();
        for (index, record) in records.iter().enumerate() {
            match record {
                Record::Sample(sample) => {
                    let pins = subjects.entry(sample.subject).or_default();
                    pins.latest_sample = Some(index);
                    pins.see_footprint(index, &sample.footprint);
                }
                Record::Barrier(barrier) => {
                    let pins = subjects.entry(barrier.subject).or_default();
                    pins.see_barrier(index, barrier);
                    pins.see_footprint(index, &barrier.footprint);
                }
                _ => {}
            }
        }
        let mut pins = Pins::default();
        for subject in subjects.into_values() {
            let at = |pair: Option<(u64, usize)>| pair.map(|(_, index)| index);
            let worst = at(subject.most_lingering);
            pins.latest_barriers.extend(subject.latest_barrier);
            pins.lists.extend([worst, subject.latest_barrier].into_iter().flatten());
            let lines =
                [subject.latest_sample, subject.first_barrier, at(subject.most_disagreements)];
            pins.lines.extend(lines.into_iter().flatten());
            pins.lines.extend(subject.peaks.into_iter().filter_map(at));
        }
        pins.lines.extend(&pins.lists);
        pins
    }
}
