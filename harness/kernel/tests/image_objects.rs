//! Objects that may be images, and those that the witnesses would misjudge.

#![allow(clippy::unwrap_used, reason = "what a test cannot set up fails it")]

mod sys;

use std::fs::File;
use std::os::fd::AsFd;

use leakbench_kernel::{ImageObjectError, ImageObjects, object_of};
use rustix::event::{EventfdFlags, eventfd};
use sys::{OwnMapping, memfd};
use tempfile::NamedTempFile;

/// A folder whose file system shows mappings as what they are; a temporary folder may be on overlayfs.
const FOLDER: &str = "/dev/shm";

#[test]
fn memfds_and_files_without_a_name_are_images() {
    let mut objects = ImageObjects::new().unwrap();
    let image = memfd(c"image", 1);
    assert_eq!(objects.identify(image.as_fd()).unwrap(), object_of(image.as_fd()).unwrap());
    // Also an empty one, and one whose neighbours in memory are the same file.
    for length in [0, 4096] {
        let file = tempfile::tempfile_in(FOLDER).unwrap();
        file.set_len(length).unwrap();
        let _neighbour = OwnMapping::file(&file, 0, 1, sys::Sharing::Private);
        for _ in 0..2 {
            assert_eq!(objects.identify(file.as_fd()).unwrap(), object_of(file.as_fd()).unwrap());
        }
    }
    // No page of it stays mapped.
    let file = tempfile::tempfile_in(FOLDER).unwrap();
    objects.identify(file.as_fd()).unwrap();
    let object = object_of(file.as_fd()).unwrap();
    let mut mappings = Vec::new();
    let mut own = leakbench_kernel::Process::open(std::process::id()).unwrap();
    own.file_mappings(&mut mappings).unwrap();
    assert!(mappings.iter().all(|mapping| mapping.object != object));
}

#[test]
fn objects_that_outlive_their_references_are_refused() {
    let mut objects = ImageObjects::new().unwrap();
    let named = NamedTempFile::new_in(FOLDER).unwrap();
    let error = objects.identify(named.as_file().as_fd()).unwrap_err();
    assert!(matches!(error, ImageObjectError::Named { .. }), "{error}");
    let (file, path) = named.into_parts();
    path.close().unwrap();
    objects.identify(file.as_fd()).unwrap();

    let event = eventfd(0, EventfdFlags::CLOEXEC).unwrap();
    let null = File::open("/dev/null").unwrap();
    for fd in [event.as_fd(), null.as_fd()] {
        let error = objects.identify(fd).unwrap_err();
        assert!(matches!(error, ImageObjectError::NoFile), "{error}");
    }
}
