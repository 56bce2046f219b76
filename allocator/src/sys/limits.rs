//! The limit on mappings (VMAs) of a process, and the present number.

use std::fs;

/// The limit on mappings of this process, and their present number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mappings {
    pub(crate) max: u64,
    pub(crate) present: u64,
}

/// Reads `vm.max_map_count` and counts the lines of `/proc/self/maps`. `None` if a file cannot be
/// read.
pub(crate) fn mappings() -> Option<Mappings> {
    let max = fs::read_to_string("/proc/sys/vm/max_map_count").ok()?.trim().parse().ok()?;
    let maps = fs::read("/proc/self/maps").ok()?;
    let present = maps.iter().filter(|byte| **byte == b'\n').count() as u64;
    Some(Mappings { max, present })
}
