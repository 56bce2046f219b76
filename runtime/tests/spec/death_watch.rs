//! A death watch on images: inotify reports the moment at which the kernel destroys a memfd.

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};

use leakbench_runtime::Module;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

/// Watches images until the kernel destroys them.
#[derive(Debug)]
pub(crate) struct DeathWatch {
    inotify: OwnedFd,
    watched: usize,
}

impl DeathWatch {
    pub(crate) fn new() -> Self {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).unwrap();
        DeathWatch { inotify, watched: 0 }
    }

    /// Watches the image of `module`, if it has one.
    pub(crate) fn watch(&mut self, module: &Module) {
        let Some(fd) = module.image().and_then(|image| image.as_fd()) else {
            return;
        };
        let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
        inotify::add_watch(&self.inotify, path, WatchFlags::DELETE_SELF).unwrap();
        self.watched += 1;
    }

    /// The number of watched images, and the number of those that were destroyed.
    pub(crate) fn watched_and_destroyed(&self) -> (usize, usize) {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(&self.inotify, &mut buffer);
        let mut destroyed = 0;
        loop {
            match reader.next() {
                Ok(event) => {
                    assert!(!event.events().contains(ReadFlags::QUEUE_OVERFLOW), "events are lost");
                    destroyed += usize::from(event.events().contains(ReadFlags::DELETE_SELF));
                }
                Err(Errno::AGAIN) => return (self.watched, destroyed),
                Err(error) => panic!("inotify: {error}"),
            }
        }
    }
}
