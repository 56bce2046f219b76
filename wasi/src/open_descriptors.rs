//! The number of descriptors that guests have open.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the kernel's descriptors of the contexts that share it; see
/// [`WasiCtxBuilder::counted_by`](crate::WasiCtxBuilder::counted_by). It is 0 when all of these contexts are
/// dropped, unless a descriptor was forgotten.
#[derive(Clone, Debug, Default)]
pub struct OpenDescriptors(Arc<AtomicU64>);

impl OpenDescriptors {
    /// The number of open descriptors.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Counts one more, for as long as the value lives.
    pub(crate) fn one(&self) -> Counted {
        self.0.fetch_add(1, Ordering::Relaxed);
        Counted(self.clone())
    }
}

/// One open descriptor that counts.
#[derive(Debug)]
pub(crate) struct Counted(OpenDescriptors);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
