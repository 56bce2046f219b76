//! The thread that sends an interruption again until the guest has stopped, since a signal may come while
//! code runs that cannot be left. There is one for the process, and it waits without a timer when no guest must stop.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use std::{io, thread};

use crate::sys::context::RootContext;
use crate::sys::signals;

/// Time from the first signal to the second. Each further one takes twice as long, so that a host function
/// whose system calls end early because of signals can go on.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// The stores whose guests shall stop.
static LATE: Mutex<Vec<Late>> = Mutex::new(Vec::new());
static MORE: Condvar = Condvar::new();

#[derive(Debug)]
struct Late {
    store: Weak<RootContext>,
    next: Instant,
    pause: Duration,
}

/// Starts the thread at the first call that succeeds.
///
/// # Errors
/// If the kernel refuses a thread.
pub(super) fn start() -> io::Result<()> {
    static IS_STARTED: Mutex<bool> = Mutex::new(false);
    // Nothing panics while it is locked.
    let mut is_started = IS_STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    if !*is_started {
        thread::Builder::new().name("guest deadlines".to_owned()).spawn(run)?;
        *is_started = true;
    }
    Ok(())
}

/// Sends the interruption of these stores again as long as their guests run.
pub(super) fn repeat(stores: &[Arc<RootContext>]) {
    if stores.is_empty() {
        return;
    }
    let next = Instant::now() + FIRST_PAUSE;
    let mut late = lock();
    for store in stores {
        let store = Arc::downgrade(store);
        late.retain(|it| !it.store.ptr_eq(&store));
        late.push(Late { store, next, pause: FIRST_PAUSE });
    }
    MORE.notify_one();
}

fn lock() -> MutexGuard<'static, Vec<Late>> {
    // No operation panics midway.
    LATE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run() {
    signals::block_all();
    let mut threads = Vec::new();
    let mut late = lock();
    loop {
        let now = Instant::now();
        late.retain_mut(|it| {
            let root = it.store.upgrade();
            let Some(thread) = root.and_then(|root| root.limits.interrupted_thread()) else {
                return false;
            };
            if it.next <= now {
                threads.push(thread);
                it.pause = (it.pause * 2).min(LAST_PAUSE);
                it.next = now + it.pause;
            }
            true
        });
        if !threads.is_empty() {
            drop(late);
            threads.drain(..).for_each(signals::interrupt);
            late = lock();
            continue;
        }
        late = match late.iter().map(|it| it.next).min() {
            None => MORE.wait(late).unwrap_or_else(PoisonError::into_inner),
            Some(next) => {
                let waited = MORE.wait_timeout(late, next.saturating_duration_since(now));
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::sys::context::Activated;

    static RECEIVED: AtomicUsize = AtomicUsize::new(0);

    extern "C" fn count(_: libc::c_int) {
        RECEIVED.fetch_add(1, Ordering::SeqCst);
    }

    fn wait_until(mut condition: impl FnMut() -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        while !condition() {
            assert!(Instant::now() < end, "{} signals", RECEIVED.load(Ordering::SeqCst));
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// A thread whose guest goes on receives signals, and none after that guest has stopped.
    #[test]
    fn signals_repeat_until_the_guest_stops() {
        // SAFETY: all-zero is a value of the C struct, and the handler has the signature of one without flags.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = count as extern "C" fn(libc::c_int) as usize;
            assert_eq!(libc::sigaction(libc::SIGURG, &action, std::ptr::null_mut()), 0);
        }
        start().unwrap();
        let root = RootContext::new();
        let thread = signals::interruptible_thread();
        let activated =
            |thread| Activated { stack_limit: 4096, store: std::ptr::null_mut(), thread };
        root.limits.replace(activated(thread));
        assert!(root.limits.interrupt());
        repeat(&[Arc::clone(&root), Arc::clone(&root)]);
        assert_eq!(lock().len(), 1, "a store has one entry");
        wait_until(|| RECEIVED.load(Ordering::SeqCst) > 3);
        root.limits.replace(activated(0));
        wait_until(|| lock().is_empty());
        let received = RECEIVED.load(Ordering::SeqCst);
        thread::sleep(Duration::from_millis(50));
        assert_eq!(RECEIVED.load(Ordering::SeqCst), received);
        // A store that was dropped has no guests.
        root.limits.replace(activated(thread));
        root.limits.interrupt();
        repeat(&[root]);
        wait_until(|| lock().is_empty());
    }
}
