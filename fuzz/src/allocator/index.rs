//! The index of free slots and its model.

use arbitrary::Arbitrary;
use leakbench_allocator::index::{IndexAllocator, IndexState};
use leakbench_allocator::{ModuleId, SlotId, Strategy};

/// Maximum of slots.
const SLOTS_MAX: u32 = 24;

/// Operations on an index.
#[derive(Arbitrary, Debug)]
pub struct Case {
    strategy: u8,
    slots: u8,
    warm_slots: u8,
    seed: u64,
    steps: Vec<Step>,
}

/// An operation. A slot is an index into those that are not free, modulo their number.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Step {
    Allocate { module: Option<u8> },
    TakeAffine { module: u8 },
    Queue { slot: u8 },
    FreeWarm { slot: u8 },
    FreeCold { slot: u8 },
}

/// The expected index. `free` has the free slots in the order in which they became free, `held` the others.
struct Model {
    strategy: Strategy,
    warm_slots: usize,
    states: Vec<IndexState>,
    free: Vec<u32>,
    held: Vec<SlotId>,
}

impl Model {
    fn free_where(&self, is_wanted: impl Fn(IndexState) -> bool) -> Vec<u32> {
        let free = self.free.iter().copied();
        free.filter(|&slot| is_wanted(self.states[slot as usize])).collect()
    }

    fn last_affine(&self, module: ModuleId) -> Option<u32> {
        self.free_where(|state| state == IndexState::Warm(Some(module))).last().copied()
    }

    /// The slots that the strategy may choose.
    fn choices(&self, module: Option<ModuleId>) -> Vec<u32> {
        let affine = module.and_then(|module| self.last_affine(module));
        match self.strategy {
            Strategy::NextAvailable => self.free.last().copied().into_iter().collect(),
            Strategy::Random => self.free.clone(),
            Strategy::ReuseAffinity => affine.map_or(self.free.clone(), |slot| vec![slot]),
            Strategy::WarmLru => {
                let warm = self.free_where(|state| matches!(state, IndexState::Warm(_)));
                let cold = self.free_where(|state| state == IndexState::Cold);
                let (oldest, cold) = (warm.first().copied(), cold.last().copied());
                let is_below = warm.len() < self.warm_slots;
                let other = if is_below { cold.or(oldest) } else { oldest.or(cold) };
                affine.or(other).into_iter().collect()
            }
        }
    }

    fn take(&mut self, slot: SlotId, module: Option<ModuleId>) {
        self.free.retain(|&free| free != slot.get());
        self.states[slot.index()] = IndexState::InUse(module);
        self.held.push(slot);
    }

    fn release(&mut self, slot: SlotId, is_warm: bool) {
        let state = &mut self.states[slot.index()];
        *state = match *state {
            IndexState::InUse(module) | IndexState::Queued(module) if is_warm => {
                IndexState::Warm(module)
            }
            _ => IndexState::Cold,
        };
        self.held.retain(|&held| held != slot);
        self.free.push(slot.get());
    }

    fn held(&self, number: u8) -> Option<SlotId> {
        let index = usize::from(number).checked_rem(self.held.len())?;
        Some(self.held[index])
    }
}

/// Runs the operations on index and model.
pub(super) fn check(case: &Case) {
    let slots = 1 + u32::from(case.slots) % SLOTS_MAX;
    let strategy = super::strategy(case.strategy);
    let mut index = IndexAllocator::new(slots, strategy, case.warm_slots.into(), case.seed);
    let mut model = Model {
        strategy,
        warm_slots: case.warm_slots.into(),
        states: vec![IndexState::Cold; slots as usize],
        free: (0..slots).rev().collect(),
        held: Vec::new(),
    };
    // Few modules, so that affinity matters.
    let id = |module: u8| ModuleId::new(u64::from(module % 5));
    for step in &case.steps {
        match *step {
            Step::Allocate { module } => {
                let module = module.map(id);
                let choices = model.choices(module);
                match index.allocate(module) {
                    None => assert!(choices.is_empty(), "no slot of {choices:?}"),
                    Some(slot) => {
                        assert!(choices.contains(&slot.get()), "{slot} is not in {choices:?}");
                        model.take(slot, module);
                    }
                }
            }
            Step::TakeAffine { module } => {
                let expected = model.last_affine(id(module));
                let taken = index.take_affine_without_affinity(id(module));
                assert_eq!(taken.map(SlotId::get), expected);
                if let Some(slot) = taken {
                    model.take(slot, None);
                }
            }
            Step::Queue { slot } => {
                if let Some(slot) = model.held(slot) {
                    index.queue(slot);
                    let state = &mut model.states[slot.index()];
                    if let IndexState::InUse(module) = *state {
                        *state = IndexState::Queued(module);
                    }
                }
            }
            Step::FreeWarm { slot } => {
                if let Some(slot) = model.held(slot) {
                    index.free_warm(slot);
                    model.release(slot, true);
                }
            }
            Step::FreeCold { slot } => {
                if let Some(slot) = model.held(slot) {
                    index.free_cold(slot);
                    model.release(slot, false);
                }
            }
        }
        assert_eq!(index.states(), model.states);
        assert_eq!(index.free_count() as usize, model.free.len());
    }
}
