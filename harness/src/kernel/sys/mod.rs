//! The system calls behind the readers, each behind a safe function.

#![expect(
    unsafe_code,
    reason = "PROCMAP_QUERY is an ioctl that writes through pointers in its argument"
)]

pub(super) mod fd_table;
pub(super) mod inotify;
pub(super) mod limits;
pub(super) mod memfd;
pub(super) mod proc_dir;
pub(super) mod procmap_query;
