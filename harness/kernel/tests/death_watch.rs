//! The moments at which the death watch reports an object, and at which it must not.
//!
//! No test in this binary forks or starts a program: a child would hold every image for a moment.

#![allow(clippy::unwrap_used, reason = "what a test cannot set up fails it")]

mod sys;

use std::fs;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use leakbench_kernel::{DeathWatch, Drained, Machine, WatchError};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use sys::{OwnMapping, Sharing, memfd};

/// The keys that one drain reports.
fn deaths<K>(watch: &mut DeathWatch<K>) -> Vec<K> {
    let mut keys = Vec::new();
    let drained = watch.drain(|key| keys.push(key)).unwrap();
    assert_eq!(drained, Drained { deaths: keys.len() as u64, overflowed: false });
    keys
}

fn watch_one(fd: impl AsFd) -> DeathWatch<&'static str> {
    let mut watch = DeathWatch::new().unwrap();
    watch.watch(fd.as_fd(), "image").unwrap();
    watch
}

#[test]
fn the_last_descriptor_closed_is_the_end() {
    let image = memfd(c"image", 1);
    let second = image.try_clone().unwrap();
    let mut watch = watch_one(&image);
    assert!(deaths(&mut watch).is_empty());
    drop(image);
    assert!(deaths(&mut watch).is_empty(), "a copy of the descriptor is open");
    assert_eq!(watch.living().collect::<Vec<_>>(), [&"image"]);
    drop(second);
    assert_eq!(deaths(&mut watch), ["image"]);
    assert_eq!(watch.watched(), 0);
    assert!(deaths(&mut watch).is_empty(), "a death is reported once");
}

#[test]
fn the_last_page_unmapped_is_the_end_and_no_page_before_it() {
    for sharing in [Sharing::Private, Sharing::Shared] {
        let image = memfd(c"image", 4);
        let mut watch = watch_one(&image);
        let mut mapping = OwnMapping::file(&image, 0, 4, sharing);
        let other = OwnMapping::file(&image, 2, 1, sharing);
        drop(image);
        assert!(deaths(&mut watch).is_empty(), "two mappings hold it");
        mapping.shrink_to(2);
        assert!(deaths(&mut watch).is_empty(), "half a mapping holds it");
        mapping.shrink_to(1);
        drop(other);
        assert!(deaths(&mut watch).is_empty(), "one page holds it");
        drop(mapping);
        assert_eq!(deaths(&mut watch), ["image"], "reported when munmap returned");
    }
}

#[test]
fn a_mapping_replaced_is_a_mapping_gone() {
    let (first, second) = (memfd(c"image", 1), memfd(c"image", 1));
    let mut watch = DeathWatch::new().unwrap();
    watch.watch(first.as_fd(), "first").unwrap();
    watch.watch(second.as_fd(), "second").unwrap();
    let mut slot = OwnMapping::reserve(2);
    slot.replace_page(0, &first);
    drop(first);
    assert!(deaths(&mut watch).is_empty());
    slot.replace_page(0, &second);
    assert_eq!(deaths(&mut watch), ["first"], "distinguished by object, though both have one name");
    drop(slot);
    assert!(deaths(&mut watch).is_empty());
    drop(second);
    assert_eq!(deaths(&mut watch), ["second"]);
}

#[test]
fn a_descriptor_in_flight_keeps_it_alive() {
    let image = memfd(c"image", 1);
    let mut watch = watch_one(&image);
    let (here, there) = UnixStream::pair().unwrap();
    send(&here, &image);
    drop(image);
    assert!(deaths(&mut watch).is_empty(), "it is in flight, and no process has it open or mapped");
    let received = receive(&there);
    assert!(deaths(&mut watch).is_empty());
    drop(received);
    assert_eq!(deaths(&mut watch), ["image"]);
}

fn send(socket: &UnixStream, fd: &OwnedFd) {
    let fds = [fd.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
    sendmsg(socket, &[IoSlice::new(b"x")], &mut control, SendFlags::empty()).unwrap();
}

fn receive(socket: &UnixStream) -> OwnedFd {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    recvmsg(socket, &mut [IoSliceMut::new(&mut [0])], &mut control, RecvFlags::empty()).unwrap();
    let message = control.drain().next().unwrap();
    let RecvAncillaryMessage::ScmRights(mut fds) = message else { panic!("no descriptor arrived") };
    fds.next().unwrap()
}

#[test]
fn ten_thousand_images_end_ten_thousand_times_each_when_it_does() {
    const IMAGES: usize = 10_000;
    let mut watch = DeathWatch::new().unwrap();
    let mut mappings: Vec<_> = (0..IMAGES)
        .map(|key| {
            let image = memfd(c"image", 1);
            watch.watch(image.as_fd(), key).unwrap();
            (key, OwnMapping::file(&image, 0, 1, Sharing::Private))
        })
        .collect();
    assert!(deaths(&mut watch).is_empty());
    assert_eq!(watch.watched(), IMAGES);
    mappings.shuffle(&mut StdRng::seed_from_u64(1));
    for (key, mapping) in mappings {
        drop(mapping);
        assert_eq!(deaths(&mut watch), [key]);
    }
    assert_eq!((watch.watched(), watch.overflowed()), (0, false));
}

#[test]
fn one_drain_takes_more_than_one_buffer_in_order() {
    let images: Vec<_> = (0..5000).map(|_| memfd(c"image", 0)).collect();
    let mut watch = DeathWatch::new().unwrap();
    for (key, image) in images.iter().enumerate() {
        watch.watch(image.as_fd(), key).unwrap();
    }
    drop(images);
    assert_eq!(deaths(&mut watch), (0..5000).collect::<Vec<_>>());
}

#[test]
fn a_queue_that_overflowed_is_remembered_and_what_it_lost_stays_unknown() {
    let Some(limit) = Machine::read().inotify_max_queued_events else { panic!("no limit to read") };
    let images = usize::try_from(limit).unwrap() / 2 + 1000;
    let mut watch = DeathWatch::new().unwrap();
    for key in 0..images {
        watch.watch(memfd(c"image", 0).as_fd(), key).unwrap();
    }
    assert!(!watch.overflowed(), "no event was read yet, so no loss is known");
    let mut reported = 0;
    let drained = watch.drain(|_| reported += 1).unwrap();
    assert!(drained.overflowed);
    assert_eq!(drained.deaths, reported);
    assert!(reported <= limit.div_ceil(2), "two events a death: {reported}");
    assert_eq!(
        watch.watched() as u64,
        images as u64 - reported,
        "lost deaths are neither reported nor forgotten"
    );

    // Later deaths are reported, and the loss stays known.
    let image = memfd(c"image", 0);
    watch.watch(image.as_fd(), usize::MAX).unwrap();
    drop(image);
    assert_eq!(deaths(&mut watch), [usize::MAX]);
    assert!(watch.overflowed());
}

#[test]
fn a_watch_by_path_hears_the_same() {
    let image = memfd(c"image", 1);
    let mut watch = DeathWatch::new().unwrap();
    let path = PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), image.as_raw_fd()));
    watch.watch_path(&path, 7).unwrap();
    assert!(deaths(&mut watch).is_empty());
    drop(image);
    assert_eq!(deaths(&mut watch), [7]);
}

#[test]
fn one_object_has_one_key() {
    let image = memfd(c"image", 1);
    let copy = image.try_clone().unwrap();
    let mut watch = watch_one(&image);
    let refused = watch.watch(copy.as_fd(), "again").unwrap_err();
    assert!(matches!(refused, WatchError::AlreadyWatched { .. }), "{refused:?}");
    drop((image, copy));
    assert_eq!(deaths(&mut watch), ["image"]);
}

#[test]
fn what_cannot_be_watched_is_an_error_that_names_it() {
    let mut watch = DeathWatch::new().unwrap();
    let refused = watch.watch_path("/nonexistent/fd".as_ref(), ()).unwrap_err();
    assert!(refused.to_string().contains("/nonexistent/fd"), "{refused}");
    assert_eq!(watch.watched(), 0);
}

#[test]
fn a_file_with_a_name_ends_when_it_is_deleted_and_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let file = fs::File::create(&path).unwrap();
    let mut watch = watch_one(&file);
    fs::remove_file(&path).unwrap();
    assert!(deaths(&mut watch).is_empty(), "open");
    drop(file);
    assert_eq!(deaths(&mut watch), ["image"]);
}

#[test]
fn a_watch_becomes_readable_when_something_ended() {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let image = memfd(c"image", 1);
    let mut watch = watch_one(&image);
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    assert_eq!(poll(&mut [PollFd::new(&watch, PollFlags::IN)], Some(&now)).unwrap(), 0);
    drop(image);
    assert_eq!(poll(&mut [PollFd::new(&watch, PollFlags::IN)], Some(&now)).unwrap(), 1);
    assert_eq!(deaths(&mut watch), ["image"]);
}
