//! Hearing of an object's end the moment the kernel destroys it.
//!
//! A watch for `IN_DELETE_SELF` on an unlinked object (a memfd has no name to begin with) fires
//! exactly when its last reference of any kind goes: descriptor, mapping, or a descriptor on its
//! way through a socket, in any process. The event is queued before the `close` or `munmap` that
//! let go returns. A watch holds no reference of its own.
//!
//! One watch costs the living object nothing. Watches and queue are bounded by the kernel; a
//! refused watch is an error, a full queue is remembered, and neither passes for a release.

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

/// What one [`DeathWatch::drain`] found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Objects that ended.
    pub deaths: u64,
    /// Whether the kernel lost events since the last drain.
    pub overflowed: bool,
}

/// Watches objects, each under a key of the caller's, and calls out the key when its object ends.
///
/// For one thread; make one for each. The cost is one system call a watch and one a drain.
#[derive(Debug)]
pub struct DeathWatch<K> {
    inotify: Inotify,
    /// Keys of the living, by watch number. Numbers only rise (until 2^31), so this is a table of
    /// the living and not an array: one that lingers must not keep room for all that came after.
    living: HashMap<i32, K, BuildHasherDefault<NumberHasher>>,
    overflowed: bool,
}

impl<K> DeathWatch<K> {
    /// A watch over nothing yet.
    ///
    /// # Errors
    /// [`WatchError`], with the limit that was met.
    pub fn new() -> Result<Self, WatchError> {
        let inotify = Inotify::new().map_err(|error| match error {
            // One answer for two limits: whether a descriptor can still be had tells them apart.
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

    /// Watches the object behind a descriptor, which may be closed afterwards. Only objects without
    /// a name, as a memfd is, end with their last reference; a file with a name ends when it is
    /// deleted as well.
    ///
    /// # Errors
    /// [`WatchError`]; the object is not under this key then, so its end will not be heard.
    pub fn watch(&mut self, fd: BorrowedFd<'_>, key: K) -> Result<(), WatchError> {
        let added = self.inotify.watch_fd(fd);
        self.enter(added, key, || format!("descriptor {}", fd.as_raw_fd()))
    }

    /// Watches the object that a path leads to, such as `/proc/PID/fd/N` of another process.
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

    /// Takes every event queued so far, without waiting, and calls `died` once for each object that
    /// ended, in the order they did.
    ///
    /// # Errors
    /// [`WatchError::Unreadable`]. Deaths called out before it stand.
    pub fn drain(&mut self, mut died: impl FnMut(K)) -> Result<Drained, WatchError> {
        let mut drained = Drained::default();
        let (living, overflowed) = (&mut self.living, &mut self.overflowed);
        let read = self.inotify.drain(|event| match event {
            // Each end arrives twice, as DELETE_SELF and as IGNORED; the first one counts. Where
            // an overflow swallowed the first, the second is proof as good.
            Event::Gone(number) => {
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

    /// Whether events were ever lost. From then on a death called out is still true, but whether
    /// any object still listed as living lives is unknown.
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// How many watched objects have not been heard to end.
    pub fn watched(&self) -> usize {
        self.living.len()
    }

    /// The keys of those, in no order.
    pub fn living(&self) -> impl Iterator<Item = &K> {
        self.living.values()
    }
}

impl DeathWatch<()> {
    /// Whether this kernel tells of a memfd's end at all: one is made, watched and closed, and its
    /// death must be heard, once. Kernels that only resemble Linux may keep silent, and then
    /// everything would seem to live for ever.
    ///
    /// # Errors
    /// No inotify instance or no memfd can be had, or the watch is refused.
    pub fn is_told_of_deaths() -> Result<bool, WatchError> {
        let mut watch = DeathWatch::new()?;
        let memfd = super::sys::memfd::lone().map_err(|error| WatchError::Refused {
            object: "a memfd made to be watched".to_owned(),
            source: error.into(),
        })?;
        watch.watch(memfd.as_fd(), ())?;
        let early = watch.drain(|()| {})?.deaths;
        drop(memfd);
        Ok(early == 0 && watch.drain(|()| {})?.deaths == 1)
    }
}

/// The descriptor that becomes readable when something ended, to wait on.
impl<K> AsFd for DeathWatch<K> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

/// Spreads consecutive numbers over a table with one multiplication. No adversary picks them.
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
