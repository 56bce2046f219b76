//! Memories that several threads use at a time, with their waiting threads.

use std::cell::UnsafeCell;
use std::collections::{BTreeMap, VecDeque};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::engine::Engine;
use crate::error::{Error, TypeError};
use crate::sys::memory::{MemoryHead, MemoryPlace};
use crate::sys::store::StoreInner;
use crate::trap::Trap;
use crate::types::MemoryType;

/// A linear memory that several stores and threads use at a time. Clones are cheap and share one
/// memory, which lives as long as any clone or any store that uses it.
///
/// ```
/// use leakbench_runtime::{Engine, MemoryTypeBuilder, SharedMemory, WaitResult};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ty = MemoryTypeBuilder::new().min(1).max(Some(4)).shared(true).build()?;
/// let memory = SharedMemory::new(&Engine::default(), ty)?;
/// assert_eq!(memory.grow(2)?, 1);
/// assert_eq!(memory.atomic_wait32(0, 7, None)?, WaitResult::Mismatch);
/// assert_eq!(memory.atomic_notify(0, 1)?, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SharedMemory(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Its base never changes.
    head: MemoryHead,
    ty: MemoryType,
    place: Mutex<MemoryPlace>,
    /// The threads that wait, by the address at which they do.
    waiting: Mutex<BTreeMap<usize, VecDeque<Arc<Waiter>>>>,
}

/// A thread that waits.
#[derive(Debug, Default)]
struct Waiter {
    is_notified: Mutex<bool>,
    notified: Condvar,
}

/// The end of a wait beside a notification.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait<'a> {
    /// `None` waits without end.
    pub(super) timeout: Option<Duration>,
    /// The store whose deadline ends the wait as a timeout does.
    pub(super) interrupting: Option<&'a StoreInner>,
}

/// Maximum time after a deadline until a waiting thread looks at it.
const INTERRUPTION_DELAY: Duration = Duration::from_millis(10);

/// The outcome of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WaitResult {
    /// Another thread notified this one.
    Ok = 0,
    /// The memory had another value than the expected one.
    Mismatch = 1,
    /// The time was over.
    TimedOut = 2,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No operation panics midway.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SharedMemory {
    /// Creates a memory of zeroes.
    ///
    /// # Errors
    /// If the type is not shared, the engine's pool has no slot, or the kernel refuses.
    pub fn new(engine: &Engine, ty: MemoryType) -> Result<Self, Error> {
        if !ty.is_shared() {
            return Err(TypeError::Sharing { ty }.into());
        }
        Ok(Self::in_place(ty, MemoryPlace::allocate(engine, None, ty)?))
    }

    pub(super) fn in_place(ty: MemoryType, place: MemoryPlace) -> Self {
        SharedMemory(Arc::new(Inner {
            head: MemoryHead::new(place.base(), ty.min_bytes() as u64),
            ty,
            place: Mutex::new(place),
            waiting: Mutex::default(),
        }))
    }

    pub(super) fn head(&self) -> &MemoryHead {
        &self.0.head
    }

    pub(super) fn is(&self, other: &SharedMemory) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The present type: its minimum is the present size.
    pub fn ty(&self) -> MemoryType {
        self.0.ty.with_minimum(self.size())
    }

    /// The present size in pages. Other threads may grow it.
    pub fn size(&self) -> u64 {
        self.head().len_bytes() >> self.0.ty.page_size_log2()
    }

    /// The present size in bytes.
    pub fn data_size(&self) -> usize {
        self.head().len_bytes() as usize
    }

    /// The bytes. Other threads may write them at any time, so they need atomic access.
    pub fn data(&self) -> &[UnsafeCell<u8>] {
        let base = self.head().base().as_ptr().cast_const().cast();
        // SAFETY: the memory has as many bytes, does not move or shrink, and lives as long as this
        // value. Cells allow that others write them.
        unsafe { std::slice::from_raw_parts(base, self.data_size()) }
    }

    /// Adds `delta` pages, and returns the previous number.
    ///
    /// # Errors
    /// If the maximum or the kernel does not allow it.
    pub fn grow(&self, delta: u64) -> Result<u64, Error> {
        let grown = self.try_grow(delta);
        grown.ok_or_else(|| TypeError::Grow { delta, present: self.size() }.into())
    }

    /// As [`Self::grow`]; `None` if it is not allowed.
    pub(super) fn try_grow(&self, delta: u64) -> Option<u64> {
        let mut place = lock(&self.0.place);
        let before = self.size();
        if delta > 0 {
            let len_bytes = self.0.ty.grown_bytes(before, delta)?;
            place.grow(self.0.ty, len_bytes)?;
            self.head().set_len_bytes(len_bytes);
        }
        Some(before)
    }

    /// Waits until another thread notifies this one, if the four bytes at `index` have the value
    /// `expected`.
    ///
    /// # Errors
    /// If the bytes are out of bounds, or `index` is not a multiple of 4.
    pub fn atomic_wait32(
        &self,
        index: u64,
        expected: u32,
        timeout: Option<Duration>,
    ) -> Result<WaitResult, Trap> {
        let address = self.aligned(index, 4)?;
        // SAFETY: four bytes of this memory, aligned.
        Ok(unsafe { self.wait32(address, expected, Wait { timeout, interrupting: None }) })
    }

    /// As [`Self::atomic_wait32`], with eight bytes.
    ///
    /// # Errors
    /// If the bytes are out of bounds, or `index` is not a multiple of 8.
    pub fn atomic_wait64(
        &self,
        index: u64,
        expected: u64,
        timeout: Option<Duration>,
    ) -> Result<WaitResult, Trap> {
        let address = self.aligned(index, 8)?;
        // SAFETY: eight bytes of this memory, aligned.
        Ok(unsafe { self.wait64(address, expected, Wait { timeout, interrupting: None }) })
    }

    /// Wakes up to `count` threads that wait at `index`, those first that have waited longest. Returns
    /// their number.
    ///
    /// # Errors
    /// If the four bytes are out of bounds, or `index` is not a multiple of 4.
    pub fn atomic_notify(&self, index: u64, count: u32) -> Result<u32, Trap> {
        Ok(self.notify(self.aligned(index, 4)?, count))
    }

    /// The address of `bytes` bytes at an index that is a multiple of as many.
    fn aligned(&self, index: u64, bytes: u64) -> Result<NonNull<u8>, Trap> {
        if !index.is_multiple_of(bytes) {
            return Err(Trap::HeapMisaligned);
        }
        let end = index.checked_add(bytes).filter(|&end| end <= self.head().len_bytes());
        end.ok_or(Trap::MemoryOutOfBounds)?;
        // SAFETY: in bounds, by the comparison.
        Ok(unsafe { self.head().base().add(index as usize) })
    }

    /// # Safety
    /// `address` is that of four aligned bytes of this memory.
    pub(super) unsafe fn wait32(
        &self,
        address: NonNull<u8>,
        expected: u32,
        wait: Wait<'_>,
    ) -> WaitResult {
        // SAFETY: by the contract. All threads access the bytes atomically, or race as guests may.
        let value = unsafe { AtomicU32::from_ptr(address.as_ptr().cast()) };
        self.wait(address, || value.load(Ordering::SeqCst) == expected, wait)
    }

    /// # Safety
    /// `address` is that of eight aligned bytes of this memory.
    pub(super) unsafe fn wait64(
        &self,
        address: NonNull<u8>,
        expected: u64,
        wait: Wait<'_>,
    ) -> WaitResult {
        // SAFETY: as above.
        let value = unsafe { AtomicU64::from_ptr(address.as_ptr().cast()) };
        self.wait(address, || value.load(Ordering::SeqCst) == expected, wait)
    }

    fn wait(
        &self,
        address: NonNull<u8>,
        is_expected: impl FnOnce() -> bool,
        Wait { timeout, interrupting }: Wait<'_>,
    ) -> WaitResult {
        let key = address.addr().get();
        // Too long a time is no limit.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let waiter = Arc::new(Waiter::default());
        {
            let mut waiting = lock(&self.0.waiting);
            // Under the lock, so that no notification comes between.
            if !is_expected() {
                return WaitResult::Mismatch;
            }
            waiting.entry(key).or_default().push_back(Arc::clone(&waiter));
        }
        let mut is_notified = lock(&waiter.is_notified);
        while !*is_notified {
            let left = deadline.map(|it| it.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) || interrupting.is_some_and(StoreInner::is_interrupted)
            {
                drop(is_notified);
                return self.give_up(key, &waiter);
            }
            let slice = interrupting.map(|_| INTERRUPTION_DELAY);
            is_notified = match left.into_iter().chain(slice).min() {
                None => waiter.notified.wait(is_notified).unwrap_or_else(PoisonError::into_inner),
                Some(time) => {
                    let waited = waiter.notified.wait_timeout(is_notified, time);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        WaitResult::Ok
    }

    /// Ends a wait whose time is over.
    fn give_up(&self, key: usize, waiter: &Arc<Waiter>) -> WaitResult {
        let mut waiting = lock(&self.0.waiting);
        let Some(queue) = waiting.get_mut(&key) else { return WaitResult::Ok };
        let Some(place) = queue.iter().position(|it| Arc::ptr_eq(it, waiter)) else {
            // A notification has taken it meanwhile.
            return WaitResult::Ok;
        };
        queue.remove(place);
        if queue.is_empty() {
            waiting.remove(&key);
        }
        WaitResult::TimedOut
    }

    pub(super) fn notify(&self, address: NonNull<u8>, count: u32) -> u32 {
        let key = address.addr().get();
        let mut waiting = lock(&self.0.waiting);
        let Some(queue) = waiting.get_mut(&key) else { return 0 };
        let taken = queue.len().min(count as usize);
        for waiter in queue.drain(..taken) {
            *lock(&waiter.is_notified) = true;
            waiter.notified.notify_one();
        }
        if queue.is_empty() {
            waiting.remove(&key);
        }
        taken as u32
    }

    /// Writes bytes of a data segment; `None` if a part is out of bounds. Nothing is written then.
    pub(super) fn write(&self, start: usize, bytes: &[u8]) -> Option<()> {
        let cells = self.data().get(start..start.checked_add(bytes.len())?)?;
        for (cell, &byte) in cells.iter().zip(bytes) {
            // SAFETY: a byte of this memory. Other threads may use it at the same time.
            unsafe { AtomicU8::from_ptr(cell.get()) }.store(byte, Ordering::Relaxed);
        }
        Some(())
    }
}
