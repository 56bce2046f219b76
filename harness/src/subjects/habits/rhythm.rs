//! The ticks at which a habit acts.

use std::num::NonZeroU32;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// The ticks at which a habit acts.
#[derive(Debug)]
pub(super) enum Rhythm {
    /// The first tick, and then each of this number.
    Even(NonZeroU32),
    /// One in this number on average, at random.
    Random(NonZeroU32, SmallRng),
}

impl Rhythm {
    /// Without a seed a habit acts evenly. With one it acts at random ticks, twice as often: so chance rarely
    /// leaves it idle for a quarter of the time, which would be growth that has ended.
    pub(super) fn new(every: u32, seed: Option<u64>) -> Rhythm {
        let every = NonZeroU32::new(every).unwrap_or(NonZeroU32::MIN);
        match seed {
            None => Rhythm::Even(every),
            Some(seed) => {
                let half = NonZeroU32::new(every.get() / 2).unwrap_or(NonZeroU32::MIN);
                Rhythm::Random(half, SmallRng::seed_from_u64(seed))
            }
        }
    }

    /// True if the habit acts at this tick. Called once for each tick in turn.
    pub(super) fn acts_at(&mut self, tick: u32) -> bool {
        match self {
            Rhythm::Even(every) => tick.is_multiple_of(every.get()),
            Rhythm::Random(one_in, rng) => rng.random_ratio(1, one_in.get()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ticks of the first 400 at which a habit acts.
    fn acts(every: u32, seed: Option<u64>) -> Vec<u32> {
        let mut rhythm = Rhythm::new(every, seed);
        (0..400).filter(|tick| rhythm.acts_at(*tick)).collect()
    }

    #[test]
    fn acts_are_even_or_random_by_the_seed() {
        assert_eq!(acts(100, None), [0, 100, 200, 300]);
        assert_eq!(acts(12, Some(3)), acts(12, Some(3)));
        assert_ne!(acts(12, Some(3)), acts(12, Some(4)));
    }

    #[test]
    fn a_random_rhythm_acts_twice_as_often() {
        let all: usize = (0..100).map(|seed| acts(12, Some(seed)).len()).sum();
        assert!((6_300..7_000).contains(&all), "{all}");
    }
}
