//! The file systems that a process sees.

use procfs::process::MountInfos;
use rustix::fs::{makedev, statvfs};

use super::error::ReadError;
use super::process::Process;

/// A mounted file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The device of its files.
    pub dev: u64,
    /// The folder where it is mounted, as the process sees it.
    pub point: String,
    /// Its files are in memory.
    pub is_tmpfs: bool,
}

/// The size of a file system, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSystemSize {
    /// All of it.
    pub total: u64,
    /// What is not free for an ordinary user.
    pub used: u64,
}

impl Process {
    /// The size of the file system that has the file of a descriptor; `None` if it has no size, as a
    /// tmpfs may, or if the descriptor is closed.
    pub fn size_of_file_system(&self, fd: i32) -> Option<FileSystemSize> {
        let stat = statvfs(format!("/proc/{}/fd/{fd}", self.pid())).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
        let (total, free) = (bytes(stat.f_blocks), bytes(stat.f_bavail));
        (total > 0).then_some(FileSystemSize { total, used: total.saturating_sub(free) })
    }

    /// The file systems in its mount namespace. One that is mounted twice is listed twice.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn mounts(&self) -> Result<Vec<Mount>, ReadError> {
        let mounts: MountInfos = self.read_parsed(c"mountinfo", "mountinfo")?;
        let mounts = mounts.0.into_iter().filter_map(|mount| {
            let (major, minor) = mount.majmin.split_once(':')?;
            Some(Mount {
                dev: makedev(major.parse().ok()?, minor.parse().ok()?),
                point: mount.mount_point.to_string_lossy().into_owned(),
                is_tmpfs: matches!(mount.fs_type.as_str(), "tmpfs" | "devtmpfs" | "ramfs"),
            })
        });
        Ok(mounts.collect())
    }
}
