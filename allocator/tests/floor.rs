//! The lower bound that benchmarks divide by releases what it creates.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../benches/support/death_watch.rs"]
mod death_watch;
#[path = "../benches/sys/floor.rs"]
mod floor;

use std::io;
use std::os::fd::AsFd;

use death_watch::DeathWatch;
use floor::Floor;
use leakbench_allocator::IMAGE_NAME;
use rustix::fs::MemfdFlags;

#[test]
fn every_cycle_ends_with_the_release() {
    let mut floor = Floor::new(true).unwrap();
    for byte in 0..10 {
        floor.cycle(&[byte; 4096]).unwrap();
    }
    assert_eq!(floor.cycle(&[0; 100]).unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn a_file_with_a_descriptor_left_is_not_released() {
    let memfd = rustix::fs::memfd_create(IMAGE_NAME, MemfdFlags::CLOEXEC).unwrap();
    let mut watch = DeathWatch::new().unwrap();
    watch.watch(memfd.as_fd()).unwrap();
    let other = memfd.try_clone().unwrap();
    drop(memfd);
    assert_eq!(watch.expect_death().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    drop(other);
    watch.expect_death().unwrap();
}
