//! One inotify instance for the destruction of objects.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::{self, Errno};

/// One queued event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The object of this watch is destroyed. The kernel may report it twice.
    Destroyed(i32),
    /// The kernel has lost events.
    Overflow,
}

/// Bytes of one event without a name, as a watch on an object itself has them.
const EVENT_BYTES: usize = 16;

/// Bytes that one read takes from the queue.
const BUFFER_BYTES: usize = 16 * 1024;

/// An inotify instance with its read buffer.
#[derive(Debug)]
pub(crate) struct Inotify {
    fd: OwnedFd,
    buffer: Box<[MaybeUninit<u64>]>,
}

impl Inotify {
    /// A non-blocking, close-on-exec instance.
    pub(crate) fn new() -> io::Result<Self> {
        let fd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        // Words, not bytes, so that the buffer is aligned for an event.
        let buffer =
            vec![MaybeUninit::uninit(); BUFFER_BYTES / size_of::<u64>()].into_boxed_slice();
        Ok(Self { fd, buffer })
    }

    /// Watches the object behind a descriptor of this process; returns the watch's number.
    pub(crate) fn watch_fd(&self, fd: BorrowedFd<'_>) -> io::Result<i32> {
        let mut path = [0u8; 32];
        inotify::add_watch(&self.fd, self_fd_path(fd, &mut path), MASK)
    }

    /// Watches the object at `path`; returns the watch's number.
    pub(crate) fn watch_path(&self, path: &Path) -> io::Result<i32> {
        inotify::add_watch(&self.fd, path, MASK)
    }

    /// Takes every event that is queued now, without waiting.
    pub(crate) fn drain(&mut self, mut each: impl FnMut(Event)) -> io::Result<()> {
        let bytes = as_bytes(&mut self.buffer);
        let capacity = bytes.len();
        let mut reader = Reader::new(&self.fd, bytes);
        let mut taken = 0;
        loop {
            match reader.next() {
                Ok(event) => {
                    taken += EVENT_BYTES;
                    let what = event.events();
                    if what.contains(ReadFlags::QUEUE_OVERFLOW) {
                        each(Event::Overflow);
                    } else if what.intersects(ReadFlags::DELETE_SELF | ReadFlags::IGNORED) {
                        each(Event::Destroyed(event.wd()));
                    }
                }
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error),
            }
            if reader.is_buffer_empty() {
                // A read that left room has emptied the queue, so no second read is needed.
                if taken + EVENT_BYTES <= capacity {
                    return Ok(());
                }
                taken = 0;
            }
        }
    }
}

impl AsFd for Inotify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Deletion only. `MASK_CREATE` would refuse an object that is watched already, but kernels before
/// 4.18 do not have it; the caller recognizes the repeated watch number instead.
const MASK: WatchFlags = WatchFlags::DELETE_SELF;

/// Views words as bytes.
fn as_bytes(words: &mut [MaybeUninit<u64>]) -> &mut [MaybeUninit<u8>] {
    let len = size_of_val(words);
    // SAFETY: the same memory for the same lifetime, `len` bytes of it; a byte needs no alignment,
    // and `MaybeUninit<u8>` may hold anything. Any bytes, initialised or not, are
    // a valid `MaybeUninit<u64>` again when the borrow ends.
    unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), len) }
}

/// `/proc/self/fd/N`, without an allocation, since this runs once a cycle.
fn self_fd_path<'b>(fd: BorrowedFd<'_>, buffer: &'b mut [u8; 32]) -> &'b CStr {
    const PREFIX: &[u8] = b"/proc/self/fd/";
    let digits = rustix::path::DecInt::from_fd(fd);
    let digits = digits.as_bytes_with_nul();
    buffer[..PREFIX.len()].copy_from_slice(PREFIX);
    buffer[PREFIX.len()..PREFIX.len() + digits.len()].copy_from_slice(digits);
    CStr::from_bytes_until_nul(buffer).unwrap_or_default()
}
