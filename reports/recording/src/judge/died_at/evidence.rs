//! The evidence of the last sample for or against a death at a limit.

use leakbench_model::Resource;

use super::FEWER_THAN_AT_REST;
use super::limit::Limit;
use crate::ledger::{SubjectLedger, SubjectSample};

/// Expected growth from which on a sample is evidence for or against growth.
const EXPECTED_MIN: f64 = 32.0;

/// Minimum ratio of observed to expected growth.
const OBSERVED_RATIO_MIN: f64 = 0.5;

/// A subject that reported no error was at the limit if its last sample was this close to it.
const AT_LIMIT: f64 = 0.9;

/// Evidence of the last sample for a death at a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// There is no sample, or it was too early.
    Missing,
    /// It grew at the rate that leads to the limit.
    Growing,
    /// It was close to the limit.
    AtLimit,
    /// It grew less, or had more than the limit allows.
    Against,
}

impl Evidence {
    pub(super) fn of(limit: Limit, subject: &SubjectLedger, at_rest: u64, growth: f64) -> Evidence {
        // The last sample may be of a dead process and then has no count; one that is exiting has
        // closed its descriptors, of which a subject has some.
        let is_alive = |sample: &&SubjectSample| sample.footprint.of(Resource::Fds) != Some(0);
        let mut samples = subject.samples.iter().rev().filter(is_alive);
        let last = samples
            .find_map(|sample| Some((sample.counts.cycles, limit.count(&sample.footprint)?)));
        let Some((cycles, count)) = last else { return Evidence::Missing };
        if count > limit.max.saturating_add(FEWER_THAN_AT_REST) {
            return Evidence::Against;
        }
        let expected = growth * cycles as f64;
        let grown = count.saturating_sub(at_rest) as f64;
        if expected >= EXPECTED_MIN && grown < expected * OBSERVED_RATIO_MIN {
            Evidence::Against
        } else if count as f64 >= limit.max as f64 * AT_LIMIT {
            Evidence::AtLimit
        } else if expected >= EXPECTED_MIN {
            Evidence::Growing
        } else {
            Evidence::Missing
        }
    }
}
