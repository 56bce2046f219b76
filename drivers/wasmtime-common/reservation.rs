//! The addresses of the pool's slots, which Wasmtime has no interface for. Wasmtime reserves one range
//! for all slots, which is recognized by its length.

use leakbench_subject::Slab;

/// The layout of a pool: `| guard | memory 0 | guard | memory 1 | guard | ...`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reservation {
    pub(crate) slots: u32,
    /// The reservation of each memory.
    pub(crate) memory_bytes: u64,
    /// The guard before the first memory and after each.
    pub(crate) guard_bytes: u64,
}

impl Reservation {
    /// Finds the slots of a pool that was not used yet in the text of `/proc/self/maps`. `None` if no
    /// mapping or several have its length.
    pub(crate) fn find(&self, maps: &str) -> Option<Slab> {
        let stride_bytes = self.memory_bytes.checked_add(self.guard_bytes)?;
        let bytes = stride_bytes
            .checked_mul(self.slots.into())
            .and_then(|slots| slots.checked_add(self.guard_bytes))?;
        let mut starts = maps.lines().filter_map(|line| start_of_reserved(line, bytes));
        let start = starts.next()?;
        if starts.next().is_some() {
            return None;
        }
        Some(Slab { base: start + self.guard_bytes, stride_bytes, slots: self.slots })
    }
}

/// The start of a mapping of `bytes` without permissions. Its line is
/// `7d9304e00000-7e9506e00000 ---p 00000000 00:00 0`.
fn start_of_reserved(line: &str, bytes: u64) -> Option<u64> {
    let (addresses, rest) = line.split_once(' ')?;
    let (start, end) = addresses.split_once('-')?;
    let start = u64::from_str_radix(start, 16).ok()?;
    let end = u64::from_str_radix(end, 16).ok()?;
    let reserved = rest.starts_with("---p") && end.checked_sub(start) == Some(bytes);
    reserved.then_some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: Reservation =
        Reservation { slots: 3, memory_bytes: 0x1_0000_0000, guard_bytes: 0x1000_0000 };

    #[test]
    fn the_mapping_of_that_length_is_found() {
        let maps = "10000-20000 ---p 00000000 00:00 0\n\
                    7f0000000000-7f0340000000 ---p 00000000 00:00 0 \n\
                    7f1000000000-7f1340000000 rw-p 00000000 00:00 0\n";
        let slab = POOL.find(maps).unwrap();
        assert_eq!((slab.base, slab.stride_bytes), (0x7f00_1000_0000, 0x1_1000_0000));
        // A mapping with one page more is another one, or merged with another one.
        assert!(POOL.find(&maps.replace("7f0340000000", "7f0340001000")).is_none());
    }

    #[test]
    fn two_mappings_of_that_length_are_ambiguous() {
        let mapping = "7f0000000000-7f0340000000 ---p 00000000 00:00 0\n";
        assert!(POOL.find(mapping).is_some());
        assert!(POOL.find(&(mapping.to_owned() + &mapping.replace("7f0", "7e0"))).is_none());
    }
}
