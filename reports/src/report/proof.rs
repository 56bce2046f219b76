//! The proof of a run without a leak: the releases that both witnesses verified, barrier by barrier.

use super::lingering::worst;
use super::timeline::seconds;
use super::{Chart, Plot};
use leakbench_model::text::{counted, grouped, sum};
use leakbench_recording::ledger::{BarrierSample, Ledger, SubjectLedger};

/// The releases that were verified at barriers, and the images beyond them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Proof {
    /// Stretches in the order of time; at most [`Proof::STRETCHES_MAX`].
    pub stretches: Vec<Stretch>,
    /// Images without a verified release: their fate is unknown, or the witnesses disagreed.
    pub unverified: u64,
    /// True if several processes made images.
    pub by_process: bool,
}

/// The releases of one process between two barriers. Where there are many, of several neighbours.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stretch {
    /// The number of the process in the run; of several, the last one.
    pub subject: u32,
    /// The time of its barrier, in seconds since the run began.
    pub at_s: f64,
    /// Cycles that the process had done there.
    pub cycles: u64,
    /// The number of barriers.
    pub barriers: u64,
    /// Images released since the barrier before.
    pub released: u64,
    /// Those of them that were released after their drop had returned.
    pub late: u64,
    /// Disagreements of the witnesses at the barrier.
    pub disagreements: u64,
    /// The line of the recording, from 1.
    pub line: usize,
}

impl Proof {
    /// Stretches at most.
    pub const STRETCHES_MAX: usize = 200;

    /// Images whose release both witnesses verified.
    pub fn verified(&self) -> u64 {
        let agreed = self.stretches.iter().filter(|it| it.disagreements == 0);
        sum(agreed.map(|it| it.released))
    }

    /// Verified images that were released late.
    pub fn late(&self) -> u64 {
        let agreed = self.stretches.iter().filter(|it| it.disagreements == 0);
        sum(agreed.map(|it| it.late))
    }

    /// Barriers.
    pub fn barriers(&self) -> u64 {
        sum(self.stretches.iter().map(|it| it.barriers))
    }

    /// Images that the death watch counted as released.
    pub fn released(&self) -> u64 {
        sum(self.stretches.iter().map(|it| it.released))
    }
}

/// The chart; `None` if images lingered at a barrier, or if no barrier saw a release.
pub(super) fn chart(ledger: &Ledger) -> Option<Chart> {
    let made = ledger.images.made;
    if made == 0 || worst(ledger).is_some() {
        return None;
    }
    let mut stretches = stretches(ledger);
    stretches.sort_by_key(|it| it.line);
    let mut proof = Proof { stretches, unverified: 0, by_process: ledger.subjects.len() > 1 };
    let barriers = proof.barriers();
    proof.stretches = merged(&proof.stretches);
    proof.unverified = made.saturating_sub(proof.verified());
    (proof.released() > 0).then(|| Chart {
        id: "proof".to_owned(),
        title: format!(
            "{} of {} verified, by two witnesses, at {}",
            grouped(proof.verified()),
            counted(made, "image"),
            counted(barriers, "barrier"),
        ),
        reads: "A block is as wide as the number of images released up to a barrier. There the \
                process stood still: the death watch inside had seen the kernel destroy each of \
                them, and the scan of /proc outside found none of them held."
            .to_owned(),
        plot: Plot::Proof(proof),
    })
}

fn stretches(ledger: &Ledger) -> Vec<Stretch> {
    let of_subject = |subject: &SubjectLedger| {
        let mut before = (0, 0);
        let number = subject.number;
        let stretch = |barrier: &BarrierSample| {
            let counts = &barrier.counts;
            let so_far = (counts.synchronous.saturating_add(counts.late), counts.late);
            let stretch = Stretch {
                subject: number,
                at_s: seconds(barrier.at_ms),
                cycles: barrier.cycles,
                barriers: 1,
                released: so_far.0.saturating_sub(before.0),
                late: so_far.1.saturating_sub(before.1),
                disagreements: barrier.disagreements,
                line: barrier.line,
            };
            before = so_far;
            stretch
        };
        subject.barriers.iter().map(stretch).collect::<Vec<_>>()
    };
    ledger.subjects.iter().flat_map(of_subject).collect()
}

/// At most [`Proof::STRETCHES_MAX`] stretches: equal numbers of neighbours are one.
fn merged(stretches: &[Stretch]) -> Vec<Stretch> {
    let together = stretches.len().div_ceil(Proof::STRETCHES_MAX).max(1);
    let one = |neighbours: &[Stretch]| {
        let total = |of: fn(&Stretch) -> u64| sum(neighbours.iter().map(of));
        let last = neighbours.last().copied().unwrap_or_default();
        Stretch {
            barriers: total(|it| it.barriers),
            released: total(|it| it.released),
            late: total(|it| it.late),
            disagreements: total(|it| it.disagreements),
            ..last
        }
    };
    stretches.chunks(together).map(one).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn merging_loses_no_image_and_no_barrier(
            parts in prop::collection::vec((0_u64..1_000, 0_u64..10, 0_u64..2), 0..900),
        ) {
            let stretches: Vec<Stretch> = parts
                .into_iter()
                .enumerate()
                .map(|(line, (released, late, disagreements))| Stretch {
                    barriers: 1, released, late, disagreements, line, ..Stretch::default()
                })
                .collect();
            let merged = merged(&stretches);
            prop_assert!(merged.len() <= Proof::STRETCHES_MAX);
            let sums = |all: &[Stretch]| {
                let total = |of: fn(&Stretch) -> u64| all.iter().map(of).sum::<u64>();
                (total(|it| it.barriers), total(|it| it.released), total(|it| it.late),
                 total(|it| it.disagreements))
            };
            prop_assert_eq!(sums(&merged), sums(&stretches));
            prop_assert_eq!(merged.last().map(|it| it.line), stretches.last().map(|it| it.line));
        }
    }
}
