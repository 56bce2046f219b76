//! Finding the memfds that a runtime makes.

#![allow(clippy::unwrap_used, reason = "what a test cannot set up fails it")]

use std::collections::VecDeque;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use leakbench_kernel::{DeathWatch, object_of};
use leakbench_model::ObjectId;
use leakbench_subject::NewMemfds;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::fcntl_dupfd_cloexec;

/// Tests of one process share a descriptor table, so a memfd of one test would be new to another.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn memfd() -> OwnedFd {
    memfd_create(c"wasm-memory-image", MemfdFlags::CLOEXEC).unwrap()
}

fn objects(fds: &[OwnedFd]) -> Vec<ObjectId> {
    fds.iter().map(|fd| object_of(fd.as_fd()).unwrap()).collect()
}

/// Compares the memfds found with those that `act` returns.
#[track_caller]
fn expect(memfds: &NewMemfds, most: usize, act: impl FnOnce() -> Vec<OwnedFd>) -> Vec<OwnedFd> {
    let (made, found) = memfds.during(most, act);
    let (mut found, mut expected) = (objects(&found.unwrap()), objects(&made));
    found.sort();
    expected.sort();
    expected.dedup();
    assert_eq!(found, expected);
    made
}

#[test]
fn one_is_found_and_those_before_are_not() {
    let _alone = alone();
    let before = memfd();
    let memfds = NewMemfds::new().unwrap();
    let first = expect(&memfds, 1, || vec![memfd()]);
    let second = expect(&memfds, 1, || vec![memfd()]);
    drop((first, before));
    // It has the number of a known memfd.
    let third = expect(&memfds, 1, || vec![memfd()]);
    drop((second, third));
}

#[test]
fn what_is_no_new_memfd_is_not_found() {
    let _alone = alone();
    let memfds = NewMemfds::new().unwrap();
    let known = expect(&memfds, 1, || vec![memfd()]);
    for most in [1, 4] {
        let nothing = |act: &dyn Fn() -> OwnedFd| {
            let (kept, found) = memfds.during(most, act);
            assert_eq!(objects(&found.unwrap()), [], "of {most}, {}", kept.as_raw_fd());
        };
        nothing(&|| File::open("/dev/null").unwrap().into());
        // A known memfd has another number now.
        nothing(&|| fcntl_dupfd_cloexec(&known[0], 0).unwrap());
        let (_, found) = memfds.during(most, || drop(memfd()));
        assert_eq!(objects(&found.unwrap()), []);
    }
}

#[test]
fn several_are_found() {
    let _alone = alone();
    let memfds = NewMemfds::new().unwrap();
    let hole = File::open("/dev/null").unwrap();
    let some = expect(&memfds, 3, || vec![memfd(), memfd(), memfd()]);
    drop(hole);
    let more = expect(&memfds, 3, || vec![memfd(), memfd()]);
    // One object with two descriptors.
    expect(&memfds, 2, || {
        let fd = memfd();
        vec![fcntl_dupfd_cloexec(&fd, 0).unwrap(), fd]
    });
    drop((some, more));
}

#[test]
fn one_is_found_below_or_above_the_lowest_free_number() {
    let _alone = alone();
    let memfds = NewMemfds::new().unwrap();
    let hole = File::open("/dev/null").unwrap();
    let below = expect(&memfds, 1, || {
        drop(hole);
        vec![memfd()]
    });
    let mut other = None;
    let above = expect(&memfds, 1, || {
        other = Some(File::open("/dev/null").unwrap());
        vec![memfd()]
    });
    drop((below, above, other));
}

#[test]
fn a_handle_shows_the_object_and_keeps_it() {
    let _alone = alone();
    let memfds = NewMemfds::new().unwrap();
    let (made, found) = memfds.during(1, memfd);
    let found = found.unwrap();
    let mut watch = DeathWatch::new().unwrap();
    watch.watch(found[0].as_fd(), ()).unwrap();
    drop(made);
    assert_eq!(watch.drain(|()| ()).unwrap().deaths, 0, "the handle holds it");
    drop(found);
    assert_eq!(watch.drain(|()| ()).unwrap().deaths, 1, "nothing else does");
}

#[test]
fn what_is_gone_is_forgotten_and_what_is_open_is_not() {
    let _alone = alone();
    let memfds = NewMemfds::new().unwrap();
    let kept = expect(&memfds, 1, || vec![memfd()]);
    for _ in 0..2000 {
        expect(&memfds, 1, || vec![memfd()]);
    }
    let (_, found) = memfds.during(2, || ());
    assert_eq!(objects(&found.unwrap()), []);
    drop(kept);
}

#[test]
fn a_panic_inside_spoils_nothing() {
    let _alone = alone();
    let memfds = NewMemfds::new().unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        memfds.during(1, || std::panic::resume_unwind(Box::new(())))
    }));
    assert!(panicked.is_err());
    expect(&memfds, 1, || vec![memfd()]);
}

#[test]
fn each_thread_finds_its_own_while_others_open_and_close() {
    let _alone = alone();
    const ROUNDS: u64 = 3000;
    let memfds = NewMemfds::new().unwrap();
    let over = AtomicBool::new(false);
    let (fast, moved) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let makers: Vec<_> = (0..3)
            .map(|thread| {
                let (memfds, fast, moved) = (&memfds, &fast, &moved);
                scope.spawn(move || {
                    let mut held = VecDeque::new();
                    for round in 0..ROUNDS {
                        // Closed outside of `during`, so that any thread may take its number.
                        if held.len() > 5 || round % 3 == thread {
                            held.pop_front();
                        }
                        let probe = File::open("/dev/null").unwrap().as_raw_fd();
                        let made = expect(memfds, 1, || vec![memfd()]);
                        let counter = if made[0].as_raw_fd() == probe { fast } else { moved };
                        counter.fetch_add(1, Ordering::Relaxed);
                        held.extend(made);
                    }
                })
            })
            .collect();
        let noise = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let some: Vec<File> = (0..3).map(|_| File::open("/dev/null").unwrap()).collect();
                drop(some);
            }
        });
        let made: Result<Vec<()>, _> = makers.into_iter().map(|maker| maker.join()).collect();
        over.store(true, Ordering::Relaxed);
        noise.join().unwrap();
        made.unwrap();
    });
    // The control: other threads took numbers, so that both ways were used.
    let (fast, moved) = (fast.into_inner(), moved.into_inner());
    assert_eq!(fast + moved, 3 * ROUNDS);
    assert!(fast > 0 && moved > 0, "{fast} at the number that was free, {moved} elsewhere");
}
