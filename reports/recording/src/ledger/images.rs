//! Numbers of images by their fate.

use std::iter::Sum;

use leakbench_model::Counts;
use schemars::JsonSchema;
use serde::Serialize;

use super::released;

/// Numbers of images by their fate. `made` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Images {
    /// All images made.
    pub made: u64,
    /// Released before the drop of their module returned.
    pub synchronous: u64,
    /// Released later.
    pub late: u64,
    /// Not released, although their module was dropped.
    pub lingering: u64,
    /// Unknown: the witness failed, or the last line of the subject was before their module was
    /// dropped or before a barrier.
    pub unknown: u64,
}

impl Images {
    /// From `counts`. Only those of a barrier (`at_barrier`) have exact lingering images. The other
    /// images that are not released are unknown.
    pub(super) fn of(counts: &Counts, at_barrier: bool) -> Images {
        let lingering = if at_barrier { counts.lingering } else { 0 };
        let known = released(counts).saturating_add(lingering);
        // The fields of a sample may differ slightly in time: never invent releases, and never lose
        // an image that became unknown.
        let made = counts.made.max(known.saturating_add(counts.unknown));
        Images {
            made,
            synchronous: counts.synchronous,
            late: counts.late,
            lingering,
            unknown: made - known,
        }
    }

    /// Images that the kernel released.
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
