//! Amounts of a resource in a run.

use leakbench_model::{Resource, Unit as Counted};

use crate::gate::policy::Unit;

/// An amount with its noun: `2,045 mappings`, `20.0 MiB of resident memory`.
pub(super) fn with_noun(resource: Resource, amount: f64) -> String {
    let shown = Unit::Resource(resource).shown(amount);
    match resource.unit() {
        Counted::Count if shown == "1" => format!("1 {}", resource.noun().trim_end_matches('s')),
        Counted::Count => format!("{shown} {}", resource.noun()),
        Counted::Bytes => format!("{shown} of {}", resource.noun()),
    }
}
