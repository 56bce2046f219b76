//! The memory of a guest. Each access is checked, so no argument of a guest reaches beyond it.

use std::ffi::OsStr;
use std::io::{IoSlice, IoSliceMut};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use leakbench_runtime::Error;

use crate::errno::{Errno, Failure, Outcome};
use crate::quota::Quota;

/// Maximum number of buffers of one read or write; the kernel's `UIO_MAXIOV`. Further ones are left for
/// the guest's next call.
const BUFFERS_MAX: u32 = 1024;
/// Maximum length of a path in bytes; the kernel's `PATH_MAX` with its final zero.
const PATH_MAX: u32 = 4095;

/// A pointer of a guest that its memory does not contain, or that is not aligned. The standard has the
/// guest stopped then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GuestFault {
    /// The range exceeds the memory.
    #[error(
        "the guest passed {len} bytes at address {address:#x}, beyond the end of its memory of \
         {memory} bytes"
    )]
    OutOfBounds {
        /// The address of the first byte.
        address: u32,
        /// The length in bytes.
        len: u64,
        /// The length of the memory in bytes.
        memory: usize,
    },
    /// The address is not a multiple of the alignment.
    #[error("the guest passed address {address:#x}, which is no multiple of {alignment}")]
    Unaligned {
        /// The address.
        address: u32,
        /// The alignment in bytes.
        alignment: u32,
    },
}

impl From<GuestFault> for Failure {
    fn from(fault: GuestFault) -> Failure {
        Failure::Stop(Error::new(fault))
    }
}

/// A range of bytes in the memory of a guest.
#[derive(Clone, Copy, Debug)]
struct Buffer {
    address: u32,
    len: u32,
}

/// The memory of the calling guest.
#[derive(Debug)]
pub(crate) struct GuestMemory<'a>(&'a mut [u8]);

impl<'a> GuestMemory<'a> {
    pub(crate) fn new(bytes: &'a mut [u8]) -> Self {
        GuestMemory(bytes)
    }

    /// The bytes of a range.
    pub(crate) fn bytes(&self, address: u32, len: u32) -> Outcome<&[u8]> {
        let range = range(address, len);
        Ok(self.0.get(range).ok_or_else(|| self.out_of_bounds(address, len.into()))?)
    }

    /// The bytes of a range, to be changed.
    pub(crate) fn bytes_mut(&mut self, address: u32, len: u32) -> Outcome<&mut [u8]> {
        self.bytes(address, len)?;
        Ok(&mut self.0[range(address, len)])
    }

    /// The path in a range.
    pub(crate) fn path(&self, address: u32, len: u32) -> Outcome<&Path> {
        let bytes = self.bytes(address, len)?;
        if len > PATH_MAX {
            return Err(Errno::NAMETOOLONG.into());
        }
        Ok(Path::new(OsStr::from_bytes(bytes)))
    }

    /// Checks an array of `len` elements of `size` bytes, and returns the address of each element.
    pub(crate) fn array(
        &self,
        address: u32,
        len: u32,
        size: u32,
        alignment: u32,
    ) -> Outcome<impl Iterator<Item = u32> + use<>> {
        check_alignment(address, alignment)?;
        let bytes = u64::from(len) * u64::from(size);
        if u64::from(address) + bytes > self.0.len() as u64 {
            return Err(self.out_of_bounds(address, bytes).into());
        }
        // Each is within the memory, so that no product overflows.
        Ok((0..len).map(move |index| address + index * size))
    }

    pub(crate) fn read_u8(&self, address: u32) -> Outcome<u8> {
        Ok(u8::from_le_bytes(self.read(address)?))
    }

    pub(crate) fn read_u16(&self, address: u32) -> Outcome<u16> {
        Ok(u16::from_le_bytes(self.read(address)?))
    }

    pub(crate) fn read_u32(&self, address: u32) -> Outcome<u32> {
        Ok(u32::from_le_bytes(self.read(address)?))
    }

    pub(crate) fn read_u64(&self, address: u32) -> Outcome<u64> {
        Ok(u64::from_le_bytes(self.read(address)?))
    }

    pub(crate) fn write_u16(&mut self, address: u32, value: u16) -> Outcome {
        check_alignment(address, 2)?;
        self.write(address, &value.to_le_bytes())
    }

    pub(crate) fn write_u32(&mut self, address: u32, value: u32) -> Outcome {
        check_alignment(address, 4)?;
        self.write(address, &value.to_le_bytes())
    }

    pub(crate) fn write_u64(&mut self, address: u32, value: u64) -> Outcome {
        check_alignment(address, 8)?;
        self.write(address, &value.to_le_bytes())
    }

    /// Writes the bytes of a structure that is aligned to eight bytes.
    pub(crate) fn write_struct(&mut self, address: u32, bytes: &[u8]) -> Outcome {
        check_alignment(address, 8)?;
        self.write(address, bytes)
    }

    pub(crate) fn write(&mut self, address: u32, bytes: &[u8]) -> Outcome {
        let len = u32::try_from(bytes.len()).map_err(|_| Errno::INVAL)?;
        self.bytes_mut(address, len)?.copy_from_slice(bytes);
        Ok(())
    }

    fn read<const N: usize>(&self, address: u32) -> Outcome<[u8; N]> {
        check_alignment(address, N as u32)?;
        let bytes = self.bytes(address, N as u32)?;
        Ok(bytes.try_into().map_err(|_| Errno::INVAL)?)
    }

    /// The buffers to write from, at most [`BUFFERS_MAX`], up to the last byte that the quota allows.
    ///
    /// # Errors
    /// DQUOT if it allows none of the bytes.
    pub(crate) fn sources(
        &self,
        address: u32,
        len: u32,
        quota: &Quota,
    ) -> Outcome<Vec<IoSlice<'_>>> {
        let buffers = self.buffers(address, len)?;
        let slices: Outcome<Vec<&[u8]>> =
            buffers.into_iter().map(|buffer| self.bytes(buffer.address, buffer.len)).collect();
        let slices = slices?;
        let mut left = quota.allowed(slices.iter().map(|slice| slice.len() as u64).sum())?;
        let cut = slices.into_iter().map(|slice| {
            let len = left.min(slice.len() as u64);
            left -= len;
            IoSlice::new(&slice[..len as usize])
        });
        Ok(cut.collect())
    }

    /// The buffers to read into, at most [`BUFFERS_MAX`]. Of buffers that overlap, the first one only.
    pub(crate) fn targets(&mut self, address: u32, len: u32) -> Outcome<Vec<IoSliceMut<'_>>> {
        let mut buffers = self.buffers(address, len)?;
        for buffer in &buffers {
            self.bytes(buffer.address, buffer.len)?;
        }
        buffers.retain(|buffer| buffer.len > 0);
        let mut sorted: Vec<(usize, Buffer)> = buffers.iter().copied().enumerate().collect();
        sorted.sort_by_key(|(_, buffer)| buffer.address);
        let overlaps = |pair: &[(usize, Buffer)]| {
            let [(_, first), (_, second)] = [pair[0], pair[1]];
            range(first.address, first.len).end > second.address as usize
        };
        if sorted.windows(2).any(overlaps) {
            sorted = vec![(0, buffers[0])];
        }
        let (mut rest, mut rest_begin) = (&mut *self.0, 0);
        let mut slices = Vec::with_capacity(sorted.len());
        for (index, buffer) in sorted {
            let begin = buffer.address as usize - rest_begin;
            let (slice, after) = rest[begin..].split_at_mut(buffer.len as usize);
            rest = after;
            rest_begin = range(buffer.address, buffer.len).end;
            slices.push((index, IoSliceMut::new(slice)));
        }
        slices.sort_by_key(|(index, _)| *index);
        Ok(slices.into_iter().map(|(_, slice)| slice).collect())
    }

    /// The first [`BUFFERS_MAX`] of an array of buffers.
    fn buffers(&self, address: u32, len: u32) -> Outcome<Vec<Buffer>> {
        let elements = self.array(address, len, 8, 4)?.take(BUFFERS_MAX as usize);
        let buffer = |at| Ok(Buffer { address: self.read_u32(at)?, len: self.read_u32(at + 4)? });
        elements.map(buffer).collect()
    }

    fn out_of_bounds(&self, address: u32, len: u64) -> GuestFault {
        GuestFault::OutOfBounds { address, len, memory: self.0.len() }
    }
}

fn range(address: u32, len: u32) -> std::ops::Range<usize> {
    address as usize..address as usize + len as usize
}

fn check_alignment(address: u32, alignment: u32) -> Result<(), GuestFault> {
    if address.is_multiple_of(alignment) {
        Ok(())
    } else {
        Err(GuestFault::Unaligned { address, alignment })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffers(memory: &mut GuestMemory<'_>, at: u32, buffers: &[(u32, u32)]) {
        for (index, (address, len)) in (0..).zip(buffers) {
            memory.write_u32(at + index * 8, *address).unwrap();
            memory.write_u32(at + index * 8 + 4, *len).unwrap();
        }
    }

    #[test]
    fn buffers_in_any_order_keep_their_order() {
        let mut bytes = vec![0; 256];
        let mut memory = GuestMemory::new(&mut bytes);
        buffers(&mut memory, 0, &[(100, 2), (90, 0), (64, 3), (102, 1)]);
        let mut targets = memory.targets(0, 4).unwrap();
        assert_eq!(targets.iter().map(|slice| slice.len()).collect::<Vec<_>>(), [2, 3, 1]);
        targets[0].fill(1);
        targets[1].fill(2);
        targets[2].fill(3);
        assert_eq!(bytes[64..67], [2, 2, 2]);
        assert_eq!(bytes[100..103], [1, 1, 3]);
    }

    #[test]
    fn of_buffers_that_overlap_the_first_is_used() {
        let mut bytes = vec![0; 256];
        let mut memory = GuestMemory::new(&mut bytes);
        buffers(&mut memory, 0, &[(100, 8), (64, 40)]);
        let targets = memory.targets(0, 2).unwrap();
        assert_eq!(targets.iter().map(|slice| slice.len()).collect::<Vec<_>>(), [8]);
    }

    #[test]
    fn ranges_beyond_the_end_stop_the_guest() {
        let mut bytes = vec![0; 64];
        let mut memory = GuestMemory::new(&mut bytes);
        assert!(memory.bytes(0, 64).is_ok() && memory.bytes(64, 0).is_ok());
        for (address, len) in [(0, 65), (64, 1), (u32::MAX, u32::MAX), (65, 0)] {
            assert!(matches!(memory.bytes(address, len), Err(Failure::Stop(_))));
            assert!(matches!(memory.bytes_mut(address, len), Err(Failure::Stop(_))));
        }
        assert!(matches!(memory.array(0, u32::MAX, 8, 4).map(drop), Err(Failure::Stop(_))));
        assert!(matches!(memory.write_u64(60, 1), Err(Failure::Stop(_))), "unaligned");
        buffers(&mut memory, 0, &[(60, 5)]);
        assert!(matches!(memory.targets(0, 1), Err(Failure::Stop(_))));
        assert!(matches!(memory.sources(0, 1, &Quota::new(0)), Err(Failure::Stop(_))));
    }
}
