//! The descriptors of a process, from its `fd` folder.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, RawDir, Stat, readlinkat_raw, statat};
use rustix::io::{self, Errno};

/// Longer links are cut.
const LINK_BYTES: usize = 4096;

/// The part of a descriptor that a walk reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Neither object nor link.
    Nothing,
    /// The object. The link is empty.
    Object,
    /// Both.
    ObjectAndLink,
}

/// Buffers for reading a table of descriptors.
#[derive(Debug)]
pub(crate) struct FdTableBuffers {
    entries: Box<[MaybeUninit<u8>]>,
    link: Box<[MaybeUninit<u8>]>,
}

impl FdTableBuffers {
    pub(crate) fn new() -> Self {
        Self {
            entries: vec![MaybeUninit::uninit(); 32 * 1024].into_boxed_slice(),
            link: vec![MaybeUninit::uninit(); LINK_BYTES].into_boxed_slice(),
        }
    }

    /// Calls `each` for every descriptor whose object is `wanted`, with its number, the target of its
    /// link and the object behind it. It omits a descriptor that is closed meanwhile. The link is half
    /// of the cost, and is read only where it is wanted.
    pub(crate) fn walk(
        &mut self,
        dir: &OwnedFd,
        wanted: impl Fn(&Stat) -> Wanted,
        mut each: impl FnMut(i32, &[u8], &Stat),
    ) -> io::Result<()> {
        let link = &mut self.link;
        for_each_name(dir, &mut self.entries, |name, fd| {
            let found = (|| {
                let stat = statat(dir.as_fd(), name, AtFlags::empty())?;
                match wanted(&stat) {
                    Wanted::Nothing => {}
                    Wanted::Object => each(fd, &[], &stat),
                    Wanted::ObjectAndLink => {
                        let (target, _) = readlinkat_raw(dir.as_fd(), name, &mut **link)?;
                        each(fd, target, &stat);
                    }
                }
                Ok(())
            })();
            match found {
                Err(Errno::NOENT) => Ok(()),
                other => other,
            }
        })
    }

    /// Calls `each` for every entry that is a number, in the folder's order; also for `task`.
    pub(crate) fn numbers(&mut self, dir: &OwnedFd, mut each: impl FnMut(i32)) -> io::Result<()> {
        for_each_name(dir, &mut self.entries, |_, number| {
            each(number);
            Ok(())
        })
    }

    /// Counts the descriptors by listing them.
    pub(crate) fn count(&mut self, dir: &OwnedFd) -> io::Result<u64> {
        let mut count = 0;
        self.numbers(dir, |_| count += 1)?;
        Ok(count)
    }
}

/// Calls `each` for every entry that is a number.
fn for_each_name(
    dir: &OwnedFd,
    buffer: &mut [MaybeUninit<u8>],
    mut each: impl FnMut(&CStr, i32) -> io::Result<()>,
) -> io::Result<()> {
    let mut entries = RawDir::new(dir, buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().ok().and_then(|text| text.parse().ok());
        if let Some(fd) = number {
            each(name, fd)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_counts_what_a_walk_shows() {
        let folder = tempfile::tempdir().unwrap();
        // More names than one call returns.
        for fd in 0..3000 {
            std::os::unix::fs::symlink("/dev/null", folder.path().join(fd.to_string())).unwrap();
        }
        std::fs::write(folder.path().join("no number"), "").unwrap();
        let mut buffers = FdTableBuffers::new();
        let open = || OwnedFd::from(std::fs::File::open(folder.path()).unwrap());
        assert_eq!(buffers.count(&open()).unwrap(), 3000);
        let mut shown = 0;
        let each = |_: i32, link: &[u8], _: &Stat| shown += usize::from(link == b"/dev/null");
        buffers.walk(&open(), |_| Wanted::ObjectAndLink, each).unwrap();
        assert_eq!(shown, 3000);
        let each = |_: i32, link: &[u8], _: &Stat| shown += usize::from(link.is_empty());
        buffers.walk(&open(), |_| Wanted::Object, each).unwrap();
        assert_eq!(shown, 6000);
        let refused = |_: i32, _: &[u8], _: &Stat| panic!("nothing was wanted");
        buffers.walk(&open(), |_| Wanted::Nothing, refused).unwrap();
    }
}
