//! A map of the slots of a pool at a barrier, small enough to keep for every barrier.

use leakbench_model::SlotState;
use serde::{Deserialize, Serialize};

/// The state of each slot, one cell a slot. In a pool with more than [`SlotMap::COLUMNS_MAX`] slots, a
/// cell stands for several neighbours and shows the highest of their states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "SlotMapLine", into = "SlotMapLine")]
pub struct SlotMap {
    slots: u32,
    slots_per_cell: u32,
    cells: Vec<SlotState>,
}

impl SlotMap {
    /// Maximum number of cells.
    pub const COLUMNS_MAX: usize = 1024;

    /// A map of `slots` slots in state `cell`. `None` for a pool without slots.
    pub fn new(slots: u32, cell: SlotState) -> Option<SlotMap> {
        let slots_per_cell = slots.div_ceil(Self::COLUMNS_MAX as u32).max(1);
        let columns = slots.div_ceil(slots_per_cell) as usize;
        (slots > 0).then(|| SlotMap { slots, slots_per_cell, cells: vec![cell; columns] })
    }

    /// Raises the cell of a slot to state `cell`. A slot beyond the pool is ignored.
    pub fn show(&mut self, slot: u32, cell: SlotState) {
        let at = slot / self.slots_per_cell;
        if let Some(shown) = self.cells.get_mut(at as usize).filter(|_| slot < self.slots) {
            *shown = (*shown).max(cell);
        }
    }

    /// Number of slots of the pool.
    pub fn slots(&self) -> u32 {
        self.slots
    }

    /// Number of slots of a cell; the last cell may have fewer.
    pub fn slots_per_cell(&self) -> u32 {
        self.slots_per_cell
    }

    /// The cells, in slot order.
    pub fn cells(&self) -> &[SlotState] {
        &self.cells
    }

    /// Reduces the map to at most `columns` cells (at least one). Each shows its highest state.
    pub fn coarsen(&mut self, columns: usize) {
        let together = self.cells.len().div_ceil(columns.max(1));
        if together > 1 {
            let chunks = self.cells.chunks(together);
            self.cells = chunks.filter_map(|chunk| chunk.iter().max().copied()).collect();
            self.slots_per_cell = self.slots_per_cell.saturating_mul(together as u32);
        }
    }
}

/// As it stands in a recording.
#[derive(Serialize, Deserialize)]
struct SlotMapLine {
    slots: u32,
    slots_per_cell: u32,
    cells: String,
}

impl From<SlotMap> for SlotMapLine {
    fn from(map: SlotMap) -> SlotMapLine {
        let cells = map.cells.into_iter().map(SlotState::letter).collect();
        SlotMapLine { slots: map.slots, slots_per_cell: map.slots_per_cell, cells }
    }
}

impl TryFrom<SlotMapLine> for SlotMap {
    type Error = String;

    fn try_from(line: SlotMapLine) -> Result<SlotMap, String> {
        let cells = line.cells.chars();
        let cells: Option<Vec<SlotState>> = cells.map(SlotState::from_letter).collect();
        let cells = cells.ok_or_else(|| format!("no slot is '{}'", line.cells))?;
        let SlotMapLine { slots, slots_per_cell, .. } = line;
        if slots == 0
            || slots_per_cell == 0
            || slots.div_ceil(slots_per_cell) as usize != cells.len()
        {
            let cells = cells.len();
            return Err(format!("{cells} cells of {slots_per_cell} are no map of {slots} slots"));
        }
        Ok(SlotMap { slots, slots_per_cell, cells })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cell() -> impl Strategy<Value = SlotState> {
        prop::sample::select(SlotState::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn a_cell_shows_the_highest_state_of_its_slots(
            slots in 1_u32..5_000,
            shown in prop::collection::vec((0_u32..6_000, cell()), 0..50),
            columns in 1_usize..1_100,
        ) {
            let mut map = SlotMap::new(slots, SlotState::Empty).expect("slots");
            let mut each = vec![SlotState::Empty; slots as usize];
            for &(slot, cell) in &shown {
                map.show(slot, cell);
                if let Some(known) = each.get_mut(slot as usize) {
                    *known = (*known).max(cell);
                }
            }
            for round in 0..2 {
                prop_assert!(map.cells().len() <= SlotMap::COLUMNS_MAX);
                let a_cell = map.slots_per_cell() as usize;
                let expected: Vec<SlotState> =
                    each.chunks(a_cell).map(|chunk| *chunk.iter().max().expect("slots")).collect();
                prop_assert_eq!(map.cells(), &expected);
                let text = serde_json::to_string(&map).expect("JSON");
                prop_assert_eq!(&serde_json::from_str::<SlotMap>(&text).expect("a map"), &map);
                if round == 0 {
                    map.coarsen(columns);
                    prop_assert!(map.cells().len() <= columns);
                }
            }
        }
    }

    #[test]
    fn invalid_maps_are_refused() {
        assert!(SlotMap::new(0, SlotState::Cold).is_none());
        for text in [
            r#"{"slots":0,"slots_per_cell":1,"cells":""}"#,
            r#"{"slots":2,"slots_per_cell":0,"cells":".."}"#,
            r#"{"slots":2,"slots_per_cell":1,"cells":"..."}"#,
            r#"{"slots":6,"slots_per_cell":1,"cells":".....X"}"#,
            r#"{"slots":9,"slots_per_cell":4,"cells":".."}"#,
        ] {
            assert!(serde_json::from_str::<SlotMap>(text).is_err(), "{text}");
        }
        let text = r#"{"slots":9,"slots_per_cell":4,"cells":"ax."}"#;
        assert!(serde_json::from_str::<SlotMap>(text).is_ok());
    }
}
