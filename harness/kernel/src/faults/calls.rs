//! The numbers of calls, and of errors, on this architecture.

use leakbench_model::{Call, ErrorNumber};

/// The number of a call. Of `fcntl`, only with one of some commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CallNumber {
    pub(super) call: Call,
    pub(super) number: u32,
    /// The second argument; any if it is `None`.
    pub(super) command: Option<u32>,
}

pub(super) const FCNTL: u32 = libc::SYS_fcntl as u32;
pub(super) const EXIT_GROUP: u32 = libc::SYS_exit_group as u32;

macro_rules! numbers {
    ($($call:ident: $($number:ident)+;)+) => {
        &[$($(CallNumber { call: Call::$call, number: libc::$number as u32, command: None },)+)+]
    };
}

/// Numbers that every architecture has.
const EVERYWHERE: &[CallNumber] = numbers! {
    Mmap: SYS_mmap;
    Mremap: SYS_mremap;
    Mprotect: SYS_mprotect;
    Munmap: SYS_munmap;
    Madvise: SYS_madvise;
    MemfdCreate: SYS_memfd_create;
    Ftruncate: SYS_ftruncate SYS_fallocate;
    Openat: SYS_openat SYS_openat2;
    Read: SYS_read SYS_readv;
    Write: SYS_write SYS_writev;
    Pread: SYS_pread64 SYS_preadv SYS_preadv2;
    Pwrite: SYS_pwrite64 SYS_pwritev SYS_pwritev2;
    Dup: SYS_dup SYS_dup3;
    Pipe: SYS_pipe2;
    Socket: SYS_socket SYS_socketpair;
    Accept: SYS_accept SYS_accept4;
    Connect: SYS_connect;
    Send: SYS_sendto SYS_sendmsg SYS_sendmmsg;
    Receive: SYS_recvfrom SYS_recvmsg SYS_recvmmsg;
    Clone: SYS_clone SYS_clone3;
    Execve: SYS_execve SYS_execveat;
    EpollCreate: SYS_epoll_create1;
    EpollCtl: SYS_epoll_ctl;
    Eventfd: SYS_eventfd2;
    TimerfdCreate: SYS_timerfd_create;
    InotifyInit: SYS_inotify_init1;
    InotifyAddWatch: SYS_inotify_add_watch;
    Close: SYS_close;
};

/// Calls that newer architectures lack.
#[cfg(target_arch = "x86_64")]
const OLDER: &[CallNumber] = numbers! {
    Openat: SYS_open SYS_creat;
    Dup: SYS_dup2;
    Pipe: SYS_pipe;
    Clone: SYS_fork SYS_vfork;
    EpollCreate: SYS_epoll_create;
    Eventfd: SYS_eventfd;
    InotifyInit: SYS_inotify_init;
};
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[CallNumber] = &[];

const COMMANDS: &[CallNumber] = &[
    CallNumber { call: Call::AddSeals, number: FCNTL, command: Some(libc::F_ADD_SEALS as u32) },
    CallNumber { call: Call::Dup, number: FCNTL, command: Some(libc::F_DUPFD as u32) },
    CallNumber { call: Call::Dup, number: FCNTL, command: Some(libc::F_DUPFD_CLOEXEC as u32) },
];

/// Every number of every call.
pub(super) fn numbers() -> impl Iterator<Item = CallNumber> {
    [EVERYWHERE, OLDER, COMMANDS].into_iter().flatten().copied()
}

/// The call with this number and second argument.
pub(super) fn call_of(number: i32, command: u64) -> Option<Call> {
    let is_it = |row: &CallNumber| {
        // The kernel reads the command as an int.
        i64::from(row.number) == i64::from(number)
            && row.command.is_none_or(|it| it == command as u32)
    };
    numbers().find(is_it).map(|row| row.call)
}

/// The kernel's number of an error.
pub(super) fn number_of(error: ErrorNumber) -> i32 {
    match error {
        ErrorNumber::Eperm => libc::EPERM,
        ErrorNumber::Enoent => libc::ENOENT,
        ErrorNumber::Eintr => libc::EINTR,
        ErrorNumber::Eio => libc::EIO,
        ErrorNumber::Eagain => libc::EAGAIN,
        ErrorNumber::Enomem => libc::ENOMEM,
        ErrorNumber::Eacces => libc::EACCES,
        ErrorNumber::Ebusy => libc::EBUSY,
        ErrorNumber::Einval => libc::EINVAL,
        ErrorNumber::Enfile => libc::ENFILE,
        ErrorNumber::Emfile => libc::EMFILE,
        ErrorNumber::Enospc => libc::ENOSPC,
        ErrorNumber::Epipe => libc::EPIPE,
        ErrorNumber::Enosys => libc::ENOSYS,
        ErrorNumber::Econnreset => libc::ECONNRESET,
        ErrorNumber::Econnrefused => libc::ECONNREFUSED,
        ErrorNumber::Enobufs => libc::ENOBUFS,
        ErrorNumber::Edquot => libc::EDQUOT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_has_a_number_and_each_number_one_call() {
        for call in Call::ALL {
            assert!(numbers().any(|row| row.call == call), "{call}");
        }
        for row in numbers() {
            let command = u64::from(row.command.unwrap_or(0));
            assert_eq!(call_of(row.number as i32, command), Some(row.call), "{row:?}");
        }
        assert_eq!(call_of(FCNTL as i32, libc::F_GETFD as u64), None);
        assert_eq!(call_of(-1, 0), None);
    }
}
