//! The kernel as the two witnesses of a run see it: `/proc` from outside of a process, and the death
//! of its images from inside. This crate reads and reports; it judges nothing.
//!
//! ```text
//! Child ─► Process ─► Stat ─► Footprint, MappingCounts (sampled) ─► FileMapping, FdEntry (at barriers)
//! memfd ─► DeathWatch ─► key of each destroyed object
//! ```
//!
//! - Processes: [`Child`] is one that leakbench starts; an [`Injector`] makes its system calls fail. [`Process`] reads any other by its folder under
//!   `/proc`: [`Stat`], [`Process::status`], [`Limits`], [`CgroupLimits`], its tasks.
//! - Objects of a process: [`Mapping`] and [`FileMapping`], [`FdEntry`], [`Socket`], [`SharedSegment`]; each with
//!   its `ObjectId`, the device and inode.
//! - Releases: [`DeathWatch`], of objects that [`ImageObjects`] accepts.
//! - [`objects`] that a program leaks on purpose, so that leakbench can be tried.
//! - The machine: [`Machine`] for a recording's fingerprint, and trials of single features.
//!
//! # Readers by hand
//!
//! The `procfs` crate parses limits, control groups, mounts, `meminfo` and `smaps_rollup`. Other files
//! have readers here, for these reasons (`benches/kernel.rs` has the measurements):
//!
//! - `maps` and `fd`: barriers read 40,000 lines of them.
//! - `stat` and `status`: the sampler reads them ten times a second, and `procfs` 0.18 takes 1.4 and
//!   2.2 times as long. It also refuses a whole `status` for one missing line, as of kernels that only
//!   resemble Linux, or for a name that is not UTF-8.
//! - `task/TID/children`, `cmdline`, `fdinfo`: `procfs` opens a folder for each thread, needs UTF-8, and
//!   does not have `scm_fds`.
//! - `net/tcp` and the like: `procfs` makes a text for each address and keeps each line, also of the
//!   thousands that are not wanted.
//! - `sysvipc`: `procfs` refuses a whole table for an object of a user above 65535.

mod cgroup;
mod child;
mod death_watch;
mod error;
mod faults;
mod fds;
mod fields;
mod image_objects;
mod in_flight;
mod limits;
mod machine;
mod mappings;
mod memfd_devices;
mod mounts;
mod object;
pub mod objects;
mod poll;
mod posix_queues;
mod process;
mod refusal;
mod sockets;
mod stat;
mod status;
mod sys;
mod sysv;
mod tasks;
mod trials;
mod users;
mod watches;

// Processes.
pub use cgroup::{CgroupLimit, CgroupLimits};
pub use child::{Child, ProcessGroup};
pub use error::ReadError;
pub use faults::{CallObserver, CountFrom, Injector, command_found_in_path, words_of};
pub use limits::Limits;
pub use poll::poll_until;
pub use process::Process;
pub use refusal::is_for_lack_of_resources;
pub use stat::Stat;
pub use status::{Ids, SmapsRollup};
pub use tasks::children_by_parent;

// Objects of a process.
pub use fds::{FdEntry, FdKind};
pub use mappings::{FileMapping, Mapping, MappingCounts, MappingKind, MappingSource};
pub use memfd_devices::MemfdDevices;
pub use mounts::{FileSystemSize, Mount};
pub use object::{device_numbers, object_of};
pub use sockets::{Addresses, Protocol, Socket};
pub use sysv::{
    MessageQueue, SemaphoreSet, SharedSegment, ipc_namespace_is_of, message_queues, semaphore_sets,
    shared_segments,
};
pub use watches::{Watched, Watches, holders_of_pipes};

// Releases.
pub use death_watch::{DeathWatch, Drained, WatchError, WatchLimit};
pub use image_objects::{ImageObjectError, ImageObjects};

// The machine.
pub use machine::{Bound, Machine, ResourceLimit, machine_numbers, machine_value};
pub use trials::{free_ranges, has_fd_count, has_pagemap_scan, make_memfd};
pub use users::{
    MachineMemory, UserKeys, huge_pages, machine_memory, machine_tasks, user_keys, user_tasks,
};
