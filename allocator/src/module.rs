//! A module as the pool knows it: a number, an image, and what its end sets going.

use std::sync::Arc;

use crate::ids::ModuleId;
use crate::image::Image;
use crate::pool::Pool;

/// A module's place in a pool.
///
/// Dropping it performs the pool's [`OnDrop`](crate::OnDrop) policy on the slots that are affine
/// to the module, and closes its image. While [memories](crate::SlotMemory) of the module are
/// still in use, that waits for the last of them.
#[derive(Debug)]
pub struct PoolModule {
    pub(crate) shared: Arc<ModuleShared>,
}

impl PoolModule {
    /// The module's number.
    pub fn id(&self) -> ModuleId {
        self.shared.id
    }

    /// The module's initial memory; `None` if all of it is zero.
    pub fn image(&self) -> Option<&Image> {
        self.shared.image.as_ref()
    }
}

/// What a module's handle and its memories have in common; the last of them ends the module.
#[derive(Debug)]
pub(crate) struct ModuleShared {
    pub(crate) id: ModuleId,
    pub(crate) image: Option<Image>,
    pub(crate) pool: Arc<Pool>,
}

impl Drop for ModuleShared {
    fn drop(&mut self) {
        self.pool.end_module(self.id, self.image.as_ref());
        // The image's descriptor closes after this, when the slots have let go of it.
    }
}
