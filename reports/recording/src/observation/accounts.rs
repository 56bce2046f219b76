//! What each resource does: its trend, its class, and when it meets its limit.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Example, Limit, ObservationLedger, Resource};
use crate::trend::{Trend, TrendClass};

/// What a resource does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResourceClass {
    /// It grows with time, and still did at the end.
    Leak,
    /// Address space that grows while the memory in it does not: it has a forecast, and is no
    /// leak by itself.
    Reservation,
    /// It rises and is given back, again and again.
    Sawtooth,
    /// It rose, and then no more; or it grows by what the kernel can take back, pages of files.
    Bounded,
    /// It does not grow.
    Flat,
}

impl ResourceClass {
    /// The spelling used in JSON and on terminals.
    pub fn as_str(self) -> &'static str {
        match self {
            ResourceClass::Leak => "leak",
            ResourceClass::Reservation => "reservation",
            ResourceClass::Sawtooth => "sawtooth",
            ResourceClass::Bounded => "bounded",
            ResourceClass::Flat => "flat",
        }
    }

    /// Whether it goes on to grow, so that it will meet a limit.
    pub fn grows(self) -> bool {
        matches!(self, ResourceClass::Leak | ResourceClass::Reservation)
    }
}

/// One resource's account.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Which resource.
    pub resource: Resource,
    /// In how many of the judged looks it could be read.
    pub samples: usize,
    /// The first amount, in the resource's unit.
    pub first: u64,
    /// The last amount.
    pub last: u64,
    /// The highest amount.
    pub peak: u64,
    /// What it does; `None` where it was seen too rarely to tell.
    pub class: Option<ResourceClass>,
    /// How it changes with time in seconds; `None` as for the class.
    pub trend: Option<Trend>,
    /// The most that it may come to, of those that are known.
    pub limit: Option<Limit>,
    /// When it meets that, in seconds after the last look, if it goes on to grow as it does.
    /// `None` where it does not grow, or has no limit.
    pub seconds_to_limit: Option<f64>,
    /// Objects that came after the first looks and are still there, the oldest first.
    pub examples: Vec<Example>,
}

impl Account {
    /// How fast it grows, in its unit a second.
    pub fn rate_per_s(&self) -> Option<f64> {
        self.trend.as_ref().map(|trend| trend.rate)
    }

    /// Whether it leaks, by itself or by what it is a part of.
    pub fn leaks(&self) -> bool {
        self.class == Some(ResourceClass::Leak)
    }

    /// Whether it came to its limit and is still there, with `there` of what is limited. Address space may be reserved up to its
    /// limit by design.
    fn is_exhausted(&self, there: u64) -> bool {
        let settled = matches!(self.class, Some(ResourceClass::Bounded | ResourceClass::Flat));
        let full = |limit: &Limit| {
            let least = limit.max as f64 * EXHAUSTED_PART;
            limit.max > 0 && self.peak as f64 >= least && there as f64 >= least
        };
        settled
            && self.resource != Resource::AddressSpaceBytes
            && self.limit.as_ref().is_some_and(full)
    }
}

/// The accounts of all resources that were seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Accounts(BTreeMap<Resource, Account>);

/// Resident memory that grows by this part of the growth of the address space is what the space
/// was taken for.
const RESIDENT_PART: f64 = 0.25;
/// Pages of files that are this part of the growth of resident memory are what it grows by.
const FILE_PART: f64 = 0.5;

/// What has come to this part of its limit has no room for more.
const EXHAUSTED_PART: f64 = 0.98;

impl Accounts {
    pub(super) fn of(ledger: &ObservationLedger) -> Accounts {
        let all = Resource::ALL.into_iter().filter_map(|r| Some((r, account(ledger, r)?)));
        let mut accounts = Accounts(all.collect());
        accounts.reclassify(ledger);
        accounts.forecast(ledger);
        accounts
    }

    /// Each account, in the order of resources.
    pub fn iter(&self) -> impl Iterator<Item = &Account> {
        self.0.values()
    }

    /// One resource's account, if it was seen.
    pub fn get(&self, resource: Resource) -> Option<&Account> {
        self.0.get(&resource)
    }

    /// Whether a resource was seen, and leaks.
    pub(super) fn leaks(&self, resource: Resource) -> bool {
        self.get(resource).is_some_and(Account::leaks)
    }

    /// How fast a resource grows; 0 if that is not known.
    pub(super) fn rate(&self, resource: Resource) -> f64 {
        self.get(resource).and_then(Account::rate_per_s).unwrap_or(0.0)
    }

    /// The resources that came to their limits and are still there.
    pub fn exhausted(&self) -> impl Iterator<Item = &Account> {
        self.iter().filter(|account| {
            let there = self.limited_amount(account.resource);
            there.is_some_and(|there| account.is_exhausted(there))
        })
    }

    /// What one resource does may be told only with another.
    fn reclassify(&mut self, ledger: &ObservationLedger) {
        let memory = [Resource::AnonymousBytes, Resource::SharedBytes];
        let memory_leaks = memory.into_iter().any(|kind| self.leaks(kind));
        let by_files = self.rate(Resource::FileBytes)
            >= FILE_PART * self.rate(Resource::ResidentBytes)
            && self.leaks(Resource::FileBytes);
        // The kernel takes pages of files back when it needs the memory.
        self.demote(Resource::FileBytes, ResourceClass::Bounded);
        if by_files && !memory_leaks {
            self.demote(Resource::ResidentBytes, ResourceClass::Bounded);
        }
        if !swapped_grows(ledger) {
            self.demote(Resource::SwapBytes, ResourceClass::Bounded);
        }
        let resident = self.get(Resource::ResidentBytes).map(|account| account.class);
        let filled = self.leaks(Resource::ResidentBytes)
            && self.rate(Resource::ResidentBytes)
                >= RESIDENT_PART * self.rate(Resource::AddressSpaceBytes);
        match resident {
            Some(Some(_)) if !filled => {
                self.demote(Resource::AddressSpaceBytes, ResourceClass::Reservation);
            }
            Some(Some(_)) => {}
            // Without knowing what is in it, nobody can tell.
            _ => self.set(Resource::AddressSpaceBytes, None),
        }
    }

    fn demote(&mut self, resource: Resource, class: ResourceClass) {
        if let Some(account) = self.0.get_mut(&resource)
            && account.leaks()
        {
            account.class = Some(class);
        }
    }

    fn set(&mut self, resource: Resource, class: Option<ResourceClass>) {
        if let Some(account) = self.0.get_mut(&resource) {
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
            if let Some(account) = self.0.get_mut(&resource) {
                account.seconds_to_limit = Some(seconds);
            }
        }
    }

    /// When a limit is met at a rate.
    pub(super) fn seconds_to(&self, limit: &Limit, rate_per_s: f64) -> Option<f64> {
        let amount = self.limited_amount(limit.resource)?;
        let seconds = limit.max.saturating_sub(amount) as f64 / rate_per_s;
        (rate_per_s > 0.0 && seconds.is_finite()).then_some(seconds)
    }

    /// How much there is of what a limit of `resource` limits. Pages of files do not count to a
    /// limit of memory, as the kernel takes them back before.
    fn limited_amount(&self, resource: Resource) -> Option<u64> {
        let last = |resource| self.get(resource).map(|account| account.last);
        let kinds = (last(Resource::AnonymousBytes), last(Resource::SharedBytes));
        match (resource, kinds) {
            (Resource::ResidentBytes, (Some(anonymous), Some(shared))) => {
                Some(anonymous.saturating_add(shared))
            }
            _ => last(resource),
        }
    }
}

fn account(ledger: &ObservationLedger, resource: Resource) -> Option<Account> {
    let looks = ledger.judged().iter();
    let amounts: Vec<u64> = looks.filter_map(|look| look.amounts.get(&resource).copied()).collect();
    let trend = Trend::of(&ledger.series(resource), resource.noise() as f64);
    let examples = ledger.examples.objects.get(&resource);
    Some(Account {
        resource,
        samples: amounts.len(),
        first: *amounts.first()?,
        last: *amounts.last()?,
        peak: amounts.iter().copied().max()?,
        class: trend.map(|trend| match trend.class {
            TrendClass::Leak => ResourceClass::Leak,
            TrendClass::Sawtooth => ResourceClass::Sawtooth,
            TrendClass::Bounded => ResourceClass::Bounded,
            TrendClass::Flat => ResourceClass::Flat,
        }),
        trend,
        limit: ledger.limit(resource).cloned(),
        seconds_to_limit: None,
        examples: examples.cloned().unwrap_or_default(),
    })
}

/// Whether memory grows, resident and swapped out together: what grows by swapping alone was
/// there before.
fn swapped_grows(ledger: &ObservationLedger) -> bool {
    let resident = ledger.series(Resource::ResidentBytes);
    let swapped = ledger.series(Resource::SwapBytes);
    if resident.len() != swapped.len() {
        return true;
    }
    let both: Vec<(f64, f64)> =
        resident.iter().zip(&swapped).map(|(a, b)| (a.0, a.1 + b.1)).collect();
    let noise = Resource::SwapBytes.noise() as f64;
    Trend::of(&both, noise).is_none_or(|trend| trend.class == TrendClass::Leak)
}
