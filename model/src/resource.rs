//! Every measured quantity: one row each, in [`Resource`].

use crate::text::{bytes, counted, grouped, singular};

/// The kernel counts resident pages apart for each processor, off by up to 32 pages on each, and an
/// allocator takes memory from it 128 KiB at a time, or a thread's arena at 132 KiB: growth of less
/// than eight such steps is noise.
const MEMORY_NOISE_BYTES: u64 = 1 << 20;
/// The sum of three kinds of memory, and what a garbage collector's arenas come and go by.
const RSS_NOISE_BYTES: u64 = 4 << 20;
/// A page table is 4 KiB and maps 2 MiB: sixteen first touches are no growth.
const PAGE_TABLES_NOISE_BYTES: u64 = 64 << 10;
/// Less than one message queue of the default size.
const QUEUES_NOISE_BYTES: u64 = 16 << 10;
/// Three descriptors, mappings or threads more may well be three that were wanted.
const COUNT_NOISE: u64 = 3;
/// The sum of six kinds of mappings, and what arenas come and go by: each is a mapping or two.
const MAPPINGS_NOISE: u64 = 16;
/// Other processes of the user have keys, too: a login has some.
const KEYS_NOISE: u64 = 16;
/// No program wants zombies; it has few at any time.
const ZOMBIES_NOISE: u64 = 1;

/// The unit of an amount of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Objects.
    Count,
    /// Bytes.
    Bytes,
}

/// The properties of a resource.
struct Row {
    noun: &'static str,
    verb: Verb,
    unit: Unit,
    /// At most one.
    total: &'static [Resource],
    noise: u64,
}

/// The number of a verb after a noun.
#[derive(PartialEq)]
enum Verb {
    /// `descriptors grow`
    Plural,
    /// `resident memory grows`
    Singular,
}

use Unit::{Bytes, Count};
use Verb::{Plural, Singular};

/// Declares the resources: documentation, name in Rust, name in JSON, noun, number of its verb,
/// unit, growth that is noise, and the resource that it is a part of.
macro_rules! resources {
    ($(
        $(#[doc = $doc:literal])+
        $variant:ident = $name:literal:
            $noun:literal, $verb:ident, $unit:ident, $noise:expr $(, of $total:ident)?;
    )+) => {
        crate::names! {
            /// A measured quantity of a process. If its name ends in `_bytes`, amounts are bytes, else
            /// objects.
            ///
            /// Its name is the key in JSON; with dashes for underscores it is part of the names of
            /// policies: `rss_bytes`, `peak-rss-bytes`.
            #[derive(PartialOrd, Ord)]
            Resource ("resource") {
                $( $(#[doc = $doc])+ $variant = $name, )+
            }
        }

        /// By the number of the resource.
        const ROWS: [Row; Resource::ALL.len()] = [$(
            Row {
                noun: $noun,
                verb: $verb,
                unit: $unit,
                noise: $noise,
                total: &[$(Resource::$total)?],
            },
        )+];
    };
}

resources! {
    /// Open descriptors, of all kinds.
    Fds = "fds": "descriptors", Plural, Count, COUNT_NOISE;
    /// Descriptors of files, folders and devices that have a name.
    FileFds = "file_fds": "file descriptors", Plural, Count, COUNT_NOISE, of Fds;
    /// Descriptors of files that no name leads to.
    DeletedFileFds = "deleted_file_fds": "descriptors of deleted files", Plural, Count, COUNT_NOISE, of Fds;
    /// Descriptors of memfds.
    MemfdFds = "memfd_fds": "memfd descriptors", Plural, Count, COUNT_NOISE, of Fds;
    /// Descriptors of sockets.
    SocketFds = "socket_fds": "socket descriptors", Plural, Count, COUNT_NOISE, of Fds;
    /// Ports of TCP sockets within the range that the kernel chooses from, each once.
    EphemeralPorts = "ephemeral_ports": "ephemeral ports", Plural, Count, COUNT_NOISE;
    /// Descriptors of pipes.
    PipeFds = "pipe_fds": "pipe descriptors", Plural, Count, COUNT_NOISE, of Fds;
    /// Descriptors of POSIX message queues.
    PosixQueueFds = "posix_queue_fds": "POSIX message queues", Plural, Count, COUNT_NOISE, of Fds;
    /// Bytes of those, of which a user may have `RLIMIT_MSGQUEUE`. Each queue counts once.
    PosixQueueBytes = "posix_queue_bytes": "POSIX queue memory", Singular, Bytes, QUEUES_NOISE_BYTES;
    /// Descriptors from `eventfd`.
    EventFds = "event_fds": "eventfd descriptors", Plural, Count, COUNT_NOISE, of Fds;
    /// Descriptors from `timerfd_create`.
    TimerFds = "timer_fds": "timerfd descriptors", Plural, Count, COUNT_NOISE, of Fds;
    /// Descriptors from `epoll_create`.
    EpollFds = "epoll_fds": "epoll descriptors", Plural, Count, COUNT_NOISE, of Fds;
    /// Descriptors from `pidfd_open`.
    PidFds = "pid_fds": "pidfd descriptors", Plural, Count, COUNT_NOISE, of Fds;
    /// Descriptors from `inotify_init`.
    InotifyFds = "inotify_fds": "inotify descriptors", Plural, Count, COUNT_NOISE, of Fds;
    /// Descriptors from `signalfd`.
    SignalFds = "signal_fds": "signalfd descriptors", Plural, Count, COUNT_NOISE, of Fds;
    /// Controlling ends of pseudoterminals.
    PtyFds = "pty_fds": "pseudoterminals", Plural, Count, COUNT_NOISE, of Fds;
    /// Descriptors from `io_uring_setup`.
    IoUringFds = "io_uring_fds": "io_uring descriptors", Plural, Count, COUNT_NOISE, of Fds;
    /// Descriptors of BPF programs, maps and links.
    BpfFds = "bpf_fds": "BPF descriptors", Plural, Count, COUNT_NOISE, of Fds;
    /// Descriptors from `perf_event_open`.
    PerfEventFds = "perf_event_fds": "perf event descriptors", Plural, Count, COUNT_NOISE, of Fds;
    /// Descriptors of any other kind.
    OtherFds = "other_fds": "other descriptors", Plural, Count, COUNT_NOISE, of Fds;
    /// Watches of inotify descriptors.
    InotifyWatches = "inotify_watches": "inotify watches", Plural, Count, COUNT_NOISE;
    /// Descriptors that wait in the process's unix sockets to be received.
    FdsInFlight = "fds_in_flight": "descriptors in flight", Plural, Count, COUNT_NOISE;
    /// Memory mappings (VMAs), of all kinds.
    Mappings = "mappings": "mappings", Plural, Count, MAPPINGS_NOISE;
    /// Mappings of files, but those of code and of memfds.
    FileMappings = "file_mappings": "file mappings", Plural, Count, COUNT_NOISE, of Mappings;
    /// Mappings of memfds.
    MemfdMappings = "memfd_mappings": "memfd mappings", Plural, Count, COUNT_NOISE, of Mappings;
    /// Anonymous mappings that can be used, but not executed.
    AnonymousMappings = "anonymous_mappings": "anonymous mappings", Plural, Count, COUNT_NOISE, of Mappings;
    /// Mappings that may be executed, but those of memfds.
    ExecutableMappings = "executable_mappings": "executable mappings", Plural, Count, COUNT_NOISE, of Mappings;
    /// Anonymous mappings that allow nothing (`PROT_NONE`).
    ReservedMappings = "reserved_mappings": "reserved mappings", Plural, Count, COUNT_NOISE, of Mappings;
    /// Stacks that the kernel knows as such.
    StackMappings = "stack_mappings": "stack mappings", Plural, Count, COUNT_NOISE, of Mappings;
    /// Memfds, each counted once, whether open or mapped.
    Memfds = "memfds": "memfds", Plural, Count, COUNT_NOISE;
    /// Bytes of deleted files that are held open; of those in memory, what no mapping covers.
    DeletedBytes = "deleted_bytes": "deleted files", Plural, Bytes, MEMORY_NOISE_BYTES;
    /// Bytes of open memfds that no mapping covers.
    UnmappedMemfdBytes = "unmapped_memfd_bytes": "unmapped memfds", Plural, Bytes, MEMORY_NOISE_BYTES;
    /// Bytes of open files on a tmpfs that have a name, without those that a mapping covers.
    TmpfsBytes = "tmpfs_bytes": "tmpfs files", Plural, Bytes, MEMORY_NOISE_BYTES;
    /// Bytes of all mappings, touched or not (`VmSize`).
    AddressSpaceBytes = "address_space_bytes": "address space", Singular, Bytes, MEMORY_NOISE_BYTES;
    /// Bytes of private mappings that the process may write, touched or not. Their resident part is
    /// anonymous memory.
    WritableBytes = "writable_bytes": "writable memory", Singular, Bytes, MEMORY_NOISE_BYTES;
    /// Bytes of shared mappings, touched or not. What several processes map counts once.
    SharedBytes = "shared_bytes": "mapped shared memory", Singular, Bytes, MEMORY_NOISE_BYTES;
    /// Resident bytes, of all kinds (`VmRSS`).
    RssBytes = "rss_bytes": "resident memory", Singular, Bytes, RSS_NOISE_BYTES;
    /// Resident anonymous memory (`RssAnon`).
    AnonymousBytes = "anonymous_bytes": "anonymous memory", Singular, Bytes, MEMORY_NOISE_BYTES, of RssBytes;
    /// Resident pages of files (`RssFile`).
    FileBytes = "file_bytes": "file memory", Singular, Bytes, MEMORY_NOISE_BYTES, of RssBytes;
    /// Resident shared memory: pages of memfds, of tmpfs and of System V segments (`RssShmem`).
    ShmemBytes = "shmem_bytes": "shared memory", Singular, Bytes, MEMORY_NOISE_BYTES, of RssBytes;
    /// Swapped out (`VmSwap`).
    SwapBytes = "swap_bytes": "swapped memory", Singular, Bytes, MEMORY_NOISE_BYTES;
    /// Page tables (`VmPTE`).
    PageTablesBytes = "page_tables_bytes": "page tables", Plural, Bytes, PAGE_TABLES_NOISE_BYTES;
    /// Locked memory (`VmLck`).
    LockedBytes = "locked_bytes": "locked memory", Singular, Bytes, PAGE_TABLES_NOISE_BYTES;
    /// Pages of hugetlbfs (`HugetlbPages`), which resident memory does not include.
    HugetlbBytes = "hugetlb_bytes": "huge pages", Plural, Bytes, RSS_NOISE_BYTES;
    /// Threads.
    Threads = "threads": "threads", Plural, Count, COUNT_NOISE;
    /// Living descendants of the process; counted whether they are sampled or not.
    Children = "children": "child processes", Plural, Count, COUNT_NOISE;
    /// Children that ended and were not waited for.
    Zombies = "zombies": "zombies", Plural, Count, ZOMBIES_NOISE;
    /// Keys that count for its user, of all processes of that user.
    UserKeys = "user_keys": "keys of the user", Plural, Count, KEYS_NOISE;
    /// System V semaphore sets that it uses, or that appeared unused with its user.
    SysvSemaphores = "sysv_semaphores": "System V semaphore sets", Plural, Count, COUNT_NOISE;
    /// System V message queues that it uses, or that appeared unused with its user.
    SysvQueues = "sysv_queues": "System V message queues", Plural, Count, COUNT_NOISE;
    /// System V shared memory segments that it made.
    SysvSegments = "sysv_segments": "System V segments", Plural, Count, COUNT_NOISE;
    /// Bytes of those.
    SysvBytes = "sysv_bytes": "System V memory", Singular, Bytes, MEMORY_NOISE_BYTES, of ShmemBytes;
}

impl Resource {
    /// The resources that a run samples. An observation samples all that it can read.
    pub const OF_A_RUN: [Resource; 7] = [
        Resource::Mappings,
        Resource::MemfdMappings,
        Resource::Fds,
        Resource::RssBytes,
        Resource::ShmemBytes,
        Resource::PageTablesBytes,
        Resource::Threads,
    ];

    const fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// Its noun, in the plural: `socket descriptors`, `resident memory`.
    pub const fn noun(self) -> &'static str {
        self.row().noun
    }

    /// Its name with dashes, as in the names of policies: `rss-bytes`.
    pub fn dashed(self) -> String {
        self.as_str().replace('_', "-")
    }

    /// The unit of its amounts.
    pub const fn unit(self) -> Unit {
        self.row().unit
    }

    /// True if a verb after [`Resource::noun`] is in the singular.
    pub fn is_singular(self) -> bool {
        self.row().verb == Singular
    }

    /// True if an observation reads it at fewer samples than others, where reading it is expensive.
    pub fn is_sparse(self) -> bool {
        use Resource::{EphemeralPorts, FdsInFlight, InotifyWatches};
        matches!(self, EphemeralPorts | FdsInFlight | InotifyWatches)
    }

    /// The resource that this one is a part of.
    pub fn total(self) -> Option<Resource> {
        self.row().total.first().copied()
    }

    /// The resources that are parts of this one.
    pub fn kinds(self) -> impl Iterator<Item = Resource> {
        Resource::ALL.into_iter().filter(move |kind| kind.total() == Some(self))
    }

    /// Growth up to which an amount counts as unchanged, in its unit.
    pub const fn noise(self) -> u64 {
        self.row().noise
    }

    /// An amount of it: `1,024`, `41.2 MiB`.
    pub fn amount(self, amount: u64) -> String {
        match self.unit() {
            Unit::Count => grouped(amount),
            Unit::Bytes => bytes(amount),
        }
    }

    /// An amount of it with its noun: `2,045 mappings`, `1 zombie`, `20.0 MiB of resident memory`.
    pub fn counted(self, amount: u64) -> String {
        let noun = self.noun();
        match (self.unit(), singular(noun)) {
            (Unit::Count, Some(singular)) => counted(amount, singular),
            (Unit::Count, None) => format!("{} {noun}", grouped(amount)),
            (Unit::Bytes, _) => format!("{} of {noun}", bytes(amount)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_units() {
        for resource in Resource::ALL {
            let is_bytes = resource.as_str().ends_with("_bytes");
            assert_eq!(resource.unit() == Unit::Bytes, is_bytes, "{resource}");
            let json = serde_json::to_value(resource).expect("a name");
            assert_eq!(json, resource.as_str());
        }
    }

    #[test]
    fn a_part_is_measured_as_finely_as_its_total() {
        for resource in Resource::ALL {
            let Some(total) = resource.total() else { continue };
            assert_eq!(resource.unit(), total.unit(), "{resource}");
            assert!(resource.noise() <= total.noise(), "{resource}");
        }
    }

    #[test]
    fn amounts_have_their_nouns() {
        assert_eq!(Resource::Zombies.counted(1), "1 zombie");
        assert_eq!(Resource::Children.counted(1), "1 child process");
        assert_eq!(Resource::InotifyWatches.counted(2_000), "2,000 inotify watches");
        assert_eq!(Resource::Mappings.counted(2_045), "2,045 mappings");
        assert_eq!(Resource::RssBytes.counted(20 << 20), "20.0 MiB of resident memory");
    }
}
