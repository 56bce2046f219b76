//! The structures that describe files, and times of files.

use cap_fs_ext::SystemTimeSpec;
use cap_std::fs::MetadataExt;
use rustix::fs::{Stat, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};

use super::clock::{nanoseconds, timespec};
use crate::descriptor::FileKind;
use crate::errno::Errno;

/// What the kernel says of a file, in preview 1's layout of 64 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filestat {
    dev: u64,
    ino: u64,
    kind: FileKind,
    nlink: u64,
    size: u64,
    /// Last access, last modification, last change of status; in nanoseconds.
    times: [u64; 3],
}

impl Filestat {
    /// What is known of a stream that leads nowhere.
    pub(super) const NULL: Filestat =
        Filestat { dev: 0, ino: 0, kind: FileKind::Unknown, nlink: 1, size: 0, times: [0; 3] };

    pub(super) fn of_open(stat: &Stat, kind: FileKind) -> Filestat {
        let time = |tv_sec, tv_nsec: u64| nanoseconds(Timespec { tv_sec, tv_nsec: tv_nsec as i64 });
        Filestat {
            dev: stat.st_dev,
            ino: stat.st_ino,
            kind,
            nlink: stat.st_nlink,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            times: [
                time(stat.st_atime, stat.st_atime_nsec),
                time(stat.st_mtime, stat.st_mtime_nsec),
                time(stat.st_ctime, stat.st_ctime_nsec),
            ],
        }
    }

    pub(super) fn of_path(metadata: &cap_std::fs::Metadata) -> Filestat {
        let time = |tv_sec, tv_nsec| nanoseconds(Timespec { tv_sec, tv_nsec });
        Filestat {
            dev: metadata.dev(),
            ino: metadata.ino(),
            kind: FileKind::of(rustix::fs::FileType::from_raw_mode(metadata.mode())),
            nlink: metadata.nlink(),
            size: metadata.size(),
            times: [
                time(metadata.atime(), metadata.atime_nsec()),
                time(metadata.mtime(), metadata.mtime_nsec()),
                time(metadata.ctime(), metadata.ctime_nsec()),
            ],
        }
    }

    pub(super) fn to_bytes(self) -> [u8; 64] {
        let mut bytes = [0; 64];
        let [atim, mtim, ctim] = self.times;
        let numbers =
            [self.dev, self.ino, self.kind as u64, self.nlink, self.size, atim, mtim, ctim];
        for (to, number) in bytes.chunks_exact_mut(8).zip(numbers) {
            to.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }
}

/// A time of a file to set.
#[derive(Clone, Copy, Debug)]
enum NewTime {
    Unchanged,
    Now,
    At(u64),
}

/// The times of a file to set: of access and of modification.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewTimes([NewTime; 2]);

impl NewTimes {
    /// The times that `flags` select.
    ///
    /// # Errors
    /// INVAL if a flag is unknown, or both a time and the present are selected.
    pub(super) fn new(atim: u64, mtim: u64, flags: u32) -> Result<NewTimes, Errno> {
        if flags > 0b1111 {
            return Err(Errno::INVAL);
        }
        let time = |flags: u32, time| match flags & 0b11 {
            0b00 => Ok(NewTime::Unchanged),
            0b01 => Ok(NewTime::At(time)),
            0b10 => Ok(NewTime::Now),
            _ => Err(Errno::INVAL),
        };
        Ok(NewTimes([time(flags, atim)?, time(flags >> 2, mtim)?]))
    }

    /// For an open file.
    pub(super) fn timestamps(self) -> Timestamps {
        let [last_access, last_modification] = self.0.map(|time| match time {
            NewTime::Unchanged => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
            NewTime::Now => Timespec { tv_sec: 0, tv_nsec: UTIME_NOW },
            NewTime::At(time) => timespec(time),
        });
        Timestamps { last_access, last_modification }
    }

    /// For a path.
    pub(super) fn specs(self) -> [Option<SystemTimeSpec>; 2] {
        self.0.map(|time| match time {
            NewTime::Unchanged => None,
            NewTime::Now => Some(SystemTimeSpec::SymbolicNow),
            NewTime::At(time) => {
                let since = std::time::Duration::from_nanos(time);
                let time = std::time::SystemTime::UNIX_EPOCH + since;
                Some(SystemTimeSpec::Absolute(cap_std::time::SystemTime::from_std(time)))
            }
        })
    }
}
