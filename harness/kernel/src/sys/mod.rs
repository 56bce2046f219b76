//! The system calls behind the readers, each behind a safe function.

#![expect(
    unsafe_code,
    reason = "ioctls that write through pointers in their argument, mappings made to be counted, \
              code that runs in a forked child, and calls that rustix does not have"
)]

pub(super) mod address_space;
pub(super) mod fd_table;
pub(super) mod file_handle;
pub(super) mod file_page;
pub(super) mod inotify;
pub(super) mod limits;
pub(super) mod memfd;
pub(super) mod namespaces;
pub(super) mod pagemap_scan;
pub(super) mod parent_death;
pub(super) mod posix_queue;
pub(super) mod proc_dir;
pub(super) mod procmap_query;
pub(super) mod rare_objects;
pub(super) mod seccomp;
pub(super) mod semaphores;
pub(super) mod sysv_objects;
