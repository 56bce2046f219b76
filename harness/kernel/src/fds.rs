//! The descriptors of a process and the objects behind them.

use std::ffi::CString;

use leakbench_model::ObjectId;
use rustix::fs::{FileType, makedev};

use super::error::ReadError;
use super::memfd_devices::MemfdDevices;
use super::object;
use super::posix_queues;
use super::process::Process;
use super::sys::fd_table::Wanted;

const FILE: &str = "fd";

/// One open descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FdEntry {
    /// Its number in that process.
    pub fd: i32,
    /// The object that it refers to. All event descriptors of a kernel share one inode; files, sockets
    /// and pipes each have their own.
    pub object: ObjectId,
    /// The kind of object.
    pub kind: FdKind,
    /// A hash of the target of its link: equal for descriptors with the same target. Sockets and pipes
    /// have equal ones, since their links have numbers and no names.
    pub name_hash: u64,
    /// Bytes that the object takes on its file system, or in memory.
    pub bytes: u64,
}

leakbench_model::names! {
    /// The kind of object that a descriptor refers to.
    #[derive(PartialOrd, Ord)]
    FdKind ("kind of descriptor") {
        /// A memfd.
        Memfd = "memfd",
        /// A file, folder or device that has a name somewhere.
        File = "file",
        /// A file or folder without a name.
        DeletedFile = "deleted-file",
        /// A socket of any family.
        Socket = "socket",
        /// A pipe, named or not.
        Pipe = "pipe",
        /// A POSIX message queue (`mq_open`).
        MessageQueue = "message-queue",
        /// `eventfd`.
        EventFd = "eventfd",
        /// `timerfd_create`.
        TimerFd = "timerfd",
        /// `epoll_create`.
        Epoll = "epoll",
        /// `pidfd_open`.
        Pidfd = "pidfd",
        /// `inotify_init`.
        Inotify = "inotify",
        /// `signalfd`.
        SignalFd = "signalfd",
        /// The controlling end of a pseudoterminal (`/dev/ptmx`).
        Pty = "pty",
        /// `io_uring_setup`.
        IoUring = "io-uring",
        /// BPF programs, maps, links.
        Bpf = "bpf",
        /// `perf_event_open`.
        PerfEvent = "perf-event",
        /// Another kind: namespaces, fanotify, userfaultfd, ...
        Other = "other",
    }
}

impl FdEntry {
    fn new(
        fd: i32,
        object: ObjectId,
        kind: FdKind,
        link: &[u8],
        stat: &rustix::fs::Stat,
    ) -> FdEntry {
        // `stat` counts in this unit on every file system.
        const BLOCK_BYTES: u64 = 512;
        let bytes = u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(BLOCK_BYTES);
        FdEntry { fd, object, kind, name_hash: object::name_hash(link), bytes }
    }
}

impl Process {
    /// Reads every descriptor, in rising order, into `entries`, which it clears first.
    ///
    /// Only for barriers: it holds a reference to each object for a moment, so an object that is closed
    /// at that moment is released late. Drain a death watch after this, not before. A process that
    /// reads its own descriptors also finds the two that this opens. A descriptor of a `/proc` file
    /// whose process has ended cannot be followed, and is left out; [`Process::fd_count`] counts it.
    ///
    /// # Errors
    /// See [`ReadError`]; then `entries` are incomplete.
    pub fn fds(&mut self, entries: &mut Vec<FdEntry>) -> Result<(), ReadError> {
        entries.clear();
        let dir = self.open_dir(c"fd", FILE)?;
        let devices = self.memfd_devices();
        let walked = self.fd_buffers().walk(&dir, with_link, |fd, link, stat| {
            let object = object::from_stat(stat);
            let mut kind = kind(devices, object, link, stat);
            if posix_queues::may_be_one(kind, link, stat) && posix_queues::is_one(&dir, fd) {
                kind = FdKind::MessageQueue;
            }
            entries.push(FdEntry::new(fd, object, kind, link, stat));
        });
        walked.map_err(|error| self.failed(FILE, error))?;
        if entries.is_empty() {
            self.expect_alive()?;
        }
        Ok(())
    }

    /// Reads the descriptors of memfds, as [`Process::fds`] does and at half its cost.
    ///
    /// # Errors
    /// As [`Process::fds`], but without an error for a process that has just ended.
    pub fn memfds(&mut self, entries: &mut Vec<FdEntry>) -> Result<(), ReadError> {
        entries.clear();
        let dir = self.open_dir(c"fd", FILE)?;
        let devices = self.memfd_devices();
        let on_their_device = |stat: &rustix::fs::Stat| match devices.contains(stat.st_dev) {
            true => Wanted::ObjectAndLink,
            false => Wanted::Nothing,
        };
        let walked = self.fd_buffers().walk(&dir, on_their_device, |fd, link, stat| {
            let object = object::from_stat(stat);
            if devices.is_memfd(object.dev, link) {
                entries.push(FdEntry::new(fd, object, FdKind::Memfd, link, stat));
            }
        });
        walked.map_err(|error| self.failed(FILE, error))
    }

    /// The target of a descriptor's link, which is the name of its object: `/memfd:x (deleted)`,
    /// `socket:[4711]`. Bytes that are not UTF-8 are replaced.
    ///
    /// # Errors
    /// See [`ReadError`]; [`ReadError::Absent`] for a closed descriptor.
    pub fn fd_link(&self, fd: i32) -> Result<String, ReadError> {
        let name = CString::new(format!("fd/{fd}")).unwrap_or_default();
        self.link(&name, FILE)
    }

    /// The number of open descriptors: one `stat` on Linux 6.2 and later, a listing before.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn fd_count(&mut self) -> Result<u64, ReadError> {
        let count = self.size_of(c"fd", FILE)?;
        if count > 0 {
            return Ok(count);
        }
        // No descriptor is open, the kernel is older, or the process has ended.
        let dir = self.open_dir(c"fd", FILE)?;
        let counted = self.fd_buffers().count(&dir);
        let count = counted.map_err(|error| self.failed(FILE, error))?;
        if count == 0 {
            self.expect_alive()?;
        }
        Ok(count)
    }
}

/// The links of sockets and pipes are only numbered.
fn with_link(stat: &rustix::fs::Stat) -> Wanted {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Socket | FileType::Fifo => Wanted::Object,
        _ => Wanted::ObjectAndLink,
    }
}

fn kind(devices: &MemfdDevices, object: ObjectId, link: &[u8], stat: &rustix::fs::Stat) -> FdKind {
    if devices.is_memfd(object.dev, link) {
        return FdKind::Memfd;
    }
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Socket => return FdKind::Socket,
        FileType::Fifo => return FdKind::Pipe,
        // `/dev/ptmx`, under any name.
        FileType::CharacterDevice if stat.st_rdev == makedev(5, 2) => return FdKind::Pty,
        _ => {}
    }
    // A path is absolute or marked as unreachable; any other target is the name of a kind.
    if link.starts_with(b"/") || link.starts_with(b"(unreachable)") {
        return if stat.st_nlink == 0 { FdKind::DeletedFile } else { FdKind::File };
    }
    match link {
        b"anon_inode:[eventfd]" => FdKind::EventFd,
        b"anon_inode:[timerfd]" => FdKind::TimerFd,
        b"anon_inode:[eventpoll]" => FdKind::Epoll,
        b"anon_inode:[pidfd]" => FdKind::Pidfd,
        b"anon_inode:[signalfd]" => FdKind::SignalFd,
        // The kernel prints this one without brackets.
        b"anon_inode:inotify" => FdKind::Inotify,
        b"anon_inode:[io_uring]" => FdKind::IoUring,
        b"anon_inode:[perf_event]" => FdKind::PerfEvent,
        link if link.starts_with(b"pidfd:") => FdKind::Pidfd,
        // Maps, programs and links, with brackets and without.
        link if link.starts_with(b"anon_inode:bpf") => FdKind::Bpf,
        link if link.starts_with(b"anon_inode:[bpf") => FdKind::Bpf,
        _ => FdKind::Other,
    }
}
