//! The layout of the one memory: a region for each memory of the input.

use wasmparser::MemoryType;

use crate::error::FuseError;

/// Bytes of a page.
pub(crate) const PAGE_BYTES: u64 = 1 << 16;

/// Pages of a 32-bit memory at most. One less than there are, so that the length of a region is a number
/// of 32 bits.
pub(crate) const PAGES_MAX: u64 = (1 << 16) - 1;

/// A part of the one memory that was a memory of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// The instance that defines the memory.
    pub instance: usize,
    /// Its address in the one memory, in bytes.
    pub base: u32,
    /// Pages of 64 KiB at first.
    pub initial_pages: u32,
    /// Pages of 64 KiB at most.
    pub max_pages: u32,
}

impl Region {
    pub(crate) fn initial_bytes(&self) -> u32 {
        self.initial_pages << 16
    }
}

/// All regions, in the order of the memories.
#[derive(Debug, Default)]
pub(crate) struct Regions {
    pub(crate) all: Vec<Region>,
    /// The one that ends the memory and grows with it.
    pub(crate) last: Option<usize>,
    /// The first address of the pages that belong to no memory.
    pub(crate) internal: u32,
    /// Pages before the region that grows, and of a memory without regions.
    fixed_pages: u64,
}

impl Regions {
    /// The layout of these memories, each with the instance that defines it. The region that can grow most
    /// stands last, and before it so many pages for the fused module itself. `max_pages` is for memories
    /// without a maximum.
    ///
    /// # Errors
    /// A memory has no maximum, or all together are too large.
    pub(crate) fn new(
        memories: &[(usize, MemoryType)],
        max_pages: Option<u32>,
        internal_pages: u64,
    ) -> Result<Regions, FuseError> {
        let last = (0..memories.len()).max_by_key(|&index| {
            let memory = &memories[index].1;
            memory.maximum.unwrap_or(u64::MAX).saturating_sub(memory.initial)
        });
        let sizes: Result<Vec<[u64; 2]>, FuseError> = memories
            .iter()
            .map(|(instance, memory)| {
                let max = memory.maximum.or(max_pages.map(u64::from));
                let max = max.ok_or(FuseError::NoMaximum { instance: *instance })?;
                Ok([memory.initial, max.clamp(memory.initial, 1 << 16)])
            })
            .collect();
        let sizes = sizes?;
        let in_order = (0..memories.len()).filter(|index| Some(*index) != last).chain(last);
        let mut base_pages = 0;
        let (mut internal, mut fixed_pages) = (0, internal_pages);
        let mut all = vec![None; memories.len()];
        for index in in_order {
            let [initial_pages, max_pages] = sizes[index];
            if Some(index) == last {
                internal = base_pages;
                base_pages += internal_pages;
                fixed_pages = base_pages;
            }
            all[index] = Some((base_pages, initial_pages, max_pages));
            base_pages += max_pages;
        }
        if base_pages > PAGES_MAX {
            return Err(FuseError::TooLarge { pages: base_pages });
        }
        let region = |(instance, (base, initial, max)): (usize, (u64, u64, u64))| Region {
            instance,
            // The sum of all is less than 2^16 pages.
            base: (base * PAGE_BYTES) as u32,
            initial_pages: initial as u32,
            max_pages: max as u32,
        };
        let instances = memories.iter().map(|(instance, _)| *instance);
        let all = instances.zip(all.into_iter().flatten()).map(region).collect();
        let internal = (internal * PAGE_BYTES) as u32;
        Ok(Regions { all, last, internal, fixed_pages })
    }

    /// Pages of the one memory at first, and at most.
    pub(crate) fn pages(&self) -> [u64; 2] {
        let grows = self.last.map_or([0, 0], |last| {
            let Region { initial_pages, max_pages, .. } = self.all[last];
            [initial_pages, max_pages]
        });
        grows.map(|pages| self.fixed_pages + u64::from(pages))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(initial: u64, maximum: Option<u64>) -> (usize, MemoryType) {
        let ty =
            MemoryType { memory64: false, shared: false, initial, maximum, page_size_log2: None };
        (0, ty)
    }

    #[test]
    fn regions_follow_each_other_and_the_largest_stands_last() {
        let memories = [memory(2, Some(900)), memory(1, Some(3)), memory(5, Some(5))];
        let regions = Regions::new(&memories, None, 0).unwrap();
        let bases: Vec<u32> = regions.all.iter().map(|region| region.base >> 16).collect();
        assert_eq!(bases, [8, 0, 3]);
        assert_eq!((regions.last, regions.pages()), (Some(0), [10, 908]));
        let with_internal = Regions::new(&memories, None, 4).unwrap();
        assert_eq!((with_internal.internal >> 16, with_internal.all[0].base >> 16), (8, 12));
    }

    #[test]
    fn a_memory_needs_a_maximum_that_fits() {
        let memories = [memory(1, None), memory(1, Some(2))];
        let without = Regions::new(&memories, None, 0).unwrap_err();
        assert_eq!(without, FuseError::NoMaximum { instance: 0 });
        let regions = Regions::new(&memories, Some(7), 0).unwrap();
        assert_eq!((regions.last, regions.pages()), (Some(0), [3, 9]));
        let large = Regions::new(&memories, Some(65_534), 0).unwrap_err();
        assert_eq!(large, FuseError::TooLarge { pages: 65_536 });
        assert_eq!(Regions::new(&[], None, 0).unwrap().pages(), [0, 0]);
        assert_eq!(Regions::new(&[], None, 3).unwrap().pages(), [3, 3]);
    }
}
