//! All the mappings that the kernel allows a process.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use rustix::mm::MprotectFlags;

use crate::subjects::sys::Mapping;

/// Maximum number of single mappings that bring the process beyond the limit.
const SINGLES_MAX: usize = 16;
/// Pages at the end of the large mapping that keep its neighbour apart from those that are split.
const MARGIN_PAGES: usize = 2;

/// Mappings up to `vm.max_map_count`. Dropping it gives them back.
#[derive(Debug)]
pub(super) struct Ballast {
    split: Mapping,
    singles: Vec<Mapping>,
}

impl Ballast {
    /// Takes every mapping that the process may still have. The kernel then refuses any `mmap`, even one that
    /// replaces a mapping (`do_mmap` in mm/mmap.c).
    ///
    /// # Errors
    /// The limit cannot be read, or there is no address space.
    pub(super) fn of_all_mappings() -> io::Result<Ballast> {
        let limit = std::fs::read_to_string("/proc/sys/vm/max_map_count")?;
        let limit: usize = limit.trim().parse().map_err(io::Error::other)?;
        let bytes = (limit + MARGIN_PAGES + 1) * rustix::param::page_size();
        let mut ballast =
            Ballast { split: Mapping::reserved(bytes)?, singles: Vec::with_capacity(SINGLES_MAX) };
        let pages = ballast.split.pages() - MARGIN_PAGES;
        for page in (1..pages).step_by(2) {
            if ballast.split.protect_page(page, MprotectFlags::READ).is_err() {
                break;
            }
        }
        // The same page of a file each time, so that no two of them merge.
        let file = File::open("/proc/self/exe")?;
        while ballast.singles.len() < SINGLES_MAX
            && let Ok(mapping) = Mapping::of_file(file.as_fd())
        {
            ballast.singles.push(mapping);
        }
        Ok(ballast)
    }
}

impl Drop for Ballast {
    fn drop(&mut self) {
        // Merges the parts before any mapping ends, since an end may need a split.
        let pages = self.split.pages() - MARGIN_PAGES;
        let merged = self.split.protect_first(pages, MprotectFlags::empty());
        debug_assert!(merged.is_ok(), "mprotect: {merged:?}");
    }
}
