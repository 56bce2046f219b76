//! A child that holds a mapping keeps the object alive. Alone in its binary, since the child also
//! holds all that other tests have mapped.

#![allow(clippy::unwrap_used, reason = "what a test cannot set up fails it")]

mod sys;

use std::os::fd::AsFd;

use leakbench_kernel::{DeathWatch, Process};
use sys::{OwnMapping, Sharing, Still, memfd};

#[test]
fn a_forked_child_keeps_a_mapping_alive_and_is_seen_to() {
    let image = memfd(c"image", 1);
    let mapping = OwnMapping::file(&image, 0, 1, Sharing::Private);
    let mut watch = DeathWatch::new().unwrap();
    watch.watch(image.as_fd(), ()).unwrap();
    drop(image);
    let child = Still::fork();
    let start = mapping.start();
    drop(mapping);
    assert_eq!(watch.drain(|()| {}).unwrap().deaths, 0);
    let holds = |pid: u32| {
        let mut mappings = Vec::new();
        Process::open(pid).unwrap().file_mappings(&mut mappings).unwrap();
        mappings.iter().any(|mapping| mapping.start == start && mapping.memfd)
    };
    assert!(holds(child.pid()), "the other witness names the holder");
    assert!(!holds(std::process::id()));
    drop(child);
    assert_eq!(watch.drain(|()| {}).unwrap().deaths, 1);
}
