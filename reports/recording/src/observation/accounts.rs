//! The account of each resource: its trend, its class, and a forecast of its limit.

use std::collections::BTreeMap;

use leakbench_model::Resource;

use super::{Example, Limit, ObservationLedger};
use crate::rate::Rate;
use crate::trend::{Trend, TrendClass};

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
    /// Rate of growth in its unit a second.
    pub fn rate_per_s(&self) -> Option<f64> {
        self.trend.as_ref().map(|trend| trend.rate.value)
    }

    /// Its rate in words, if it [grows](ResourceClass::grows).
    pub fn growth(&self) -> Option<Rate> {
        let trend = self.trend.as_ref().filter(|_| self.class.is_some_and(ResourceClass::grows))?;
        Some(Rate::over_time(trend.rate, self.resource.unit()))
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
    pub(super) fn fills(&self) -> bool {
        self.class == Some(ResourceClass::Filling)
    }

    /// True if it grew until the end, or may have done so.
    fn may_leak(&self) -> bool {
        self.leaks() || self.is_undecided()
    }

    /// True if it reached its limit and stays there. `amount` is the amount that the limit counts.
    /// Address space may be reserved up to its limit by design.
    fn is_exhausted(&self, amount: u64) -> bool {
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

/// The accounts of all sampled resources.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Accounts {
    all: BTreeMap<Resource, Account>,
    /// Of several processes, for each limit of single ones: the process that is nearest to it.
    nearest: BTreeMap<Resource, NearestGrowth>,
}

/// The amount of the process that is nearest to a limit, and its growth.
#[derive(Clone, Copy, Debug, PartialEq)]
struct NearestGrowth {
    amount: u64,
    rate_per_s: f64,
}

impl NearestGrowth {
    fn of(ledger: &ObservationLedger, resource: Resource) -> Option<NearestGrowth> {
        let amount = ledger.nearest(resource)?.amount;
        let trend = Trend::of(&ledger.series_of_nearest(resource), resource.noise() as f64);
        let grows = trend.filter(|trend| trend.class == TrendClass::Leak);
        Some(NearestGrowth { amount, rate_per_s: grows.map_or(0.0, |trend| trend.rate.value) })
    }
}

/// Kinds of resident memory, each with the mappings that bound it.
const MAPPED: [(Resource, Resource); 2] = [
    (Resource::AnonymousBytes, Resource::WritableBytes),
    (Resource::ShmemBytes, Resource::SharedBytes),
];

/// Minimum ratio of growth of resident memory to growth of what is mapped, for mappings that are
/// used.
const RESIDENT_RATIO_MIN: f64 = 0.25;
/// Minimum ratio of an amount to its limit, for an exhausted limit.
const EXHAUSTED_RATIO_MIN: f64 = 0.98;

impl Accounts {
    pub(super) fn of(ledger: &ObservationLedger) -> Accounts {
        let all = Resource::ALL.into_iter().filter_map(|r| Some((r, account(ledger, r)?)));
        // Of one process, the sums are its own.
        let is_family = ledger.processes_max() > 1;
        let of_nearest = |r| Some((r, NearestGrowth::of(ledger, r).filter(|_| is_family)?));
        let nearest = Resource::ALL.into_iter().filter_map(of_nearest).collect();
        let mut accounts = Accounts { all: all.collect(), nearest };
        accounts.reclassify(ledger);
        accounts.forecast(ledger);
        accounts
    }

    /// Each account, in the order of resources.
    pub fn iter(&self) -> impl Iterator<Item = &Account> {
        self.all.values()
    }

    /// The account of one resource; `None` if no sample has it.
    pub fn get(&self, resource: Resource) -> Option<&Account> {
        self.all.get(&resource)
    }

    /// True if a resource is a leak.
    pub(super) fn leaks(&self, resource: Resource) -> bool {
        self.get(resource).is_some_and(Account::leaks)
    }

    /// Rate of growth of a resource; 0 if unknown.
    pub(super) fn rate(&self, resource: Resource) -> f64 {
        self.get(resource).and_then(Account::rate_per_s).unwrap_or(0.0)
    }

    /// The resources that reached their limits and stay there.
    pub fn exhausted(&self) -> impl Iterator<Item = &Account> {
        self.iter().filter(|account| {
            let amount = self.limited_amount(account.resource);
            amount.is_some_and(|amount| account.is_exhausted(amount))
        })
    }

    /// Corrects the classes that depend on other resources.
    fn reclassify(&mut self, ledger: &ObservationLedger) {
        // The kernel reclaims pages of files when it needs memory.
        self.demote(Resource::FileBytes, ResourceClass::Bounded);
        for (resident, mapped) in MAPPED {
            self.fill(resident, mapped);
            // Memory that is mapped and not used is no leak.
            let used = self.leaks(resident)
                && self.rate(resident) >= RESIDENT_RATIO_MIN * self.rate(mapped);
            if !used {
                self.demote(mapped, ResourceClass::Reservation);
            }
        }
        if self.resident_kinds_are_settled() {
            let fills = |kind| self.get(kind).is_some_and(Account::fills);
            let class = match MAPPED.into_iter().any(|(resident, _)| fills(resident)) {
                true => ResourceClass::Filling,
                false => ResourceClass::Bounded,
            };
            self.demote(Resource::RssBytes, class);
            if class == ResourceClass::Filling {
                // Each page that is used needs its entry.
                self.demote(Resource::PageTablesBytes, class);
            }
        }
        if !swapped_grows(ledger) {
            self.demote(Resource::SwapBytes, ResourceClass::Bounded);
        }
        let resident = self.get(Resource::RssBytes).map(|account| account.class);
        let used = self.leaks(Resource::RssBytes)
            && self.rate(Resource::RssBytes)
                >= RESIDENT_RATIO_MIN * self.rate(Resource::AddressSpaceBytes);
        match resident {
            Some(Some(_)) if !used => {
                let class = if self.leaks(Resource::AddressSpaceBytes) {
                    ResourceClass::Reservation
                } else {
                    // No growth is proved, so there is no forecast.
                    ResourceClass::Bounded
                };
                self.demote(Resource::AddressSpaceBytes, class);
            }
            Some(Some(_)) => {}
            // Without resident memory, the class of address space is unknown.
            _ => self.set(Resource::AddressSpaceBytes, None),
        }
    }

    /// Classifies growth of resident memory within mappings that do not grow.
    fn fill(&mut self, resident: Resource, mapped: Resource) {
        let Some(space) = self.get(mapped) else { return };
        let (ceiling, settled) = (space.last, space.class.is_some() && !space.may_leak());
        if let Some(account) = self.all.get_mut(&resident)
            && account.may_leak()
            && settled
            && account.last <= ceiling
        {
            let name = "what is mapped".to_owned();
            account.class = Some(ResourceClass::Filling);
            account.limit = Some(Limit { resource: resident, max: ceiling, name });
            let rate_per_s = account.rate_per_s().unwrap_or(0.0);
            let seconds = (ceiling - account.last) as f64 / rate_per_s;
            account.seconds_to_limit = (rate_per_s > 0.0).then_some(seconds);
        }
    }

    /// True if each kind of resident memory is classified and none may be a leak. Then their sum is
    /// none: it grew by one after the other, or by memory that can be reclaimed.
    fn resident_kinds_are_settled(&self) -> bool {
        Resource::RssBytes
            .kinds()
            .all(|kind| self.get(kind).is_some_and(|kind| kind.class.is_some() && !kind.may_leak()))
    }

    fn demote(&mut self, resource: Resource, class: ResourceClass) {
        if let Some(account) = self.all.get_mut(&resource)
            && account.may_leak()
        {
            account.class = Some(class);
        }
    }

    fn set(&mut self, resource: Resource, class: Option<ResourceClass>) {
        if let Some(account) = self.all.get_mut(&resource) {
            account.class = class;
        }
    }

    fn forecast(&mut self, ledger: &ObservationLedger) {
        let limits: Vec<(Resource, f64)> = self
            .iter()
            .filter(|account| account.class.is_some_and(ResourceClass::grows))
            .filter_map(|account| {
                let limit = ledger.limit(account.resource)?;
                let seconds = self.seconds_to(limit, account.rate_per_s()?)?;
                Some((account.resource, seconds))
            })
            .collect();
        for (resource, seconds) in limits {
            if let Some(account) = self.all.get_mut(&resource) {
                account.seconds_to_limit = Some(seconds);
            }
        }
    }

    /// Seconds until a limit is reached at a rate. Of a limit of single processes, the rate is at
    /// most that of the nearest process.
    pub(super) fn seconds_to(&self, limit: &Limit, rate_per_s: f64) -> Option<f64> {
        let amount = self.limited_amount(limit.resource)?;
        let of_nearest = self.nearest.get(&limit.resource);
        let rate_per_s =
            of_nearest.map_or(rate_per_s, |nearest| nearest.rate_per_s.min(rate_per_s));
        let seconds = limit.max.saturating_sub(amount) as f64 / rate_per_s;
        (rate_per_s > 0.0 && seconds.is_finite()).then_some(seconds)
    }

    /// The amount that counts towards a limit of `resource`. Pages of files do not count towards a
    /// limit of memory, because the kernel reclaims them first.
    fn limited_amount(&self, resource: Resource) -> Option<u64> {
        if let Some(nearest) = self.nearest.get(&resource) {
            return Some(nearest.amount);
        }
        let last = |resource| self.get(resource).map(|account| account.last);
        let kinds = (last(Resource::AnonymousBytes), last(Resource::ShmemBytes));
        match (resource, kinds) {
            (Resource::RssBytes, (Some(anonymous), Some(shared))) => {
                Some(anonymous.saturating_add(shared))
            }
            _ => last(resource),
        }
    }
}

fn account(ledger: &ObservationLedger, resource: Resource) -> Option<Account> {
    let (series, freed_at_exit) = ledger.series_until_teardown(resource);
    let trend = Trend::of(&series, resource.noise() as f64);
    let amounts: Vec<u64> = series.iter().map(|&(_, amount)| amount as u64).collect();
    let read = ledger.judged().filter(|sample| sample.amounts.of(resource).is_some());
    let examples = ledger.examples.objects.get(&resource);
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
        limit: ledger.limit(resource).cloned(),
        seconds_to_limit: None,
        freed_at_exit,
        examples: examples.cloned().unwrap_or_default(),
    })
}

/// True if resident and swapped memory together grow, or may do so. Swapping alone moves existing memory.
fn swapped_grows(ledger: &ObservationLedger) -> bool {
    let resident = ledger.series(Resource::RssBytes);
    let swapped = ledger.series(Resource::SwapBytes);
    if resident.len() != swapped.len() {
        return true;
    }
    let both: Vec<(f64, f64)> =
        resident.iter().zip(&swapped).map(|(a, b)| (a.0, a.1 + b.1)).collect();
    let noise = Resource::SwapBytes.noise() as f64;
    Trend::of(&both, noise)
        .is_none_or(|trend| matches!(trend.class, TrendClass::Leak | TrendClass::Inconclusive))
}
