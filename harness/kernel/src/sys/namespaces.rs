//! Namespaces of this process.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// The user namespace that owns a namespace, which is an open file such as `/proc/self/ns/ipc`.
///
/// # Errors
/// `EPERM`: it is outside this process's user namespace.
pub(crate) fn owner(namespace: &File) -> io::Result<File> {
    // SAFETY: `NS_GET_USERNS` takes no further argument and writes to no memory of this process.
    let owner = unsafe { libc::ioctl(namespace.as_raw_fd(), libc::NS_GET_USERNS) };
    if owner < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call above has just returned this descriptor, so nothing else owns it.
    Ok(File::from(unsafe { OwnedFd::from_raw_fd(owner) }))
}
