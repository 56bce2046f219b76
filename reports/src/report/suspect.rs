//! Suspects of an observation, as cards of the page.

use super::NextStep;
use leakbench_model::Estimate;

/// A leak with all that is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct SuspectCard {
    /// The resource: `socket descriptors`.
    pub name: String,
    /// The id of the chart that shows it, if there is one.
    pub chart: Option<String>,
    /// Its rate with its 95 % confidence interval: `+12.0 ± 0.2/s`.
    pub rate: String,
    /// Its amounts: `from 4 to 712 in 60 s`.
    pub grew: String,
    /// Other resources that grow because of it.
    pub evidence: Vec<String>,
    /// The limit that it reaches first.
    pub forecast: Option<Forecast>,
    /// Objects that it left, the oldest first.
    pub examples: Vec<String>,
    /// How to find the code that makes them.
    pub next: Option<NextStep>,
}

/// The time at which a suspect reaches a limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// The limit: `RLIMIT_NOFILE`.
    pub limit: String,
    /// Its amount: `1,024`.
    pub max: String,
    /// The time until then: `80 s`.
    pub left: String,
    /// The time until then by the ends of the rate's interval, if they differ: `78 s to 83 s`.
    pub between: Option<String>,
    /// The amount that counts towards it, as a share of it: `12 %`.
    pub used: String,
    /// The same as a number from 0 to 1.
    pub share: f64,
    /// Seconds of the observation.
    pub observed_s: f64,
    /// Seconds from the last sample to the limit.
    pub seconds: Estimate,
}
