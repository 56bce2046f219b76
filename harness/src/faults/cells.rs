//! The cells to try: which call fails, with which error, at which position. Pure.

use std::num::NonZeroU64;

use leakbench_model::{Call, ErrorNumber, Fault, When};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// The calls that a run without faults makes, and the number of each.
pub(super) type Calls = Vec<(Call, u64)>;

/// The cells that are tried, of all that there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// First of all rows, then second of all rows, so that an interrupted run has tried each row.
    pub(super) faults: Vec<Fault>,
    /// The number of all cells.
    pub(super) total: u64,
}

/// A row of the matrix: its cells differ in the position.
#[derive(Clone, Copy, Debug)]
struct Row {
    call: Call,
    error: ErrorNumber,
    /// Later calls fail too.
    persists: bool,
    /// The number of calls.
    positions: u64,
}

impl Choice {
    /// At most `cells_max` cells. Rows of few positions are tried wholly; of the others, positions from everywhere, with
    /// the first and the last.
    pub(super) fn of(calls: &Calls, cells_max: u64) -> Choice {
        let rows: Vec<Row> =
            calls.iter().flat_map(|(call, positions)| rows(*call, *positions)).collect();
        let total = rows.iter().map(|row| row.positions).sum();
        let sizes: Vec<u64> = rows.iter().map(|row| row.positions).collect();
        let mut columns: Vec<_> = rows
            .iter()
            .zip(shares(&sizes, cells_max))
            .map(|(row, share)| row.cells(share))
            .collect();
        let mut faults = Vec::new();
        loop {
            let before = faults.len();
            faults.extend(columns.iter_mut().filter_map(Iterator::next));
            if faults.len() == before {
                return Choice { faults, total };
            }
        }
    }
}

fn rows(call: Call, positions: u64) -> impl Iterator<Item = Row> {
    let errors = call.errors().iter().copied();
    errors.flat_map(move |error| {
        // A call that a signal always interrupts is repeated without end, and rightly so.
        let persists = match error {
            ErrorNumber::Eintr => &[false][..],
            _ => &[false, true],
        };
        persists.iter().map(move |&persists| Row { call, error, persists, positions })
    })
}

impl Row {
    /// So many cells: the first position, the last one, and one at random in each of equal parts between them. Evenly
    /// spaced ones would meet the same call of each cycle.
    fn cells(self, share: u64) -> impl Iterator<Item = Fault> {
        let Row { call, error, persists, positions } = self;
        // The same in each run, and others in each row.
        let row = (error as u64) << 1 | u64::from(persists);
        let mut rng = SmallRng::seed_from_u64(positions ^ row << 48);
        let bound =
            move |part: u64| u128::from(positions) * u128::from(part) / u128::from(share.max(1));
        (0..share).filter_map(move |part| {
            let (from, until) = (bound(part), bound(part + 1));
            let within = u128::from(rng.random::<u64>()) % (until - from).max(1);
            let offset = match part {
                0 => 0,
                last if last + 1 == share => until - 1,
                _ => from + within,
            };
            let position = NonZeroU64::new(u64::try_from(offset).ok()?.saturating_add(1))?;
            let when = if persists { When::From(position) } else { When::Nth(position) };
            Some(Fault { call, error, when })
        })
    }
}

/// Shares of `total` for rows of these sizes: none larger than its row, and equal apart from that. Rows after
/// the first `total` get nothing.
fn shares(sizes: &[u64], total: u64) -> Vec<u64> {
    let mut by_size: Vec<usize> = (0..sizes.len()).collect();
    by_size.sort_by_key(|index| sizes[*index]);
    let mut shares = vec![0; sizes.len()];
    let (mut left, mut rows_left) = (total, sizes.len() as u64);
    for index in by_size {
        // The smallest row first: what it does not need, larger ones share.
        let share = sizes[index].min(left.div_ceil(rows_left.max(1))).min(left);
        shares[index] = share;
        left -= share;
        rows_left -= 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn any_calls() -> impl Strategy<Value = Calls> {
        let call = proptest::sample::select(&Call::ALL[..]);
        proptest::collection::btree_map(call, 1..2_000_u64, 0..6)
            .prop_map(|calls| calls.into_iter().collect())
    }

    fn position(fault: &Fault) -> u64 {
        match fault.when {
            When::Nth(position) | When::From(position) => position.get(),
            When::Never | When::Every(_) => panic!("{fault} is no cell"),
        }
    }

    proptest! {
        #[test]
        fn cells_exist_once_and_within_the_limit(calls in any_calls(), max in 0..3_000_u64) {
            let Choice { faults, total } = Choice::of(&calls, max);
            prop_assert_eq!(faults.len() as u64, total.min(max));
            prop_assert_eq!(faults.iter().collect::<HashSet<_>>().len(), faults.len());
            for fault in &faults {
                let (_, made) = calls.iter().find(|(call, _)| *call == fault.call).expect("a call");
                prop_assert!((1..=*made).contains(&position(fault)));
                prop_assert!(fault.call.errors().contains(&fault.error));
            }
        }

        #[test]
        fn every_row_is_tried_first_and_at_its_ends(calls in any_calls()) {
            let rows: usize = calls.iter().map(|(call, made)| rows(*call, *made).count()).sum();
            let Choice { faults, .. } = Choice::of(&calls, 3 * rows as u64);
            let row = |fault: &Fault| (fault.call, fault.error, matches!(fault.when, When::From(_)));
            let first: HashSet<_> = faults.iter().take(rows).map(row).collect();
            prop_assert_eq!(first.len(), rows);
            for (call, made) in &calls {
                for error in call.errors() {
                    let positions: HashSet<u64> = faults
                        .iter()
                        .filter(|fault| row(fault) == (*call, *error, false))
                        .map(position)
                        .collect();
                    prop_assert!(positions.contains(&1) && positions.contains(made), "{call} {error}");
                }
            }
        }
    }

    /// A cycle that makes three calls: each of them is met.
    #[test]
    fn positions_do_not_keep_step_with_cycles() {
        let Choice { faults, .. } = Choice::of(&vec![(Call::Mmap, 180)], 40);
        let of_row = faults.iter().filter(|fault| matches!(fault.when, When::Nth(_)));
        let met: HashSet<u64> = of_row.map(|fault| position(fault) % 3).collect();
        assert_eq!(met.len(), 3);
    }

    #[test]
    fn what_small_rows_do_not_need_is_shared() {
        assert_eq!(shares(&[1, 100, 2], 30), [1, 27, 2]);
        assert_eq!(shares(&[100, 100], 31), [16, 15]);
        assert_eq!(shares(&[5, 5, 5], 2), [1, 1, 0]);
        assert_eq!(shares(&[], 2), [0; 0]);
    }
}
