//! Compares each strategy with a model that keeps plain lists and searches them.

use std::collections::HashMap;

use proptest::prelude::{ProptestConfig, any, prop_oneof, proptest};
use proptest::strategy::Strategy as _;

use super::*;

const SLOTS: u32 = 12;
const WARM_SLOTS: u32 = 3;

#[derive(Clone, Debug)]
enum Step {
    Allocate(Option<u64>),
    TakeAffine(u64),
    /// An index into the slots that are not free, modulo their number.
    Queue(usize),
    FreeWarm(usize),
    FreeCold(usize),
}

fn steps() -> impl proptest::strategy::Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => proptest::option::weighted(0.9, 0..5u64).prop_map(Step::Allocate),
        1 => (0..5u64).prop_map(Step::TakeAffine),
        1 => any::<usize>().prop_map(Step::Queue),
        4 => any::<usize>().prop_map(Step::FreeWarm),
        1 => any::<usize>().prop_map(Step::FreeCold),
    ];
    proptest::collection::vec(step, 0..100)
}

/// The expected index. `free` has the free slots in the order in which they became free.
struct Model {
    states: Vec<IndexState>,
    free: Vec<u32>,
}

impl Model {
    fn new() -> Model {
        Model { states: vec![IndexState::Cold; SLOTS as usize], free: (0..SLOTS).rev().collect() }
    }

    fn free_where(&self, want: impl Fn(IndexState) -> bool) -> Vec<u32> {
        let free = self.free.iter().copied();
        free.filter(|slot| want(self.states[*slot as usize])).collect()
    }

    fn affine(&self, module: u64) -> Vec<u32> {
        self.free_where(|state| state == IndexState::Warm(Some(ModuleId::new(module))))
    }

    /// The slots that the strategy may choose.
    fn choices(&self, strategy: Strategy, module: Option<u64>) -> Vec<u32> {
        let affine = module.and_then(|module| self.affine(module).last().copied());
        let warm = self.free_where(|state| matches!(state, IndexState::Warm(_)));
        let cold = self.free_where(|state| state == IndexState::Cold);
        match strategy {
            Strategy::NextAvailable => self.free.last().copied().into_iter().collect(),
            Strategy::Random => self.free.clone(),
            Strategy::ReuseAffinity => affine.map_or(self.free.clone(), |slot| vec![slot]),
            Strategy::WarmLru => {
                let (lru, cold) = (warm.first().copied(), cold.last().copied());
                let few = warm.len() < WARM_SLOTS as usize;
                let other = if few { cold.or(lru) } else { lru.or(cold) };
                affine.or(other).into_iter().collect()
            }
        }
    }

    fn take(&mut self, slot: u32, module: Option<u64>) {
        self.free.retain(|free| *free != slot);
        self.states[slot as usize] = IndexState::InUse(module.map(ModuleId::new));
    }

    fn not_free(&self) -> Vec<u32> {
        (0..SLOTS).filter(|slot| !self.free.contains(slot)).collect()
    }

    fn free(&mut self, slot: u32, is_warm: bool) {
        let (IndexState::InUse(module) | IndexState::Queued(module)) = self.states[slot as usize]
        else {
            panic!("slot {slot} is free");
        };
        self.states[slot as usize] =
            if is_warm { IndexState::Warm(module) } else { IndexState::Cold };
        self.free.push(slot);
    }
}

/// Checks every structure of the index, and compares it with the model.
fn check_structure(index: &IndexAllocator, model: &Model) {
    assert_eq!(index.states(), model.states);
    let mut free = index.free.checked();
    free.sort_unstable();
    let mut expected = model.free.clone();
    expected.sort_unstable();
    assert_eq!(free, expected, "free slots");
    assert_eq!(index.free_count() as usize, expected.len());
    let mut affine: HashMap<ModuleId, Vec<u32>> = HashMap::new();
    for slot in &model.free {
        if let IndexState::Warm(Some(module)) = model.states[*slot as usize] {
            affine.entry(module).or_default().push(*slot);
        }
    }
    assert_eq!(index.affinity.checked(), affine, "affine slots, oldest first");
}

fn run(strategy: Strategy, steps: &[Step]) {
    let mut index = IndexAllocator::new(SLOTS, strategy, WARM_SLOTS, 7);
    let mut model = Model::new();
    check_structure(&index, &model);
    for step in steps {
        let nth_not_free = |nth: usize| {
            let slots = model.not_free();
            (!slots.is_empty()).then(|| slots[nth % slots.len()])
        };
        match *step {
            Step::Allocate(module) => {
                let choices = model.choices(strategy, module);
                let chosen = index.allocate(module.map(ModuleId::new)).map(SlotId::get);
                match chosen {
                    None => assert!(choices.is_empty(), "none of {choices:?}"),
                    Some(slot) => {
                        assert!(choices.contains(&slot), "{slot} is not in {choices:?}");
                        model.take(slot, module);
                    }
                }
            }
            Step::TakeAffine(module) => {
                let expected = model.affine(module).last().copied();
                let taken = index.take_affine_without_affinity(ModuleId::new(module));
                assert_eq!(taken.map(SlotId::get), expected);
                if let Some(slot) = expected {
                    model.take(slot, None);
                }
            }
            Step::Queue(nth) => {
                if let Some(slot) = nth_not_free(nth) {
                    index.queue(SlotId::new(slot));
                    let state = &mut model.states[slot as usize];
                    if let IndexState::InUse(module) = *state {
                        *state = IndexState::Queued(module);
                    }
                }
            }
            Step::FreeWarm(nth) => {
                if let Some(slot) = nth_not_free(nth) {
                    index.free_warm(SlotId::new(slot));
                    model.free(slot, true);
                }
            }
            Step::FreeCold(nth) => {
                if let Some(slot) = nth_not_free(nth) {
                    index.free_cold(SlotId::new(slot));
                    model.free(slot, false);
                }
            }
        }
        check_structure(&index, &model);
    }
}

proptest! {
    // Miri makes a case a thousand times slower.
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 128 }))]
    #[test]
    fn next_available_matches_the_model(steps in steps()) {
        run(Strategy::NextAvailable, &steps);
    }

    #[test]
    fn random_matches_the_model(steps in steps()) {
        run(Strategy::Random, &steps);
    }

    #[test]
    fn reuse_affinity_matches_the_model(steps in steps()) {
        run(Strategy::ReuseAffinity, &steps);
    }

    #[test]
    fn warm_lru_matches_the_model(steps in steps()) {
        run(Strategy::WarmLru, &steps);
    }
}

#[test]
fn cold_slots_are_allocated_in_the_order_of_their_numbers() {
    for strategy in [Strategy::NextAvailable, Strategy::WarmLru] {
        let mut index = IndexAllocator::new(4, strategy, 100, 0);
        let slots: Vec<_> = std::iter::from_fn(|| index.allocate(None)).map(SlotId::get).collect();
        assert_eq!(slots, [0, 1, 2, 3], "{strategy}");
    }
}

#[test]
fn random_slots_are_uniformly_distributed() {
    for strategy in [Strategy::Random, Strategy::ReuseAffinity] {
        let (slots, rounds) = (50u32, 50_000u32);
        let mut index = IndexAllocator::new(slots, strategy, 0, 1);
        let mut counts = vec![0u32; slots as usize];
        for round in 0..rounds {
            let slot = index.allocate(Some(ModuleId::new(u64::from(round)))).unwrap();
            counts[slot.index()] += 1;
            index.free_warm(slot);
        }
        let expected = f64::from(rounds / slots);
        let chi_square: f64 =
            counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
        // 49 degrees of freedom: one seed in a thousand exceeds 85, and this seed is fixed.
        assert!(chi_square < 85.0, "{strategy}: {chi_square}");
    }
}

#[test]
fn the_same_seed_gives_the_same_slots() {
    let slots = |seed| {
        let mut index = IndexAllocator::new(100, Strategy::Random, 0, seed);
        std::iter::from_fn(|| index.allocate(None)).map(SlotId::get).collect::<Vec<_>>()
    };
    assert_eq!(slots(3), slots(3));
    assert_ne!(slots(3), slots(4));
}
