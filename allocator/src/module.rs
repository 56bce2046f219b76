//! A module of a pool: its number, its image, and the policy that its drop applies.

use std::sync::Arc;

use crate::ids::ModuleId;
use crate::image::Image;
use crate::pool::Pool;

/// A module of a pool.
///
/// Dropping it applies the pool's [`OnDrop`](crate::OnDrop) policy to the slots that are affine to
/// the module, and closes its image. If [memories](crate::SlotMemory) of the module are in use,
/// dropping the last of them does so.
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

/// Shared by a module's handle and its memories. Dropping the last of them ends the module.
#[derive(Debug)]
pub(crate) struct ModuleShared {
    pub(crate) id: ModuleId,
    pub(crate) image: Option<Image>,
    pub(crate) pool: Arc<Pool>,
}

impl Drop for ModuleShared {
    fn drop(&mut self) {
        self.pool.end_module(self.id, self.image.as_ref());
        // The image's descriptor closes after this, when no free slot maps the image.
    }
}
