//! The policies, one file each; the families `slope-*` and `peak-*` have a row for each resource.
//!
//! To add a policy, write its file and add its row to [`POLICIES`]. Then plant a cause for it in
//! `reports/tests/reports/gate/policies.rs`, and one for a real run in
//! `harness/tests/gate_planted/causes.rs`: both tests fail for a policy without one.
//!
//! | policy | keys | by default |
//! |---|---|---|
//! | `lingering-at-end`, `lingering-peak`, `unaccounted` | `max`, `over-baseline` | error, `max = 0` |
//! | `lingering-by-reason` | a reason's name = a number of images | off |
//! | `late-releases` | `max`, `max-share` | warn, `max-share = 0.01` |
//! | `time-to-release` | `p50-us`, `p99-us`, `max-us` | off |
//! | `slope-*` | `max-per-1000-cycles` | off; 0 if a budget turns it on |
//! | `peak-*` | `max`, `over-baseline` | off |
//! | `throughput` | `min-ratio` | off; error with `--against`; 0.9 |
//! | `growth` | `max`, `allow` | error, `max = 0` |
//!
//! A table without a `level` has the level error, and one without bounds the default ones.

mod effect;
mod growth;
mod images;
mod late_releases;
mod lingering_at_end;
mod lingering_by_reason;
mod lingering_peak;
mod peak;
mod samples;
mod slope;
mod throughput;
mod time_to_release;
mod unaccounted;

use leakbench_model::Resource;

use super::policy::Policy;

/// Every policy, in the order in which reports list them.
pub(super) const POLICIES: &[Policy] = &[
    lingering_at_end::POLICY,
    lingering_peak::POLICY,
    lingering_by_reason::POLICY,
    late_releases::POLICY,
    time_to_release::POLICY,
    unaccounted::POLICY,
    slope::policy(Resource::Mappings),
    slope::policy(Resource::Fds),
    slope::policy(Resource::RssBytes),
    slope::policy(Resource::PageTablesBytes),
    peak::policy(Resource::Mappings),
    peak::policy(Resource::Fds),
    peak::policy(Resource::RssBytes),
    peak::policy(Resource::ShmemBytes),
    peak::policy(Resource::PageTablesBytes),
    throughput::POLICY,
    growth::POLICY,
];

impl Policy {
    /// The policy of that name, with its place in [`POLICIES`].
    pub(super) fn named(name: &str) -> Option<(usize, &'static Policy)> {
        POLICIES.iter().enumerate().find(|(_, policy)| policy.name() == name)
    }
}
