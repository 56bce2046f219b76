//! The account of each resource: its trend, its class, and a forecast of its limit.
//!
//! ```text
//! series of a resource ─► Account (trend, class) ─► classes that depend on other resources ─► forecasts
//! ```

mod account;
mod classes;

pub use account::{Account, ResourceClass};

use std::collections::BTreeMap;

use leakbench_model::Resource;

use super::{Limit, ObservationLedger};
use crate::trend::{Trend, TrendClass};

/// The accounts of all sampled resources.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Accounts {
    all: BTreeMap<Resource, Account>,
    /// Of several processes, for each limit of single ones: the process that is nearest to it.
    nearest: BTreeMap<Resource, NearestGrowth>,
    /// Of one process, the descriptors that do not count towards its limit.
    fds_beyond: u64,
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

impl Accounts {
    pub(super) fn of(ledger: &ObservationLedger) -> Accounts {
        let all = Resource::ALL.into_iter().filter_map(|r| Some((r, Account::of(ledger, r)?)));
        // Of one process, the sums are its own.
        let is_family = ledger.processes_max() > 1;
        let fds_beyond = if is_family { 0 } else { ledger.fds_beyond_limit() };
        let of_nearest = |r| Some((r, NearestGrowth::of(ledger, r).filter(|_| is_family)?));
        let nearest = Resource::ALL.into_iter().filter_map(of_nearest).collect();
        let mut accounts = Accounts { all: all.collect(), nearest, fds_beyond };
        accounts.reclassify(ledger);
        accounts.forecast();
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

    fn forecast(&mut self) {
        let limits: Vec<(Resource, f64)> = self
            .iter()
            .filter(|account| account.class.is_some_and(ResourceClass::grows))
            .filter_map(|account| {
                let limit = account.limit.as_ref()?;
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
        let seconds = limit.room(amount) as f64 / rate_per_s;
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
            (Resource::Fds, _) => Some(last(Resource::Fds)?.saturating_sub(self.fds_beyond)),
            _ => last(resource),
        }
    }
}
