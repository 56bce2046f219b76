//! `PROCMAP_QUERY`: a request for one mapping (Linux 6.11 and later).
//!
//! Layout and flags are those of `struct procmap_query` in the kernel's `include/uapi/linux/fs.h`.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::{self, Errno};
use rustix::ioctl::{Opcode, Updater, ioctl, opcode};

const READABLE: u64 = 0x01;
const WRITABLE: u64 = 0x02;
const EXECUTABLE: u64 = 0x04;
const SHARED: u64 = 0x08;
const COVERING_OR_NEXT: u64 = 0x10;
const FILE_BACKED: u64 = 0x20;

/// The request and its answer in the kernel's layout.
#[repr(C)]
#[derive(Debug, Default)]
struct Query {
    size: u64,
    query_flags: u64,
    query_addr: u64,
    vma_start: u64,
    vma_end: u64,
    vma_flags: u64,
    vma_page_size: u64,
    vma_offset: u64,
    inode: u64,
    dev_major: u32,
    dev_minor: u32,
    vma_name_size: u32,
    build_id_size: u32,
    vma_name_addr: u64,
    build_id_addr: u64,
}

const SIZE: usize = size_of::<Query>();
const _: () = assert!(SIZE == 104, "the size that Linux 6.11 gave struct procmap_query");

const PROCMAP_QUERY: Opcode = opcode::read_write::<Query>(b'f', 17);

/// More than the longest name of a memfd: `/memfd:`, 249 bytes, ` (deleted)`.
const NAME_BYTES: usize = 512;

/// One file-backed mapping.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueriedMapping {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) offset: u64,
    pub(crate) ino: u64,
    pub(crate) dev_major: u32,
    pub(crate) dev_minor: u32,
    flags: u64,
}

impl QueriedMapping {
    pub(crate) fn readable(&self) -> bool {
        self.flags & READABLE != 0
    }
    pub(crate) fn writable(&self) -> bool {
        self.flags & WRITABLE != 0
    }
    pub(crate) fn executable(&self) -> bool {
        self.flags & EXECUTABLE != 0
    }
    pub(crate) fn shared(&self) -> bool {
        self.flags & SHARED != 0
    }
}

/// An open `maps` file that answers queries.
#[derive(Debug)]
pub(crate) struct MappingQueries<'fd> {
    maps: BorrowedFd<'fd>,
    name: [u8; NAME_BYTES],
}

impl<'fd> MappingQueries<'fd> {
    pub(crate) fn new(maps: &'fd impl AsFd) -> Self {
        Self { maps: maps.as_fd(), name: [0; NAME_BYTES] }
    }

    /// The file-backed mapping that covers `address`, else the next one above it, else `None`.
    ///
    /// # Errors
    /// `NOTTY` if the kernel has no such request, `SRCH` if the process has no address space any more.
    pub(crate) fn at_or_after(&self, address: u64) -> io::Result<Option<QueriedMapping>> {
        let mut query = Query {
            size: SIZE as u64,
            query_flags: COVERING_OR_NEXT | FILE_BACKED,
            query_addr: address,
            ..Query::default()
        };
        match send(self.maps, &mut query) {
            Ok(()) => Ok(Some(answer(&query))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The name of this mapping; `None` if it has none that fits, or if another object is mapped there by
    /// now.
    pub(crate) fn name_of(&mut self, mapping: &QueriedMapping) -> io::Result<Option<&[u8]>> {
        let mut query = Query {
            size: SIZE as u64,
            query_flags: FILE_BACKED,
            query_addr: mapping.start,
            vma_name_size: NAME_BYTES as u32,
            vma_name_addr: self.name.as_mut_ptr().expose_provenance() as u64,
            ..Query::default()
        };
        match send(self.maps, &mut query) {
            Ok(()) => {}
            Err(Errno::NOENT | Errno::NAMETOOLONG) => return Ok(None),
            Err(error) => return Err(error),
        }
        let now = answer(&query);
        let same = (now.ino, now.dev_major, now.dev_minor)
            == (mapping.ino, mapping.dev_major, mapping.dev_minor);
        if !same || query.vma_name_size == 0 {
            return Ok(None);
        }
        Ok(CStr::from_bytes_until_nul(&self.name).ok().map(CStr::to_bytes))
    }
}

/// Sends one query to the kernel. A caller that sets `vma_name_size` sets `vma_name_addr` to the address
/// of so many bytes of its own, as both callers above do.
fn send(maps: BorrowedFd<'_>, query: &mut Query) -> io::Result<()> {
    debug_assert!(query.vma_name_size as usize <= NAME_BYTES && query.build_id_size == 0);
    // SAFETY: the opcode is made from `Query`, which is the kernel's own layout and has its size
    // in the first field, so the kernel writes within it. It also writes at most `vma_name_size`
    // bytes at `vma_name_addr`: the two callers leave that 0, or point it at a buffer of that
    // length which they own, keep for the call and do not read meanwhile. A file that is not
    // `maps` refuses the opcode, whose number holds the size of `Query`, and writes nothing.
    unsafe { ioctl(maps, Updater::<PROCMAP_QUERY, Query>::new(query)) }
}

fn answer(query: &Query) -> QueriedMapping {
    QueriedMapping {
        start: query.vma_start,
        end: query.vma_end,
        offset: query.vma_offset,
        ino: query.inode,
        dev_major: query.dev_major,
        dev_minor: query.dev_minor,
        flags: query.vma_flags,
    }
}
