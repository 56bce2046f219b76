//! Calls of the dynamic loader: no program can handle their failure.

use std::collections::HashMap;
use std::ops::Range;

/// The entry of the auxiliary vector with the address of the loader, `AT_BASE` of `include/uapi/linux/auxvec.h`.
const BASE: u64 = 7;

/// The loader's addresses in each process that has made a call.
#[derive(Debug, Default)]
pub(super) struct Loaders {
    /// By thread. `None` of a static program, and if it could not be read.
    by_thread: HashMap<u32, Option<Range<u64>>>,
}

impl Loaders {
    /// Returns whether the instruction of a thread's call is the loader's.
    pub(super) fn has(&mut self, thread: u32, instruction: u64) -> bool {
        let range = self.by_thread.entry(thread).or_insert_with(|| range_of(thread));
        range.as_ref().is_some_and(|range| range.contains(&instruction))
    }

    /// The thread executes another program.
    pub(super) fn forget(&mut self, thread: u32) {
        self.by_thread.remove(&thread);
    }
}

fn range_of(thread: u32) -> Option<Range<u64>> {
    let auxiliary = std::fs::read(format!("/proc/{thread}/auxv")).ok()?;
    let maps = std::fs::read_to_string(format!("/proc/{thread}/maps")).ok()?;
    range(base(&auxiliary)?, &maps)
}

/// The value of `AT_BASE`; `None` if it is 0.
fn base(auxiliary: &[u8]) -> Option<u64> {
    let words = auxiliary
        .chunks_exact(8)
        .map(|word| word.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)));
    let words: Vec<u64> = words.collect();
    let entry = words.chunks_exact(2).find(|entry| entry[0] == BASE)?;
    (entry[1] != 0).then_some(entry[1])
}

/// The mappings of one file that begin at `base` and follow each other.
fn range(base: u64, maps: &str) -> Option<Range<u64>> {
    let mut found: Option<(Range<u64>, &str)> = None;
    for line in maps.lines() {
        let mut fields = line.split_ascii_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        let (start, end) =
            (u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
        let inode = fields.nth(3)?;
        match &mut found {
            None if start == base => found = Some((start..end, inode)),
            Some((range, of)) if range.end == start && *of == inode => range.end = end,
            None => {}
            Some(_) => break,
        }
    }
    found.map(|(range, _)| range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loader_is_the_file_at_its_base() {
        let maps = "1000-2000 r--p 00000000 fe:00 5 /bin/cat\n\
                    7000-8000 r--p 00000000 fe:00 9 /lib/ld.so\n\
                    8000-9000 r-xp 00001000 fe:00 9 /lib/ld.so\n\
                    9000-a000 rw-p 00000000 00:00 0 \n";
        assert_eq!(range(0x7000, maps), Some(0x7000..0x9000));
        assert_eq!(range(0x6000, maps), None);
        assert_eq!(range(0x7000, "nonsense"), None);
    }

    #[test]
    fn a_static_program_has_no_base() {
        let auxiliary = |base: u64| [3, 64, BASE, base, 0, 0].map(u64::to_le_bytes).concat();
        assert_eq!(base(&auxiliary(0x7000)), Some(0x7000));
        assert_eq!(base(&auxiliary(0)), None);
        assert_eq!(base(&[]), None);
    }

    #[test]
    fn the_code_of_this_test_is_not_the_loaders() {
        let own = rustix::thread::gettid().as_raw_nonzero().get() as u32;
        let mut loaders = Loaders::default();
        let code = the_code_of_this_test_is_not_the_loaders as fn() as usize as u64;
        assert!(!loaders.has(own, code));
        let of_loader = loaders.by_thread[&own].clone().expect("tests are linked dynamically");
        assert!(loaders.has(own, of_loader.start));
        loaders.forget(own);
        assert!(loaders.by_thread.is_empty());
    }
}
