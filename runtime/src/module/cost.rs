//! What the memories of a module cost, from its binary and without compiling it.

use leakbench_allocator::{Image, MEMORY_MAX_BYTES, MemoryCost};

use super::image::ImagePlan;
use super::{Module, parse};
use crate::config::Config;
use crate::error::Error;
use crate::types::MemoryType;

/// What a memory that a module defines costs the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryRequirement {
    /// The type of the memory.
    pub ty: MemoryType,
    /// Descriptors of the module for this memory, however many instances there are: one if its image is in
    /// a memfd.
    pub descriptors: u64,
    /// For each instance, with [`Memories::Pooled`](crate::Memories::Pooled). `None` if the memory is
    /// longer than a slot.
    pub pooled: Option<MemoryCost>,
    /// For each instance, with [`Memories::OnDemand`](crate::Memories::OnDemand).
    pub on_demand: MemoryCost,
}

impl Module {
    /// What each memory costs that a module in the binary format defines, in order. Engines of this
    /// configuration make the same memories. Nothing is compiled or reserved.
    ///
    /// # Errors
    /// If the bytes are not a module that such an engine can load.
    pub fn memory_requirements(
        config: &Config,
        binary: &[u8],
    ) -> Result<Vec<MemoryRequirement>, Error> {
        let info = parse::parse(binary, config.features)?.info;
        let span = ImagePlan::new(&info).span();
        let image = Image::mapped_range(span.start, span.len(), config.pool.image);
        let defined = info.memories[info.num_imported_memories..].iter().enumerate();
        let requirements = defined.map(|(index, &ty)| {
            // Only the first memory has an image.
            let image = image.clone().filter(|_| index == 0);
            let descriptors = u64::from(image.is_some());
            let image = image.unwrap_or(0..0);
            let slot_bytes = ty.slot_bytes();
            let fits = slot_bytes <= MEMORY_MAX_BYTES;
            let (own_bytes, bounds) = ty.own_place();
            MemoryRequirement {
                ty,
                descriptors,
                pooled: fits.then(|| MemoryCost::in_slot(slot_bytes, image.clone())),
                on_demand: MemoryCost::of_own(own_bytes, image, bounds),
            }
        });
        Ok(requirements.collect())
    }
}
