//! What a process may leak, by name.

use serde::{Deserialize, Serialize};

use leakbench_model::text::{bytes, grouped};

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
    /// Memory mappings (VMAs), of all kinds.
    Mappings,
    /// Mappings of files, but those of code and of memfds.
    FileMappings,
    /// Mappings of memfds.
    MemfdMappings,
    /// Anonymous mappings that can be used, but not executed.
    AnonymousMappings,
    /// Mappings that may be executed, but those of memfds.
    ExecutableMappings,
    /// Anonymous mappings that allow nothing (`PROT_NONE`).
    ReservedMappings,
    /// Stacks that the kernel knows as such.
    StackMappings,
    /// Memfds, each counted once, whether open or mapped.
    Memfds,
    /// Bytes of all mappings, touched or not (`VmSize`).
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

/// What amounts of a resource are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Objects.
    Count,
    /// Bytes.
    Bytes,
}

/// Growth of memory that says nothing.
///
/// The kernel counts resident pages apart for each processor, off by up to 32 pages on each, and
/// an allocator takes memory from it 128 KiB at a time, or a thread's arena at 132 KiB: growth of
/// less than eight such steps is not told from none.
const MEMORY_NOISE_BYTES: u64 = 1 << 20;
/// A table of pages is 4 KiB and maps 2 MiB: sixteen that are touched for the first time say nothing.
const PAGE_TABLE_NOISE_BYTES: u64 = 64 << 10;
/// Three descriptors, mappings or threads more may well be three that were wanted.
const COUNT_NOISE: u64 = 3;

impl Resource {
    /// Every resource.
    pub const ALL: [Resource; 35] = [
        Resource::Fds,
        Resource::FileFds,
        Resource::DeletedFileFds,
        Resource::MemfdFds,
        Resource::SocketFds,
        Resource::PipeFds,
        Resource::EventFds,
        Resource::TimerFds,
        Resource::EpollFds,
        Resource::PidFds,
        Resource::InotifyFds,
        Resource::SignalFds,
        Resource::OtherFds,
        Resource::FdsInFlight,
        Resource::Mappings,
        Resource::FileMappings,
        Resource::MemfdMappings,
        Resource::AnonymousMappings,
        Resource::ExecutableMappings,
        Resource::ReservedMappings,
        Resource::StackMappings,
        Resource::Memfds,
        Resource::AddressSpaceBytes,
        Resource::ResidentBytes,
        Resource::AnonymousBytes,
        Resource::FileBytes,
        Resource::SharedBytes,
        Resource::SwapBytes,
        Resource::PageTableBytes,
        Resource::LockedBytes,
        Resource::Threads,
        Resource::Children,
        Resource::Zombies,
        Resource::SysvSegments,
        Resource::SysvBytes,
    ];

    /// The spelling used in JSON.
    pub fn as_str(self) -> &'static str {
        self.words().0
    }

    /// What it is called in a sentence, in the plural: `socket descriptors`, `resident memory`.
    pub fn noun(self) -> &'static str {
        self.words().1
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Resource::Fds => ("fds", "descriptors"),
            Resource::FileFds => ("file-fds", "file descriptors"),
            Resource::DeletedFileFds => ("deleted-file-fds", "descriptors of deleted files"),
            Resource::MemfdFds => ("memfd-fds", "memfd descriptors"),
            Resource::SocketFds => ("socket-fds", "socket descriptors"),
            Resource::PipeFds => ("pipe-fds", "pipe descriptors"),
            Resource::EventFds => ("event-fds", "eventfd descriptors"),
            Resource::TimerFds => ("timer-fds", "timerfd descriptors"),
            Resource::EpollFds => ("epoll-fds", "epoll descriptors"),
            Resource::PidFds => ("pid-fds", "pidfd descriptors"),
            Resource::InotifyFds => ("inotify-fds", "inotify descriptors"),
            Resource::SignalFds => ("signal-fds", "signalfd descriptors"),
            Resource::OtherFds => ("other-fds", "other descriptors"),
            Resource::FdsInFlight => ("fds-in-flight", "descriptors in flight"),
            Resource::Mappings => ("mappings", "mappings"),
            Resource::FileMappings => ("file-mappings", "file mappings"),
            Resource::MemfdMappings => ("memfd-mappings", "memfd mappings"),
            Resource::AnonymousMappings => ("anonymous-mappings", "anonymous mappings"),
            Resource::ExecutableMappings => ("executable-mappings", "executable mappings"),
            Resource::ReservedMappings => ("reserved-mappings", "reserved mappings"),
            Resource::StackMappings => ("stack-mappings", "stack mappings"),
            Resource::Memfds => ("memfds", "memfds"),
            Resource::AddressSpaceBytes => ("address-space-bytes", "address space"),
            Resource::ResidentBytes => ("resident-bytes", "resident memory"),
            Resource::AnonymousBytes => ("anonymous-bytes", "anonymous memory"),
            Resource::FileBytes => ("file-bytes", "file memory"),
            Resource::SharedBytes => ("shared-bytes", "shared memory"),
            Resource::SwapBytes => ("swap-bytes", "swapped memory"),
            Resource::PageTableBytes => ("page-table-bytes", "page tables"),
            Resource::LockedBytes => ("locked-bytes", "locked memory"),
            Resource::Threads => ("threads", "threads"),
            Resource::Children => ("children", "child processes"),
            Resource::Zombies => ("zombies", "zombies"),
            Resource::SysvSegments => ("sysv-segments", "System V segments"),
            Resource::SysvBytes => ("sysv-bytes", "System V memory"),
        }
    }

    /// What it is counted in.
    pub fn unit(self) -> Unit {
        if self.as_str().ends_with("-bytes") { Unit::Bytes } else { Unit::Count }
    }

    /// An amount of it: `1,024`, `41.2 MiB`.
    pub fn amount(self, amount: u64) -> String {
        match self.unit() {
            Unit::Count => grouped(amount),
            Unit::Bytes => bytes(amount),
        }
    }

    /// Whether a verb after [`Resource::noun`] is in the singular.
    pub fn is_singular(self) -> bool {
        self.unit() == Unit::Bytes && self != Resource::PageTableBytes
    }

    /// The resource that this one is a kind of.
    pub fn total(self) -> Option<Resource> {
        match self {
            Resource::FileFds
            | Resource::DeletedFileFds
            | Resource::MemfdFds
            | Resource::SocketFds
            | Resource::PipeFds
            | Resource::EventFds
            | Resource::TimerFds
            | Resource::EpollFds
            | Resource::PidFds
            | Resource::InotifyFds
            | Resource::SignalFds
            | Resource::OtherFds => Some(Resource::Fds),
            Resource::FileMappings
            | Resource::MemfdMappings
            | Resource::AnonymousMappings
            | Resource::ExecutableMappings
            | Resource::ReservedMappings
            | Resource::StackMappings => Some(Resource::Mappings),
            Resource::AnonymousBytes | Resource::FileBytes | Resource::SharedBytes => {
                Some(Resource::ResidentBytes)
            }
            Resource::SysvBytes => Some(Resource::SharedBytes),
            _ => None,
        }
    }

    /// Growth that says nothing, in its unit.
    pub fn noise(self) -> u64 {
        match (self, self.unit()) {
            (Resource::PageTableBytes | Resource::LockedBytes, _) => PAGE_TABLE_NOISE_BYTES,
            (_, Unit::Bytes) => MEMORY_NOISE_BYTES,
            // Nobody wants them: a process has few at any time.
            (Resource::Zombies, _) => 1,
            (_, Unit::Count) => COUNT_NOISE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_format_and_all_are_listed() {
        for (index, resource) in Resource::ALL.into_iter().enumerate() {
            let json = serde_json::to_value(resource).expect("a name");
            assert_eq!(json, resource.as_str());
            assert_eq!(resource as usize, index, "{resource:?} is in its place");
        }
        assert_eq!(Resource::SysvBytes as usize + 1, Resource::ALL.len());
    }
}
