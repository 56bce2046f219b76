//! Purges that go wrong on purpose, so that those who look for leaks can be tested.

use std::num::NonZeroU32;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::ids::ModuleId;

/// A purge that goes wrong for some modules, chosen at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurgeFault {
    /// The fault.
    pub kind: PurgeFaultKind,
    /// The fault happens to one of so many modules on average.
    pub one_in: NonZeroU32,
    /// The seed of the choice.
    pub seed: u64,
}

/// The error of a purge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PurgeFaultKind {
    /// There is no purge. The module's slots stay affine to it.
    Skip,
    /// One slot is purged by the books alone: it is no longer affine, and still maps the image.
    MissOne,
    /// The purge is that of another module.
    OtherModule,
    /// The decommit queue is reset after the purge and not before. Its slots become affine to a
    /// module that no purge follows.
    FlushAfter,
}

impl PurgeFault {
    /// True if the purge of this module goes wrong.
    pub(crate) fn happens_to(&self, module: ModuleId) -> bool {
        let mut rng = SmallRng::seed_from_u64(self.seed.rotate_left(32) ^ module.get());
        rng.random_ratio(1, self.one_in.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_module_in_so_many_is_chosen_by_the_seed() {
        let chosen = |seed, one_in| {
            let one_in = NonZeroU32::new(one_in).expect("not zero");
            let fault = PurgeFault { kind: PurgeFaultKind::Skip, one_in, seed };
            let modules = (0..100_000).map(ModuleId::new);
            modules.filter(|module| fault.happens_to(*module)).collect::<Vec<ModuleId>>()
        };
        assert_eq!(chosen(7, 1).len(), 100_000);
        // Six standard deviations of a binomial distribution.
        assert!((4_570..=5_430).contains(&chosen(7, 20).len()), "{}", chosen(7, 20).len());
        assert_eq!(chosen(7, 20), chosen(7, 20));
        assert_ne!(chosen(7, 20), chosen(8, 20));
    }
}
