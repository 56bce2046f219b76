//! Real mappings, forks and System V segments for the tests, behind safe types.

#![allow(unsafe_code, reason = "mmap, fork and shmat have no safe form")]
#![allow(clippy::unwrap_used, reason = "what a test cannot set up fails it")]
#![allow(dead_code, reason = "each test binary uses its part")]

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};

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

/// An attached System V segment, marked to be removed when it is detached.
#[derive(Debug)]
pub(crate) struct SysvSegment {
    pub(crate) address: usize,
}

impl SysvSegment {
    /// `None` if the kernel has none.
    pub(crate) fn attach(bytes: usize) -> Option<Self> {
        // SAFETY: makes a new private segment, attaches it where the kernel likes, and marks it for
        // removal on detaching; no memory that anything else refers to is touched.
        unsafe {
            let id = libc::shmget(libc::IPC_PRIVATE, bytes, 0o600);
            if id < 0 {
                return None;
            }
            let address = libc::shmat(id, ptr::null(), 0);
            libc::shmctl(id, libc::IPC_RMID, ptr::null_mut());
            (address.addr() != usize::MAX).then(|| Self { address: address.expose_provenance() })
        }
    }
}

impl Drop for SysvSegment {
    fn drop(&mut self) {
        // SAFETY: attached by this value, detached once.
        unsafe { libc::shmdt(ptr::with_exposed_provenance(self.address)) };
    }
}

/// A System V segment that no process has attached, removed when this is dropped.
#[derive(Debug)]
pub(crate) struct RemovedSegment(pub(crate) i32);

impl Drop for RemovedSegment {
    fn drop(&mut self) {
        // SAFETY: removes a segment by its number, and no memory of this process.
        unsafe { libc::shmctl(self.0, libc::IPC_RMID, ptr::null_mut()) };
    }
}

/// A set of one System V semaphore, which this process has set.
#[derive(Debug)]
pub(crate) struct SemaphoreSet(i32);

impl SemaphoreSet {
    pub(crate) fn make() -> Self {
        let made = Self::make_unused();
        // SAFETY: sets the only semaphore of this value's own set, which touches no memory of this process.
        let set = unsafe { libc::semctl(made.0, 0, libc::SETVAL, 1) };
        assert!(set >= 0, "semctl: {}", io::Error::last_os_error());
        made
    }

    /// Of such a set the kernel records no process.
    pub(crate) fn make_unused() -> Self {
        // SAFETY: makes a new private set, which touches no memory of this process.
        let id = unsafe { libc::semget(libc::IPC_PRIVATE, 1, 0o600) };
        assert!(id >= 0, "semget: {}", io::Error::last_os_error());
        Self(id)
    }

    pub(crate) fn id(&self) -> u64 {
        self.0 as u64
    }
}

impl Drop for SemaphoreSet {
    fn drop(&mut self) {
        // SAFETY: removes this value's own set.
        unsafe { libc::semctl(self.0, 0, libc::IPC_RMID) };
    }
}

/// A System V message queue with one message from this process.
#[derive(Debug)]
pub(crate) struct MessageQueue(i32);

impl MessageQueue {
    pub(crate) fn make() -> Self {
        // The type of the message, and a byte of it.
        let message = [1u64, 0];
        // SAFETY: makes a new private queue and copies one byte into it.
        unsafe {
            let id = libc::msgget(libc::IPC_PRIVATE, 0o600);
            assert!(id >= 0, "msgget: {}", io::Error::last_os_error());
            let sent = libc::msgsnd(id, message.as_ptr().cast(), 1, libc::IPC_NOWAIT);
            assert!(sent >= 0, "msgsnd: {}", io::Error::last_os_error());
            Self(id)
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.0 as u64
    }
}

impl Drop for MessageQueue {
    fn drop(&mut self) {
        // SAFETY: removes this value's own queue.
        unsafe { libc::msgctl(self.0, libc::IPC_RMID, ptr::null_mut()) };
    }
}

/// Adds one more key to the keyring of this process, which ends with it.
pub(crate) fn add_key() -> i32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    const PROCESS_KEYRING: libc::c_long = -2;
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = std::ffi::CString::new(format!("leakbench {number}")).unwrap();
    // SAFETY: the kernel copies both texts and one byte.
    let key = unsafe {
        let kind = c"user".as_ptr();
        libc::syscall(libc::SYS_add_key, kind, name.as_ptr(), c"x".as_ptr(), 1, PROCESS_KEYRING)
    };
    assert!(key >= 0, "add_key: {}", io::Error::last_os_error());
    key as i32
}

/// An io_uring; `None` if this user may not have one.
pub(crate) fn io_uring() -> Option<OwnedFd> {
    // `struct io_uring_params` with no flags.
    let mut params = [0u32; 30];
    // SAFETY: the kernel reads and writes the parameters, which have its size.
    owned(unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, params.as_mut_ptr()) })
}

/// A POSIX message queue without a name; `None` if this kernel or user has none.
pub(crate) fn posix_queue(messages_max: i64, message_bytes_max: i64) -> Option<OwnedFd> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = CString::new(format!("/leakbench-{}-{number}", std::process::id())).ok()?;
    // SAFETY: all bits zero are a valid `mq_attr`.
    let mut attributes: libc::mq_attr = unsafe { std::mem::zeroed() };
    attributes.mq_maxmsg = messages_max;
    attributes.mq_msgsize = message_bytes_max;
    let flags = libc::O_CREAT | libc::O_EXCL | libc::O_RDWR | libc::O_CLOEXEC;
    // SAFETY: the name is a C string, and the kernel reads the attributes.
    let queue = unsafe { libc::mq_open(name.as_ptr(), flags, 0o600, &raw mut attributes) };
    // SAFETY: as above.
    unsafe { libc::mq_unlink(name.as_ptr()) };
    owned(queue.into())
}

/// A BPF map; `None` if this user may not have one.
pub(crate) fn bpf_map() -> Option<OwnedFd> {
    const MAP_CREATE: libc::c_long = 0;
    // The type (array), bytes of a key, bytes of a value, entries.
    let mut attributes = [2u32, 4, 8, 1];
    let size = size_of_val(&attributes);
    // SAFETY: the kernel reads so many bytes of the attributes.
    owned(unsafe { libc::syscall(libc::SYS_bpf, MAP_CREATE, attributes.as_mut_ptr(), size) })
}

/// A perf event that counts this process's page faults; `None` if this user may not have one.
pub(crate) fn perf_event() -> Option<OwnedFd> {
    // `struct perf_event_attr`: type (software), its own size, config (page faults); `exclude_kernel`.
    let mut attributes = [0u64; 16];
    let size = size_of_val(&attributes) as u64;
    attributes[0] = 1 | size << 32;
    attributes[1] = 2;
    attributes[5] = 1 << 5;
    // SAFETY: the kernel reads so many bytes of the attributes as they say.
    owned(unsafe {
        libc::syscall(libc::SYS_perf_event_open, attributes.as_mut_ptr(), 0, -1, -1, 0)
    })
}

fn owned(fd: libc::c_long) -> Option<OwnedFd> {
    // SAFETY: the call that returned it made the descriptor, and nothing else has it.
    (fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(fd as i32) })
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

/// A descriptor for no signals.
pub(crate) fn signalfd() -> OwnedFd {
    // SAFETY: an all-zero set is an empty one; the call makes a descriptor, which only this value has.
    unsafe {
        let set: libc::sigset_t = std::mem::zeroed();
        let fd = libc::signalfd(-1, &set, libc::SFD_CLOEXEC);
        assert!(fd >= 0, "signalfd: {}", io::Error::last_os_error());
        OwnedFd::from_raw_fd(fd)
    }
}

/// Ends the main thread of this process, and no other one. Called by another one.
pub(crate) fn end_main_thread() {
    extern "C" fn end_thread(_signal: libc::c_int) {
        // SAFETY: the call ends this thread only and does not return. Its stack stays mapped, so what
        // others borrow from it stays valid.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
    }
    let handler: extern "C" fn(libc::c_int) = end_thread;
    let pid = libc::pid_t::try_from(std::process::id()).expect("a pid");
    // SAFETY: the handler has the signature that the kernel calls and makes one system call. No other
    // code of this process handles the signal.
    unsafe {
        libc::signal(libc::SIGUSR1, handler as libc::sighandler_t);
        // The main thread has the number of its process.
        libc::syscall(libc::SYS_tgkill, pid, pid, libc::SIGUSR1);
    }
}
