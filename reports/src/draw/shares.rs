//! The shares of states in the columns of a slot map, and their colours.

use crate::palette::{Rgb, mixed, slot_state};
use leakbench_model::SlotState;
use leakbench_recording::recording::{SlotMap, SlotRun};

/// The share of each state, in the order of [`SlotState::ALL`].
pub(super) type Shares = [f64; SlotState::ALL.len()];

/// States that explain a leak have a mark where few slots are in them.
const MARKED_FROM: SlotState = SlotState::Unknown;
/// A share from which on a column shows a state by its colour.
const VISIBLE: f64 = 0.3;
/// Colours differ in steps of this share, so that neighbours can be one rectangle.
const STEPS: f64 = 32.0;

/// The shares in `columns` equal parts of the maps of a band, which are of one pool.
pub(super) fn shares<'a>(maps: impl Iterator<Item = &'a SlotMap>, columns: usize) -> Vec<Shares> {
    let mut shares = vec![Shares::default(); columns];
    let mut count = 0.0;
    for map in maps {
        add(&mut shares, map);
        count += 1.0;
    }
    for share in shares.iter_mut().flatten() {
        *share /= count;
    }
    shares
}

/// Adds the shares of one map. A bin that two columns share counts in each by its part.
fn add(shares: &mut [Shares], map: &SlotMap) {
    let slots = f64::from(map.slots());
    let a_column = slots / shares.len() as f64;
    let mut from = 0.0;
    for bin in map.bins() {
        let bin_slots: f64 = bin.iter().map(|run| f64::from(run.slots)).sum();
        let to = from + bin_slots;
        let first = (from / a_column) as usize;
        for (column, shares) in shares.iter_mut().enumerate().skip(first) {
            let start = column as f64 * a_column;
            if start >= to {
                break;
            }
            let overlap = to.min(start + a_column) - from.max(start);
            for &SlotRun { state, slots } in &bin {
                let part = f64::from(slots) / bin_slots;
                shares[state as usize] += part * overlap.max(0.0) / a_column;
            }
        }
        from = to;
    }
}

/// The colour of a column, a mixture of the colours of its states.
pub(super) fn colour(shares: &Shares) -> Rgb {
    let parts = SlotState::ALL.into_iter().zip(shares);
    mixed(parts.map(|(state, share)| (slot_state(state).light, (share * STEPS).round())))
}

/// Columns that have a mark, and its state: in each `window` of columns the one with the largest
/// share of the most telling state, if no column shows that state.
pub(super) fn marks(shares: &[Shares], window: usize) -> Vec<(usize, SlotState)> {
    let mut marks = Vec::new();
    for (start, columns) in (0..).step_by(window.max(1)).zip(shares.chunks(window.max(1))) {
        let states = SlotState::ALL.into_iter().rev().take_while(|state| *state >= MARKED_FROM);
        let largest = |state: SlotState| {
            let shares = columns.iter().map(|shares| shares[state as usize]).enumerate();
            // Of equals `max_by` takes the last.
            shares.rev().max_by(|(_, a), (_, b)| a.total_cmp(b)).filter(|(_, share)| *share > 0.0)
        };
        let mut occur = states.filter_map(|state| Some((state, largest(state)?)));
        if let Some((state, (column, share))) = occur.next()
            && share < VISIBLE
        {
            marks.push((start + column, state));
        }
    }
    marks
}
