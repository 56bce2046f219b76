//! Slot maps: the state of each slot of a pool at each barrier.

use super::timeline::{seconds, spread};
use super::{Chart, Plot, SlotRow, SlotRows};
use leakbench_model::SlotState;
use leakbench_model::text::{counted, grouped};
use leakbench_recording::ledger::{BarrierSample, Ledger, SubjectLedger};
use leakbench_recording::recording::SlotMap;

/// Processes with a slot map at most.
const PROCESSES_MAX: usize = 4;

/// A chart for each of the first processes that have slot maps.
pub(super) fn charts(ledger: &Ledger) -> Vec<Chart> {
    let maps: Vec<SlotRows> = ledger.subjects.iter().filter_map(rows).collect();
    let several = maps.len() > 1;
    let rest = maps.len().saturating_sub(PROCESSES_MAX) as u64;
    let shown = maps.into_iter().take(PROCESSES_MAX).enumerate();
    shown.map(|(index, rows)| chart(index, rows, several, rest)).collect()
}

fn chart(index: usize, rows: SlotRows, several: bool, rest: u64) -> Chart {
    let id = if index == 0 { "slots".to_owned() } else { format!("slots-{index}") };
    let mut title = format!("States of {}", counted(rows.slots.into(), "slot"));
    if several {
        title += &format!(", subject {}", rows.subject);
    }
    let mut reads =
        "Slots across, time downwards, one row for each barrier. A slot that stays affine \
                     to a dropped module, or queued, from row to row holds its image"
            .to_owned();
    if rows.slots_a_cell > 1 {
        let slots = counted(rows.slots_a_cell.into(), "slot");
        reads += &format!("; each cell shows the worst of {slots}");
    }
    if rest > 0 {
        let processes = if rest == 1 { "process is" } else { "processes are" };
        reads += &format!("; {} more {processes} not shown", grouped(rest));
    }
    Chart { id, title, reads: reads + ".", plot: Plot::Slots(rows) }
}

fn rows(subject: &SubjectLedger) -> Option<SlotRows> {
    let barriers = subject.barriers.iter();
    let all: Vec<(&BarrierSample, &SlotMap)> =
        barriers.filter_map(|barrier| Some((barrier, barrier.slot_map.as_ref()?))).collect();
    // A pool keeps its size. Should it change, the last size counts.
    let slots = all.last()?.1.slots();
    let of_size: Vec<(&BarrierSample, &SlotMap)> =
        all.into_iter().filter(|(_, map)| map.slots() == slots).collect();
    // A recording makes older maps coarser.
    let slots_a_cell = of_size.iter().map(|(_, map)| map.slots_per_cell()).max()?;
    let kept = kept(&of_size, SlotRows::ROWS_MAX).into_iter();
    let row = |(barrier, map): (&BarrierSample, &SlotMap)| SlotRow {
        at_s: seconds(barrier.at_ms),
        cycles: barrier.cycles,
        cells: coarse(map, slots_a_cell),
        counts: barrier.slots,
        line: barrier.line,
    };
    let rows = kept.map(|index| row(of_size[index])).collect();
    Some(SlotRows { subject: subject.number, slots, slots_a_cell, rows })
}

/// The barriers to show: evenly spread, with the first, the last and the first of those at which
/// most images lingered.
fn kept(barriers: &[(&BarrierSample, &SlotMap)], max: usize) -> Vec<usize> {
    let lingering = |index: &usize| barriers[*index].0.lingering;
    // Of equals `max_by_key` takes the last.
    let worst = (0..barriers.len()).rev().max_by_key(lingering);
    let mut kept = spread(barriers.len(), max);
    if let Some(worst) = worst
        && let Err(after) = kept.binary_search(&worst)
        && kept.len() > 2
    {
        // In the place of its neighbour; the first and the last stay.
        let neighbour = after.clamp(1, kept.len() - 2);
        kept[neighbour] = worst;
        kept.sort_unstable();
    }
    kept
}

/// The cells of a map as cells of `slots_a_cell` slots, no fewer than its own cells have. A cell that
/// overlaps two of the new ones shows in both.
fn coarse(map: &SlotMap, slots_a_cell: u32) -> Vec<SlotState> {
    let columns = map.slots().div_ceil(slots_a_cell) as usize;
    let mut cells = vec![SlotState::Empty; columns];
    let own = u64::from(map.slots_per_cell());
    for (index, &cell) in (0..).zip(map.cells()) {
        let first: u64 = index * own;
        let last = (first + own).min(map.slots().into()).saturating_sub(1);
        let columns = first / u64::from(slots_a_cell)..=last / u64::from(slots_a_cell);
        for column in columns {
            if let Some(shown) = cells.get_mut(column as usize) {
                *shown = (*shown).max(cell);
            }
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn coarse_cells_show_the_most_telling_of_their_slots(
            each in prop::collection::vec(prop::sample::select(SlotState::ALL.to_vec()), 1..300),
            times in 1_u32..9,
        ) {
            let mut map = SlotMap::new(each.len() as u32, SlotState::Empty).expect("slots");
            for (slot, &cell) in (0..).zip(&each) {
                map.show(slot, cell);
            }
            let expected: Vec<SlotState> = each
                .chunks(times as usize)
                .map(|slots| slots.iter().copied().max().expect("a slot"))
                .collect();
            prop_assert_eq!(coarse(&map, times), expected.clone());
            // In two steps it is the same, as long as the second is a multiple of the first.
            map.coarsen(each.len().div_ceil(times as usize));
            let again = coarse(&map, map.slots_per_cell() * 2);
            let twice: Vec<SlotState> = map
                .cells()
                .chunks(2)
                .map(|cells| cells.iter().copied().max().expect("a cell"))
                .collect();
            prop_assert_eq!(again, twice);
        }
    }
}
