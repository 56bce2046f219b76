//! The file systems that a process sees.

use procfs::process::MountInfos;
use rustix::fs::makedev;

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

impl Process {
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
