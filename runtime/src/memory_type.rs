//! The types of memories.

use leakbench_allocator::{Bounds, WASM_PAGE_BYTES};

use crate::error::{Error, TypeError};

/// The base 2 logarithm of the usual page size, 64 KiB.
const PAGE_SIZE_LOG2: u8 = WASM_PAGE_BYTES.ilog2() as u8;

/// The type of a memory: its limits in pages, the size of a page, and the type of its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MemoryType {
    minimum: u64,
    maximum: Option<u64>,
    is_64: bool,
    is_shared: bool,
    page_size_log2: u8,
}

impl MemoryType {
    /// A memory with addresses of 32 bits, and limits in pages of 64 KiB.
    pub const fn new(minimum: u32, maximum: Option<u32>) -> Self {
        let maximum = match maximum {
            Some(maximum) => Some(maximum as u64),
            None => None,
        };
        MemoryType { is_64: false, ..Self::new64(minimum as u64, maximum) }
    }

    /// A memory with addresses of 64 bits, and limits in pages of 64 KiB.
    pub const fn new64(minimum: u64, maximum: Option<u64>) -> Self {
        MemoryType {
            minimum,
            maximum,
            is_64: true,
            is_shared: false,
            page_size_log2: PAGE_SIZE_LOG2,
        }
    }

    /// The initial number of pages.
    pub fn minimum(&self) -> u64 {
        self.minimum
    }

    /// The maximum number of pages.
    pub fn maximum(&self) -> Option<u64> {
        self.maximum
    }

    /// Returns true if addresses have 64 bits, and not 32.
    pub fn is_64(&self) -> bool {
        self.is_64
    }

    /// Returns true if several threads may use the memory at a time.
    pub fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// The size of a page in bytes.
    pub fn page_size(&self) -> u64 {
        1 << self.page_size_log2
    }

    /// The base 2 logarithm of the size of a page in bytes.
    pub fn page_size_log2(&self) -> u8 {
        self.page_size_log2
    }

    pub(crate) fn with_minimum(self, minimum: u64) -> Self {
        MemoryType { minimum, ..self }
    }

    /// The initial length in bytes. More than the address space if there is no such length.
    pub(crate) fn min_bytes(self) -> usize {
        (self.minimum as usize).saturating_mul(1 << self.page_size_log2)
    }

    /// The length of a slot for it in bytes: whole pages of 64 KiB.
    pub(crate) fn slot_bytes(self) -> usize {
        self.min_bytes().checked_next_multiple_of(WASM_PAGE_BYTES).unwrap_or(usize::MAX)
    }

    /// The length in bytes after `delta` more pages than `present`; `None` if the maximum or the index
    /// does not allow it.
    pub(crate) fn grown_bytes(self, present: u64, delta: u64) -> Option<u64> {
        let pages = present.checked_add(delta)?;
        // An index of 32 bits does not count 2^32 pages of one byte.
        let is_countable = self.is_64 || u32::try_from(pages).is_ok();
        if !is_countable || self.maximum.is_some_and(|max| pages > max) {
            return None;
        }
        pages.checked_mul(self.page_size()).filter(|&bytes| bytes <= self.max_bytes())
    }

    /// The length that no memory of this type exceeds, in bytes: that of the index, but not more than
    /// processes can map.
    pub(crate) fn max_bytes(self) -> u64 {
        if self.is_64 { 1 << 47 } else { 1 << 32 }
    }

    /// Returns true if an address of 32 bits cannot leave the reservation of such a memory without
    /// meeting inaccessible addresses. The memory never moves. Accesses to other memories compare the
    /// address with the length.
    pub(crate) fn is_bounded_by_reservation(self) -> bool {
        !self.is_64 && self.page_size_log2 == PAGE_SIZE_LOG2
    }

    /// Returns true if such a memory reserves the range of its addresses in one piece when it is in no
    /// slot.
    pub fn is_reserved_without_pool(&self) -> bool {
        self.is_bounded_by_reservation()
    }

    /// The length in bytes and the bounds of such a memory that is in no slot.
    pub(crate) fn own_place(self) -> (usize, Bounds) {
        if self.is_bounded_by_reservation() {
            return (self.slot_bytes(), Bounds::Reserved);
        }
        // A shared memory never moves, so its maximum is mapped.
        let maximum = self.maximum.filter(|_| self.is_shared);
        let whole = maximum.map_or(self, |maximum| self.with_minimum(maximum));
        (whole.min_bytes(), Bounds::Explicit)
    }

    /// Returns true if a memory of type `found` can be imported as one of this type.
    pub(crate) fn accepts(self, found: MemoryType) -> bool {
        self.is_64 == found.is_64
            && self.is_shared == found.is_shared
            && self.page_size_log2 == found.page_size_log2
            && limits_fit((self.minimum, self.maximum), (found.minimum, found.maximum))
    }
}

/// Returns true if limits satisfy those that an import declares.
pub(crate) fn limits_fit(declared: (u64, Option<u64>), found: (u64, Option<u64>)) -> bool {
    found.0 >= declared.0 && declared.1.is_none_or(|max| found.1.is_some_and(|found| found <= max))
}

/// Builds memory types that are not usual.
///
/// ```
/// use leakbench_runtime::MemoryTypeBuilder;
///
/// # fn main() -> Result<(), leakbench_runtime::Error> {
/// let bytes = MemoryTypeBuilder::new().min(100).max(Some(1000)).page_size_log2(0).build()?;
/// assert_eq!((bytes.minimum(), bytes.page_size()), (100, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MemoryTypeBuilder(MemoryType);

impl Default for MemoryTypeBuilder {
    fn default() -> Self {
        MemoryTypeBuilder(MemoryType::new(0, None))
    }
}

impl MemoryTypeBuilder {
    /// A memory with addresses of 32 bits and pages of 64 KiB, without pages or a maximum.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the initial number of pages.
    pub fn min(&mut self, minimum: u64) -> &mut Self {
        self.0.minimum = minimum;
        self
    }

    /// Sets the maximum number of pages.
    pub fn max(&mut self, maximum: Option<u64>) -> &mut Self {
        self.0.maximum = maximum;
        self
    }

    /// Sets whether addresses have 64 bits.
    pub fn memory64(&mut self, is_64: bool) -> &mut Self {
        self.0.is_64 = is_64;
        self
    }

    /// Sets whether several threads may use the memory at a time, which needs a maximum.
    pub fn shared(&mut self, is_shared: bool) -> &mut Self {
        self.0.is_shared = is_shared;
        self
    }

    /// Sets the base 2 logarithm of the size of a page in bytes: 0 or 16.
    pub fn page_size_log2(&mut self, page_size_log2: u8) -> &mut Self {
        self.0.page_size_log2 = page_size_log2;
        self
    }

    /// The type.
    ///
    /// # Errors
    /// If there are no pages of that size, the minimum is more than the maximum, a limit is
    /// more than the addresses reach, or a shared memory has no maximum.
    pub fn build(&self) -> Result<MemoryType, Error> {
        let ty = self.0;
        if ty.page_size_log2 != 0 && ty.page_size_log2 != PAGE_SIZE_LOG2 {
            return Err(TypeError::PageSize { log2: ty.page_size_log2 }.into());
        }
        if ty.is_shared && ty.maximum.is_none() {
            return Err(TypeError::Sharing { ty }.into());
        }
        let bits = if ty.is_64 { 64 } else { 32 };
        let limit = (1u128 << bits >> ty.page_size_log2).min((1 << bits) - 1);
        let largest = ty.maximum.unwrap_or(ty.minimum);
        if ty.minimum > largest || u128::from(largest) > limit {
            return Err(TypeError::Limits { minimum: ty.minimum, maximum: ty.maximum }.into());
        }
        Ok(ty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_that_the_addresses_reach() {
        let build = |is_64, log2, min, max| {
            let mut builder = MemoryTypeBuilder::new();
            builder.memory64(is_64).page_size_log2(log2).min(min).max(max).build()
        };
        for (is_64, log2, most) in [
            (false, 16, 1 << 16),
            (false, 0, u64::from(u32::MAX)),
            (true, 16, 1 << 48),
            (true, 0, u64::MAX),
        ] {
            assert!(build(is_64, log2, most, Some(most)).is_ok());
            assert!(build(is_64, log2, 1, Some(0)).is_err());
            if let Some(more) = most.checked_add(1) {
                assert!(build(is_64, log2, more, None).is_err());
                assert!(build(is_64, log2, 0, Some(more)).is_err());
            }
        }
        let error = build(false, 12, 1, None).unwrap_err().to_string();
        assert_eq!(error, "a memory has no pages of 2^12 bytes: use 2^0 or 2^16");
    }

    #[test]
    fn a_slot_has_whole_pages_of_the_usual_size() {
        let bytes = |minimum| MemoryType { page_size_log2: 0, ..MemoryType::new(minimum, None) };
        assert_eq!((bytes(1).min_bytes(), bytes(1).slot_bytes()), (1, 65_536));
        assert_eq!((bytes(65_537).min_bytes(), bytes(65_537).slot_bytes()), (65_537, 131_072));
        assert_eq!(bytes(0).slot_bytes(), 0);
        assert_eq!(MemoryType::new64(1 << 48, None).min_bytes(), usize::MAX);
        assert_eq!(MemoryType::new64(1 << 48, None).slot_bytes(), usize::MAX);
    }
}
