//! Suspects: leaks with one cause are one suspect, and the worst is first.

use std::cmp::Ordering;

use leakbench_model::{Resource, Unit};

use super::Limit;
use super::accounts::{Account, Accounts};
use super::ledger::ObservationLedger;
use super::together;

/// A leak and all resources that grow because of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspect {
    /// The resource that is the cause.
    pub resource: Resource,
    /// Other resources that grow because of it.
    pub evidence: Vec<Resource>,
    /// The limit that it reaches first.
    pub forecast: Option<LimitForecast>,
}

/// The time at which growth reaches a limit.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitForecast {
    /// The limit: of the resource, of its total, or of its evidence.
    pub limit: Limit,
    /// Seconds after the last sample.
    pub seconds: f64,
}

impl Suspect {
    /// All leaks, each once, the worst first: those that reach a limit soonest, then those with the
    /// highest relative growth.
    pub(super) fn all(ledger: &ObservationLedger, accounts: &Accounts) -> Vec<Suspect> {
        let mut suspects: Vec<Suspect> = Vec::new();
        for effect in in_causal_order().filter(|&resource| accounts.leaks(resource)) {
            // Causes precede their effects, so a cause that leaks is a suspect already.
            let explaining = (0..suspects.len()).rev().filter(|&index| {
                suspects[index].resources().any(|cause| explains(accounts, cause, effect))
                    || makes(ledger, suspects[index].resource, effect)
            });
            // A total belongs to the kind that has most of it. Of equals, `max_by` takes the last one,
            // which is the first suspect.
            let kind_rate = |index: usize| {
                let kinds = suspects[index].resources().filter(|kind| kind.total() == Some(effect));
                kinds.map(|kind| accounts.rate(kind)).fold(0.0, f64::max)
            };
            let cause = explaining.max_by(|&a, &b| kind_rate(a).total_cmp(&kind_rate(b)));
            match cause {
                Some(index) => suspects[index].evidence.push(effect),
                None => suspects.push(Suspect {
                    resource: effect,
                    evidence: Vec::new(),
                    forecast: None,
                }),
            }
        }
        for suspect in &mut suspects {
            suspect.forecast = suspect.soonest(accounts);
        }
        suspects.sort_by(|a, b| a.compare(b, accounts));
        suspects
    }

    /// The resource that is the cause, and its evidence.
    fn resources(&self) -> impl Iterator<Item = Resource> {
        std::iter::once(self.resource).chain(self.evidence.iter().copied())
    }

    fn soonest(&self, accounts: &Accounts) -> Option<LimitForecast> {
        let limited =
            self.resources().flat_map(|resource| [Some(resource), resource.total()]).flatten();
        limited
            .filter_map(|resource| {
                let account = accounts.get(resource)?;
                let limit = account.limit.as_ref()?;
                // A total may grow because of several leaks. If it has no forecast of its own, it
                // grows at the rate of this one.
                let seconds = account.seconds_to_limit;
                let kinds = own_kinds(self, resource);
                let rate = kinds.map(|kind| accounts.rate(kind)).fold(0.0, f64::max);
                let seconds = seconds.or_else(|| accounts.seconds_to(limit, rate))?;
                Some(LimitForecast { limit: limit.clone(), seconds })
            })
            .min_by(|a, b| a.seconds.total_cmp(&b.seconds))
    }

    fn compare(&self, other: &Suspect, accounts: &Accounts) -> Ordering {
        let seconds =
            |suspect: &Suspect| suspect.forecast.as_ref().map_or(f64::INFINITY, |m| m.seconds);
        let grown = |suspect: &Suspect| accounts.get(suspect.resource).map_or(0.0, grown);
        seconds(self).total_cmp(&seconds(other)).then(grown(other).total_cmp(&grown(self)))
    }
}

/// The resources of a suspect that are `total` or one of its kinds.
fn own_kinds(suspect: &Suspect, total: Resource) -> impl Iterator<Item = Resource> {
    suspect
        .resources()
        .filter(move |&resource| resource == total || resource.total() == Some(total))
}

/// Growth relative to the first amount.
fn grown(account: &Account) -> f64 {
    account.trend.map_or(0.0, |trend| trend.rate.value * trend.span / trend.first.max(1.0))
}

/// All resources, each after all its possible causes. Of causes that explain the same growth, the
/// first has it as its evidence: objects are before their descriptors and mappings, and those are
/// before memory and totals.
fn in_causal_order() -> impl Iterator<Item = Resource> {
    let stage = |resource: Resource| match (resource.unit(), resource.total()) {
        // Their sockets are objects.
        _ if resource == Resource::EphemeralPorts => 2,
        (Unit::Count, Some(_)) => 1,
        (Unit::Count, None) if resource.kinds().next().is_none() => 0,
        _ => 2,
    };
    let mut all = Resource::ALL;
    all.sort_by_cached_key(|&resource| (stage(resource), depth(resource)));
    all.into_iter()
}

/// The length of the longest chain of causes that ends in `effect`.
fn depth(effect: Resource) -> usize {
    let causes = Resource::ALL.into_iter().filter(|&cause| link(cause, effect).is_some());
    causes.map(|cause| 1 + depth(cause)).max().unwrap_or(0)
}

/// True if a leak of `cause` explains a leak of `effect`.
fn explains(accounts: &Accounts, cause: Resource, effect: Resource) -> bool {
    let rate = |resource| accounts.rate(resource);
    link(cause, effect).is_some_and(|each_max| match each_max {
        f64::INFINITY => true,
        each_max => rate(effect) <= each_max * rate(cause),
    })
}

/// Maximum of memory that is taken for that of an object: a socket with its buffers and its TLS state.
const OBJECT_BYTES_MAX: f64 = (256 << 10) as f64;

/// True if each new object of `cause` comes with some of `effect`: a child with its pipes, an eventfd
/// descriptor with an epoll descriptor, a socket with its memory.
fn makes(ledger: &ObservationLedger, cause: Resource, effect: Resource) -> bool {
    let max = match (cause, effect.unit()) {
        // A child has all that it brings.
        (Resource::Children, _) | (_, Unit::Count) => f64::INFINITY,
        (_, Unit::Bytes) => OBJECT_BYTES_MAX,
    };
    cause.unit() == Unit::Count
        && together::ratio(ledger, cause, effect).is_some_and(|ratio| ratio <= max)
}

/// The maximum of `effect` for each of `cause`, if a leak of `cause` can explain one of `effect`.
fn link(cause: Resource, effect: Resource) -> Option<f64> {
    use Resource::*;
    const ANY: f64 = f64::INFINITY;
    match (cause, effect) {
        _ if cause.total() == Some(effect) => Some(ANY),
        (Memfds, MemfdFds | MemfdMappings | ShmemBytes) => Some(ANY),
        (MemfdFds | MemfdMappings, ShmemBytes) => Some(ANY),
        (SocketFds, EphemeralPorts) => Some(1.5),
        (PosixQueueFds, PosixQueueBytes) => Some(ANY),
        (DeletedFileFds, DeletedBytes) | (FileFds, TmpfsBytes) => Some(ANY),
        (Memfds | MemfdFds, UnmappedMemfdBytes) => Some(ANY),
        (SysvSegments, SysvBytes | ShmemBytes) => Some(ANY),
        (SysvSegments, FileMappings) => Some(1.5),
        (Children | Zombies, PidFds) => Some(1.5),
        // Each instance that is made has its watches.
        (InotifyWatches, InotifyFds) => Some(1.5),
        // Each child is a thread at least.
        (Children, Threads) => Some(1.5),
        // A thread has a stack with its guard, and may have an arena of the allocator.
        (Threads, AnonymousMappings | ReservedMappings | StackMappings) => Some(2.5),
        (Threads, AnonymousBytes) => Some((1 << 20) as f64),
        (AnonymousMappings | ExecutableMappings, AnonymousBytes) => Some(ANY),
        // Mappings that grow and are used.
        (AnonymousBytes | AnonymousMappings | ExecutableMappings, WritableBytes) => Some(ANY),
        (ShmemBytes | MemfdMappings | FileMappings | SysvSegments, SharedBytes) => Some(ANY),
        // Growing memory may be swapped or locked, and needs page tables and address space.
        (_, SwapBytes | LockedBytes | PageTablesBytes | AddressSpaceBytes)
            if needs_memory(cause) =>
        {
            Some(ANY)
        }
        (RssBytes | Mappings, PageTablesBytes | AddressSpaceBytes) => Some(ANY),
        _ => None,
    }
}

/// True if its growth needs memory: a kind of mapping, or memory that the kernel cannot reclaim. A process has
/// one stack that the kernel knows as such.
fn needs_memory(cause: Resource) -> bool {
    use Resource::*;
    let is_mapping = cause.total() == Some(Mappings) && cause != StackMappings;
    is_mapping || matches!(cause, AnonymousBytes | ShmemBytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_precede_their_effects() {
        let order: Vec<Resource> = in_causal_order().collect();
        for (position, &effect) in order.iter().enumerate() {
            for &later in &order[position..] {
                assert_eq!(link(later, effect), None, "{later} before {effect}");
            }
        }
    }
}
