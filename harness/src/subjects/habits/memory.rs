//! Memory: files in memory, mappings and heap.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::MprotectFlags;

use super::Act;
use super::descriptors::file;
use crate::subjects::sys::Mapping;

/// The growth of a file by an act.
static GROWTH: [u8; 256 << 10] = [1; 256 << 10];
/// Parts of a file that is written again and again.
const PARTS: u64 = 8;
/// The growth of a heap by an act: too little for malloc to map it separately.
const HEAP_BYTES: usize = 64 << 10;
/// Pages of a reservation, and of shared memory that an act touches.
const RESERVED_PAGES: usize = 8192;
const SHARED_PAGES: usize = 64;
/// Bytes of a pool that fills, and of a mapping whose page tables grow.
const POOL_BYTES: usize = 1 << 30;
const SPARSE_BYTES: usize = 256 << 30;
/// Pages that one page table covers.
const PAGES_OF_A_TABLE: usize = 512;
/// Pages that an act locks, and those that it may lock in total: the limit of most users is 8 MiB.
const LOCKED_PAGES: usize = 4;
const LOCKED_PAGES_MAX: usize = 1600;
const HUGE_PAGE_BYTES: usize = 2 << 20;

/// A memfd of so many pages.
pub(super) fn memfd(name: &CStr, pages: usize) -> io::Result<OwnedFd> {
    let memfd = memfd_create(name, MemfdFlags::CLOEXEC)?;
    ftruncate(&memfd, bytes_of(pages) as u64)?;
    Ok(memfd)
}

fn bytes_of(pages: usize) -> usize {
    pages * rustix::param::page_size()
}

/// Writes more to a file at each act.
pub(super) fn grow(mut file: File) -> Act {
    Box::new(move || file.write_all(&GROWTH))
}

/// The same with a memfd of which so many pages are mapped.
pub(super) fn grow_mapped(name: &CStr, pages: usize) -> io::Result<Act> {
    let memfd = memfd(name, 0)?;
    let mapping = Mapping::of_shared_file(memfd.as_fd(), pages)?;
    let mut grow = grow(memfd.into());
    Ok(Box::new(move || {
        // It stays mapped.
        let _ = &mapping;
        grow()
    }))
}

/// The same with a file in a folder, which is removed at the end.
pub(super) fn grow_in(folder: &Path) -> io::Result<Act> {
    let (file, path) = tempfile::NamedTempFile::new_in(folder)?.into_parts();
    let mut grow = grow(file);
    Ok(Box::new(move || {
        let _ = &path;
        grow()
    }))
}

/// Writes the same parts of a memfd again and again.
pub(super) fn rewrite() -> io::Result<Act> {
    let file = File::from(memfd(c"ring", 0)?);
    let mut part = 0;
    Ok(Box::new(move || {
        part = (part + 1) % PARTS;
        file.write_all_at(&GROWTH, part * GROWTH.len() as u64)
    }))
}

/// A page of a file. The kernel does not merge two mappings of the same page.
pub(super) fn file_mapping() -> io::Result<Mapping> {
    Mapping::of_file(file()?.as_fd())
}

/// A memfd that is only mapped.
pub(super) fn memfd_mapping() -> io::Result<Mapping> {
    Mapping::of_file(memfd(c"mapped", 1)?.as_fd())
}

/// Two mappings, which the kernel merges with no neighbour.
fn mappings(first: MprotectFlags, second: MprotectFlags) -> io::Result<Mapping> {
    let mut pages = Mapping::of_zeroes(bytes_of(2))?;
    pages.protect_page(0, first)?;
    pages.protect_page(1, second)?;
    Ok(pages)
}

pub(super) fn anonymous_mappings() -> io::Result<Mapping> {
    mappings(MprotectFlags::READ, MprotectFlags::READ.union(MprotectFlags::WRITE))
}

pub(super) fn executable_mappings() -> io::Result<Mapping> {
    let executable = MprotectFlags::READ.union(MprotectFlags::EXEC);
    mappings(executable, executable.union(MprotectFlags::WRITE))
}

/// A page without access beside one with it.
pub(super) fn guard_mapping() -> io::Result<Mapping> {
    mappings(MprotectFlags::empty(), MprotectFlags::READ.union(MprotectFlags::WRITE))
}

pub(super) fn heap() -> Vec<u8> {
    vec![1; HEAP_BYTES]
}

/// New shared mappings, of which all is used.
pub(super) fn shared_memory() -> io::Result<Act> {
    super::keep(|| {
        let memory =
            Mapping::of_shared_file(memfd(c"shared", SHARED_PAGES)?.as_fd(), SHARED_PAGES)?;
        memory.populate()?;
        Ok(memory)
    })
}

/// Locks more and more of a mapping that is in use.
pub(super) fn locked() -> io::Result<Act> {
    let mut memory = Mapping::of_zeroes(bytes_of(LOCKED_PAGES_MAX))?;
    memory.populate()?;
    let mut pages = 0..LOCKED_PAGES_MAX;
    Ok(Box::new(move || {
        pages.by_ref().take(LOCKED_PAGES).try_for_each(|page| memory.lock_page(page))
    }))
}

pub(super) fn huge_page() -> io::Result<Mapping> {
    let memory = Mapping::of_huge_pages(HUGE_PAGE_BYTES)?;
    memory.populate()?;
    Ok(memory)
}

pub(super) fn reservation() -> io::Result<Mapping> {
    Mapping::reserved(bytes_of(RESERVED_PAGES))
}

/// One allocation, of which more and more is used.
pub(super) fn filling() -> Act {
    let mut pool: Vec<u8> = Vec::with_capacity(POOL_BYTES);
    Box::new(move || {
        let used = pool.len() + HEAP_BYTES;
        if used <= POOL_BYTES {
            pool.resize(used, 1);
        }
        Ok(())
    })
}

/// One more page of a large mapping at each act, each in a page table of its own.
pub(super) fn page_tables() -> io::Result<Act> {
    let mut large = Mapping::of_zeroes(SPARSE_BYTES)?;
    let mut page = 0;
    Ok(Box::new(move || {
        page = (page + PAGES_OF_A_TABLE) % large.pages();
        large.populate_page(page)
    }))
}
