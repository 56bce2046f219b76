//! Which leaks are one leak, and which of them is the worst.

use std::cmp::Ordering;

use super::accounts::{Account, Accounts};
use super::ledger::ObservationLedger;
use super::{Limit, Resource};

/// A leak, with all that it shows in.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspect {
    /// The resource that says most plainly what leaks.
    pub resource: Resource,
    /// Others that grow because of it.
    pub evidence: Vec<Resource>,
    /// The limit that it meets first.
    pub forecast: Option<LimitForecast>,
}

/// When growth comes to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitForecast {
    /// The limit that is met, of the resource, of one that it is a kind of, or of its evidence.
    pub limit: Limit,
    /// In how many seconds after the last look.
    pub seconds: f64,
}

/// Resources in the order in which they explain others: what makes the others comes first.
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
        SharedBytes,
        AnonymousBytes,
        SysvBytes,
        LockedBytes,
        FileBytes,
        SwapBytes,
        Fds,
        Mappings,
        ResidentBytes,
        PageTableBytes,
        AddressSpaceBytes,
    ]
};

impl Suspect {
    /// All leaks, each once, the worst first: those that meet a limit soonest, then those that
    /// grew most for what there was of them.
    pub(super) fn all(ledger: &ObservationLedger, accounts: &Accounts) -> Vec<Suspect> {
        let mut suspects: Vec<Suspect> = Vec::new();
        for effect in CAUSES.into_iter().filter(|&resource| accounts.leaks(resource)) {
            // Causes are before their effects, and so among the suspects if they leak.
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
        let shown = std::iter::once(self.resource).chain(self.evidence.iter().copied());
        let limited = shown.flat_map(|resource| [Some(resource), resource.total()]).flatten();
        limited
            .filter_map(|resource| {
                let limit = ledger.limit(resource)?;
                // A total may grow by several leaks at once; where it is not seen to grow by
                // itself, it does by this one.
                let in_s = accounts.get(resource).and_then(|account| account.seconds_to_limit);
                let kinds = shown_kinds(self, resource);
                let rate = kinds.map(|kind| accounts.rate(kind)).fold(0.0, f64::max);
                let in_s = in_s.or_else(|| accounts.seconds_to(limit, rate))?;
                Some(LimitForecast { limit: limit.clone(), seconds: in_s })
            })
            .min_by(|a, b| a.seconds.total_cmp(&b.seconds))
    }

    fn compare(&self, other: &Suspect, accounts: &Accounts) -> Ordering {
        let in_s =
            |suspect: &Suspect| suspect.forecast.as_ref().map_or(f64::INFINITY, |m| m.seconds);
        let grown = |suspect: &Suspect| accounts.get(suspect.resource).map_or(0.0, grown);
        in_s(self).total_cmp(&in_s(other)).then(grown(other).total_cmp(&grown(self)))
    }
}

/// Those of a suspect's resources that `total` is, or is the total of.
fn shown_kinds(suspect: &Suspect, total: Resource) -> impl Iterator<Item = Resource> {
    let shown = std::iter::once(suspect.resource).chain(suspect.evidence.iter().copied());
    shown.filter(move |&resource| resource == total || resource.total() == Some(total))
}

/// How many times what there was at first it grew by.
fn grown(account: &Account) -> f64 {
    account.trend.map_or(0.0, |trend| trend.rate * trend.span / trend.first.max(1.0))
}

/// Whether a leak of `cause` is why `effect` leaks.
fn explains(accounts: &Accounts, cause: Resource, effect: Resource) -> bool {
    use Resource::*;
    // At most so many of the effect for one of the cause.
    let for_each = |most: f64| accounts.rate(effect) <= most * accounts.rate(cause);
    match (cause, effect) {
        _ if cause.total() == Some(effect) => true,
        (Memfds, MemfdFds | MemfdMappings | SharedBytes) => true,
        (MemfdFds | MemfdMappings, SharedBytes) => true,
        (SysvSegments, SysvBytes | SharedBytes) => true,
        (SysvSegments, FileMappings) => for_each(1.5),
        (Children | Zombies, PidFds) => for_each(1.5),
        // A stack and its guard; an arena of the allocator may come with it.
        (Threads, AnonymousMappings | ReservedMappings | StackMappings) => for_each(2.5),
        (Threads, AnonymousBytes) => for_each((1 << 20) as f64),
        (AnonymousMappings | ExecutableMappings, AnonymousBytes) => true,
        // Where memory grows it may be swapped or locked, needs page tables and address space.
        (
            AnonymousBytes | SharedBytes | AnonymousMappings | MemfdMappings | ExecutableMappings
            | ReservedMappings | FileMappings,
            SwapBytes | LockedBytes | PageTableBytes | AddressSpaceBytes,
        ) => true,
        (ResidentBytes | Mappings, PageTableBytes | AddressSpaceBytes) => true,
        _ => false,
    }
}
