//! Classes that depend on other resources: resident memory on what is mapped, a total on its kinds.

use leakbench_model::Resource;

use super::{Account, Accounts, ResourceClass};
use crate::observation::{Limit, ObservationLedger};
use crate::trend::{Trend, TrendClass};

/// Kinds of resident memory, each with the mappings that bound it.
const MAPPED: [(Resource, Resource); 2] = [
    (Resource::AnonymousBytes, Resource::WritableBytes),
    (Resource::ShmemBytes, Resource::SharedBytes),
];

/// Minimum ratio of growth of resident memory to growth of what is mapped, for mappings that are
/// used.
const RESIDENT_RATIO_MIN: f64 = 0.25;
/// Memory in each new mapping, in bytes, from which mappings are the chunks of a heap.
const CHUNK_BYTES_MIN: f64 = (64 << 10) as f64;
/// Address space that a page table of the lowest level maps, for each of its bytes.
const MAPPED_BY_PAGE_TABLE: u64 = 512;
/// Size of a page table. Each mapping may need one more, for its ends.
const PAGE_TABLE_BYTES: u64 = 4 << 10;

impl Accounts {
    /// Corrects the classes that depend on other resources.
    pub(super) fn reclassify(&mut self, ledger: &ObservationLedger) {
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
        // A heap that comes to its first collection takes chunk after chunk, and so does a process that
        // replaces another. Their memory is the measure.
        let chunk = CHUNK_BYTES_MIN * self.rate(Resource::AnonymousMappings);
        let memory = self.get(Resource::AnonymousBytes).and_then(|account| account.class);
        if memory.is_some_and(|class| class != ResourceClass::Leak)
            && self.rate(Resource::AnonymousBytes) >= chunk
        {
            self.doubt(Resource::AnonymousMappings);
        }
        for total in [Resource::Fds, Resource::Mappings] {
            let mut kinds = total.kinds().filter_map(|kind| self.get(kind)).peekable();
            if kinds.peek().is_some() && !kinds.any(Account::leaks) {
                self.doubt(total);
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
        self.fill_page_tables();
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

    /// Classifies growth of resident memory within mappings that do not grow. Without their size, the
    /// address space bounds anonymous memory.
    fn fill(&mut self, resident: Resource, mapped: Resource) {
        let is_known = self.get(mapped).is_some_and(|account| account.class.is_some());
        let mapped = match resident {
            Resource::AnonymousBytes if !is_known => Resource::AddressSpaceBytes,
            _ => mapped,
        };
        if self.is_settled(mapped)
            && let Some(space) = self.get(mapped)
        {
            self.fill_up_to(resident, space.last);
        }
    }

    /// Classifies growth of page tables alone: memory that is used now here and now there in an address
    /// space that does not grow.
    fn fill_page_tables(&mut self) {
        let causes = [Resource::RssBytes, Resource::Mappings];
        let causes =
            causes.into_iter().flat_map(|total| std::iter::once(total).chain(total.kinds()));
        if causes.into_iter().any(|cause| self.leaks(cause)) {
            return;
        }
        if self.is_settled(Resource::AddressSpaceBytes)
            && let Some(space) = self.get(Resource::AddressSpaceBytes)
        {
            let mappings = self.get(Resource::Mappings).map_or(0, |account| account.last);
            let ends = mappings.saturating_mul(PAGE_TABLE_BYTES);
            let ceiling = (space.last / MAPPED_BY_PAGE_TABLE).saturating_add(ends);
            self.fill_up_to(Resource::PageTablesBytes, ceiling);
        }
        self.doubt(Resource::PageTablesBytes);
    }

    fn fill_up_to(&mut self, resident: Resource, ceiling: u64) {
        if let Some(account) = self.all.get_mut(&resident)
            && account.may_leak()
            && account.last <= ceiling
        {
            let name = "what is mapped".to_owned();
            account.class = Some(ResourceClass::Filling);
            account.limit = Some(Limit { resource: resident, max: ceiling, name, others: 0 });
            let rate_per_s = account.rate_per_s().unwrap_or(0.0);
            let seconds = (ceiling - account.last) as f64 / rate_per_s;
            account.seconds_to_limit = (rate_per_s > 0.0).then_some(seconds);
        }
    }

    /// True if each kind of resident memory is classified and none may be a leak. Then their sum is
    /// none: it grew by one after the other, or by memory that can be reclaimed.
    fn resident_kinds_are_settled(&self) -> bool {
        Resource::RssBytes.kinds().all(|kind| self.is_settled(kind))
    }

    /// True if a resource is classified, and neither a leak nor undecided.
    fn is_settled(&self, resource: Resource) -> bool {
        self.get(resource).is_some_and(|it| it.class.is_some() && !it.may_leak())
    }

    /// Makes a leak inconclusive. Twice the time decides.
    fn doubt(&mut self, resource: Resource) {
        if let Some(account) = self.all.get_mut(&resource)
            && account.leaks()
        {
            account.class = Some(ResourceClass::Inconclusive);
            if let Some(trend) = &mut account.trend {
                trend.decisive_span = Some(2.0 * trend.span);
            }
        }
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
