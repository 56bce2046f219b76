//! One process, by its open folder under `/proc`.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::error::ReadError;
use super::memfd_devices::MemfdDevices;
use super::stat::Stat;
use super::sys::fd_table::FdTableBuffers;
use super::sys::proc_dir::ProcDir;

/// A reader of one process.
///
/// The folder stays open. So when the process ends and its number goes to another process, every read
/// returns [`ReadError::Vanished`] and never the data of the other one.
///
/// ```
/// use leakbench_kernel::Process;
/// use leakbench_model::Resource;
///
/// let mut own = Process::open(std::process::id())?;
/// assert!(own.mapping_counts()?.all > 0);
/// assert!(own.fd_count()? > 0);
/// assert!(own.status()?.of(Resource::RssBytes) > Some(0));
/// # Ok::<(), leakbench_kernel::ReadError>(())
/// ```
#[derive(Debug)]
pub struct Process {
    pid: u32,
    start_time_ticks: u64,
    dir: ProcDir,
    devices: &'static MemfdDevices,
    buffer: Box<[u8]>,
    fd_buffers: FdTableBuffers,
    queries_mappings: bool,
}

impl Process {
    /// Longer than `status` and than any line of `maps`.
    pub(super) const BUFFER_BYTES: usize = 64 * 1024;

    /// Opens the process with this number.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn open(pid: u32) -> Result<Self, ReadError> {
        expect_own_namespace()?;
        Self::open_under(Path::new("/proc"), pid)
    }

    /// Opens a process under another folder than `/proc`, such as a tree that a test built.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn open_under(proc: &Path, pid: u32) -> Result<Self, ReadError> {
        let devices = MemfdDevices::get()?;
        let dir = open_dir(proc, pid)?;
        let mut process = Self {
            pid,
            start_time_ticks: 0,
            dir,
            devices,
            buffer: vec![0; Self::BUFFER_BYTES].into_boxed_slice(),
            fd_buffers: FdTableBuffers::new(),
            queries_mappings: true,
        };
        process.start_time_ticks = process.stat()?.start_time_ticks;
        Ok(process)
    }

    /// The process's number.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The time of its start, in clock ticks since boot. With the number it identifies the process until
    /// the machine reboots.
    pub fn start_time_ticks(&self) -> u64 {
        self.start_time_ticks
    }

    pub(super) fn memfd_devices(&self) -> &'static MemfdDevices {
        self.devices
    }

    pub(super) fn fd_buffers(&mut self) -> &mut FdTableBuffers {
        &mut self.fd_buffers
    }

    /// False once the kernel has refused `PROCMAP_QUERY`.
    pub(super) fn queries_mappings(&self) -> bool {
        self.queries_mappings
    }

    pub(super) fn forget_queries(&mut self) {
        self.queries_mappings = false;
    }

    /// Takes the buffer, so that a reader has it beside the process. To be given back.
    pub(super) fn take_buffer(&mut self) -> Box<[u8]> {
        std::mem::take(&mut self.buffer)
    }

    pub(super) fn give_back(&mut self, buffer: Box<[u8]>) {
        self.buffer = buffer;
    }

    pub(super) fn open_file(&self, name: &CStr, file: &'static str) -> Result<OwnedFd, ReadError> {
        self.dir.open_file(name).map_err(|error| self.failed(file, error))
    }

    pub(super) fn open_dir(&self, name: &CStr, file: &'static str) -> Result<OwnedFd, ReadError> {
        self.dir.open_dir(name).map_err(|error| self.failed(file, error))
    }

    pub(super) fn size_of(&self, name: &CStr, file: &'static str) -> Result<u64, ReadError> {
        self.dir.size_of(name).map_err(|error| self.failed(file, error))
    }

    /// Reads a small file and hands it to `parse` with the process's number.
    pub(super) fn read_whole<T>(
        &mut self,
        name: &CStr,
        file: &'static str,
        parse: impl FnOnce(u32, &[u8]) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        match self.dir.read_whole(name, &mut self.buffer) {
            Ok(text) => parse(self.pid, text),
            Err(error) => Err(self.failed(file, error)),
        }
    }

    /// Returns an error if the process waits to be reaped, which has no mappings and descriptors.
    pub(super) fn expect_alive(&self) -> Result<(), ReadError> {
        if self.stat()?.has_ended {
            return Err(ReadError::Vanished { pid: self.pid });
        }
        Ok(())
    }

    /// Translates the kernel's refusal of a file.
    pub(super) fn failed(&self, file: &'static str, error: Errno) -> ReadError {
        match error {
            // The folder is readable, so this kernel does not have the file.
            Errno::NOENT if self.dir.has(c"stat") => ReadError::Absent { pid: self.pid, file },
            // A process that waits to be reaped has no memory, and then the kernel refuses access
            // even to its parent.
            Errno::ACCESS | Errno::PERM if self.stat().is_ok_and(|stat| stat.has_ended) => {
                ReadError::Vanished { pid: self.pid }
            }
            error => failed(self.pid, file, error),
        }
    }

    /// Reads its name, parent and state.
    ///
    /// # Errors
    /// [`ReadError::Vanished`] once it is reaped. A process that waits to be reaped has a `stat`.
    pub fn stat(&self) -> Result<Stat, ReadError> {
        Stat::read(self.pid, &self.dir)
    }

    /// The target of a link in the process's folder, such as `exe` or `ns/ipc`. Bytes that are not UTF-8
    /// are replaced.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn link(&self, name: &CStr, file: &'static str) -> Result<String, ReadError> {
        let target = self.dir.link(name).map_err(|error| self.failed(file, error))?;
        Ok(String::from_utf8_lossy(&target).into_owned())
    }

    /// True if it is in the same namespace as this process, by the namespace's link: `ns/ipc`. False if
    /// the link cannot be read.
    pub fn shares_namespace(&self, link: &'static str) -> bool {
        let theirs = self.link(&CString::new(link).unwrap_or_default(), link);
        let own = std::fs::read_link(Path::new("/proc/self").join(link));
        matches!((theirs, own), (Ok(theirs), Ok(own)) if own.as_os_str() == theirs.as_str())
    }

    /// Reads a file of any size.
    pub(super) fn read_all(
        &self,
        name: &CStr,
        file: &'static str,
        text: &mut Vec<u8>,
    ) -> Result<(), ReadError> {
        self.dir.read_all(name, text).map_err(|error| self.failed(file, error))
    }

    /// Reads a file and has `procfs` parse it. Not for the sampler: it allocates.
    pub(super) fn read_parsed<T: procfs::FromRead>(
        &self,
        name: &CStr,
        file: &'static str,
    ) -> Result<T, ReadError> {
        let mut text = Vec::new();
        self.read_all(name, file, &mut text)?;
        T::from_read(&text[..]).map_err(|error| ReadError::Malformed {
            pid: self.pid,
            file,
            reason: error.to_string(),
        })
    }

    pub(super) fn has(&self, name: &CStr) -> bool {
        self.dir.has(name)
    }
}

/// Returns an error if the numbers under `/proc` are not those of this process's pid namespace. Without `/proc`
/// there is none: no process can be opened then.
fn expect_own_namespace() -> Result<(), ReadError> {
    let own = std::process::id();
    let seen = std::fs::read_link("/proc/self").ok();
    match seen.and_then(|seen| seen.to_str()?.parse().ok()) {
        Some(seen) if seen != own => Err(ReadError::OtherNamespace { own, seen }),
        _ => Ok(()),
    }
}

/// Opens the folder of a process under `proc`.
///
/// # Errors
/// See [`ReadError`].
pub(super) fn open_dir(proc: &Path, pid: u32) -> Result<ProcDir, ReadError> {
    ProcDir::open(&proc.join(pid.to_string())).map_err(|error| match error {
        Errno::NOENT if exists(pid) => ReadError::Hidden { pid },
        error => failed(pid, "the folder", error),
    })
}

/// True if the kernel knows a process of this number, by kill(2), for which it needs no `/proc`.
fn exists(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| !matches!(test_kill_process(pid), Err(Errno::SRCH)))
}

pub(super) fn failed(pid: u32, file: &'static str, error: Errno) -> ReadError {
    match error {
        Errno::NOENT | Errno::SRCH => ReadError::Vanished { pid },
        Errno::ACCESS | Errno::PERM => ReadError::Forbidden { pid, file },
        error => ReadError::Io { pid, file, source: error.into() },
    }
}
