//! Slot maps: the state of each slot of each pool at each barrier.

use super::timeline::{seconds, spread};
use super::{Chart, Plot, SlotMaps, SlotRow, SlotRows};
use leakbench_model::text::{counted, grouped};
use leakbench_recording::ledger::{BarrierSample, Ledger, SubjectLedger};
use leakbench_recording::recording::SlotMap;

/// The chart of all pools; `None` without slot maps.
pub(super) fn chart(ledger: &Ledger) -> Option<Chart> {
    let pools: Vec<Pool<'_>> = ledger.subjects.iter().filter_map(Pool::of).collect();
    let shown = &pools[..pools.len().min(SlotMaps::MAPS_MAX)];
    let bins = shown.iter().map(Pool::bins).max()?;
    let rows_max = SlotMaps::rows_max(shown.len(), bins);
    let maps = SlotMaps {
        maps: shown.iter().map(|pool| pool.rows(rows_max)).collect(),
        rest: (pools.len() - shown.len()) as u64,
    };
    let (title, reads) = (title(&maps), reads(&maps));
    Some(Chart { id: "slots".to_owned(), title, reads, plot: Plot::Slots(maps) })
}

fn title(maps: &SlotMaps) -> String {
    let slots = maps.maps.iter().map(|rows| rows.slots).max().unwrap_or(0);
    let title = format!("States of {}", counted(slots.into(), "slot"));
    match maps.maps.len() as u64 + maps.rest {
        0 | 1 => title,
        processes => format!("{title} in each of {processes} processes"),
    }
}

fn reads(maps: &SlotMaps) -> String {
    let mut reads =
        "Slots across, time downwards, one row for each barrier. A slot that stays affine to a \
         dropped module, or queued, from row to row holds its image."
            .to_owned();
    let slots_a_bin = maps.maps.iter().map(SlotRows::slots_per_bin).max().unwrap_or(1);
    if slots_a_bin > 1 {
        let slots = grouped(slots_a_bin.into());
        reads += &format!(
            " A cell is {slots} neighbouring slots, coloured by the share of each state; a mark is \
             a state that few of them have."
        );
    }
    if maps.rest > 0 {
        let processes = if maps.rest == 1 { "process is" } else { "processes are" };
        reads += &format!(" {} more {processes} not shown.", grouped(maps.rest));
    }
    reads
}

/// The barriers of a process that have a map.
struct Pool<'a> {
    subject: u32,
    slots: u32,
    barriers: Vec<(&'a BarrierSample, &'a SlotMap)>,
}

impl Pool<'_> {
    fn of(subject: &SubjectLedger) -> Option<Pool<'_>> {
        let barriers = subject.barriers.iter();
        let all: Vec<(&BarrierSample, &SlotMap)> =
            barriers.filter_map(|barrier| Some((barrier, barrier.slot_map.as_ref()?))).collect();
        // A pool keeps its size. Should it change, the last size counts.
        let slots = all.last()?.1.slots();
        let barriers = all.into_iter().filter(|(_, map)| map.slots() == slots).collect();
        Some(Pool { subject: subject.number, slots, barriers })
    }

    /// Bins of its finest map.
    fn bins(&self) -> usize {
        self.barriers.iter().map(|(_, map)| map.bin_count()).max().unwrap_or(1)
    }

    fn rows(&self, max: usize) -> SlotRows {
        let row = |(barrier, map): (&BarrierSample, &SlotMap)| SlotRow {
            at_s: seconds(barrier.at_ms),
            cycles: barrier.cycles,
            map: map.clone(),
            line: barrier.line,
        };
        let rows = self.kept(max).into_iter().map(|index| row(self.barriers[index])).collect();
        SlotRows { subject: self.subject, slots: self.slots, rows }
    }

    /// The barriers to show: evenly spread, with the first, the last and the first of those at which
    /// most images lingered.
    fn kept(&self, max: usize) -> Vec<usize> {
        let lingering = |index: &usize| self.barriers[*index].0.lingering;
        // Of equals `max_by_key` takes the last.
        let worst = (0..self.barriers.len()).rev().max_by_key(lingering);
        let mut kept = spread(self.barriers.len(), max);
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
}
