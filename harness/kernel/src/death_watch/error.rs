//! Failures of the death watch, with the limit that was reached.

use std::fmt;
use std::io;
use std::path::Path;

use crate::machine::{inotify_limit, parsed};

/// The reason why an object is not watched, or why events cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// No further inotify instance for this user.
    #[error(
        "no further inotify instance (EMFILE): {limit} for all processes of this user; end some, or raise \
         it with sysctl"
    )]
    TooManyInstances {
        /// The limit that was reached.
        limit: WatchLimit,
    },
    /// No further watch for this user.
    #[error(
        "no further inotify watch after {watched} here (ENOSPC): {limit} for all processes of this user; \
         raise it with sysctl, or hold fewer modules at once"
    )]
    TooManyWatches {
        /// The number of objects that are watched now.
        watched: usize,
        /// The limit that was reached.
        limit: WatchLimit,
    },
    /// No descriptor left for the instance.
    #[error(
        "no descriptor left for an inotify instance (EMFILE): RLIMIT_NOFILE is {limit}; raise it with \
         ulimit -n"
    )]
    TooManyOpenFiles {
        /// The soft limit.
        limit: u64,
    },
    /// The object is watched already, with another key, which it keeps.
    #[error("the object behind {object} is watched already")]
    AlreadyWatched {
        /// The descriptor or path given.
        object: String,
    },
    /// The kernel refused for another reason.
    #[error("cannot watch {object}: {source}")]
    Refused {
        /// The descriptor or path given.
        object: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The kernel refuses an instance for another reason.
    #[error("cannot make an inotify instance: {source}")]
    Unavailable {
        /// The kernel's answer.
        source: io::Error,
    },
    /// The queue cannot be read.
    #[error("cannot read the inotify queue: {source}")]
    Unreadable {
        /// The kernel's answer.
        source: io::Error,
    },
}

/// A setting of the kernel that limits watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchLimit {
    /// Its name for `sysctl`.
    pub setting: &'static str,
    /// Its value; `None` if it cannot be read.
    pub value: Option<u64>,
}

impl WatchLimit {
    /// The limit of instances, of which each thread of a subject has one.
    pub fn instances() -> Self {
        Self::tighter(
            ("fs.inotify.max_user_instances", "max_user_instances"),
            ("user.max_inotify_instances", "max_inotify_instances"),
        )
    }

    /// The limit of watches, of which each image has one.
    pub fn watches() -> Self {
        Self::tighter(
            ("fs.inotify.max_user_watches", "max_user_watches"),
            ("user.max_inotify_watches", "max_inotify_watches"),
        )
    }

    /// The machine's setting, or that of the user namespace if it is smaller, as in containers.
    fn tighter(machine: (&'static str, &str), namespace: (&'static str, &str)) -> Self {
        let proc = Path::new("/proc");
        let wide = inotify_limit(proc, machine.1);
        let near: Option<u64> = parsed(&proc.join("sys/user").join(namespace.1));
        match (wide, near) {
            (Some(wide), Some(near)) if near < wide => {
                Self { setting: namespace.0, value: Some(near) }
            }
            (value, _) => Self { setting: machine.0, value },
        }
    }
}

impl fmt::Display for WatchLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value {
            Some(value) => write!(f, "{} is {value}", self.setting),
            None => write!(f, "{} is reached (its value cannot be read)", self.setting),
        }
    }
}
