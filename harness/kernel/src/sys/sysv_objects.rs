//! System V objects that end with the values that made them. The kernel would keep them beyond the end of
//! their process.

use std::io;
use std::ptr;

/// An attached segment of shared memory, which ends when it is detached.
#[derive(Debug)]
pub struct OwnSegment {
    address: usize,
}

impl OwnSegment {
    /// Makes a segment and attaches it.
    ///
    /// # Errors
    /// The kernel's.
    pub fn attach(bytes: usize) -> io::Result<OwnSegment> {
        // SAFETY: makes a new private segment, which touches no memory of this process.
        let id = checked(unsafe { libc::shmget(libc::IPC_PRIVATE, bytes, 0o600) })?;
        // SAFETY: the kernel chooses addresses that nothing uses.
        let address = unsafe { libc::shmat(id, ptr::null(), 0) };
        let attached = match address.addr() {
            usize::MAX => Err(io::Error::last_os_error()),
            _ => Ok(OwnSegment { address: address.expose_provenance() }),
        };
        // From here on the segment ends when it is detached, or at once.
        drop(SegmentNumber(id));
        attached
    }

    /// Its first address.
    pub fn address(&self) -> usize {
        self.address
    }
}

impl Drop for OwnSegment {
    fn drop(&mut self) {
        // SAFETY: attached by this value, detached once; no reference points into it.
        unsafe { libc::shmdt(ptr::with_exposed_provenance(self.address)) };
    }
}

/// The number of a segment. Dropping it removes the segment, once no process has it attached.
#[derive(Debug)]
pub struct SegmentNumber(pub i32);

impl Drop for SegmentNumber {
    fn drop(&mut self) {
        // SAFETY: removes a segment by its number, and no memory of this process.
        unsafe { libc::shmctl(self.0, libc::IPC_RMID, ptr::null_mut()) };
    }
}

/// A set of one semaphore.
#[derive(Debug)]
pub struct OwnSemaphoreSet(i32);

impl OwnSemaphoreSet {
    /// A set that this process has used, which the kernel records.
    ///
    /// # Errors
    /// The kernel's.
    pub fn make() -> io::Result<OwnSemaphoreSet> {
        let made = OwnSemaphoreSet::make_unused()?;
        // SAFETY: sets the only semaphore of this value's own set, which touches no memory of this process.
        checked(unsafe { libc::semctl(made.0, 0, libc::SETVAL, 1) })?;
        Ok(made)
    }

    /// A set of which the kernel records no process.
    ///
    /// # Errors
    /// The kernel's.
    pub fn make_unused() -> io::Result<OwnSemaphoreSet> {
        // SAFETY: makes a new private set, which touches no memory of this process.
        Ok(OwnSemaphoreSet(checked(unsafe { libc::semget(libc::IPC_PRIVATE, 1, 0o600) })?))
    }

    /// Its number.
    pub fn id(&self) -> u64 {
        u64::from(self.0.unsigned_abs())
    }
}

impl Drop for OwnSemaphoreSet {
    fn drop(&mut self) {
        // SAFETY: removes this value's own set.
        unsafe { libc::semctl(self.0, 0, libc::IPC_RMID) };
    }
}

/// A message queue with one message from this process.
#[derive(Debug)]
pub struct OwnMessageQueue(i32);

impl OwnMessageQueue {
    /// # Errors
    /// The kernel's.
    pub fn make() -> io::Result<OwnMessageQueue> {
        // SAFETY: makes a new private queue, which touches no memory of this process.
        let made = unsafe { libc::msgget(libc::IPC_PRIVATE, 0o600) };
        let queue = OwnMessageQueue(checked(made)?);
        // The type of the message, and a byte of it.
        let message = [1u64, 0];
        // SAFETY: the kernel copies the type and one byte, which the message has.
        let sent = unsafe { libc::msgsnd(queue.0, message.as_ptr().cast(), 1, libc::IPC_NOWAIT) };
        checked(sent)?;
        Ok(queue)
    }

    /// Its number.
    pub fn id(&self) -> u64 {
        u64::from(self.0.unsigned_abs())
    }
}

impl Drop for OwnMessageQueue {
    fn drop(&mut self) {
        // SAFETY: removes this value's own queue.
        unsafe { libc::msgctl(self.0, libc::IPC_RMID, ptr::null_mut()) };
    }
}

fn checked(returned: i32) -> io::Result<i32> {
    if returned < 0 { Err(io::Error::last_os_error()) } else { Ok(returned) }
}
