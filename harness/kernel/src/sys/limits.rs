//! This process's own resource limits.

use rustix::event::{EventfdFlags, eventfd};
use rustix::process::{Resource, getrlimit};

/// Soft and hard limit of open descriptors; `None` means no limit.
pub(crate) fn open_files() -> (Option<u64>, Option<u64>) {
    let limit = getrlimit(Resource::Nofile);
    (limit.current, limit.maximum)
}

/// Soft and hard limit of address space in bytes; `None` means no limit.
pub(crate) fn address_space_bytes() -> (Option<u64>, Option<u64>) {
    let limit = getrlimit(Resource::As);
    (limit.current, limit.maximum)
}

/// Tries to open one more descriptor.
pub(crate) fn descriptor_available() -> bool {
    eventfd(0, EventfdFlags::CLOEXEC).is_ok()
}
