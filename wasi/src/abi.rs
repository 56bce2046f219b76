//! The functions of `wasi_snapshot_preview1` in a linker.

use leakbench_runtime::{Caller, Error, Extern, Linker, Memory};

use crate::context::WasiCtx;
use crate::errno::{Failure, Outcome};
use crate::memory::GuestMemory;

/// The module name of the functions.
pub const MODULE: &str = "wasi_snapshot_preview1";

/// The guest called `proc_exit` with this code. It is the error of the call that ran the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the guest exited with code {0}")]
pub struct Exit(pub u32);

/// A guest called a function of WASI without a memory that the function can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("WASI needs a memory that is not shared and that the guest exports as 'memory'")]
pub struct MemoryError;

/// Defines each function by its name and parameters. All but `proc_exit` return an error number.
macro_rules! define {
    ($linker:expr, $context:expr, $($name:ident($($arg:ident: $ty:ty),*);)+) => { $(
        $linker.func_wrap(
            MODULE,
            stringify!($name),
            move |mut caller: Caller<'_, T>, $($arg: $ty),*| -> Result<u32, Error> {
                let memory = exported_memory(&mut caller)?;
                let (bytes, data) = memory.data_and_store_mut(&mut caller);
                status($context(data).$name(&mut GuestMemory::new(bytes), $($arg),*))
            },
        )?;
    )+ };
}

/// Defines the functions of preview 1. `context` finds the guest's context in the data of its store.
///
/// # Errors
/// If a function is already defined, or the trampoline for its type cannot be compiled or mapped.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    context: fn(&mut T) -> &mut WasiCtx,
) -> Result<(), Error> {
    linker.func_wrap(MODULE, "proc_exit", |code: u32| -> Result<(), Error> {
        Err(Error::new(Exit(code)))
    })?;
    define! { linker, context,
        args_get(argv: u32, buf: u32);
        args_sizes_get(count: u32, size: u32);
        environ_get(environ: u32, buf: u32);
        environ_sizes_get(count: u32, size: u32);
        clock_res_get(id: u32, resolution: u32);
        clock_time_get(id: u32, precision: u64, time: u32);
        fd_advise(fd: u32, offset: u64, len: u64, advice: u32);
        fd_allocate(fd: u32, offset: u64, len: u64);
        fd_close(fd: u32);
        fd_datasync(fd: u32);
        fd_fdstat_get(fd: u32, stat: u32);
        fd_fdstat_set_flags(fd: u32, flags: u32);
        fd_fdstat_set_rights(fd: u32, base: u64, inheriting: u64);
        fd_filestat_get(fd: u32, stat: u32);
        fd_filestat_set_size(fd: u32, size: u64);
        fd_filestat_set_times(fd: u32, atim: u64, mtim: u64, flags: u32);
        fd_pread(fd: u32, iovs: u32, iovs_len: u32, offset: u64, nread: u32);
        fd_prestat_get(fd: u32, stat: u32);
        fd_prestat_dir_name(fd: u32, path: u32, path_len: u32);
        fd_pwrite(fd: u32, iovs: u32, iovs_len: u32, offset: u64, nwritten: u32);
        fd_read(fd: u32, iovs: u32, iovs_len: u32, nread: u32);
        fd_readdir(fd: u32, buf: u32, buf_len: u32, cookie: u64, used: u32);
        fd_renumber(from: u32, to: u32);
        fd_seek(fd: u32, offset: u64, whence: u32, position: u32);
        fd_sync(fd: u32);
        fd_tell(fd: u32, position: u32);
        fd_write(fd: u32, iovs: u32, iovs_len: u32, nwritten: u32);
        path_create_directory(fd: u32, path: u32, path_len: u32);
        path_filestat_get(fd: u32, lookup: u32, path: u32, path_len: u32, stat: u32);
        path_filestat_set_times(
            fd: u32, lookup: u32, path: u32, path_len: u32, atim: u64, mtim: u64, flags: u32
        );
        path_link(
            fd: u32, lookup: u32, path: u32, path_len: u32, new_fd: u32, new: u32, new_len: u32
        );
        path_open(
            fd: u32, lookup: u32, path: u32, path_len: u32, open: u32, base: u64, inheriting: u64,
            flags: u32, opened: u32
        );
        path_readlink(fd: u32, path: u32, path_len: u32, buf: u32, buf_len: u32, used: u32);
        path_remove_directory(fd: u32, path: u32, path_len: u32);
        path_rename(fd: u32, path: u32, path_len: u32, new_fd: u32, new: u32, new_len: u32);
        path_symlink(target: u32, target_len: u32, fd: u32, path: u32, path_len: u32);
        path_unlink_file(fd: u32, path: u32, path_len: u32);
        poll_oneoff(subscriptions: u32, events: u32, len: u32, count: u32);
        proc_raise(signal: u32);
        random_get(buf: u32, buf_len: u32);
        sched_yield();
        sock_accept(fd: u32, flags: u32, accepted: u32);
        sock_recv(fd: u32, iovs: u32, iovs_len: u32, flags: u32, received: u32, out_flags: u32);
        sock_send(fd: u32, iovs: u32, iovs_len: u32, flags: u32, sent: u32);
        sock_shutdown(fd: u32, how: u32);
    }
    Ok(())
}

fn exported_memory<T: 'static>(caller: &mut Caller<'_, T>) -> Result<Memory, Error> {
    let memory = caller.get_export("memory").and_then(Extern::into_memory);
    memory.ok_or_else(|| Error::new(MemoryError))
}

/// The error number that the guest receives; 0 for success.
fn status(outcome: Outcome) -> Result<u32, Error> {
    match outcome {
        Ok(()) => Ok(0),
        Err(Failure::Errno(errno)) => Ok(errno.0.into()),
        Err(Failure::Stop(error)) => Err(error),
    }
}
