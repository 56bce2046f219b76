//! Opening a file by its handle, which `fdinfo` prints of watched files.

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use rustix::io::{self, Errno};

/// `MAX_HANDLE_SZ` of the kernel's `include/linux/exportfs.h`.
const BYTES_MAX: usize = 128;

/// `struct file_handle` with its bytes.
#[repr(C)]
struct Handle {
    bytes: u32,
    kind: i32,
    content: [u8; BYTES_MAX],
}

/// Opens the file as a place in the file system, neither for reading nor for writing. `mount` is a
/// folder of the same file system.
///
/// # Errors
/// `PERM` without `CAP_DAC_READ_SEARCH`, `STALE` for a file that does not exist any more.
pub(crate) fn open(mount: impl AsFd, kind: i32, content: &[u8]) -> io::Result<OwnedFd> {
    let mut handle = Handle { bytes: 0, kind, content: [0; BYTES_MAX] };
    handle.content.get_mut(..content.len()).ok_or(Errno::INVAL)?.copy_from_slice(content);
    handle.bytes = content.len() as u32;
    let flags = libc::O_PATH | libc::O_CLOEXEC;
    let mount = mount.as_fd().as_raw_fd();
    // SAFETY: `Handle` has the kernel's layout and at least as many bytes as it says. The kernel reads
    // it during the call only.
    let fd = unsafe { libc::open_by_handle_at(mount, (&raw mut handle).cast(), flags) };
    if fd < 0 {
        return Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO));
    }
    // SAFETY: the call made this descriptor, and nothing else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
