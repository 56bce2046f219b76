//! Real mappings and forks for the tests, behind safe types.

#![allow(unsafe_code, reason = "mmap and fork have no safe form")]
#![allow(clippy::unwrap_used, reason = "what a test cannot set up fails it")]
#![allow(dead_code, reason = "each test binary uses its part")]

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr;

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process, set_parent_process_death_signal,
    waitid, waitpid,
};

/// The page size.
pub(crate) fn page() -> usize {
    rustix::param::page_size()
}

/// A memfd of so many pages.
pub(crate) fn memfd(name: &CStr, pages: usize) -> OwnedFd {
    let fd = memfd_create(name, MemfdFlags::CLOEXEC).unwrap();
    ftruncate(&fd, (pages * page()) as u64).unwrap();
    fd
}

/// The treatment of writes to a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    Private,
    Shared,
}

impl Sharing {
    fn flags(self) -> MapFlags {
        match self {
            Self::Private => MapFlags::PRIVATE,
            Self::Shared => MapFlags::SHARED,
        }
    }
}

/// A mapping that no reference points into.
#[derive(Debug)]
pub(crate) struct OwnMapping {
    address: usize,
    len: usize,
}

impl OwnMapping {
    /// Maps pages of a file, readable.
    pub(crate) fn file(fd: impl AsFd, first_page: usize, pages: usize, sharing: Sharing) -> Self {
        Self::with_flags(fd, first_page * page(), pages * page(), sharing.flags()).unwrap()
    }

    /// Maps bytes of a file with these flags.
    pub(crate) fn with_flags(
        fd: impl AsFd,
        offset: usize,
        len: usize,
        flags: MapFlags,
    ) -> io::Result<Self> {
        assert!(!flags.contains(MapFlags::FIXED));
        // SAFETY: without FIXED the kernel picks free addresses; nothing refers to them.
        let address =
            unsafe { mmap(ptr::null_mut(), len, ProtFlags::READ, flags, fd, offset as u64)? };
        Ok(Self { address: address.addr(), len })
    }

    /// Maps pages without a file.
    pub(crate) fn anonymous(pages: usize, sharing: Sharing) -> Self {
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: as above.
        let address =
            unsafe { mmap_anonymous(ptr::null_mut(), pages * page(), prot, sharing.flags()) };
        Self { address: address.unwrap().addr(), len: pages * page() }
    }

    /// Maps pages without a file, readable and with further permissions.
    pub(crate) fn private(pages: usize, more: ProtFlags) -> Self {
        let prot = ProtFlags::READ | more;
        // SAFETY: as above.
        let address =
            unsafe { mmap_anonymous(ptr::null_mut(), pages * page(), prot, MapFlags::PRIVATE) };
        Self { address: address.unwrap().addr(), len: pages * page() }
    }

    /// Reserves pages that may not be touched.
    pub(crate) fn reserve(pages: usize) -> Self {
        // SAFETY: as above.
        let address = unsafe {
            mmap_anonymous(ptr::null_mut(), pages * page(), ProtFlags::empty(), MapFlags::PRIVATE)
        };
        Self { address: address.unwrap().addr(), len: pages * page() }
    }

    /// Replaces one of its pages by a page of a file, copy-on-write.
    pub(crate) fn replace_page(&mut self, at: usize, fd: impl AsFd) {
        assert!((at + 1) * page() <= self.len);
        let target = ptr::with_exposed_provenance_mut(self.address + at * page());
        let flags = MapFlags::PRIVATE | MapFlags::FIXED;
        // SAFETY: the page is this mapping's own, and nothing refers to what it holds.
        let mapped =
            unsafe { mmap(target, page(), ProtFlags::READ | ProtFlags::WRITE, flags, fd, 0) };
        mapped.unwrap();
    }

    /// Replaces one of its pages by an anonymous one that may be touched.
    pub(crate) fn open_page(&mut self, at: usize) {
        assert!((at + 1) * page() <= self.len);
        let target = ptr::with_exposed_provenance_mut(self.address + at * page());
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: the page is this mapping's own, and nothing refers to what it holds.
        let mapped =
            unsafe { mmap_anonymous(target, page(), prot, MapFlags::PRIVATE | MapFlags::FIXED) };
        mapped.unwrap();
    }

    /// Writes to one of its pages, which must be writable.
    pub(crate) fn touch(&self, at: usize) {
        assert!(at * page() < self.len);
        let byte = ptr::with_exposed_provenance_mut::<u8>(self.address + at * page());
        // SAFETY: the page is this mapping's own; nothing else refers to it.
        unsafe { byte.write_volatile(1) };
    }

    pub(crate) fn start(&self) -> usize {
        self.address
    }

    pub(crate) fn end(&self) -> usize {
        self.address + self.len
    }

    /// Unmaps the last pages and keeps the rest.
    pub(crate) fn shrink_to(&mut self, pages: usize) {
        let keep = pages * page();
        assert!(0 < keep && keep < self.len);
        // SAFETY: the tail is this mapping's own, and nothing refers to it.
        unsafe {
            munmap(ptr::with_exposed_provenance_mut(self.address + keep), self.len - keep).unwrap()
        };
        self.len = keep;
    }
}

impl Drop for OwnMapping {
    fn drop(&mut self) {
        // SAFETY: the pages are this mapping's own, and nothing refers to them.
        unsafe { munmap(ptr::with_exposed_provenance_mut(self.address), self.len).unwrap() };
    }
}

/// A copy of this process that does nothing, so that its mappings and descriptors do not change.
#[derive(Debug)]
pub(crate) struct Still {
    pid: Pid,
}

impl Still {
    pub(crate) fn fork() -> Self {
        // SAFETY: the child calls only `prctl`, `pause` and nothing else, which is sound after a
        // fork of a process with threads; it allocates nothing and never returns.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
        let Some(pid) = Pid::from_raw(pid) else {
            let _ = set_parent_process_death_signal(Some(Signal::KILL));
            loop {
                // SAFETY: waits for a signal, and the one that comes ends it.
                unsafe { libc::pause() };
            }
        };
        let child = Self { pid };
        // Before it sleeps in `pause` it touches pages.
        while !state(child.pid()).contains('S') {
            std::thread::yield_now();
        }
        child
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Kills it and leaves it to be reaped. Returns once it is dead.
    pub(crate) fn kill(&self) {
        kill_process(self.pid, Signal::KILL).unwrap();
        waitid(WaitId::Pid(self.pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
    }
}

/// The state letter of a process with its neighbours.
fn state(pid: u32) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit(')').next().unwrap();
    after_name.chars().take(2).collect()
}

/// Kills and reaps it.
impl Drop for Still {
    fn drop(&mut self) {
        let _ = kill_process(self.pid, Signal::KILL);
        let _ = waitpid(Some(self.pid), WaitOptions::empty());
    }
}
