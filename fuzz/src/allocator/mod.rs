//! The allocator, compared with models that keep plain lists and search them.

mod index;
mod pool;

use arbitrary::Arbitrary;
use leakbench_allocator::{ImageKind, OnDrop, Strategy};

/// Operations on an index or on a pool.
#[derive(Arbitrary, Debug)]
pub enum Case {
    /// On the index of free slots.
    Index(index::Case),
    /// On a pool with its mappings.
    Pool(pool::Case),
}

/// Runs the operations.
///
/// # Panics
/// If the allocator and the model differ.
pub fn check(case: &Case) {
    match case {
        Case::Index(case) => index::check(case),
        Case::Pool(case) => pool::check(case),
    }
}

fn strategy(number: u8) -> Strategy {
    Strategy::ALL[usize::from(number) % Strategy::ALL.len()]
}

fn on_drop(number: u8) -> OnDrop {
    OnDrop::ALL[usize::from(number) % OnDrop::ALL.len()]
}

fn image_kind(number: u8) -> ImageKind {
    ImageKind::ALL[usize::from(number) % ImageKind::ALL.len()]
}
