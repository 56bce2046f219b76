//! Finds the memfds that a function makes, for runtimes that keep the descriptors of their images to
//! themselves.
//!
//! A new descriptor gets the lowest free number. So the lowest free number is determined before, and
//! its descriptor examined after: a memfd with an object that was never seen is the new one. That
//! costs three system calls, however many descriptors are open. If it fails (another thread closed a
//! lower number or took this one, or several memfds may have been made), the whole table is read, and
//! every object that was not seen before is new. The kernel never reuses the inode number of a memfd,
//! so no known object passes for a new one.

use std::collections::HashSet;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use leakbench_model::ObjectId;
use rustix::fs::{Mode, OFlags, open, openat};
use rustix::io::{Errno, fcntl_dupfd_cloexec};

use crate::wire::Readings;
use leakbench_kernel::{FdEntry, FdKind, MemfdDevices, Process, ReadError, object_of};

/// The table is read again, to forget objects that are gone, once so many more objects are known than
/// twice those of the last reading.
const FORGET_AFTER: usize = 256;

/// The searches in this process, each of which may hold images of other threads for a moment. There should
/// be one [`NewMemfds`], whose searches exclude each other.
pub(crate) static SEARCHES: Readings = Readings::new();

/// Distinguishes new memfds of this process from older ones.
///
/// A process should have only one of these, and make memfds only inside [`NewMemfds::during`]: one
/// made elsewhere meanwhile would be found too.
///
/// ```
/// use leakbench_subject::NewMemfds;
///
/// let memfds = NewMemfds::new()?;
/// let (image, found) = memfds.during(1, leakbench_kernel::make_memfd);
/// assert_eq!(found?.len(), 1);
/// # drop(image);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct NewMemfds {
    table: Mutex<Table>,
}

/// The descriptors of this process, as far as they were read.
#[derive(Debug)]
struct Table {
    process: Process,
    /// `/proc/self/fd`.
    folder: OwnedFd,
    devices: &'static MemfdDevices,
    entries: Vec<FdEntry>,
    /// Every memfd that is open, and some that are closed.
    known: HashSet<ObjectId>,
    /// The number of known objects at which the table is read again.
    known_max: usize,
}

impl NewMemfds {
    /// Records the memfds that are open now.
    ///
    /// # Errors
    /// This process may not read its own descriptors under `/proc`, or has no descriptor left for
    /// the folder.
    pub fn new() -> io::Result<NewMemfds> {
        let pid = std::process::id();
        let process = Process::open(pid).map_err(unreadable)?;
        // Not /proc/self, which another process would resolve to itself.
        let path = format!("/proc/{pid}/fd");
        let folder =
            open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let devices = MemfdDevices::get().map_err(unreadable)?;
        let mut table = Table {
            process,
            folder,
            devices,
            entries: Vec::new(),
            known: HashSet::new(),
            known_max: 0,
        };
        table.read_whole()?;
        Ok(NewMemfds { table: Mutex::new(table) })
    }

    /// Runs `act`, which makes at most `max` memfds, and returns handles on those that it made and left
    /// open. With a `max` of 1 the cost does not depend on the number of open descriptors; with 0 no
    /// memfd is searched.
    ///
    /// A handle (`O_PATH`) keeps its memfd alive, so show it and close it. Calls exclude each other,
    /// `act` included: put nothing else into it. The result is exact while other threads open and
    /// close descriptors. But reading the whole table holds each object for a moment, which may make
    /// a release at that moment late.
    ///
    /// # Errors
    /// The table cannot be read, or no descriptor is left for a handle (`EMFILE`). `act` has run all the
    /// same; its memfds are unknown.
    pub fn during<R>(&self, max: usize, act: impl FnOnce() -> R) -> (R, io::Result<Vec<OwnedFd>>) {
        if max == 0 {
            return (act(), Ok(Vec::new()));
        }
        // A panic in `act` leaves the table unchanged.
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let lowest_free = table.lowest_free();
        let result = act();
        let found = SEARCHES.during(|| {
            let found = match (lowest_free, max) {
                (Ok(number), 1) => table.new_at(number),
                _ => Ok(None),
            };
            match found {
                Ok(Some(handle)) => Ok(vec![handle]),
                Ok(None) => table.read_whole(),
                Err(error) => Err(error),
            }
        });
        (result, found)
    }
}

impl Table {
    /// The number of the next descriptor, if no other thread takes it.
    fn lowest_free(&self) -> rustix::io::Result<i32> {
        Ok(fcntl_dupfd_cloexec(&self.folder, 0)?.as_raw_fd())
    }

    /// A handle on the descriptor of this number, if it is a memfd that was never seen.
    fn new_at(&mut self, number: i32) -> io::Result<Option<OwnedFd>> {
        let Some((object, handle)) = self.handle(number)? else { return Ok(None) };
        if !self.devices.contains(object.dev) || !self.known.insert(object) {
            return Ok(None);
        }
        if self.known.len() > self.known_max {
            self.read_whole()?;
        }
        Ok(Some(handle))
    }

    /// Handles on the open memfds that were not known. All that are open are known afterwards.
    fn read_whole(&mut self) -> io::Result<Vec<OwnedFd>> {
        self.process.fds(&mut self.entries).map_err(unreadable)?;
        let mut open = HashSet::new();
        let mut handles = Vec::new();
        for entry in self.entries.iter().filter(|entry| entry.kind == FdKind::Memfd) {
            if !open.insert(entry.object) || self.known.contains(&entry.object) {
                continue;
            }
            match self.handle(entry.fd)? {
                Some((object, handle)) if object == entry.object => handles.push(handle),
                // Closed since the table was read.
                _ => {}
            }
        }
        self.known_max = 2 * open.len() + FORGET_AFTER;
        self.known = open;
        Ok(handles)
    }

    /// A handle on the descriptor of this number, and its object. Opening by `O_PATH` has no effect on
    /// the object, while opening a pipe would wait.
    fn handle(&self, number: i32) -> io::Result<Option<(ObjectId, OwnedFd)>> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let handle = match openat(&self.folder, number.to_string(), flags, Mode::empty()) {
            Ok(handle) => handle,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let object = object_of(handle.as_fd())?;
        Ok(Some((object, handle)))
    }
}

fn unreadable(error: ReadError) -> io::Error {
    io::Error::other(error)
}
