//! Slot maps: the state of each slot of each pool at each barrier.

use super::timeline::{seconds, spread};
use super::{Chart, Plot};
use leakbench_model::SlotState;
use leakbench_model::text::{counted, grouped};
use leakbench_recording::ledger::{BarrierSample, Ledger, SubjectLedger};
use leakbench_recording::recording::SlotMap;

/// The states of the slots of the pools of all processes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SlotMaps {
    /// The pool of each process, at most [`SlotMaps::MAPS_MAX`].
    pub maps: Vec<SlotRows>,
    /// The number of processes that are not shown.
    pub rest: u64,
}

impl SlotMaps {
    /// Processes at most.
    pub const MAPS_MAX: usize = 64;
    /// Bins of all rows of all maps at most, which bounds the size of a page.
    const BINS_MAX: usize = 4 * SlotRows::ROWS_MAX * SlotMap::SLOTS_MAX;

    /// The states that occur, in their order.
    pub fn states(&self) -> Vec<SlotState> {
        let rows = || self.maps.iter().flat_map(|pool| &pool.rows);
        let occurs = |state: &SlotState| rows().any(|row| row.map.count(*state) > 0);
        SlotState::ALL.into_iter().filter(occurs).collect()
    }

    /// The number of slots in a state at the last barriers.
    pub fn at_end(&self, state: SlotState) -> u64 {
        let last = self.maps.iter().filter_map(|pool| pool.rows.last());
        last.map(|row| row.map.count(state)).sum()
    }

    /// Rows of each of so many maps at most, with so many bins in a row.
    pub fn rows_max(maps: usize, bins: usize) -> usize {
        (Self::BINS_MAX / (maps * bins).max(1)).clamp(SlotRows::ROWS_MIN, SlotRows::ROWS_MAX)
    }
}

/// The states of the slots of one process's pool, a row for each barrier.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SlotRows {
    /// The number of the process in the run.
    pub subject: u32,
    /// Slots in the pool.
    pub slots: u32,
    /// Rows in the order of time; at most [`SlotRows::ROWS_MAX`].
    pub rows: Vec<SlotRow>,
}

impl SlotRows {
    /// Rows at most.
    pub const ROWS_MAX: usize = 200;
    /// Rows at most where there are many processes.
    pub const ROWS_MIN: usize = 12;

    /// Slots of a bin of its coarsest map.
    pub fn slots_per_bin(&self) -> u32 {
        self.rows.iter().map(|row| row.map.slots_per_bin()).max().unwrap_or(1)
    }
}

/// The states of a pool's slots at one barrier.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotRow {
    /// In seconds since the run began.
    pub at_s: f64,
    /// Cycles that this process had done.
    pub cycles: u64,
    /// The states.
    pub map: SlotMap,
    /// The line of the recording, from 1.
    pub line: usize,
}

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
