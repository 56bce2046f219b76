//! Contexts: what a guest sees of the host.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use cap_std::fs::Dir;

use crate::descriptor::{Descriptor, Table};
use crate::open_descriptors::OpenDescriptors;
use crate::quota::Quota;
use crate::rights;

/// Maximum number of descriptors of a guest, unless [`WasiCtxBuilder::max_descriptors`] sets another.
pub const DESCRIPTORS_MAX: usize = 1000;

/// A standard stream of a guest.
#[derive(Debug, Default)]
pub enum Stdio {
    /// Nowhere: a read ends at once, and written bytes are discarded.
    #[default]
    Null,
    /// The stream of this process.
    Inherit,
    /// An open file, pipe or socket, which the context closes when it is dropped.
    Descriptor(OwnedFd),
}

/// A guest's arguments, environment and descriptors. Dropping it closes each descriptor that the guest
/// opened or was given.
#[derive(Debug)]
pub struct WasiCtx {
    pub(crate) args: Vec<Vec<u8>>,
    /// Each `NAME=VALUE`.
    pub(crate) env: Vec<Vec<u8>>,
    pub(crate) table: Table,
    pub(crate) quota: Quota,
}

impl WasiCtx {
    /// Makes a fault on purpose, for tests of leak detectors: from now on `fd_renumber` does not close the
    /// descriptor that it replaces (bytecodealliance/wasmtime#13650).
    #[doc(hidden)]
    pub fn forget_replaced_descriptors(&mut self) {
        self.table.forgets_replaced = true;
    }

    /// A builder of a context without arguments, variables and directories, whose streams lead nowhere.
    pub fn builder() -> WasiCtxBuilder {
        WasiCtxBuilder {
            args: Vec::new(),
            env: Vec::new(),
            stdio: Default::default(),
            dirs: Vec::new(),
            sockets: Vec::new(),
            max_descriptors: DESCRIPTORS_MAX,
            max_written_bytes: u64::MAX,
            open: OpenDescriptors::default(),
        }
    }
}

/// Collects what a guest shall see; see [`WasiCtx::builder`].
#[derive(Debug)]
pub struct WasiCtxBuilder {
    args: Vec<Vec<u8>>,
    env: Vec<Vec<u8>>,
    stdio: [Stdio; 3],
    dirs: Vec<(Dir, String)>,
    sockets: Vec<OwnedFd>,
    max_descriptors: usize,
    max_written_bytes: u64,
    open: OpenDescriptors,
}

impl WasiCtxBuilder {
    /// Adds an argument. The first one is the program's name.
    ///
    /// # Errors
    /// If it contains a zero byte, which ends an argument.
    pub fn arg(mut self, arg: impl Into<Vec<u8>>) -> Result<Self, WasiError> {
        self.args.push(without_zero("argument", arg.into())?);
        Ok(self)
    }

    /// Adds a variable of the environment.
    ///
    /// # Errors
    /// If the name is empty or contains `=`, or either contains a zero byte.
    pub fn env(mut self, name: &str, value: impl Into<Vec<u8>>) -> Result<Self, WasiError> {
        if name.is_empty() || name.contains('=') {
            return Err(WasiError::VariableName { name: name.to_owned() });
        }
        let mut variable = without_zero("variable", name.into())?;
        variable.push(b'=');
        variable.extend(without_zero("variable", value.into())?);
        self.env.push(variable);
        Ok(self)
    }

    /// Opens the directory `host`, which the guest finds as `guest`. It can read and write all that is
    /// below the directory, and reaches nothing outside.
    ///
    /// # Errors
    /// If the directory cannot be opened, or a name contains a zero byte.
    pub fn preopen(
        mut self,
        host: impl AsRef<Path>,
        guest: impl Into<String>,
    ) -> Result<Self, WasiError> {
        let (host, guest) = (host.as_ref(), guest.into());
        without_zero("directory", guest.clone().into())?;
        let dir = open_directory(host);
        let dir = dir.map_err(|source| WasiError::Preopen { path: host.to_owned(), source })?;
        self.dirs.push((dir, guest));
        Ok(self)
    }

    /// Hands in a socket. Sockets follow the directories: the first one is descriptor 3 if there is no
    /// directory.
    pub fn socket(mut self, socket: OwnedFd) -> Self {
        self.sockets.push(socket);
        self
    }

    /// Sets descriptor 0.
    pub fn stdin(mut self, stream: Stdio) -> Self {
        self.stdio[0] = stream;
        self
    }

    /// Sets descriptor 1.
    pub fn stdout(mut self, stream: Stdio) -> Self {
        self.stdio[1] = stream;
        self
    }

    /// Sets descriptor 2.
    pub fn stderr(mut self, stream: Stdio) -> Self {
        self.stdio[2] = stream;
        self
    }

    /// Sets all three streams to those of this process.
    pub fn inherit_stdio(mut self) -> Self {
        self.stdio = [Stdio::Inherit, Stdio::Inherit, Stdio::Inherit];
        self
    }

    /// Sets the maximum number of open descriptors, with streams and directories. A guest that opens more
    /// gets the error MFILE. The default is [`DESCRIPTORS_MAX`].
    pub fn max_descriptors(mut self, max: usize) -> Self {
        self.max_descriptors = max;
        self
    }

    /// Sets the maximum number of bytes that the guest writes to files, streams and sockets together, or
    /// reserves in files by `fd_allocate`. A write is cut at the limit, and the next one gets the error DQUOT.
    /// Lengths of sparse files, names and attributes do not count. By default there is no limit.
    pub fn max_written_bytes(mut self, max: u64) -> Self {
        self.max_written_bytes = max;
        self
    }

    /// Lets `open` count the kernel's descriptors that the context has: those that were handed in, and
    /// those that the guest opens. Standard streams of the process belong to the process.
    pub fn counted_by(mut self, open: &OpenDescriptors) -> Self {
        self.open = open.clone();
        self
    }

    /// Creates the context.
    ///
    /// # Errors
    /// If the kernel does not describe a descriptor, or there are more of them than the maximum.
    pub fn build(self) -> Result<WasiCtx, WasiError> {
        let mut table = Table::new(self.max_descriptors, self.open);
        let max = self.max_descriptors;
        let mut insert = |descriptor| {
            table.insert(descriptor).map_err(|_| WasiError::TooManyDescriptors { max }).map(drop)
        };
        let described = |fd| {
            Descriptor::new(fd).map_err(|error| WasiError::Descriptor { source: error.into() })
        };
        let process = [
            (rustix::stdio::stdin(), rights::FD_READ),
            (rustix::stdio::stdout(), rights::FD_WRITE),
            (rustix::stdio::stderr(), rights::FD_WRITE),
        ];
        for (stream, (fd, access)) in self.stdio.into_iter().zip(process) {
            insert(match stream {
                Stdio::Null => Descriptor::null(),
                Stdio::Inherit => Descriptor::standard(fd, access),
                Stdio::Descriptor(fd) => described(fd)?,
            })?;
        }
        for (dir, guest) in self.dirs {
            insert(Descriptor::preopened(dir, guest))?;
        }
        for socket in self.sockets {
            insert(described(socket)?)?;
        }
        let quota = Quota::new(self.max_written_bytes);
        Ok(WasiCtx { args: self.args, env: self.env, table, quota })
    }
}

/// Opens a directory such that it can be listed; cap-std's own call opens only a path.
fn open_directory(path: &Path) -> io::Result<Dir> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = rustix::fs::open(path, flags, Mode::empty())?;
    Ok(Dir::from_std_file(fd.into()))
}

fn without_zero(what: &'static str, bytes: Vec<u8>) -> Result<Vec<u8>, WasiError> {
    if bytes.contains(&0) {
        let value = String::from_utf8_lossy(&bytes).escape_debug().to_string();
        return Err(WasiError::ZeroByte { what, value });
    }
    Ok(bytes)
}

/// A context cannot be created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WasiError {
    /// A text contains a zero byte, which guests take for its end.
    #[error("the {what} '{value}' contains a zero byte: leave it out")]
    ZeroByte {
        /// Argument, variable or directory.
        what: &'static str,
        /// The text.
        value: String,
    },
    /// The name of a variable is empty or contains `=`.
    #[error("'{name}' is no name of a variable: it must not be empty nor contain '='")]
    VariableName {
        /// The name.
        name: String,
    },
    /// A directory cannot be opened.
    #[error("cannot open the directory {}: {source}", .path.display())]
    Preopen {
        /// The directory.
        path: PathBuf,
        /// The kernel's reason.
        source: io::Error,
    },
    /// The kernel does not describe a descriptor that was handed in.
    #[error("cannot use a descriptor that was handed in: {source}")]
    Descriptor {
        /// The kernel's reason.
        source: io::Error,
    },
    /// More descriptors are handed in than the guest may have.
    #[error("more than {max} descriptors are handed in: raise max_descriptors")]
    TooManyDescriptors {
        /// The maximum.
        max: usize,
    },
}
