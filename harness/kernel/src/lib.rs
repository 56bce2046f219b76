//! What the kernel says about a process, from outside, and when it lets an object go.
//!
//! The two witnesses of a run read the world here and nowhere else: [`Process`] reads `/proc`
//! (who holds what), [`DeathWatch`] hears of every release the moment it happens. Neither judges.
//!
//! Mappings and descriptors are read by code of our own, because they are what a sampler reads ten
//! times a second and a barrier reads forty thousand lines of; `harness/benches/kernel.rs` has the
//! ratios to the `procfs` crate, which the tests use as an independent second opinion. `status`
//! and `smaps_rollup` are read by the same few lines of ours, because `procfs` refuses the whole
//! file when one line it does not need is absent, or when a thread's name is not UTF-8.

mod cgroup;
mod child;
mod death_watch;
mod error;
mod fds;
mod fields;
mod in_flight;
mod limits;
mod machine;
mod mappings;
mod memfd_devices;
mod object;
mod poll;
mod process;
mod stat;
mod status;
mod sys;
mod sysv;
mod tasks;
mod trials;

pub use cgroup::{CgroupLimit, CgroupLimits};
pub use child::{Child, ProcessGroup};
pub use death_watch::{DeathWatch, Drained, WatchError, WatchLimit};
pub use error::ReadError;
pub use fds::{FdEntry, FdKind};
pub use limits::Limits;
pub use machine::{Bound, Machine, ResourceLimit, machine_value, memory_total_bytes};
pub use mappings::{FileMapping, Mapping, MappingCounts, MappingKind, MappingSource};
pub use memfd_devices::MemfdDevices;
pub use object::ObjectId;
pub use poll::poll_until;
pub use process::Process;
pub use stat::Stat;
pub use status::{Ids, SmapsRollup, Status};
pub use sysv::{SharedSegment, shared_segments};
pub use tasks::children_by_parent;
pub use trials::{free_ranges, has_pagemap_scan, make_memfd, tells_fd_count};
