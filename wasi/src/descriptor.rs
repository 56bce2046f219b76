//! Descriptors of a guest, and the table of them.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use cap_std::fs::Dir;
use rustix::fs::OFlags;
use rustix::net::sockopt::socket_type;

use crate::errno::{Errno, Outcome};
use crate::open_descriptors::{Counted, OpenDescriptors};
use crate::rights;

/// A kind of file, with its number in preview 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum FileKind {
    /// Also pipes, for which preview 1 has no number.
    Unknown = 0,
    BlockDevice = 1,
    CharacterDevice = 2,
    Directory = 3,
    RegularFile = 4,
    SocketDatagram = 5,
    SocketStream = 6,
    SymbolicLink = 7,
}

impl FileKind {
    /// The kind of a file whose type is `file`. A socket counts as a stream.
    pub(crate) fn of(file: rustix::fs::FileType) -> FileKind {
        use rustix::fs::FileType;
        match file {
            FileType::RegularFile => FileKind::RegularFile,
            FileType::Directory => FileKind::Directory,
            FileType::Symlink => FileKind::SymbolicLink,
            FileType::Socket => FileKind::SocketStream,
            FileType::CharacterDevice => FileKind::CharacterDevice,
            FileType::BlockDevice => FileKind::BlockDevice,
            FileType::Fifo | FileType::Unknown => FileKind::Unknown,
        }
    }

    /// The kind of what `fd` points at.
    pub(crate) fn of_open(fd: BorrowedFd<'_>, mode: u32) -> FileKind {
        match FileKind::of(rustix::fs::FileType::from_raw_mode(mode)) {
            FileKind::SocketStream
                if socket_type(fd).is_ok_and(|ty| ty == rustix::net::SocketType::DGRAM) =>
            {
                FileKind::SocketDatagram
            }
            kind => kind,
        }
    }

    fn is_socket(self) -> bool {
        matches!(self, FileKind::SocketDatagram | FileKind::SocketStream)
    }
}

/// The object behind a descriptor.
#[derive(Debug)]
pub(crate) enum Object {
    /// Nowhere: a read ends at once, and written bytes are discarded.
    Null,
    /// A standard stream of the process, which the guest shares and does not close.
    Standard(BorrowedFd<'static>),
    /// A directory, and the guest's name of it if it was handed in.
    Directory { dir: Dir, preopen: Option<String> },
    /// A file, a device, a pipe or a socket.
    File(OwnedFd),
}

/// A descriptor of a guest. Dropping it closes the kernel's descriptor.
#[derive(Debug)]
pub(crate) struct Descriptor {
    pub(crate) object: Object,
    pub(crate) kind: FileKind,
    /// The rights of the descriptor.
    pub(crate) base: u64,
    /// The rights of descriptors that are opened below it.
    pub(crate) inheriting: u64,
    /// Set while it stands in a table and has a descriptor of the kernel.
    counted: Option<Counted>,
}

impl Descriptor {
    /// A stream that leads nowhere.
    pub(crate) fn null() -> Descriptor {
        let kind = FileKind::Unknown;
        Descriptor {
            object: Object::Null,
            kind,
            base: rights::STREAM,
            inheriting: 0,
            counted: None,
        }
    }

    /// A standard stream of the process. `access` is the right to read or the right to write.
    pub(crate) fn standard(fd: BorrowedFd<'static>, access: u64) -> Descriptor {
        // A closed stream is of unknown kind, and its uses fail.
        let mode = rustix::fs::fstat(fd).map_or(0, |stat| stat.st_mode);
        let kind = FileKind::of_open(fd, mode);
        let base = rights::STREAM & !(rights::FD_READ | rights::FD_WRITE) | access;
        Descriptor { object: Object::Standard(fd), kind, base, inheriting: 0, counted: None }
    }

    /// A directory that is handed in under the name `guest`.
    pub(crate) fn preopened(dir: Dir, guest: String) -> Descriptor {
        Descriptor {
            object: Object::Directory { dir, preopen: Some(guest) },
            kind: FileKind::Directory,
            base: rights::DIRECTORY,
            inheriting: rights::DIRECTORY | rights::FILE | rights::SOCKET,
            counted: None,
        }
    }

    /// Any open file, with all rights that apply to it.
    ///
    /// # Errors
    /// If the kernel does not describe it.
    pub(crate) fn new(fd: OwnedFd) -> rustix::io::Result<Descriptor> {
        let kind = FileKind::of_open(fd.as_fd(), rustix::fs::fstat(&fd)?.st_mode);
        let access = rustix::fs::fcntl_getfl(&fd)? & OFlags::RWMODE;
        let applicable = match kind {
            FileKind::Directory => rights::DIRECTORY,
            FileKind::CharacterDevice if rustix::termios::isatty(&fd) => rights::STREAM,
            FileKind::RegularFile | FileKind::CharacterDevice | FileKind::BlockDevice => {
                rights::FILE
            }
            FileKind::Unknown | FileKind::SymbolicLink => rights::STREAM,
            FileKind::SocketDatagram | FileKind::SocketStream => rights::SOCKET,
        };
        let base = match access {
            _ if kind == FileKind::Directory => applicable,
            OFlags::RDWR => applicable,
            OFlags::WRONLY => applicable & !rights::FD_READ,
            _ => applicable & !rights::WRITING,
        };
        let (object, inheriting) = if kind == FileKind::Directory {
            let dir = Dir::from_std_file(fd.into());
            let inheriting = rights::DIRECTORY | rights::FILE | rights::SOCKET;
            (Object::Directory { dir, preopen: None }, inheriting)
        } else {
            (Object::File(fd), 0)
        };
        Ok(Descriptor { object, kind, base, inheriting, counted: None })
    }

    /// The kernel's descriptor; `None` if there is none.
    pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.object {
            Object::Null => None,
            Object::Standard(fd) => Some(*fd),
            Object::Directory { dir, .. } => Some(dir.as_fd()),
            Object::File(fd) => Some(fd.as_fd()),
        }
    }

    /// The kernel's descriptor of a file that belongs to the guest.
    ///
    /// # Errors
    /// BADF for streams of the process and for [`Object::Null`], ISDIR for directories.
    pub(crate) fn file(&self) -> Result<BorrowedFd<'_>, Errno> {
        match &self.object {
            Object::File(fd) => Ok(fd.as_fd()),
            Object::Directory { .. } => Err(Errno::ISDIR),
            Object::Null | Object::Standard(_) => Err(Errno::BADF),
        }
    }

    /// As [`Self::file`], for operations that directories have too.
    ///
    /// # Errors
    /// BADF for streams of the process and for [`Object::Null`].
    pub(crate) fn file_or_directory(&self) -> Result<BorrowedFd<'_>, Errno> {
        match &self.object {
            Object::Directory { dir, .. } => Ok(dir.as_fd()),
            _ => self.file(),
        }
    }

    /// As [`Self::file`], for operations with a position.
    ///
    /// # Errors
    /// BADF for directories, SPIPE for streams.
    pub(crate) fn seekable(&self) -> Result<BorrowedFd<'_>, Errno> {
        match &self.object {
            Object::File(fd) => Ok(fd.as_fd()),
            Object::Directory { .. } => Err(Errno::BADF),
            Object::Null | Object::Standard(_) => Err(Errno::SPIPE),
        }
    }

    /// The directory.
    ///
    /// # Errors
    /// NOTDIR if it is none.
    pub(crate) fn directory(&self) -> Result<&Dir, Errno> {
        match &self.object {
            Object::Directory { dir, .. } => Ok(dir),
            _ => Err(Errno::NOTDIR),
        }
    }

    /// The socket.
    ///
    /// # Errors
    /// NOTSOCK if it is none.
    pub(crate) fn socket(&self) -> Result<BorrowedFd<'_>, Errno> {
        match &self.object {
            Object::File(fd) if self.kind.is_socket() => Ok(fd.as_fd()),
            _ => Err(Errno::NOTSOCK),
        }
    }

    /// Checks that the descriptor has a right to transfer data.
    ///
    /// # Errors
    /// ISDIR for directories; BADF without the right, as a kernel says of a file that is not open for it.
    pub(crate) fn check(&self, right: u64) -> Result<(), Errno> {
        match self.kind {
            FileKind::Directory => Err(Errno::ISDIR),
            _ if self.base & right == 0 => Err(Errno::BADF),
            _ => Ok(()),
        }
    }
}

/// The descriptors of a guest. A new one takes the lowest free number.
#[derive(Debug)]
pub(crate) struct Table {
    entries: Vec<Option<Descriptor>>,
    /// Maximum number of entries.
    max: usize,
    open: OpenDescriptors,
    /// A fault on purpose: a descriptor that another one replaces is not closed.
    pub(crate) forgets_replaced: bool,
}

impl Table {
    pub(crate) fn new(max: usize, open: OpenDescriptors) -> Table {
        Table { entries: Vec::new(), max, open, forgets_replaced: false }
    }

    /// The lowest free number.
    ///
    /// # Errors
    /// MFILE if the table is full.
    pub(crate) fn free(&self) -> Result<usize, Errno> {
        let free = self.entries.iter().position(Option::is_none).unwrap_or(self.entries.len());
        if free < self.max { Ok(free) } else { Err(Errno::MFILE) }
    }

    /// Adds a descriptor, and returns its number.
    ///
    /// # Errors
    /// MFILE if the table is full; the descriptor is closed.
    pub(crate) fn insert(&mut self, mut descriptor: Descriptor) -> Result<u32, Errno> {
        let free = self.free()?;
        let number = u32::try_from(free).map_err(|_| Errno::MFILE)?;
        if matches!(descriptor.object, Object::Directory { .. } | Object::File(_)) {
            descriptor.counted = Some(self.open.one());
        }
        if free == self.entries.len() {
            self.entries.push(Some(descriptor));
        } else {
            self.entries[free] = Some(descriptor);
        }
        Ok(number)
    }

    pub(crate) fn get(&self, fd: u32) -> Result<&Descriptor, Errno> {
        self.entries.get(fd as usize).and_then(Option::as_ref).ok_or(Errno::BADF)
    }

    pub(crate) fn get_mut(&mut self, fd: u32) -> Result<&mut Descriptor, Errno> {
        self.entries.get_mut(fd as usize).and_then(Option::as_mut).ok_or(Errno::BADF)
    }

    /// Closes a descriptor.
    pub(crate) fn close(&mut self, fd: u32) -> Outcome {
        let entry = self.entries.get_mut(fd as usize).ok_or(Errno::BADF)?;
        entry.take().ok_or(Errno::BADF)?;
        Ok(())
    }

    /// Moves descriptor `from` to the number `to`, and closes the one that had it.
    pub(crate) fn renumber(&mut self, from: u32, to: u32) -> Outcome {
        self.get(from)?;
        self.get(to)?;
        if from != to {
            let moved = self.entries[from as usize].take();
            let replaced = std::mem::replace(&mut self.entries[to as usize], moved);
            if self.forgets_replaced {
                std::mem::forget(replaced);
            }
        }
        Ok(())
    }
}
