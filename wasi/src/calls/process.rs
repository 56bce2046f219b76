//! Arguments, environment, randomness and the end of the process.

use crate::context::WasiCtx;
use crate::errno::{Errno, Outcome};
use crate::memory::GuestMemory;

impl WasiCtx {
    pub(crate) fn args_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        argv: u32,
        buf: u32,
    ) -> Outcome {
        write_strings(memory, &self.args, argv, buf)
    }

    pub(crate) fn args_sizes_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        count: u32,
        size: u32,
    ) -> Outcome {
        write_sizes(memory, &self.args, count, size)
    }

    pub(crate) fn environ_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        environ: u32,
        buf: u32,
    ) -> Outcome {
        write_strings(memory, &self.env, environ, buf)
    }

    pub(crate) fn environ_sizes_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        count: u32,
        size: u32,
    ) -> Outcome {
        write_sizes(memory, &self.env, count, size)
    }

    pub(crate) fn random_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        buf: u32,
        buf_len: u32,
    ) -> Outcome {
        let mut rest = memory.bytes_mut(buf, buf_len)?;
        while !rest.is_empty() {
            match rustix::rand::getrandom(&mut *rest, rustix::rand::GetRandomFlags::empty()) {
                Ok(filled) => rest = &mut rest[filled..],
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    pub(crate) fn sched_yield(&mut self, _: &mut GuestMemory<'_>) -> Outcome {
        std::thread::yield_now();
        Ok(())
    }

    pub(crate) fn proc_raise(&mut self, _: &mut GuestMemory<'_>, _signal: u32) -> Outcome {
        Err(Errno::NOTSUP.into())
    }
}

/// Writes the strings, each with a zero byte, to `buf`, and their addresses to `pointers`.
fn write_strings(
    memory: &mut GuestMemory<'_>,
    strings: &[Vec<u8>],
    pointers: u32,
    buf: u32,
) -> Outcome {
    let (count, size) = sizes(strings)?;
    memory.bytes(buf, size)?;
    let mut at = buf;
    for (pointer, string) in memory.array(pointers, count, 4, 4)?.zip(strings) {
        memory.write_u32(pointer, at)?;
        memory.write(at, string)?;
        at = at.wrapping_add(string.len() as u32);
        memory.write(at, &[0])?;
        // Wraps only after the last byte of a memory of 4 GiB.
        at = at.wrapping_add(1);
    }
    Ok(())
}

fn write_sizes(
    memory: &mut GuestMemory<'_>,
    strings: &[Vec<u8>],
    count: u32,
    size: u32,
) -> Outcome {
    let sizes = sizes(strings)?;
    memory.write_u32(count, sizes.0)?;
    memory.write_u32(size, sizes.1)
}

/// The number of strings, and their bytes with a zero byte for each.
fn sizes(strings: &[Vec<u8>]) -> Result<(u32, u32), Errno> {
    let size: usize = strings.iter().map(|string| string.len() + 1).sum();
    let fit = |number: usize| u32::try_from(number).map_err(|_| Errno::INVAL);
    Ok((fit(strings.len())?, fit(size)?))
}
