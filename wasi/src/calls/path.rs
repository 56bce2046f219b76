//! Paths below a directory. cap-std resolves each of them.

#![expect(clippy::too_many_arguments, reason = "as many as the standard has")]

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt, OpenOptionsMaybeDirExt};
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;

use super::fd::kernel_flags;
use super::stat::{Filestat, NewTimes};
use crate::context::WasiCtx;
use crate::descriptor::Descriptor;
use crate::errno::{Errno, Outcome};
use crate::memory::GuestMemory;
use crate::rights;

const OPEN_CREATE: u32 = 1 << 0;
const OPEN_DIRECTORY: u32 = 1 << 1;
const OPEN_EXCLUSIVE: u32 = 1 << 2;
const OPEN_TRUNCATE: u32 = 1 << 3;

impl WasiCtx {
    pub(crate) fn path_open(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        lookup: u32,
        path: u32,
        path_len: u32,
        open: u32,
        base: u64,
        inheriting: u64,
        flags: u32,
        opened: u32,
    ) -> Outcome {
        // Checked first, so that a full table creates no file.
        self.table.free()?;
        memory.bytes(opened, 4)?;
        let parent = self.table.get(fd)?;
        let (dir, path) = (parent.directory()?, memory.path(path, path_len)?);
        if open & OPEN_TRUNCATE != 0 && parent.base & rights::PATH_FILESTAT_SET_SIZE == 0 {
            return Err(Errno::NOTCAPABLE.into());
        }
        let granted = parent.inheriting;
        let options = open_options(lookup, open, base & granted, kernel_flags(flags)?)?;
        let file = dir.open_with(path, &options)?;
        let mut descriptor = Descriptor::new(file.into_std().into())?;
        descriptor.base &= base & granted;
        descriptor.inheriting &= inheriting & granted;
        let number = self.table.insert(descriptor)?;
        memory.write_u32(opened, number)
    }

    pub(crate) fn path_create_directory(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        path: u32,
        path_len: u32,
    ) -> Outcome {
        Ok(self.dir(fd)?.create_dir(memory.path(path, path_len)?)?)
    }

    pub(crate) fn path_filestat_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        lookup: u32,
        path: u32,
        path_len: u32,
        stat: u32,
    ) -> Outcome {
        let (dir, path) = (self.dir(fd)?, memory.path(path, path_len)?);
        let follow = follows(lookup)? || names_directory(path);
        let metadata = if follow { dir.metadata(path)? } else { dir.symlink_metadata(path)? };
        memory.write_struct(stat, &Filestat::of_path(&metadata).to_bytes())
    }

    pub(crate) fn path_filestat_set_times(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        lookup: u32,
        path: u32,
        path_len: u32,
        atim: u64,
        mtim: u64,
        flags: u32,
    ) -> Outcome {
        let [atim, mtim] = NewTimes::new(atim, mtim, flags)?.specs();
        let (dir, path) = (self.dir(fd)?, memory.path(path, path_len)?);
        if follows(lookup)? || names_directory(path) {
            dir.set_times(path, atim, mtim)?;
        } else {
            dir.set_symlink_times(path, atim, mtim)?;
        }
        Ok(())
    }

    pub(crate) fn path_link(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        lookup: u32,
        path: u32,
        path_len: u32,
        new_fd: u32,
        new: u32,
        new_len: u32,
    ) -> Outcome {
        // As in Wasmtime: the kernel links what a link points at only by privileges.
        if follows(lookup)? {
            return Err(Errno::INVAL.into());
        }
        let (from, to) = (self.dir(fd)?, self.dir(new_fd)?);
        Ok(from.hard_link(memory.path(path, path_len)?, to, memory.path(new, new_len)?)?)
    }

    pub(crate) fn path_readlink(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        path: u32,
        path_len: u32,
        buf: u32,
        buf_len: u32,
        used: u32,
    ) -> Outcome {
        let target = self.dir(fd)?.read_link_contents(memory.path(path, path_len)?)?;
        let target = target.as_os_str().as_bytes();
        let buf = memory.bytes_mut(buf, buf_len)?;
        let len = target.len().min(buf.len());
        buf[..len].copy_from_slice(&target[..len]);
        memory.write_u32(used, len as u32)
    }

    pub(crate) fn path_remove_directory(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        path: u32,
        path_len: u32,
    ) -> Outcome {
        Ok(self.dir(fd)?.remove_dir(memory.path(path, path_len)?)?)
    }

    pub(crate) fn path_rename(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        path: u32,
        path_len: u32,
        new_fd: u32,
        new: u32,
        new_len: u32,
    ) -> Outcome {
        let (from, to) = (self.dir(fd)?, self.dir(new_fd)?);
        let (path, new) = (memory.path(path, path_len)?, memory.path(new, new_len)?);
        // cap-std leaves the end of the new path out.
        if names_directory(new) && !from.symlink_metadata(path)?.is_dir() {
            return Err(Errno::NOTDIR.into());
        }
        Ok(from.rename(path, to, new)?)
    }

    pub(crate) fn path_symlink(
        &mut self,
        memory: &mut GuestMemory<'_>,
        target: u32,
        target_len: u32,
        fd: u32,
        path: u32,
        path_len: u32,
    ) -> Outcome {
        let (target, path) = (memory.path(target, target_len)?, memory.path(path, path_len)?);
        Ok(DirExt::symlink(self.dir(fd)?, target, path)?)
    }

    pub(crate) fn path_unlink_file(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        path: u32,
        path_len: u32,
    ) -> Outcome {
        Ok(self.dir(fd)?.remove_file(memory.path(path, path_len)?)?)
    }

    fn dir(&self, fd: u32) -> Result<&Dir, Errno> {
        self.table.get(fd)?.directory()
    }
}

/// Returns true if the last part of a path is followed when it is a link.
///
/// # Errors
/// INVAL if a flag is unknown.
fn follows(lookup: u32) -> Result<bool, Errno> {
    match lookup {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Errno::INVAL),
    }
}

/// Returns true if a path ends such that it can only name a directory, as in `name/`. The kernel follows a link
/// there. cap-std leaves the end out if it does not follow links.
fn names_directory(path: &Path) -> bool {
    let path = path.as_os_str().as_bytes();
    path.ends_with(b"/") || path.ends_with(b"/.")
}

fn open_options(lookup: u32, open: u32, base: u64, flags: OFlags) -> Result<OpenOptions, Errno> {
    let known = OPEN_CREATE | OPEN_DIRECTORY | OPEN_EXCLUSIVE | OPEN_TRUNCATE;
    let is_directory = open & OPEN_DIRECTORY != 0;
    let creates = open & (OPEN_CREATE | OPEN_EXCLUSIVE | OPEN_TRUNCATE) != 0;
    if open & !known != 0 || is_directory && creates {
        return Err(Errno::INVAL);
    }
    let mut options = OpenOptions::new();
    let mut custom = flags | OFlags::NOCTTY;
    if is_directory {
        custom |= OFlags::DIRECTORY;
    }
    // The kernel creates and truncates by a descriptor that writes. The guest's rights stay as requested.
    let writes = base & rights::FD_WRITE != 0 || creates;
    options.read(base & rights::FD_READ != 0 || !writes).write(writes);
    options.truncate(open & OPEN_TRUNCATE != 0);
    if open & OPEN_CREATE != 0 {
        options.create_new(open & OPEN_EXCLUSIVE != 0).create(true);
    }
    options.custom_flags(custom.bits() as i32).maybe_dir(true);
    let follow = follows(lookup)? && open & OPEN_EXCLUSIVE == 0;
    options.follow(if follow { FollowSymlinks::Yes } else { FollowSymlinks::No });
    Ok(options)
}
