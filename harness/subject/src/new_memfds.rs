//! Finds the memfds that came into being while something ran, for runtimes that keep the
//! descriptors of their images to themselves.
//!
//! A new descriptor gets the lowest free number. So the number is asked for before, and looked at
//! after: a memfd there whose object was never seen is the one, at the cost of three system calls
//! however many descriptors are open. Where that does not answer (another thread closed a lower
//! number or took this one, or several memfds may have been made), the whole table is read, and
//! what is not among the objects seen so far is new. The kernel does not come back to the inode
//! number of a memfd, so an object once seen is never taken for new.

use std::collections::HashSet;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{Mode, OFlags, open, openat};
use rustix::io::{Errno, fcntl_dupfd_cloexec};

use leakbench_kernel::{FdEntry, FdKind, MemfdDevices, ObjectId, Process, ReadError};

/// Objects known beyond twice those that the last reading of the table found: then it is read
/// again, to forget those that are gone.
const FORGET_AFTER: usize = 256;

/// Tells memfds that are new from those that were there.
///
/// Of one process at most one of these should be in use, and memfds should be made inside
/// [`NewMemfds::during`] alone: one made elsewhere meanwhile would be found too.
#[derive(Debug)]
pub struct NewMemfds {
    table: Mutex<Table>,
}

/// The descriptors of this process, as far as they were looked at.
#[derive(Debug)]
struct Table {
    process: Process,
    /// `/proc/self/fd`.
    folder: OwnedFd,
    devices: &'static MemfdDevices,
    entries: Vec<FdEntry>,
    /// Every memfd that is open, and some that were.
    known: HashSet<ObjectId>,
    /// How many may be known before those that are gone are forgotten.
    known_max: usize,
}

impl NewMemfds {
    /// Takes note of the memfds that are open now.
    ///
    /// # Errors
    /// This process may not read its own descriptors under `/proc`, or has no number left for
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

    /// Does `act`, which makes at most `most` memfds, and returns handles on those that it made
    /// and left open. With `most` of 1, as nearly every module has it, the cost does not depend on
    /// how many descriptors are open; with 0 nothing is looked for.
    ///
    /// A handle (`O_PATH`) keeps its memfd alive, so show it and close it. Calls exclude each
    /// other, `act` included: put nothing else into it. Under other threads' opening and closing
    /// the answer stays exact, but reading the whole table holds each object for a moment, and
    /// may make a release that happens just then late.
    ///
    /// # Errors
    /// The handles cannot be had: the table cannot be read, or there are no numbers left
    /// (`EMFILE`). Then nothing is known of what `act` made; it was done nevertheless.
    pub fn during<R>(&self, most: usize, act: impl FnOnce() -> R) -> (R, io::Result<Vec<OwnedFd>>) {
        if most == 0 {
            return (act(), Ok(Vec::new()));
        }
        // A table that a panicking `act` left behind was not being changed.
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let lowest_free = table.lowest_free();
        let result = act();
        let found = match (lowest_free, most) {
            (Ok(number), 1) => table.new_at(number),
            _ => Ok(None),
        };
        let found = match found {
            Ok(Some(handle)) => Ok(vec![handle]),
            Ok(None) => table.read_whole(),
            Err(error) => Err(error),
        };
        (result, found)
    }
}

impl Table {
    /// The number that the next descriptor gets, if no other thread is faster.
    fn lowest_free(&self) -> rustix::io::Result<i32> {
        Ok(fcntl_dupfd_cloexec(&self.folder, 0)?.as_raw_fd())
    }

    /// A handle on what has this number, if that is a memfd never seen before.
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

    /// Handles on the open memfds that were not known; all that are open are known after.
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

    /// A handle on what has this number, and which object it is. Opening by `O_PATH` does
    /// nothing to the object, whatever it is; opening a pipe would wait.
    fn handle(&self, number: i32) -> io::Result<Option<(ObjectId, OwnedFd)>> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let handle = match openat(&self.folder, number.to_string(), flags, Mode::empty()) {
            Ok(handle) => handle,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let object = ObjectId::of(handle.as_fd())?;
        Ok(Some((object, handle)))
    }
}

fn unreadable(error: ReadError) -> io::Error {
    io::Error::other(error)
}
