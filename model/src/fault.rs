//! Faults: system calls that fail on purpose.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

crate::names! {
    /// A system call that can fail for a reason outside of its caller, with its variants.
    #[derive(PartialOrd, Ord)]
    Call ("system call") {
        /// `mmap`.
        Mmap = "mmap",
        /// `mremap`.
        Mremap = "mremap",
        /// `mprotect`.
        Mprotect = "mprotect",
        /// `munmap`.
        Munmap = "munmap",
        /// `madvise`.
        Madvise = "madvise",
        /// `memfd_create`.
        MemfdCreate = "memfd_create",
        /// `ftruncate` and `fallocate`.
        Ftruncate = "ftruncate",
        /// `fcntl` with `F_ADD_SEALS`.
        AddSeals = "add_seals",
        /// `open`, `openat`, `openat2`, `creat`.
        Openat = "openat",
        /// `read` and `readv`.
        Read = "read",
        /// `write` and `writev`.
        Write = "write",
        /// `pread64`, `preadv` and `preadv2`.
        Pread = "pread",
        /// `pwrite64`, `pwritev` and `pwritev2`.
        Pwrite = "pwrite",
        /// `dup`, `dup2`, `dup3`, and `fcntl` with `F_DUPFD`.
        Dup = "dup",
        /// `pipe` and `pipe2`.
        Pipe = "pipe",
        /// `socket` and `socketpair`.
        Socket = "socket",
        /// `accept` and `accept4`.
        Accept = "accept",
        /// `connect`.
        Connect = "connect",
        /// `sendto`, `sendmsg` and `sendmmsg`.
        Send = "send",
        /// `recvfrom`, `recvmsg` and `recvmmsg`.
        Receive = "receive",
        /// `clone`, `clone3`, `fork` and `vfork`: of a thread or a process.
        Clone = "clone",
        /// `execve` and `execveat`.
        Execve = "execve",
        /// `epoll_create` and `epoll_create1`.
        EpollCreate = "epoll_create",
        /// `epoll_ctl`.
        EpollCtl = "epoll_ctl",
        /// `eventfd` and `eventfd2`.
        Eventfd = "eventfd",
        /// `timerfd_create`.
        TimerfdCreate = "timerfd_create",
        /// `inotify_init` and `inotify_init1`.
        InotifyInit = "inotify_init",
        /// `inotify_add_watch`.
        InotifyAddWatch = "inotify_add_watch",
        /// `close`. The kernel never leaves the descriptor open; a fault does.
        Close = "close",
    }
}

crate::names! {
    /// An error number by which calls fail.
    #[derive(PartialOrd, Ord)]
    ErrorNumber ("error number") {
        /// Operation not permitted.
        Eperm = "EPERM",
        /// No such file or directory.
        Enoent = "ENOENT",
        /// A signal arrived.
        Eintr = "EINTR",
        /// Input or output error.
        Eio = "EIO",
        /// A limit, for now.
        Eagain = "EAGAIN",
        /// Out of memory, or of mappings.
        Enomem = "ENOMEM",
        /// Permission denied.
        Eacces = "EACCES",
        /// Busy.
        Ebusy = "EBUSY",
        /// Invalid argument.
        Einval = "EINVAL",
        /// Too many open files in the system.
        Enfile = "ENFILE",
        /// Too many open files in the process.
        Emfile = "EMFILE",
        /// No space left on the device, or a limit of watches.
        Enospc = "ENOSPC",
        /// No reader is left.
        Epipe = "EPIPE",
        /// The kernel lacks the call.
        Enosys = "ENOSYS",
        /// The peer ended the connection.
        Econnreset = "ECONNRESET",
        /// Nothing listens.
        Econnrefused = "ECONNREFUSED",
        /// No buffer space.
        Enobufs = "ENOBUFS",
        /// A disk quota is exhausted.
        Edquot = "EDQUOT",
    }
}

impl Call {
    /// Errors that the kernel gives for a lack of resources or a broken device, so that every caller
    /// must expect them. Source: the manual pages of section 2. Empty if no such error exists.
    pub fn errors(self) -> &'static [ErrorNumber] {
        use ErrorNumber::*;
        match self {
            Call::Mmap => &[Enomem, Enfile],
            Call::Mremap | Call::Mprotect | Call::Munmap => &[Enomem],
            Call::Madvise => &[Enomem, Eagain],
            Call::MemfdCreate => &[Emfile, Enfile, Enomem],
            Call::Ftruncate => &[Enospc, Eio, Eintr],
            Call::AddSeals => &[Ebusy, Eperm],
            Call::Openat => &[Emfile, Enfile, Enomem, Eacces, Eintr],
            Call::Read | Call::Pread => &[Eio, Eintr],
            Call::Write | Call::Pwrite => &[Enospc, Eio, Eintr],
            Call::Dup => &[Emfile],
            Call::Pipe => &[Emfile, Enfile],
            Call::Socket => &[Emfile, Enfile, Enobufs, Enomem],
            Call::Accept => &[Emfile, Enfile, Enobufs, Eintr],
            Call::Connect => &[Econnrefused, Eagain, Eintr],
            Call::Send => &[Enobufs, Econnreset, Eintr],
            Call::Receive => &[Econnreset, Enomem, Eintr],
            Call::Clone => &[Eagain, Enomem],
            Call::Execve => &[Enomem, Eagain],
            Call::EpollCreate | Call::Eventfd | Call::TimerfdCreate => &[Emfile, Enfile, Enomem],
            Call::EpollCtl => &[Enomem, Enospc],
            Call::InotifyInit => &[Emfile, Enomem],
            Call::InotifyAddWatch => &[Enospc, Enomem],
            Call::Close => &[],
        }
    }
}

/// Calls that fail on purpose: `mmap=ENOMEM@every:97`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fault {
    /// The call.
    pub call: Call,
    /// Its error.
    pub error: ErrorNumber,
    /// The calls that fail, of all such calls.
    pub when: When,
}

/// The calls that fail, counted from 1 in the order in which they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum When {
    /// None: calls are only counted. `never`.
    Never,
    /// One. `5`.
    Nth(NonZeroU64),
    /// This one and all later ones. `5+`.
    From(NonZeroU64),
    /// Each whose number is a multiple. `every:5`.
    Every(NonZeroU64),
}

impl When {
    /// True if the call with this number fails.
    pub fn includes(self, number: u64) -> bool {
        match self {
            When::Never => false,
            When::Nth(nth) => number == nth.get(),
            When::From(first) => number >= first.get(),
            When::Every(period) => number % period == 0,
        }
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<When, String> {
        let number = |digits: &str| {
            digits.parse().map_err(|_| {
                format!("'{text}' is no choice of calls: write 5, 5+, every:5 or never")
            })
        };
        Ok(match (text, text.strip_prefix("every:"), text.strip_suffix('+')) {
            ("never", ..) => When::Never,
            (_, Some(period), _) => When::Every(number(period)?),
            (_, _, Some(first)) => When::From(number(first)?),
            _ => When::Nth(number(text)?),
        })
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            When::Never => f.write_str("never"),
            When::Nth(number) => write!(f, "{number}"),
            When::From(number) => write!(f, "{number}+"),
            When::Every(number) => write!(f, "every:{number}"),
        }
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Fault, String> {
        let parts = text.split_once('=').and_then(|(call, rest)| {
            let (error, when) = rest.split_once('@')?;
            Some((call, error, when))
        });
        let (call, error, when) = parts.ok_or_else(|| {
            format!("'{text}' is no fault: write CALL=ERROR@WHEN, such as mmap=ENOMEM@every:97")
        })?;
        Ok(Fault {
            call: call.parse().map_err(|error: crate::UnknownName| error.to_string())?,
            error: error.parse().map_err(|error: crate::UnknownName| error.to_string())?,
            when: when.parse()?,
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { call, error, when } = self;
        write!(f, "{call}={error}@{when}")
    }
}

impl TryFrom<String> for Fault {
    type Error = String;

    fn try_from(text: String) -> Result<Fault, String> {
        text.parse()
    }
}

impl From<Fault> for String {
    fn from(fault: Fault) -> String {
        fault.to_string()
    }
}

/// A fault and what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FaultCount {
    /// The fault.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub fault: Fault,
    /// Calls of its kind.
    pub calls: u64,
    /// Of them, the calls that failed on purpose.
    pub injected: u64,
}

/// Steps of a subject that failed while calls failed on purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FailedSteps {
    /// Steps that failed in a cycle in which a call failed.
    pub under_faults: u64,
    /// Steps that failed in a later cycle: the runtime did not recover.
    pub later: u64,
    /// The first of those under faults, in words.
    pub first_under_faults: Option<String>,
    /// The first of the later ones, in words.
    pub first_later: Option<String>,
}

impl FailedSteps {
    /// Those of both.
    pub fn and(self, other: FailedSteps) -> FailedSteps {
        FailedSteps {
            under_faults: self.under_faults.saturating_add(other.under_faults),
            later: self.later.saturating_add(other.later),
            first_under_faults: self.first_under_faults.or(other.first_under_faults),
            first_later: self.first_later.or(other.first_later),
        }
    }

    /// True if no step failed.
    pub fn is_empty(&self) -> bool {
        *self == FailedSteps::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Fault {
        text.parse().expect(text)
    }

    #[test]
    fn a_fault_is_written_as_it_is_read() {
        for text in
            ["mmap=ENOMEM@every:97", "openat=EMFILE@3", "write=ENOSPC@1+", "close=EIO@never"]
        {
            assert_eq!(fault(text).to_string(), text);
        }
        for text in [
            "",
            "mmap",
            "mmap=ENOMEM",
            "mmap=ENOMEM@0",
            "mmap=ENOMEM@every:0",
            "mmap=E@1",
            "nmap=ENOMEM@1",
            "mmap=ENOMEM@",
            "mmap=ENOMEM@+",
            "mmap=ENOMEM@-1",
        ] {
            assert!(text.parse::<Fault>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_calls_that_fail_are_those_of_the_choice() {
        let failing = |when: &str| {
            let Fault { when, .. } = fault(&format!("mmap=ENOMEM@{when}"));
            (1..=7).filter(|number| when.includes(*number)).collect::<Vec<u64>>()
        };
        assert_eq!(failing("3"), [3]);
        assert_eq!(failing("5+"), [5, 6, 7]);
        assert_eq!(failing("every:3"), [3, 6]);
        assert_eq!(failing("never"), [0; 0]);
    }
}
