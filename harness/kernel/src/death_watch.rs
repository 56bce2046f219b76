//! Events at the moment when the kernel destroys an object.
//!
//! A memfd has no name in a file system. So an inotify watch for `IN_DELETE_SELF` on it fires exactly
//! when its last reference of any kind is released: a descriptor, a mapping, or a descriptor in flight
//! through a socket, in any process. The kernel queues the event before the last `close` or `munmap`
//! returns. A watch holds no reference of its own.
//!
//! A watch costs nothing while its object is alive. The kernel limits watches and the length of the
//! queue: a refused watch is an error, an overflow of the queue is reported, and neither counts as a
//! release.

mod error;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::Path;

use rustix::io::Errno;

use super::sys::inotify::{Event, Inotify};
use super::sys::limits;

pub use error::{WatchError, WatchLimit};

/// The result of one [`DeathWatch::drain`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// The number of objects that were destroyed.
    pub deaths: u64,
    /// The kernel has lost events since the last drain.
    pub overflowed: bool,
}

/// Watches objects, each under a key of the caller, and reports the key when the object is destroyed.
///
/// Each thread needs its own. A watch costs one system call, and so does a drain.
///
/// ```
/// use std::os::fd::AsFd;
///
/// use leakbench_kernel::{DeathWatch, make_memfd};
///
/// let mut watch = DeathWatch::new()?;
/// let memfd = make_memfd()?;
/// watch.watch(memfd.as_fd(), "image")?;
/// assert_eq!(watch.drain(|_| {})?.deaths, 0);
/// drop(memfd);
/// watch.drain(|key| assert_eq!(key, "image"))?;
/// assert_eq!(watch.watched(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct DeathWatch<K> {
    inotify: Inotify,
    /// The keys of living objects, by watch number. The kernel counts these numbers up (to 2^31). An
    /// array would have to keep room for all numbers after that of a lingering object.
    living: HashMap<i32, K, BuildHasherDefault<NumberHasher>>,
    overflowed: bool,
}

impl<K> DeathWatch<K> {
    /// A watch without objects.
    ///
    /// # Errors
    /// [`WatchError`], with the limit that was reached.
    pub fn new() -> Result<Self, WatchError> {
        let inotify = Inotify::new().map_err(|error| match error {
            // The kernel has one error for two limits. Another descriptor distinguishes them.
            Errno::MFILE if limits::descriptor_available() => {
                WatchError::TooManyInstances { limit: WatchLimit::instances() }
            }
            Errno::MFILE if let Some(limit) = limits::open_files().0 => {
                WatchError::TooManyOpenFiles { limit }
            }
            error => WatchError::Unavailable { source: error.into() },
        })?;
        Ok(Self { inotify, living: HashMap::default(), overflowed: false })
    }

    /// Watches the object behind a descriptor, which may be closed afterwards. An object without a name,
    /// such as a memfd, is destroyed with its last reference; a file with a name must be deleted, too.
    ///
    /// # Errors
    /// [`WatchError`]; then the object is not watched under this key.
    pub fn watch(&mut self, fd: BorrowedFd<'_>, key: K) -> Result<(), WatchError> {
        let added = self.inotify.watch_fd(fd);
        self.enter(added, key, || format!("descriptor {}", fd.as_raw_fd()))
    }

    /// Watches the object at a path, such as `/proc/PID/fd/N` of another process.
    ///
    /// # Errors
    /// As [`watch`](Self::watch).
    pub fn watch_path(&mut self, path: &Path, key: K) -> Result<(), WatchError> {
        let added = self.inotify.watch_path(path);
        self.enter(added, key, || path.display().to_string())
    }

    fn enter(
        &mut self,
        added: rustix::io::Result<i32>,
        key: K,
        object: impl Fn() -> String,
    ) -> Result<(), WatchError> {
        let number = added.map_err(|error| match error {
            Errno::NOSPC => WatchError::TooManyWatches {
                watched: self.living.len(),
                limit: WatchLimit::watches(),
            },
            error => WatchError::Refused { object: object(), source: error.into() },
        });
        match self.living.entry(number?) {
            Entry::Occupied(_) => Err(WatchError::AlreadyWatched { object: object() }),
            Entry::Vacant(place) => {
                place.insert(key);
                Ok(())
            }
        }
    }

    /// Takes every event that is queued, without waiting, and calls `died` once for each object that was
    /// destroyed, in the order of their destruction.
    ///
    /// # Errors
    /// [`WatchError::Unreadable`]. Deaths that were reported before it are valid.
    pub fn drain(&mut self, mut died: impl FnMut(K)) -> Result<Drained, WatchError> {
        let mut drained = Drained::default();
        let (living, overflowed) = (&mut self.living, &mut self.overflowed);
        let read = self.inotify.drain(|event| match event {
            // Each death has two events, DELETE_SELF and IGNORED, of which the first counts. If an
            // overflow lost the first, the second is proof as well.
            Event::Destroyed(number) => {
                if let Some(key) = living.remove(&number) {
                    drained.deaths += 1;
                    died(key);
                }
            }
            Event::Overflow => {
                drained.overflowed = true;
                *overflowed = true;
            }
        });
        read.map_err(|error| WatchError::Unreadable { source: error.into() })?;
        Ok(drained)
    }

    /// The kernel has lost events at some time. Reported deaths are valid all the same, but an object
    /// without a reported death may be destroyed.
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// The number of watched objects without a reported death.
    pub fn watched(&self) -> usize {
        self.living.len()
    }

    /// The keys of watched objects without a reported death, in no order.
    pub fn living(&self) -> impl Iterator<Item = &K> {
        self.living.values()
    }
}

impl DeathWatch<()> {
    /// Checks that this kernel reports the death of a memfd: makes one, watches it, closes it, and
    /// expects one death. A kernel that only resembles Linux may report none, and then every image
    /// would seem to linger.
    ///
    /// # Errors
    /// The kernel refuses an inotify instance, a memfd or the watch.
    pub fn works() -> Result<bool, WatchError> {
        let mut watch = DeathWatch::new()?;
        let memfd = super::sys::memfd::control().map_err(|error| WatchError::Refused {
            object: "a memfd made to be watched".to_owned(),
            source: error.into(),
        })?;
        watch.watch(memfd.as_fd(), ())?;
        let early = watch.drain(|()| {})?.deaths;
        drop(memfd);
        Ok(early == 0 && watch.drain(|()| {})?.deaths == 1)
    }
}

/// The descriptor that becomes readable when an object is destroyed.
impl<K> AsFd for DeathWatch<K> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

/// Spreads consecutive numbers over a table with one multiplication. The kernel picks the numbers, so
/// no input can cause collisions on purpose.
#[derive(Default)]
struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_i32(i32::from(byte));
        }
    }

    fn write_i32(&mut self, number: i32) {
        // 2^64 over the golden ratio (Knuth): both ends of the product are well mixed.
        self.0 = (self.0 ^ u64::from(number.cast_unsigned())).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
