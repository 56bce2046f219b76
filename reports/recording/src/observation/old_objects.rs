//! Old objects: how many objects had existed for some time, over the observation.
//!
//! Below the traffic of a server its total says little of a slow leak. Objects of the traffic do not
//! grow old, so the number of old ones is steady. Objects that nothing frees grow old, and their number
//! rises from sample to sample.

use std::collections::BTreeMap;

use leakbench_model::Resource;
use serde::{Deserialize, Serialize};

use crate::trend::{Kept, Trend, TrendClass};

/// The number of objects that had existed for a time. A later line replaces an earlier one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldObjects {
    /// Time in ms since the observation began.
    pub at_ms: u64,
    /// The age from which an object counts, in ms.
    pub age_ms: u64,
    /// Times in ms since the observation began, in ascending order; all are later than the age.
    pub times_ms: Vec<u64>,
    /// Of each resource whose number changed: the objects of that age, at each time.
    pub counts: BTreeMap<Resource, Vec<u64>>,
    /// The objects that are younger, at the last time.
    pub young: BTreeMap<Resource, u64>,
}

/// Part of the time observed that an object must have existed, at most, to count as old. A greater age
/// separates leaked objects better from others, and says less about the end of the observation.
pub const AGE_MAX: f64 = 1.0 / 6.0;

/// Minimum ratio of the objects that came since the youngest old one and are still there to those that
/// growth has made in this time. With fewer, growth has stopped.
const YOUNG_MIN: f64 = 0.5;

impl OldObjects {
    /// The trend of the old objects of a resource, if they are a leak or may be one. The total then
    /// hides it.
    pub(super) fn growth(&self, resource: Resource) -> Option<Trend> {
        let counts = self.counts.get(&resource)?;
        let times = self.times_ms.iter().map(|&at_ms| at_ms as f64 / 1e3);
        let series: Vec<(f64, f64)> = times.zip(counts.iter().map(|&count| count as f64)).collect();
        let trend = Trend::of(&series, resource.noise() as f64)?;
        let is_proved = match trend.class {
            TrendClass::Leak => true,
            TrendClass::Inconclusive => Kept::of(&series).is_without_falls(),
            TrendClass::Bounded | TrendClass::Sawtooth | TrendClass::Flat => false,
        };
        let young = self.young.get(&resource).copied().unwrap_or(0) as f64;
        let expected = trend.rate.value * self.age_ms as f64 / 1e3;
        (is_proved && trend.rate.value > 0.0 && young >= YOUNG_MIN * expected).then_some(trend)
    }
}
