//! Descriptors: their state, their files, and the entries of directories.

use std::num::NonZeroU64;

use rustix::fs::{Advice, FallocateFlags, OFlags, RawDir};

use super::data::{file_offset, retry};
use super::stat::{Filestat, NewTimes};
use crate::context::WasiCtx;
use crate::descriptor::{FileKind, Object};
use crate::errno::{Errno, Outcome};
use crate::memory::GuestMemory;

/// Flags of descriptors in preview 1, each with the kernel's.
const FLAGS: [(u32, OFlags); 5] = [
    (1 << 0, OFlags::APPEND),
    (1 << 1, OFlags::DSYNC),
    (1 << 2, OFlags::NONBLOCK),
    (1 << 3, OFlags::RSYNC),
    (1 << 4, OFlags::SYNC),
];

/// The kernel's flags.
///
/// # Errors
/// INVAL if a flag is unknown.
pub(super) fn kernel_flags(flags: u32) -> Result<OFlags, Errno> {
    if flags >= 1 << FLAGS.len() {
        return Err(Errno::INVAL);
    }
    Ok(FLAGS.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, kernel)| *kernel).collect())
}

fn flags_of(kernel: OFlags) -> u16 {
    let flags = FLAGS.iter().filter(|(_, flag)| kernel.contains(*flag));
    flags.fold(0, |flags, (flag, _)| flags | *flag as u16)
}

/// Flags that `fcntl` changes; it ignores the others.
const CHANGEABLE: OFlags = OFlags::APPEND.union(OFlags::NONBLOCK);

impl WasiCtx {
    pub(crate) fn fd_advise(
        &mut self,
        _: &mut GuestMemory<'_>,
        fd: u32,
        offset: u64,
        len: u64,
        advice: u32,
    ) -> Outcome {
        let file = self.table.get(fd)?.seekable()?;
        let advice = match advice {
            0 => Advice::Normal,
            1 => Advice::Sequential,
            2 => Advice::Random,
            3 => Advice::WillNeed,
            4 => Advice::DontNeed,
            5 => Advice::NoReuse,
            _ => return Err(Errno::INVAL.into()),
        };
        let len = NonZeroU64::new(file_offset(len)?);
        Ok(rustix::fs::fadvise(file, file_offset(offset)?, len, advice)?)
    }

    pub(crate) fn fd_allocate(
        &mut self,
        _: &mut GuestMemory<'_>,
        fd: u32,
        offset: u64,
        len: u64,
    ) -> Outcome {
        let file = self.table.get(fd)?.seekable()?;
        let (offset, len) = (file_offset(offset)?, file_offset(len)?);
        self.quota.check(len)?;
        retry(|| rustix::fs::fallocate(file, FallocateFlags::empty(), offset, len))?;
        self.quota.spend(len);
        Ok(())
    }

    pub(crate) fn fd_close(&mut self, _: &mut GuestMemory<'_>, fd: u32) -> Outcome {
        self.table.close(fd)
    }

    pub(crate) fn fd_renumber(&mut self, _: &mut GuestMemory<'_>, from: u32, to: u32) -> Outcome {
        self.table.renumber(from, to)
    }

    pub(crate) fn fd_sync(&mut self, _: &mut GuestMemory<'_>, fd: u32) -> Outcome {
        let fd = self.table.get(fd)?.file_or_directory()?;
        Ok(retry(|| rustix::fs::fsync(fd))?)
    }

    pub(crate) fn fd_datasync(&mut self, _: &mut GuestMemory<'_>, fd: u32) -> Outcome {
        let fd = self.table.get(fd)?.file_or_directory()?;
        Ok(retry(|| rustix::fs::fdatasync(fd))?)
    }

    pub(crate) fn fd_fdstat_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        stat: u32,
    ) -> Outcome {
        let descriptor = self.table.get(fd)?;
        let flags = match (descriptor.kind, descriptor.fd()) {
            (FileKind::Directory, _) | (_, None) => 0,
            (_, Some(fd)) => flags_of(rustix::fs::fcntl_getfl(fd)?),
        };
        let mut bytes = [0; 24];
        bytes[0] = descriptor.kind as u8;
        bytes[2..4].copy_from_slice(&flags.to_le_bytes());
        bytes[8..16].copy_from_slice(&descriptor.base.to_le_bytes());
        bytes[16..24].copy_from_slice(&descriptor.inheriting.to_le_bytes());
        memory.write_struct(stat, &bytes)
    }

    pub(crate) fn fd_fdstat_set_flags(
        &mut self,
        _: &mut GuestMemory<'_>,
        fd: u32,
        flags: u32,
    ) -> Outcome {
        let flags = kernel_flags(flags)?;
        let descriptor = self.table.get(fd)?;
        let present = match &descriptor.object {
            Object::Null => OFlags::empty(),
            Object::Directory { .. } => return Err(Errno::BADF.into()),
            Object::Standard(fd) => rustix::fs::fcntl_getfl(fd)?,
            Object::File(fd) => rustix::fs::fcntl_getfl(fd)?,
        };
        let settable = kernel_flags(0b11111)?;
        let changed = (present & settable) ^ flags;
        match &descriptor.object {
            _ if changed.is_empty() => Ok(()),
            Object::File(fd) if CHANGEABLE.contains(changed) => {
                Ok(rustix::fs::fcntl_setfl(fd, present & !settable | flags)?)
            }
            _ => Err(Errno::NOTSUP.into()),
        }
    }

    pub(crate) fn fd_fdstat_set_rights(
        &mut self,
        _: &mut GuestMemory<'_>,
        fd: u32,
        base: u64,
        inheriting: u64,
    ) -> Outcome {
        let descriptor = self.table.get_mut(fd)?;
        if base & !descriptor.base != 0 || inheriting & !descriptor.inheriting != 0 {
            return Err(Errno::NOTCAPABLE.into());
        }
        (descriptor.base, descriptor.inheriting) = (base, inheriting);
        Ok(())
    }

    pub(crate) fn fd_filestat_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        stat: u32,
    ) -> Outcome {
        let descriptor = self.table.get(fd)?;
        let filestat = match descriptor.fd() {
            None => Filestat::NULL,
            Some(fd) => Filestat::of_open(&rustix::fs::fstat(fd)?, descriptor.kind),
        };
        memory.write_struct(stat, &filestat.to_bytes())
    }

    pub(crate) fn fd_filestat_set_size(
        &mut self,
        _: &mut GuestMemory<'_>,
        fd: u32,
        size: u64,
    ) -> Outcome {
        let file = self.table.get(fd)?.file()?;
        let size = file_offset(size)?;
        Ok(retry(|| rustix::fs::ftruncate(file, size))?)
    }

    pub(crate) fn fd_filestat_set_times(
        &mut self,
        _: &mut GuestMemory<'_>,
        fd: u32,
        atim: u64,
        mtim: u64,
        flags: u32,
    ) -> Outcome {
        let times = NewTimes::new(atim, mtim, flags)?.timestamps();
        let fd = self.table.get(fd)?.file_or_directory()?;
        Ok(rustix::fs::futimens(fd, &times)?)
    }

    pub(crate) fn fd_prestat_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        stat: u32,
    ) -> Outcome {
        let name = self.preopen_name(fd)?;
        let len = u32::try_from(name.len()).map_err(|_| Errno::NAMETOOLONG)?;
        // The tag of a directory is 0.
        memory.write_u32(stat, 0)?;
        let len_at = stat.checked_add(4).ok_or(Errno::INVAL)?;
        memory.write_u32(len_at, len)
    }

    pub(crate) fn fd_prestat_dir_name(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        path: u32,
        path_len: u32,
    ) -> Outcome {
        let name = self.preopen_name(fd)?;
        if (path_len as usize) < name.len() {
            return Err(Errno::NAMETOOLONG.into());
        }
        memory.write(path, name.as_bytes())
    }

    /// The guest's name of a directory that was handed in.
    fn preopen_name(&self, fd: u32) -> Result<&str, Errno> {
        match &self.table.get(fd)?.object {
            Object::Directory { preopen: Some(name), .. } => Ok(name),
            _ => Err(Errno::BADF),
        }
    }

    /// Entries as the kernel returns them. A cookie is the kernel's position after an entry, so the
    /// context keeps no state of a listing. An entry that does not fit is cut.
    pub(crate) fn fd_readdir(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        buf: u32,
        buf_len: u32,
        cookie: u64,
        used: u32,
    ) -> Outcome {
        let dir = self.table.get(fd)?.directory()?;
        let own = rustix::fs::fstat(dir)?.st_ino;
        rustix::fs::seek(dir, rustix::fs::SeekFrom::Start(file_offset(cookie)?))?;
        let target = memory.bytes_mut(buf, buf_len)?;
        let mut space = Vec::with_capacity(8192);
        let mut entries = RawDir::new(dir, space.spare_capacity_mut());
        let mut filled = 0;
        while filled < target.len() {
            let Some(entry) = entries.next() else { break };
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            // The guest shall not learn which directory contains the one that it has.
            let ino = if name == b".." { own } else { entry.ino() };
            let mut header = [0; 24];
            header[0..8].copy_from_slice(&entry.next_entry_cookie().to_le_bytes());
            header[8..16].copy_from_slice(&ino.to_le_bytes());
            header[16..20].copy_from_slice(&(name.len() as u32).to_le_bytes());
            header[20] = FileKind::of(entry.file_type()) as u8;
            for part in [&header[..], name] {
                let len = part.len().min(target.len() - filled);
                target[filled..filled + len].copy_from_slice(&part[..len]);
                filled += len;
            }
        }
        memory.write_u32(used, filled as u32)
    }
}
