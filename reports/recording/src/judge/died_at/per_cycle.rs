//! The number of objects that each cycle leaked.

use super::FEWER_THAN_AT_REST;

/// A quotient is taken as a whole number if objects made once change it by at most this.
const WHOLE_WITHIN: f64 = 0.1;

/// Objects that each cycle leaked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum PerCycle {
    /// The same number in each cycle.
    Whole(u64),
    /// An average.
    About(f64),
}

impl PerCycle {
    /// The quotient of `left` objects and `cycles`, of which up to `once` objects were made once.
    pub(super) fn of(left: u64, cycles: u64, once: u64) -> PerCycle {
        let about = left as f64 / cycles as f64;
        let whole = about.round().max(1.0);
        let excess = left as f64 - whole * cycles as f64;
        // The cycle that failed is not counted, and may have made all of its objects but one.
        let slack = once as f64 + whole;
        let explained = -(FEWER_THAN_AT_REST as f64)..=slack;
        if slack <= WHOLE_WITHIN * cycles as f64 && explained.contains(&excess) {
            PerCycle::Whole(whole as u64)
        } else {
            PerCycle::About(about)
        }
    }
}

/// Two decimals, or scientific notation for small numbers.
pub(super) fn short(number: f64) -> String {
    if number >= 0.01 { format!("{number:.2}") } else { format!("{number:.1e}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The number of objects a cycle is found for any number made once or in the last cycle.
        #[test]
        fn a_whole_number_a_cycle_is_found(
            leaked in 1u64..20, cycles in 1u64..1_000_000, once in 0u64..20,
            made_once in 0u64..20, begun in 0u64..20,
        ) {
            let left = leaked * cycles + made_once.min(once) + begun.min(leaked - 1);
            match PerCycle::of(left, cycles, once) {
                PerCycle::Whole(number) => prop_assert_eq!(number, leaked),
                // Too few cycles.
                PerCycle::About(_) => prop_assert!(cycles < 10 * (once + leaked + 1)),
            }
        }

        /// A fraction is never taken for a whole number.
        #[test]
        fn a_fraction_is_no_whole_number(
            leaked in 0u64..20, part in 0.11f64..0.9, cycles in 1u64..1_000_000, once in 0u64..20,
        ) {
            let left = ((leaked as f64 + part) * cycles as f64) as u64;
            let is_whole = matches!(PerCycle::of(left, cycles, once), PerCycle::Whole(_));
            prop_assert!(!is_whole);
        }
    }
}
