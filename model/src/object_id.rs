//! The identity of a kernel object: device and inode, never a name.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The identity of a kernel object: the pair that `stat` returns and that `maps` prints.
///
/// A name does not identify an object: two memfds may have the same, and the kernel reuses a descriptor
/// number within a cycle. An inode number may be reused once its object is destroyed, so an identity is
/// valid while the object lives. (tmpfs counts inode numbers up in 64 bits and reuses none.)
///
/// `stat` and `maps` agree for memfds and plain file systems. On btrfs and overlayfs `maps` has the
/// device below and `stat` the one above; such files are not images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ObjectId {
    /// The device as `st_dev` encodes it.
    pub dev: u64,
    /// The inode number.
    #[serde(rename = "inode")]
    pub ino: u64,
}

/// `dev:ino`, both decimal, as `stat -c %d:%i` prints them.
impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.dev, self.ino)
    }
}
