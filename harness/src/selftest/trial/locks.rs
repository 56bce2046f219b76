//! Observations that may not be made beside others.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::Beside;

/// The locks of all trials.
#[derive(Debug, Default)]
pub(super) struct Locks {
    /// Observations share it, but those that see each other's objects.
    all: RwLock<()>,
    /// Of objects of which a user may have few.
    few: Mutex<()>,
}

/// A lock that is held.
#[derive(Debug)]
#[expect(dead_code, reason = "they are only held")]
pub(super) enum Held<'a> {
    Alone(RwLockWriteGuard<'a, ()>),
    Beside(RwLockReadGuard<'a, ()>, Option<MutexGuard<'a, ()>>),
}

impl Locks {
    /// Waits until no observation is made that may not be beside this one.
    pub(super) fn hold(&self, beside: Beside) -> Held<'_> {
        if beside == Beside::None {
            return Held::Alone(self.all.write().unwrap_or_else(PoisonError::into_inner));
        }
        let few = (beside == Beside::OtherLimits)
            .then(|| self.few.lock().unwrap_or_else(PoisonError::into_inner));
        Held::Beside(self.all.read().unwrap_or_else(PoisonError::into_inner), few)
    }
}
