//! What a process may leak, by name.

use serde::{Deserialize, Serialize};

/// A resource of the kernel that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// Open descriptors, of all kinds.
    Fds,
    /// Descriptors of files, folders and devices that have a name.
    FileFds,
    /// Descriptors of files that no name leads to.
    DeletedFileFds,
    /// Descriptors of memfds.
    MemfdFds,
    /// Descriptors of sockets.
    SocketFds,
    /// Descriptors of pipes.
    PipeFds,
    /// Descriptors from `eventfd`.
    EventFds,
    /// Descriptors from `timerfd_create`.
    TimerFds,
    /// Descriptors from `epoll_create`.
    EpollFds,
    /// Descriptors from `pidfd_open`.
    PidFds,
    /// Descriptors from `inotify_init`.
    InotifyFds,
    /// Descriptors from `signalfd`.
    SignalFds,
    /// Descriptors of any other kind.
    OtherFds,
    /// Descriptors that wait in the process's unix sockets to be received.
    FdsInFlight,
    /// Memory areas (VMAs), of all kinds.
    Areas,
    /// Areas of files, but those of code and of memfds.
    FileAreas,
    /// Areas of memfds.
    MemfdAreas,
    /// Anonymous areas that can be used, but not executed.
    AnonymousAreas,
    /// Areas that may be executed.
    ExecutableAreas,
    /// Anonymous areas that allow nothing (`PROT_NONE`).
    ReservedAreas,
    /// Stacks that the kernel knows as such.
    StackAreas,
    /// Memfds, each counted once, whether open or mapped.
    Memfds,
    /// Bytes of all areas, touched or not (`VmSize`).
    AddressSpaceBytes,
    /// Resident bytes, of all kinds.
    ResidentBytes,
    /// Resident anonymous memory.
    AnonymousBytes,
    /// Resident pages of files.
    FileBytes,
    /// Resident shared memory: pages of memfds, of tmpfs and of System V segments.
    SharedBytes,
    /// Swapped out.
    SwapBytes,
    /// Page tables.
    PageTableBytes,
    /// Locked memory.
    LockedBytes,
    /// Threads.
    Threads,
    /// Processes that are its descendants and alive; counted with `--tree` and without.
    Children,
    /// Children that ended and were not waited for.
    Zombies,
    /// System V shared memory segments that it made.
    SysvSegments,
    /// Bytes of those.
    SysvBytes,
}
