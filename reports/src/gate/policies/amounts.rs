//! Amounts of a resource in a run.

use leakbench_recording::observation::{Resource, Unit as Counted};
use leakbench_recording::recording::Footprint;

use crate::gate::policy::Unit;

/// The amount of `resource`; `None` if it was not read.
pub(super) fn of_footprint(resource: Resource, footprint: &Footprint) -> Option<u64> {
    match resource {
        Resource::Mappings => footprint.mappings,
        Resource::Fds => footprint.fds,
        Resource::ResidentBytes => footprint.rss_bytes,
        Resource::SharedBytes => footprint.shmem_bytes,
        Resource::PageTableBytes => footprint.page_tables_bytes,
        _ => None,
    }
}

/// Growth that proves nothing, in the unit of the resource.
pub(super) fn noise(resource: Resource) -> u64 {
    match resource {
        Resource::Mappings => 16,
        Resource::ResidentBytes | Resource::SharedBytes => 4_194_304,
        resource => resource.noise(),
    }
}

/// An amount with its noun: `2,045 mappings`, `20.0 MiB of resident memory`.
pub(super) fn with_noun(resource: Resource, amount: f64) -> String {
    let shown = Unit::Resource(resource).shown(amount);
    match resource.unit() {
        Counted::Count if shown == "1" => format!("1 {}", resource.noun().trim_end_matches('s')),
        Counted::Count => format!("{shown} {}", resource.noun()),
        Counted::Bytes => format!("{shown} of {}", resource.noun()),
    }
}
