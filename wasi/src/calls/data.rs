//! Reading and writing.

use rustix::fs::SeekFrom;
use rustix::io::{preadv, pwritev, readv, writev};

use crate::context::WasiCtx;
use crate::errno::{Errno, Outcome};
use crate::memory::GuestMemory;
use crate::rights;

impl WasiCtx {
    pub(crate) fn fd_read(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        iovs: u32,
        iovs_len: u32,
        nread: u32,
    ) -> Outcome {
        let descriptor = self.table.get(fd)?;
        descriptor.check(rights::FD_READ)?;
        let mut targets = memory.targets(iovs, iovs_len)?;
        let read = match descriptor.fd() {
            None => 0,
            Some(fd) => retry(|| readv(fd, &mut targets))?,
        };
        memory.write_u32(nread, read as u32)
    }

    pub(crate) fn fd_pread(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        iovs: u32,
        iovs_len: u32,
        offset: u64,
        nread: u32,
    ) -> Outcome {
        let descriptor = self.table.get(fd)?;
        let file = descriptor.seekable()?;
        descriptor.check(rights::FD_READ)?;
        let mut targets = memory.targets(iovs, iovs_len)?;
        let offset = file_offset(offset)?;
        let read = retry(|| preadv(file, &mut targets, offset))?;
        memory.write_u32(nread, read as u32)
    }

    pub(crate) fn fd_write(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        iovs: u32,
        iovs_len: u32,
        nwritten: u32,
    ) -> Outcome {
        let descriptor = self.table.get(fd)?;
        descriptor.check(rights::FD_WRITE)?;
        let sources = memory.sources(iovs, iovs_len, &self.quota)?;
        let written = match descriptor.fd() {
            // As many as fit the result: the sum of overlapping buffers may not.
            None => sources.iter().map(|slice| slice.len()).sum::<usize>().min(u32::MAX as usize),
            Some(fd) => retry(|| writev(fd, &sources))?,
        };
        self.quota.spend(written as u64);
        memory.write_u32(nwritten, written as u32)
    }

    pub(crate) fn fd_pwrite(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        iovs: u32,
        iovs_len: u32,
        offset: u64,
        nwritten: u32,
    ) -> Outcome {
        let descriptor = self.table.get(fd)?;
        let file = descriptor.seekable()?;
        descriptor.check(rights::FD_WRITE)?;
        let sources = memory.sources(iovs, iovs_len, &self.quota)?;
        let offset = file_offset(offset)?;
        let written = retry(|| pwritev(file, &sources, offset))?;
        self.quota.spend(written as u64);
        memory.write_u32(nwritten, written as u32)
    }

    pub(crate) fn fd_seek(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        offset: u64,
        whence: u32,
        position: u32,
    ) -> Outcome {
        let file = self.table.get(fd)?.seekable()?;
        let target = match whence {
            0 => SeekFrom::Start(file_offset(offset)?),
            1 => SeekFrom::Current(offset.cast_signed()),
            2 => SeekFrom::End(offset.cast_signed()),
            _ => return Err(Errno::INVAL.into()),
        };
        memory.write_u64(position, rustix::fs::seek(file, target)?)
    }

    pub(crate) fn fd_tell(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        position: u32,
    ) -> Outcome {
        let file = self.table.get(fd)?.seekable()?;
        memory.write_u64(position, rustix::fs::tell(file)?)
    }
}

/// An offset that the kernel can express.
pub(super) fn file_offset(offset: u64) -> Result<u64, Errno> {
    if i64::try_from(offset).is_ok() { Ok(offset) } else { Err(Errno::INVAL) }
}

/// Repeats a system call that a signal of the host interrupted.
pub(super) fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    loop {
        match call() {
            Err(rustix::io::Errno::INTR) => {}
            result => return result,
        }
    }
}
