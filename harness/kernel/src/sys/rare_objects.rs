//! Descriptors and keys whose calls rustix does not have.

use std::ffi::CString;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Adds one more key to the keyring of this process, which ends with it.
///
/// # Errors
/// The kernel's: this kernel has no keys, or the user may not have more.
pub fn add_key() -> io::Result<()> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    const PROCESS_KEYRING: libc::c_long = -2;
    let name = CString::new(format!("leakbench {}", NUMBER.fetch_add(1, Relaxed)))?;
    // SAFETY: the kernel copies both texts and one byte.
    let key = unsafe {
        let kind = c"user".as_ptr();
        libc::syscall(libc::SYS_add_key, kind, name.as_ptr(), c"x".as_ptr(), 1, PROCESS_KEYRING)
    };
    if key < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// A POSIX message queue without a name, of so many messages of so many bytes.
///
/// # Errors
/// The kernel's: it has no queues, or the user may not have more.
pub fn posix_queue(messages_max: i64, message_bytes_max: i64) -> io::Result<OwnedFd> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Relaxed);
    let name = CString::new(format!("/leakbench-{}-{number}", std::process::id()))?;
    // SAFETY: all bits zero are a valid `mq_attr`.
    let mut attributes: libc::mq_attr = unsafe { std::mem::zeroed() };
    attributes.mq_maxmsg = messages_max;
    attributes.mq_msgsize = message_bytes_max;
    let flags = libc::O_CREAT | libc::O_EXCL | libc::O_RDWR | libc::O_CLOEXEC;
    // SAFETY: the name is a C string, and the kernel reads the attributes.
    let queue = unsafe { libc::mq_open(name.as_ptr(), flags, 0o600, &raw mut attributes) };
    let queue = owned(queue.into());
    // SAFETY: as above.
    unsafe { libc::mq_unlink(name.as_ptr()) };
    queue
}

/// An io_uring of one entry.
///
/// # Errors
/// The kernel's: it has none, or this user may not have one.
pub fn io_uring() -> io::Result<OwnedFd> {
    // `struct io_uring_params` with no flags.
    let mut params = [0u32; 30];
    // SAFETY: the kernel reads and writes the parameters, which have its size.
    owned(unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, params.as_mut_ptr()) })
}

/// A BPF map of one entry.
///
/// # Errors
/// The kernel's: this user may not have one.
pub fn bpf_map() -> io::Result<OwnedFd> {
    const MAP_CREATE: libc::c_long = 0;
    // The type (array), bytes of a key, bytes of a value, entries.
    let mut attributes = [2u32, 4, 8, 1];
    let size = size_of_val(&attributes);
    // SAFETY: the kernel reads so many bytes of the attributes.
    owned(unsafe { libc::syscall(libc::SYS_bpf, MAP_CREATE, attributes.as_mut_ptr(), size) })
}

/// A perf event that counts this process's page faults.
///
/// # Errors
/// The kernel's: this user may not have one.
pub fn perf_event() -> io::Result<OwnedFd> {
    // `struct perf_event_attr`: type (software), its own size, config (page faults); `exclude_kernel`.
    let mut attributes = [0u64; 16];
    let size = size_of_val(&attributes) as u64;
    attributes[0] = 1 | size << 32;
    attributes[1] = 2;
    attributes[5] = 1 << 5;
    // SAFETY: the kernel reads so many bytes of the attributes as they say.
    owned(unsafe {
        libc::syscall(libc::SYS_perf_event_open, attributes.as_mut_ptr(), 0, -1, -1, 0)
    })
}

/// A descriptor for no signals.
///
/// # Errors
/// The kernel's.
pub fn signalfd() -> io::Result<OwnedFd> {
    // SAFETY: an all-zero set is an empty one, which the kernel reads.
    let fd = unsafe {
        let set: libc::sigset_t = std::mem::zeroed();
        libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC)
    };
    owned(fd.into())
}

fn owned(returned: libc::c_long) -> io::Result<OwnedFd> {
    match i32::try_from(returned) {
        // SAFETY: the call that returned it made the descriptor, and nothing else has it.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}
