//! What a memory costs a process, before it is made. Arithmetic only.

use std::ops::Range;

use crate::geometry::{SLOT_STRIDE_BYTES, slab_bytes};
use crate::ids::ModuleId;
use crate::layout::{Layout, MappedImage};
use crate::own_memory::Bounds;

/// What a memory with its initial length takes of a process's limits. Growth of a memory without an image
/// needs no mapping more; otherwise at most one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryCost {
    /// Reserved and mapped address space in bytes.
    pub address_bytes: u64,
    /// Mappings (VMAs). The kernel may merge the reserved address space of neighbours, so this is the
    /// maximum.
    pub mappings: u64,
}

impl MemoryCost {
    /// A memory in a slot of a pool, with the mapped image at the range `image` of it; an empty range
    /// stands for none. Both ends of the range are multiples of the page size.
    pub fn in_slot(len_bytes: usize, image: Range<usize>) -> MemoryCost {
        let mappings = mappings(len_bytes, image);
        MemoryCost { address_bytes: SLOT_STRIDE_BYTES as u64, mappings }
    }

    /// A memory with mappings of its own. With [`Bounds::Explicit`] its image is copied.
    pub fn of_own(len_bytes: usize, image: Range<usize>, bounds: Bounds) -> MemoryCost {
        match bounds {
            // The guard before the memory is a mapping of its own, unless all is one reservation.
            Bounds::Reserved => MemoryCost {
                address_bytes: slab_bytes(1) as u64,
                mappings: mappings(len_bytes, image) + 1,
            },
            Bounds::Explicit => {
                let page_bytes = rustix::param::page_size();
                let whole = len_bytes.checked_next_multiple_of(page_bytes).unwrap_or(usize::MAX);
                MemoryCost { address_bytes: whole as u64, mappings: u64::from(len_bytes > 0) }
            }
        }
    }
}

/// The mappings of a slot. A cold one merges with its neighbours.
fn mappings(len_bytes: usize, image: Range<usize>) -> u64 {
    // The number does not depend on the module.
    let image = (!image.is_empty()).then(|| MappedImage { module: ModuleId::new(0), bytes: image });
    Layout { len_bytes, image }.mappings()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{GUARD_BYTES, MAPPINGS_PER_SLOT, WASM_PAGE_BYTES};

    #[test]
    fn a_memory_costs_what_its_layout_has() {
        let cost = |len, image| MemoryCost::in_slot(len, image).mappings;
        assert_eq!(cost(WASM_PAGE_BYTES, 0..4096), MAPPINGS_PER_SLOT as u64);
        assert_eq!(cost(WASM_PAGE_BYTES, 4096..8192), 4);
        assert_eq!(cost(WASM_PAGE_BYTES, 0..WASM_PAGE_BYTES), 2);
        assert_eq!(cost(WASM_PAGE_BYTES, 0..0), 2);
        assert_eq!(cost(0, 0..0), 0);
        let own = MemoryCost::of_own(WASM_PAGE_BYTES, 0..4096, Bounds::Reserved);
        assert_eq!(own.mappings, 4);
        assert_eq!(own.address_bytes, (GUARD_BYTES + SLOT_STRIDE_BYTES) as u64);
        let explicit = MemoryCost::of_own(4097, 0..4096, Bounds::Explicit);
        assert_eq!(explicit, MemoryCost { address_bytes: 8192, mappings: 1 });
        assert_eq!(MemoryCost::of_own(0, 0..0, Bounds::Explicit).mappings, 0);
    }
}
