//! Suspects: leaks with one cause are one suspect, and the worst is first.

use std::cmp::Ordering;

use leakbench_model::Resource;

use super::Limit;
use super::accounts::{Account, Accounts};
use super::ledger::ObservationLedger;

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

/// Resources in causal order: a resource is a cause of later ones only.
const CAUSES: [Resource; 35] = {
    use Resource::*;
    [
        Children,
        Zombies,
        Threads,
        Memfds,
        SysvSegments,
        FdsInFlight,
        MemfdFds,
        SocketFds,
        PipeFds,
        EventFds,
        TimerFds,
        EpollFds,
        PidFds,
        InotifyFds,
        SignalFds,
        DeletedFileFds,
        FileFds,
        OtherFds,
        MemfdMappings,
        ExecutableMappings,
        FileMappings,
        AnonymousMappings,
        ReservedMappings,
        StackMappings,
        ShmemBytes,
        AnonymousBytes,
        SysvBytes,
        LockedBytes,
        FileBytes,
        SwapBytes,
        Fds,
        Mappings,
        RssBytes,
        PageTablesBytes,
        AddressSpaceBytes,
    ]
};

impl Suspect {
    /// All leaks, each once, the worst first: those that reach a limit soonest, then those with the
    /// highest relative growth.
    pub(super) fn all(ledger: &ObservationLedger, accounts: &Accounts) -> Vec<Suspect> {
        let mut suspects: Vec<Suspect> = Vec::new();
        for effect in CAUSES.into_iter().filter(|&resource| accounts.leaks(resource)) {
            // Causes precede their effects, so a cause that leaks is a suspect already.
            let cause = suspects.iter_mut().find(|suspect| {
                let mut known = std::iter::once(&suspect.resource).chain(&suspect.evidence);
                known.any(|&cause| explains(accounts, cause, effect))
            });
            match cause {
                Some(suspect) => suspect.evidence.push(effect),
                None => suspects.push(Suspect {
                    resource: effect,
                    evidence: Vec::new(),
                    forecast: None,
                }),
            }
        }
        for suspect in &mut suspects {
            suspect.forecast = suspect.soonest(ledger, accounts);
        }
        suspects.sort_by(|a, b| a.compare(b, accounts));
        suspects
    }

    fn soonest(&self, ledger: &ObservationLedger, accounts: &Accounts) -> Option<LimitForecast> {
        let own = std::iter::once(self.resource).chain(self.evidence.iter().copied());
        let limited = own.flat_map(|resource| [Some(resource), resource.total()]).flatten();
        limited
            .filter_map(|resource| {
                let limit = ledger.limit(resource)?;
                // A total may grow because of several leaks. If it has no forecast of its own, it
                // grows at the rate of this one.
                let seconds = accounts.get(resource).and_then(|account| account.seconds_to_limit);
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
    let own = std::iter::once(suspect.resource).chain(suspect.evidence.iter().copied());
    own.filter(move |&resource| resource == total || resource.total() == Some(total))
}

/// Growth relative to the first amount.
fn grown(account: &Account) -> f64 {
    account.trend.map_or(0.0, |trend| trend.rate * trend.span / trend.first.max(1.0))
}

/// True if a leak of `cause` explains a leak of `effect`.
fn explains(accounts: &Accounts, cause: Resource, effect: Resource) -> bool {
    use Resource::*;
    // At most `max` of the effect for each of the cause.
    let for_each = |max: f64| accounts.rate(effect) <= max * accounts.rate(cause);
    match (cause, effect) {
        _ if cause.total() == Some(effect) => true,
        (Memfds, MemfdFds | MemfdMappings | ShmemBytes) => true,
        (MemfdFds | MemfdMappings, ShmemBytes) => true,
        (SysvSegments, SysvBytes | ShmemBytes) => true,
        (SysvSegments, FileMappings) => for_each(1.5),
        (Children | Zombies, PidFds) => for_each(1.5),
        // A thread has a stack with its guard, and may have an arena of the allocator.
        (Threads, AnonymousMappings | ReservedMappings | StackMappings) => for_each(2.5),
        (Threads, AnonymousBytes) => for_each((1 << 20) as f64),
        (AnonymousMappings | ExecutableMappings, AnonymousBytes) => true,
        // Growing memory may be swapped or locked, and needs page tables and address space.
        (
            AnonymousBytes | ShmemBytes | AnonymousMappings | MemfdMappings | ExecutableMappings
            | ReservedMappings | FileMappings,
            SwapBytes | LockedBytes | PageTablesBytes | AddressSpaceBytes,
        ) => true,
        (RssBytes | Mappings, PageTablesBytes | AddressSpaceBytes) => true,
        _ => false,
    }
}
