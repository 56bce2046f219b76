//! Descriptors of a process, by number, object and kind.

#![allow(clippy::unwrap_used, reason = "what a test cannot set up fails it")]

mod sys;

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use leakbench_kernel::{DeathWatch, FdEntry, FdKind, Process, objects};
use leakbench_model::ObjectId;
use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::fs::{Mode, OFlags, fstat, open};
use rustix::process::{PidfdFlags, getpid, pidfd_open};
use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};
use sys::{Still, memfd};

fn object(fd: impl AsFd) -> ObjectId {
    let stat = fstat(fd).unwrap();
    ObjectId { dev: stat.st_dev, ino: stat.st_ino }
}

#[test]
fn every_kind_is_known_with_its_object() {
    let folder = tempfile::tempdir().unwrap();
    let named = folder.path().join("named (deleted)");
    let deleted = folder.path().join("deleted");
    let linked = folder.path().join("linked");
    let mut kept: Vec<(FdKind, OwnedFd)> = vec![
        (FdKind::Memfd, memfd(c"image", 1)),
        (FdKind::Memfd, memfd(c"two\nlines (deleted)", 1)),
        (FdKind::Memfd, memfd(c"", 1)),
        (FdKind::File, File::create(&named).unwrap().into()),
        (FdKind::File, open(folder.path(), OFlags::DIRECTORY, Mode::empty()).unwrap()),
        (FdKind::File, File::open("/dev/null").unwrap().into()),
        (FdKind::File, File::create(&linked).unwrap().into()),
        (FdKind::DeletedFile, File::create(&deleted).unwrap().into()),
        (FdKind::Socket, UnixStream::pair().unwrap().0.into()),
        (FdKind::Pipe, std::io::pipe().unwrap().0.into()),
        (FdKind::EventFd, eventfd(0, EventfdFlags::CLOEXEC).unwrap()),
        (
            FdKind::TimerFd,
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC).unwrap(),
        ),
        (FdKind::Epoll, epoll::create(epoll::CreateFlags::CLOEXEC).unwrap()),
        (FdKind::Pidfd, pidfd_open(getpid(), PidfdFlags::empty()).unwrap()),
        (
            FdKind::Inotify,
            rustix::fs::inotify::init(rustix::fs::inotify::CreateFlags::CLOEXEC).unwrap(),
        ),
        (FdKind::SignalFd, objects::signalfd().unwrap()),
        (FdKind::Other, File::open("/proc/self/ns/mnt").unwrap().into()),
    ];
    let ptmx = File::options().read(true).write(true).open("/dev/ptmx");
    let may_be_refused = [
        (FdKind::Pty, ptmx.ok().map(OwnedFd::from)),
        (FdKind::IoUring, objects::io_uring().ok()),
        (FdKind::Bpf, objects::bpf_map().ok()),
        (FdKind::MessageQueue, objects::posix_queue(8, 100).ok()),
        (FdKind::PerfEvent, objects::perf_event().ok()),
    ];
    kept.extend(may_be_refused.into_iter().filter_map(|(kind, fd)| Some((kind, fd?))));
    std::fs::remove_file(&deleted).unwrap();
    // The file has another name, so it is not deleted.
    std::fs::hard_link(&linked, folder.path().join("second")).unwrap();
    std::fs::remove_file(&linked).unwrap();

    let written = memfd(c"written", 0);
    rustix::io::write(&written, &vec![1; 3 * sys::page()]).unwrap();
    let child = Still::fork();
    let mut process = Process::open(child.pid()).unwrap();
    let object_zero = ObjectId { dev: 0, ino: 0 };
    let mut entries =
        vec![FdEntry { fd: -1, object: object_zero, kind: FdKind::Other, name_hash: 0, bytes: 0 }];
    process.fds(&mut entries).unwrap();
    for (kind, fd) in &kept {
        let found = entries.iter().find(|entry| entry.fd == fd.as_raw_fd()).unwrap();
        assert_eq!((found.kind, found.object), (*kind, object(fd)), "descriptor {}", found.fd);
    }
    let bytes_of = |fd: &OwnedFd| {
        entries.iter().find(|entry| entry.fd == fd.as_raw_fd()).map(|entry| entry.bytes)
    };
    assert_eq!(bytes_of(&written), Some(3 * sys::page() as u64));
    assert_eq!(bytes_of(&kept[0].1), Some(0));
    assert!(entries.windows(2).all(|pair| pair[0].fd < pair[1].fd));
    assert_counted(&mut process, child.pid(), &entries, kept.len());
    let theirs = procfs::process::Process::new(child.pid().cast_signed()).unwrap().fd().unwrap();
    assert!((kept.len()..=entries.len()).contains(&theirs.count()));
}

/// The count is that of the folder, and `entries` are among them, with `known` ones at least. Others are
/// those of neighbouring tests, which the child inherits. One of a `/proc` file whose process has ended
/// by now is counted and not listed.
fn assert_counted(process: &mut Process, pid: u32, entries: &[FdEntry], known: usize) {
    let numbers = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    assert_eq!(process.fd_count().unwrap(), numbers as u64);
    assert!((known..=numbers).contains(&entries.len()), "{} of {numbers}", entries.len());
}

#[test]
fn thousands_are_listed_and_counted() {
    let images: Vec<_> = (0..1500).map(|_| memfd(c"image", 0)).collect();
    let child = Still::fork();
    let mut process = Process::open(child.pid()).unwrap();
    let mut entries = Vec::new();
    process.fds(&mut entries).unwrap();
    for image in &images {
        let found = entries.iter().find(|entry| entry.fd == image.as_raw_fd()).unwrap();
        assert_eq!((found.kind, found.object), (FdKind::Memfd, object(image)));
    }
    assert_counted(&mut process, child.pid(), &entries, images.len());
}

#[test]
fn a_descriptor_that_closed_meanwhile_is_left_out() {
    let tree = tempfile::tempdir().unwrap();
    let folder = tree.path().join("3");
    std::fs::create_dir_all(folder.join("fd")).unwrap();
    std::fs::copy("/proc/self/stat", folder.join("stat")).unwrap();
    for fd in 0..20 {
        std::os::unix::fs::symlink("/dev/null", folder.join("fd").join(fd.to_string())).unwrap();
    }
    // A descriptor that was closed after the listing.
    std::os::unix::fs::symlink("/nonexistent", folder.join("fd/99")).unwrap();
    let mut process = Process::open_under(tree.path(), 3).unwrap();
    let mut entries = Vec::new();
    process.fds(&mut entries).unwrap();
    assert_eq!(entries.len(), 20);
}

#[test]
fn a_look_keeps_nothing_alive() {
    let image = memfd(c"image", 1);
    let mut watch = DeathWatch::new().unwrap();
    watch.watch(image.as_fd(), ()).unwrap();
    let mut process = Process::open(std::process::id()).unwrap();
    let mut entries = Vec::new();
    process.fds(&mut entries).unwrap();
    let number = image.as_raw_fd();
    assert!(entries.iter().any(|entry| entry.fd == number && entry.kind == FdKind::Memfd));
    drop(image);
    process.fds(&mut entries).unwrap();
    // A fork of a neighbouring test may hold it for a moment longer than this one.
    let deadline = Instant::now() + Duration::from_secs(120);
    while watch.watched() > 0 && Instant::now() < deadline {
        watch.drain(|()| {}).unwrap();
        std::thread::yield_now();
    }
    assert_eq!(watch.watched(), 0);
}
