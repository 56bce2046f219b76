//! The share of dropped images that still linger, by the cycles since their drop.

use super::lingering::total;
use super::theory::random_slots;
use super::{Chart, Plot};
use leakbench_model::{LingeringImage, Reason};
use leakbench_recording::ledger::{Ledger, SubjectLedger};
use leakbench_scenarios::Scenario;

/// Survival of dropped images at the latest barriers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Survival {
    /// Ages from young to old without gaps; at most [`Survival::BINS_MAX`].
    pub bins: Vec<AgeBin>,
    /// The reasons that occur, in their order.
    pub reasons: Vec<Reason>,
    /// Slots of each pool, if an image lingers until the next instance takes its slot at random: the
    /// share `(1 − 1/slots)` to the power of the age is expected then.
    pub random_slots: Option<u32>,
    /// Cycles that each thread of each process had done, by the number of the process.
    pub cycles: Vec<(u32, u64)>,
}

/// Images that were dropped about as many cycles ago.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgeBin {
    /// The lowest age in cycles of its thread, inclusive.
    pub from: u64,
    /// The highest age, exclusive.
    pub to: u64,
    /// Images that were dropped then.
    pub dropped: f64,
    /// Those that linger, by reason in the order of [`Survival::reasons`].
    pub lingering: Vec<u64>,
}

impl AgeBin {
    /// The share of images that linger for one of the reasons.
    pub fn share(&self, reason: usize) -> f64 {
        let lingering = self.lingering.get(reason).copied().unwrap_or(0);
        if self.dropped > 0.0 { lingering as f64 / self.dropped } else { 0.0 }
    }

    /// The share of images that linger, for whatever reason; at most 1.
    pub fn total(&self) -> f64 {
        (0..self.lingering.len()).map(|it| self.share(it)).sum::<f64>().min(1.0)
    }
}

impl Survival {
    /// Bins at most.
    pub const BINS_MAX: usize = 40;

    /// The expected share at an age, in cycles.
    pub fn expected(&self, age: f64) -> Option<f64> {
        let slots = f64::from(self.random_slots?);
        Some((1.0 - 1.0 / slots).powf(age))
    }
}

/// The chart; `None` if no image is listed, or if the cycles of the drops do not fit those of the run.
pub(super) fn chart(ledger: &Ledger) -> Option<Chart> {
    let groups: Vec<Group<'_>> =
        ledger.subjects.iter().filter_map(|it| Group::of(ledger, it)).collect();
    let survival = survival(&groups, random_slots(ledger))?;
    let listed: u64 = groups.iter().map(|group| group.images.len() as u64).sum();
    let mut reads = "Of the images dropped so many cycles before the last barrier, the share that still \
                     lingers. Bars of one height are images that nothing frees; falling bars are freed \
                     as other instances take their slots."
        .to_owned();
    if listed < total(ledger) {
        reads += " The youngest images are not listed, so their shares are not known.";
    }
    let plot = Plot::Survival(survival);
    Some(Chart {
        id: "survival".to_owned(),
        title: "Survival after the drop".to_owned(),
        reads,
        plot,
    })
}

/// The listed images of a process and the drops of all its images.
struct Group<'a> {
    subject: u32,
    images: &'a [LingeringImage],
    /// The age of each image, in cycles of its thread since its drop.
    ages: Vec<u64>,
    /// Cycles of each thread.
    cycles: u64,
    /// Images that are dropped in each cycle, by all threads.
    a_cycle: f64,
    /// Images that were dropped after the last cycle.
    at_end: f64,
    /// The age from which on all images are listed.
    known_from: u64,
}

impl Group<'_> {
    fn of<'a>(ledger: &Ledger, subject: &'a SubjectLedger) -> Option<Group<'a>> {
        let Scenario { threads, live_modules, long_lived, .. } = &ledger.start.scenario;
        let barrier = subject.barriers.last()?;
        let images = subject.last_listed();
        // Threads have equal shares and run from barrier to barrier.
        let cycles = barrier.cycles.div_ceil(threads.get().into());
        if images.is_empty() || cycles == 0 {
            return None;
        }
        let of_a_module = barrier.counts.made as f64 / barrier.cycles as f64;
        let a_cycle = f64::from(threads.get()) * of_a_module;
        let kept = u64::from(live_modules.get() - 1) + u64::from(*long_lived);
        let at_end = if subject.reached_last_barrier() { kept as f64 * a_cycle } else { 0.0 };
        let is_whole = images.len() as u64 >= barrier.lingering;
        let dropped = |image| ledger.cycle_of_thread(subject.number, image).saturating_add(1);
        let ages: Vec<u64> =
            images.iter().map(|image| cycles.saturating_sub(dropped(image))).collect();
        let youngest = ages.iter().min().copied();
        let known_from = if is_whole { 0 } else { youngest.unwrap_or(0) };
        Some(Group { subject: subject.number, images, ages, cycles, a_cycle, at_end, known_from })
    }

    /// Images that were dropped at ages from `from` to before `to`.
    fn dropped(&self, from: u64, to: u64) -> f64 {
        let ages = to.min(self.cycles).saturating_sub(from.min(self.cycles));
        ages as f64 * self.a_cycle + if from == 0 { self.at_end } else { 0.0 }
    }
}

fn survival(groups: &[Group<'_>], random_slots: Option<u32>) -> Option<Survival> {
    let images = || groups.iter().flat_map(|group| group.images.iter().zip(&group.ages));
    let from = groups.iter().map(|group| group.known_from).max()?;
    // Some ages beyond the oldest image show that none is older.
    let oldest = images().map(|(_, age)| *age).max()?;
    let shown = oldest.saturating_add(oldest / 10).saturating_add(1);
    let to = groups.iter().map(|group| group.cycles).max()?.min(shown).max(from + 1);
    let width = (to - from).div_ceil(Survival::BINS_MAX as u64).max(1);
    let mut reasons: Vec<Reason> = images().map(|(image, _)| Reason::of(image)).collect();
    reasons.sort_unstable();
    reasons.dedup();
    let bin = |index: u64| {
        let (from, to) = (from + index * width, from + (index + 1) * width);
        let dropped = groups.iter().map(|group| group.dropped(from, to)).sum();
        AgeBin { from, to, dropped, lingering: vec![0; reasons.len()] }
    };
    let mut bins: Vec<AgeBin> = (0..(to - from).div_ceil(width)).map(bin).collect();
    for (image, age) in images() {
        let Some(older) = age.checked_sub(from) else { continue };
        let reason = reasons.binary_search(&Reason::of(image)).ok()?;
        *bins.get_mut((older / width) as usize)?.lingering.get_mut(reason)? += 1;
    }
    // A program whose drops do not follow its cycles has no such shares.
    let fits = |bin: &AgeBin| bin.lingering.iter().sum::<u64>() as f64 <= bin.dropped + 1.0;
    let cycles = groups.iter().map(|group| (group.subject, group.cycles)).collect();
    bins.iter().all(fits).then_some(Survival { bins, reasons, random_slots, cycles })
}
