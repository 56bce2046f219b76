//! The objects that inotify and epoll descriptors watch, from their `fdinfo`, and the processes that
//! hold a pipe.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::path::Path;

use leakbench_model::ObjectId;
use memchr::memmem;
use procfs::process::MountInfos;
use rustix::fs::{CWD, Mode, OFlags, makedev, openat, readlinkat};

use super::error::ReadError;
use super::fields;
use super::process::Process;
use super::sys::file_handle;

const FILE: &str = "fdinfo";

/// The watches of an inotify descriptor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watches {
    /// Their number.
    pub count: u64,
    /// The newest; `None` if there is none, or if it cannot be parsed.
    pub newest: Option<Watched>,
}

/// A watched file or folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// The file.
    pub object: ObjectId,
    /// The kind and the bytes of its handle; absent if its file system has none.
    handle: Option<(i32, Vec<u8>)>,
}

impl Process {
    /// The watches of an inotify descriptor. The kernel prints a line for each, so the cost grows with
    /// their number.
    ///
    /// # Errors
    /// See [`ReadError`]; [`ReadError::Absent`] for a closed descriptor.
    pub fn inotify_watches(&self, fd: i32, text: &mut Vec<u8>) -> Result<Watches, ReadError> {
        const LINE: &[u8] = b"inotify wd:";
        self.read_all(&path(fd), FILE, text)?;
        let count = memmem::find_iter(text, LINE).count() as u64;
        // The kernel prints the newest first.
        let newest = text.split(|&byte| byte == b'\n').find(|line| line.starts_with(LINE));
        Ok(Watches { count, newest: newest.and_then(watched) })
    }

    /// The descriptors that are registered at an epoll descriptor, by the numbers that they had then.
    ///
    /// # Errors
    /// See [`ReadError`]; [`ReadError::Absent`] for a closed descriptor.
    pub fn epoll_targets(&self, fd: i32) -> Result<Vec<u64>, ReadError> {
        let mut text = Vec::new();
        self.read_all(&path(fd), FILE, &mut text)?;
        // "tfd:        5 events:       1f data:                5  pos:0 ino:15c42 sdev:f"
        let targets = text.split(|&byte| byte == b'\n').filter_map(|line| {
            let rest = line.strip_prefix(b"tfd:")?.trim_ascii_start();
            fields::number(rest.split(u8::is_ascii_whitespace).next()?)
        });
        Ok(targets.collect())
    }

    /// The path of a watched file; `None` without `CAP_DAC_READ_SEARCH`, for a file that has no name
    /// any more, and for file systems without handles.
    pub fn path_of_watched(&self, watched: &Watched) -> Option<String> {
        let (kind, handle) = watched.handle.as_ref()?;
        let mounts: MountInfos = self.read_parsed(c"mountinfo", "mountinfo").ok()?;
        let (major, minor) = super::object::device_numbers(watched.object);
        let device = format!("{major}:{minor}");
        mounts.0.iter().filter(|mount| mount.majmin == device).find_map(|mount| {
            let below = mount.mount_point.strip_prefix("/").ok()?;
            let root = Path::new("/proc").join(self.pid().to_string()).join("root");
            let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let mount = openat(CWD, root.join(below), flags, Mode::empty()).ok()?;
            let file = file_handle::open(&mount, *kind, handle).ok()?;
            let link = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
            let path = readlinkat(CWD, link, Vec::new()).ok()?;
            Some(path.to_string_lossy().into_owned())
        })
    }
}

fn path(fd: i32) -> CString {
    CString::new(format!("fdinfo/{fd}")).unwrap_or_default()
}

/// `inotify wd:2 ino:3c4a7 sdev:fe00000 mask:100 ignored_mask:0 fhandle-bytes:8 fhandle-type:1 f_handle:a7c4030000000000`
fn watched(line: &[u8]) -> Option<Watched> {
    let value = |key: &str| {
        let mut words = line.split(u8::is_ascii_whitespace);
        words.find_map(|word| word.strip_prefix(key.as_bytes())?.strip_prefix(b":"))
    };
    let number = |key: &str| fields::hex(value(key)?);
    // The kernel's own form of a device has 20 bits of the minor number.
    let device = u32::try_from(number("sdev")?).ok()?;
    let dev = makedev(device >> 20, device & 0xf_ffff);
    let handle = || {
        let bytes = value("f_handle")?.chunks(2).map(|pair| u8::try_from(fields::hex(pair)?).ok());
        let kind = i32::try_from(number("fhandle-type")?).ok()?;
        Some((kind, bytes.collect::<Option<Vec<u8>>>()?))
    };
    Some(Watched { object: ObjectId { dev, ino: number("ino")? }, handle: handle() })
}

/// For each of these pipes, the processes that have it open, but those of `skipped`. It reads every
/// descriptor that this user may see.
pub fn holders_of_pipes(
    proc: &Path,
    pipes: &BTreeSet<u64>,
    skipped: impl Fn(u32) -> bool,
) -> BTreeMap<u64, BTreeSet<u32>> {
    let mut holders: BTreeMap<u64, BTreeSet<u32>> = BTreeMap::new();
    let entries = |path: &Path| std::fs::read_dir(path).into_iter().flatten().flatten();
    for process in entries(proc) {
        let pid = process.file_name().to_str().and_then(|name| name.parse().ok());
        let Some(pid) = pid.filter(|&pid| !skipped(pid)) else { continue };
        for fd in entries(&process.path().join("fd")) {
            let Ok(link) = std::fs::read_link(fd.path()) else { continue };
            let number = link.to_str().and_then(|link| link.strip_prefix("pipe:["));
            let number = number.and_then(|number| number.strip_suffix(']')?.parse().ok());
            if let Some(pipe) = number.filter(|pipe| pipes.contains(pipe)) {
                holders.entry(pipe).or_default().insert(pid);
            }
        }
    }
    holders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_is_read_with_its_handle() {
        let line = b"inotify wd:2 ino:3c4a7 sdev:fe00003 mask:100 ignored_mask:0 \
                     fhandle-bytes:8 fhandle-type:1 f_handle:a7c4030000000000";
        let found = watched(line).unwrap();
        assert_eq!(found.object, ObjectId { dev: makedev(0xfe, 3), ino: 0x3_c4a7 });
        assert_eq!(found.handle, Some((1, vec![0xa7, 0xc4, 3, 0, 0, 0, 0, 0])));
        let without = b"inotify wd:2 ino:3c4a7 sdev:fe00003 mask:100 ignored_mask:0";
        assert_eq!(watched(without).unwrap().handle, None);
        assert_eq!(watched(b"inotify wd:2"), None);
    }
}
