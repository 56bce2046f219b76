//! What became of images, in numbers that add up.

use std::iter::Sum;

use serde::Serialize;

use super::released;
use leakbench_model::Counts;

/// What became of images: `made` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Images {
    /// All that were made.
    pub made: u64,
    /// Released before the drop of their module returned.
    pub synchronous: u64,
    /// Released later than that.
    pub late: u64,
    /// Not released, though their module was dropped.
    pub lingering: u64,
    /// Of which nobody can say: the witness failed, or the subject was last seen before their
    /// module was dropped or they could be judged.
    pub unknown: u64,
}

impl Images {
    /// Reads `counts`, where `judged` says that they are those of a barrier, so that `lingering`
    /// means what it says. What `counts` do not tell the end of is unknown.
    pub(super) fn of(counts: &Counts, judged: bool) -> Images {
        let lingering = if judged { counts.lingering } else { 0 };
        let known = released(counts).saturating_add(lingering);
        // The fields of a sample may be of slightly different moments: never make up releases,
        // nor lose an image that the witness gave up on.
        let made = counts.made.max(known.saturating_add(counts.unknown));
        Images {
            made,
            synchronous: counts.synchronous,
            late: counts.late,
            lingering,
            unknown: made - known,
        }
    }

    /// Those that the kernel was seen to release.
    pub fn released(&self) -> u64 {
        self.synchronous.saturating_add(self.late)
    }
}

impl Sum for Images {
    fn sum<I: Iterator<Item = Images>>(images: I) -> Images {
        images.fold(Images::default(), |sum, one| Images {
            made: sum.made.saturating_add(one.made),
            synchronous: sum.synchronous.saturating_add(one.synchronous),
            late: sum.late.saturating_add(one.late),
            lingering: sum.lingering.saturating_add(one.lingering),
            unknown: sum.unknown.saturating_add(one.unknown),
        })
    }
}
