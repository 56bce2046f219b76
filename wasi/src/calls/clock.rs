//! Clocks.

use rustix::time::{ClockId, Timespec};

use crate::context::WasiCtx;
use crate::errno::{Errno, Outcome};
use crate::memory::GuestMemory;

impl WasiCtx {
    pub(crate) fn clock_res_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        id: u32,
        resolution: u32,
    ) -> Outcome {
        let time = rustix::time::clock_getres(clock(id)?);
        memory.write_u64(resolution, nanoseconds(time))
    }

    pub(crate) fn clock_time_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        id: u32,
        _precision: u64,
        time: u32,
    ) -> Outcome {
        let now = rustix::time::clock_gettime(clock(id)?);
        memory.write_u64(time, nanoseconds(now))
    }
}

/// The kernel's clock of a number.
pub(super) fn clock(id: u32) -> Result<ClockId, Errno> {
    match id {
        0 => Ok(ClockId::Realtime),
        1 => Ok(ClockId::Monotonic),
        2 => Ok(ClockId::ProcessCPUTime),
        3 => Ok(ClockId::ThreadCPUTime),
        _ => Err(Errno::INVAL),
    }
}

/// A time in nanoseconds. Times before 1970 are 0; those after 2554 are the largest number.
pub(super) fn nanoseconds(time: Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}

/// The kernel's form of a time in nanoseconds.
pub(super) fn timespec(nanoseconds: u64) -> Timespec {
    // Both quotient and remainder are small.
    Timespec {
        tv_sec: (nanoseconds / 1_000_000_000) as i64,
        tv_nsec: (nanoseconds % 1_000_000_000) as i64,
    }
}
