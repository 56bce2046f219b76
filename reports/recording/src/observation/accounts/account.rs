//! The account of one resource.

use leakbench_model::Resource;
use leakbench_model::text::duration_ms;

use crate::observation::{Example, Limit, ObservationLedger};
use crate::rate::Rate;
use crate::trend::{Trend, TrendClass};

/// Minimum ratio of an amount to its limit, for an exhausted limit.
const EXHAUSTED_RATIO_MIN: f64 = 0.98;

leakbench_model::names! {
    /// The class of a resource.
    #[derive(PartialOrd, Ord)]
    ResourceClass ("class of a resource") {
        /// It grows until the end.
        Leak = "leak",
        /// Address space that grows while the memory in it does not. It is no leak, but has a
        /// forecast.
        Reservation = "reservation",
        /// Memory that the process has mapped and comes to use: it grows at most until all of it is
        /// used, which is its limit.
        Filling = "filling",
        /// It rises and falls repeatedly.
        Sawtooth = "sawtooth",
        /// It rose and then stopped, or it grows by memory that the kernel can reclaim: pages of
        /// files.
        Bounded = "bounded",
        /// It does not grow.
        Flat = "flat",
        /// It grew for most of the time, but too little or too briefly to be classified.
        Inconclusive = "inconclusive",
    }
}

impl ResourceClass {
    /// True if it continues to grow, so that it will reach a limit.
    pub fn grows(self) -> bool {
        matches!(self, ResourceClass::Leak | ResourceClass::Reservation)
    }
}

/// The account of one resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// The resource.
    pub resource: Resource,
    /// Number of judged samples in which it could be read.
    pub samples: usize,
    /// The first amount, in the resource's unit.
    pub first: u64,
    /// The last amount, before the process gave it back for its exit.
    pub last: u64,
    /// The highest amount.
    pub peak: u64,
    /// The class; `None` with too few samples.
    pub class: Option<ResourceClass>,
    /// The trend over time in seconds; `None` with too few samples.
    pub trend: Option<Trend>,
    /// Set if the trend is that of the objects of at least this age in ms, because it proves more than
    /// that of all.
    pub age_ms: Option<u64>,
    /// The lowest known limit.
    pub limit: Option<Limit>,
    /// Seconds after the last sample until it reaches the limit at the present rate. `None` without
    /// growth or limit.
    pub seconds_to_limit: Option<f64>,
    /// True if the last samples before the exit have less and less of it.
    pub freed_at_exit: bool,
    /// Objects that appeared after the first samples and still exist, the oldest first.
    pub examples: Vec<Example>,
}

impl Account {
    /// `None` if no judged sample has the resource.
    pub(super) fn of(ledger: &ObservationLedger, resource: Resource) -> Option<Account> {
        let (series, freed_at_exit) = ledger.series_until_teardown(resource);
        let total = Trend::of(&series, resource.noise() as f64);
        let old = total.and_then(|total| of_old_objects(ledger, resource, &total));
        let trend = old.or(total);
        let amounts: Vec<u64> = series.iter().map(|&(_, amount)| amount as u64).collect();
        let read = ledger.judged().filter(|sample| sample.amounts.of(resource).is_some());
        let until_ms = series.last().map_or(0, |&(last_s, _)| (last_s * 1e3).round() as u64);
        Some(Account {
            resource,
            samples: read.count(),
            first: *amounts.first()?,
            last: *amounts.last()?,
            peak: amounts.iter().copied().max()?,
            class: trend.map(|trend| match trend.class {
                TrendClass::Leak => ResourceClass::Leak,
                TrendClass::Sawtooth => ResourceClass::Sawtooth,
                TrendClass::Bounded => ResourceClass::Bounded,
                TrendClass::Flat => ResourceClass::Flat,
                TrendClass::Inconclusive => ResourceClass::Inconclusive,
            }),
            trend,
            age_ms: old.map(|_| ledger.old_objects.age_ms),
            limit: ledger.limit_until(resource, until_ms).cloned(),
            seconds_to_limit: None,
            freed_at_exit,
            examples: ledger.examples_until(resource, until_ms).to_vec(),
        })
    }

    /// Rate of growth in its unit a second.
    pub fn rate_per_s(&self) -> Option<f64> {
        self.trend.as_ref().map(|trend| trend.rate.value)
    }

    /// Its rate in words, if it [grows](ResourceClass::grows).
    pub fn growth(&self) -> Option<Rate> {
        let trend = self.trend.as_ref().filter(|_| self.class.is_some_and(ResourceClass::grows))?;
        Some(Rate::over_time(trend.rate, self.resource.unit()))
    }

    /// Its growth for a table, with the age of the objects if it is not that of all: `+0.5 ± 0.1/s`,
    /// `+0.5 ± 0.1/s older than 10.0 s`.
    pub fn growth_in_short(&self) -> Option<String> {
        let old = |age_ms| format!(" older than {}", duration_ms(age_ms));
        Some(self.growth()?.in_short() + &self.age_ms.map(old).unwrap_or_default())
    }

    /// True if it is a leak.
    pub fn leaks(&self) -> bool {
        self.class == Some(ResourceClass::Leak)
    }

    /// True if a longer observation would classify it.
    pub fn is_undecided(&self) -> bool {
        self.class == Some(ResourceClass::Inconclusive)
    }

    /// True if it grows until what is mapped is used.
    pub(in crate::observation) fn fills(&self) -> bool {
        self.class == Some(ResourceClass::Filling)
    }

    /// What grows, in the plural: its noun, and the age of the objects if it is not that of all.
    pub fn growing(&self) -> String {
        let noun = self.resource.noun();
        let old = |age_ms| format!("{noun} older than {}", duration_ms(age_ms));
        self.age_ms.map_or_else(|| noun.to_owned(), old)
    }

    /// True if it grew until the end, or may have done so.
    pub(super) fn may_leak(&self) -> bool {
        self.leaks() || self.is_undecided()
    }

    /// True if it reached its limit and stays there. `amount` is the amount that the limit counts.
    /// Address space may be reserved up to its limit by design.
    pub(super) fn is_exhausted(&self, amount: u64) -> bool {
        let settled = matches!(self.class, Some(ResourceClass::Bounded | ResourceClass::Flat));
        let full = |limit: &Limit| {
            let min = limit.max as f64 * EXHAUSTED_RATIO_MIN;
            limit.max > 0 && self.peak as f64 >= min && amount as f64 >= min
        };
        settled
            && self.resource != Resource::AddressSpaceBytes
            && self.limit.as_ref().is_some_and(full)
    }
}

/// The trend of the old objects, if the trend of all says less.
fn of_old_objects(ledger: &ObservationLedger, resource: Resource, total: &Trend) -> Option<Trend> {
    use TrendClass::{Inconclusive, Leak};
    let old = ledger.old_objects.growth(resource)?;
    match (total.class, old.class) {
        (Leak, _) | (Inconclusive, Inconclusive) => None,
        _ => Some(old),
    }
}
