//! Paths of guests, compared with the kernel's own answer: `openat2` with `RESOLVE_BENEATH`.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use arbitrary::Arbitrary;
use leakbench_wasi::WasiCtx;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::guest::{CREATE, Guest, Open, RESULT};
use super::{folder, with_guest};

/// Entries that the host makes, and calls of the guest.
const STEPS_MAX: usize = 16;

/// A tree, and calls of a guest that has the directory `inside` of it.
#[derive(Arbitrary, Debug)]
pub struct Case {
    entries: Vec<Entry>,
    calls: Vec<Call>,
}

/// An entry that the host makes. Paths are relative to `inside`; one that leads outside is not made.
#[derive(Arbitrary, Debug)]
enum Entry {
    Directory { path: Text },
    File { path: Text },
    Link { path: Text, target: Text },
}

/// A call of the guest.
#[derive(Arbitrary, Debug)]
enum Call {
    Open { path: Text, follow: bool, directory: bool },
    Stat { path: Text, follow: bool },
    Create { path: Text, follow: bool, exclusive: bool },
    ReadLink { path: Text },
    CreateDirectory { path: Text },
    RemoveDirectory { path: Text },
    Unlink { path: Text },
    Rename { from: Text, to: Text },
    Link { from: Text, to: Text },
    Symlink { target: Text, path: Text },
}

/// A path of few names, so that it leads somewhere, or of any bytes.
#[derive(Arbitrary, Debug)]
enum Text {
    Parts { parts: Vec<Part>, is_absolute: bool, ends_with_slash: bool },
    Bytes(Vec<u8>),
}

/// A part of a path.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Part {
    A,
    B,
    C,
    Up,
    Here,
    Empty,
    Outside,
    Secret,
    Inside,
    NotUtf8,
    Nul,
    Long,
    Root,
}

impl Part {
    fn bytes(self) -> &'static [u8] {
        match self {
            Part::A => b"a",
            Part::B => b"b",
            Part::C => b"c",
            Part::Up => b"..",
            Part::Here => b".",
            Part::Empty => b"",
            Part::Outside => b"outside",
            Part::Secret => b"secret",
            Part::Inside => b"inside",
            Part::NotUtf8 => b"\xff\xfe",
            Part::Nul => b"a\0b",
            Part::Long => &[b'n'; 256],
            Part::Root => b"proc/self/root",
        }
    }
}

impl Text {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Text::Bytes(bytes) => bytes.clone(),
            Text::Parts { parts, is_absolute, ends_with_slash } => {
                let parts: Vec<&[u8]> = parts.iter().map(|part| part.bytes()).collect();
                let mut bytes = parts.join(&b'/');
                if *is_absolute {
                    bytes.insert(0, b'/');
                }
                if *ends_with_slash {
                    bytes.push(b'/');
                }
                bytes
            }
        }
    }
}

/// Makes the tree and calls the functions.
///
/// # Panics
/// If a guest reaches what the kernel does not find beneath the directory, does not reach what it finds,
/// or changes something outside.
pub fn check(case: &Case) {
    let folder = folder();
    let (inside, outside) = (folder.path().join("inside"), folder.path().join("outside"));
    for dir in [&inside, &outside] {
        std::fs::create_dir(dir).expect("a directory");
    }
    std::fs::write(outside.join("secret"), "secret").expect("a file");
    let dir: OwnedFd = File::open(&inside).expect("the directory").into();
    for entry in case.entries.iter().take(STEPS_MAX) {
        entry.make(&dir);
    }
    let before = Outside::of(folder.path());
    let builder = WasiCtx::builder().preopen(&inside, "/").expect("the directory");
    with_guest(builder.build().expect("a context"), |guest| {
        for call in case.calls.iter().take(STEPS_MAX) {
            call.check(guest, &dir);
            guest.reset();
        }
    });
    assert_eq!(Outside::of(folder.path()), before, "something outside changed: {case:?}");
}

/// What must not change: the folder beside the guest's directory.
#[derive(Debug, PartialEq)]
struct Outside {
    beside: Vec<std::ffi::OsString>,
    names: Vec<std::ffi::OsString>,
    secret: Option<Vec<u8>>,
    changed: [(i64, i64); 2],
    links: u64,
}

impl Outside {
    fn of(folder: &Path) -> Outside {
        let names = |path: &Path| {
            let entries = std::fs::read_dir(path).expect("a directory").flatten();
            let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
            names.sort();
            names
        };
        let outside = folder.join("outside");
        let secret = outside.join("secret");
        let stat = |path: &Path| rustix::fs::lstat(path).expect("an entry");
        let changed =
            [&outside, &secret].map(|path| (stat(path).st_ctime, stat(path).st_ctime_nsec as i64));
        Outside {
            beside: names(folder),
            names: names(&outside),
            secret: std::fs::read(&secret).ok(),
            changed,
            links: stat(&secret).st_nlink as u64,
        }
    }
}

/// A file, by what identifies it.
type Id = (u64, u64);

/// The kernel's answer to a path: the file that it finds beneath the directory.
fn beneath(dir: &OwnedFd, path: &[u8], flags: OFlags) -> Result<(OwnedFd, Id), Errno> {
    let path = CString::new(path).map_err(|_| Errno::INVAL)?;
    let flags = flags | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let fd = loop {
        match rustix::fs::openat2(dir, path.as_c_str(), flags, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            opened => break opened?,
        }
    };
    let stat = rustix::fs::fstat(&fd)?;
    Ok((fd, (stat.st_dev, stat.st_ino)))
}

impl Entry {
    /// Makes the entry if its parent is beneath the directory.
    fn make(&self, dir: &OwnedFd) {
        let (Entry::Directory { path } | Entry::File { path } | Entry::Link { path, .. }) = self;
        let path = path.bytes();
        let (parent, name) = match path.iter().rposition(|&byte| byte == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&b"."[..], &path[..]),
        };
        let Ok((parent, _)) = beneath(dir, parent, OFlags::PATH | OFlags::DIRECTORY) else {
            return;
        };
        // The host has no use for a name that leads elsewhere, and the kernel refuses most.
        if name.is_empty() || name == b"." || name == b".." {
            return;
        }
        let name = OsStr::from_bytes(name);
        let made = match self {
            Entry::Directory { .. } => rustix::fs::mkdirat(parent, name, Mode::RWXU),
            Entry::File { .. } => {
                let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
                rustix::fs::openat(parent, name, flags, Mode::RUSR | Mode::WUSR).map(drop)
            }
            Entry::Link { target, .. } => {
                rustix::fs::symlinkat(OsStr::from_bytes(&target.bytes()), parent, name)
            }
        };
        // It may exist, or have a name that no file can have.
        let _ = made;
    }
}

impl Call {
    fn check(&self, guest: &mut Guest, dir: &OwnedFd) {
        match self {
            Call::Open { path, follow, directory } => {
                let path = path.bytes();
                let mut flags = OFlags::RDONLY | OFlags::NOCTTY;
                flags.set(OFlags::NOFOLLOW, !follow);
                flags.set(OFlags::DIRECTORY, *directory);
                let expected = beneath(dir, &path, flags).map(|(_, id)| id);
                let how = Open {
                    lookup: u64::from(*follow),
                    open: if *directory { 2 } else { 0 },
                    ..Open::default()
                };
                let opened = open(guest, &path, how);
                let found = opened.map(|fd| {
                    guest.ok("fd_filestat_get", &[fd, RESULT.into()]);
                    let id = id(guest);
                    guest.ok("fd_close", &[fd]);
                    id
                });
                compare("path_open", &path, found, expected);
            }
            Call::Stat { path, follow } => {
                let path = path.bytes();
                let mut flags = OFlags::PATH;
                flags.set(OFlags::NOFOLLOW, !follow);
                let expected = beneath(dir, &path, flags).map(|(_, id)| id);
                let [at, len] = guest.put(&path);
                let args = [3, u64::from(*follow), at, len, RESULT.into()];
                let found = match guest.call("path_filestat_get", &args) {
                    0 => Ok(id(guest)),
                    errno => Err(errno),
                };
                compare("path_filestat_get", &path, found, expected);
            }
            Call::Create { path, follow, exclusive } => {
                let path = path.bytes();
                let open_flags = CREATE | if *exclusive { 4 } else { 0 };
                let how = Open { lookup: u64::from(*follow), open: open_flags, ..Open::create() };
                if let Ok(fd) = open(guest, &path, how) {
                    guest.ok("fd_filestat_get", &[fd, RESULT.into()]);
                    let found = id(guest);
                    guest.ok("fd_close", &[fd]);
                    let expected = beneath(dir, &path, OFlags::PATH).map(|(_, id)| id);
                    compare("path_open to create", &path, Ok(found), expected);
                }
            }
            Call::ReadLink { path } => {
                let path = path.bytes();
                let link = beneath(dir, &path, OFlags::PATH | OFlags::NOFOLLOW);
                let expected = link.and_then(|(fd, _)| {
                    Ok(rustix::fs::readlinkat(fd, c"", Vec::new())?.into_bytes())
                });
                let [at, len] = guest.put(&path);
                let [buf, buf_len] = guest.put(&[0; 8192]);
                let args = [3, at, len, buf, buf_len, RESULT.into()];
                let found = match guest.call("path_readlink", &args) {
                    0 => {
                        let used = guest.word(RESULT);
                        Ok(guest.bytes(buf, used.into()))
                    }
                    errno => Err(errno),
                };
                compare("path_readlink", &path, found, expected);
            }
            Call::CreateDirectory { path } => {
                let path = path.bytes();
                if self.call_path(guest, "path_create_directory", &path) {
                    let made = beneath(dir, &path, OFlags::PATH | OFlags::DIRECTORY);
                    assert!(made.is_ok(), "{path:?}: {made:?}");
                }
            }
            Call::RemoveDirectory { path } => {
                self.check_removal(guest, dir, "path_remove_directory", &path.bytes());
            }
            Call::Unlink { path } => {
                self.check_removal(guest, dir, "path_unlink_file", &path.bytes());
            }
            Call::Rename { from, to } => {
                let (from, to) = (from.bytes(), to.bytes());
                let before = beneath(dir, &from, OFlags::PATH | OFlags::NOFOLLOW);
                let [[from_at, from_len], [at, len]] = [guest.put(&from), guest.put(&to)];
                if guest.call("path_rename", &[3, from_at, from_len, 3, at, len]) == 0 {
                    let after = beneath(dir, &to, OFlags::PATH | OFlags::NOFOLLOW);
                    let ids = [before, after].map(|found| found.map(|(_, id)| id));
                    assert_eq!(ids[0], ids[1], "{from:?} to {to:?}");
                }
            }
            Call::Link { from, to } => {
                let (from, to) = (from.bytes(), to.bytes());
                let [[from_at, from_len], [at, len]] = [guest.put(&from), guest.put(&to)];
                if guest.call("path_link", &[3, 0, from_at, from_len, 3, at, len]) == 0 {
                    let ids = [&from, &to].map(|path| {
                        beneath(dir, path, OFlags::PATH | OFlags::NOFOLLOW).map(|(_, id)| id)
                    });
                    assert!(ids[0].is_ok() && ids[0] == ids[1], "{from:?} to {to:?}: {ids:?}");
                }
            }
            Call::Symlink { target, path } => {
                let (target, path) = (target.bytes(), path.bytes());
                let [[target_at, target_len], [at, len]] = [guest.put(&target), guest.put(&path)];
                if guest.call("path_symlink", &[target_at, target_len, 3, at, len]) == 0 {
                    let made = beneath(dir, &path, OFlags::PATH | OFlags::NOFOLLOW);
                    assert!(made.is_ok(), "{path:?}: {made:?}");
                }
            }
        }
    }

    fn call_path(&self, guest: &mut Guest, name: &str, path: &[u8]) -> bool {
        let [at, len] = guest.put(path);
        guest.call(name, &[3, at, len]) == 0
    }

    /// What is removed was beneath the directory, and is not any more.
    fn check_removal(&self, guest: &mut Guest, dir: &OwnedFd, name: &str, path: &[u8]) {
        let find = || beneath(dir, path, OFlags::PATH | OFlags::NOFOLLOW).map(|(_, id)| id);
        let before = find();
        if self.call_path(guest, name, path) {
            assert!(before.is_ok(), "{name} {path:?}: {before:?}");
            assert!(find().is_err(), "{name} {path:?}");
        }
    }
}

fn open(guest: &mut Guest, path: &[u8], how: Open) -> Result<u64, i32> {
    let [at, len] = guest.put(path);
    let Open { lookup, open, base, flags } = how;
    let args = [3, lookup, at, len, open, base, u64::MAX, flags, RESULT.into()];
    match guest.call("path_open", &args) {
        0 => Ok(guest.word(RESULT).into()),
        errno => Err(errno),
    }
}

/// The file of a `filestat` at [`RESULT`].
fn id(guest: &mut Guest) -> Id {
    (guest.long(RESULT), guest.long(RESULT + 8))
}

fn compare<T: PartialEq + std::fmt::Debug>(
    name: &str,
    path: &[u8],
    found: Result<T, i32>,
    expected: Result<T, Errno>,
) {
    let is_same = match (&found, &expected) {
        (Ok(found), Ok(expected)) => found == expected,
        (Err(_), Err(_)) => true,
        _ => false,
    };
    let path = String::from_utf8_lossy(path);
    assert!(is_same, "{name} {path:?}: the guest {found:?}, the kernel {expected:?}");
}
