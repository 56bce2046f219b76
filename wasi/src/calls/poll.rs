//! Waiting for clocks and descriptors.

use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags};
use rustix::time::{ClockId, clock_gettime};

use super::clock::{clock, nanoseconds, timespec};
use crate::context::WasiCtx;
use crate::errno::{Errno, Outcome};
use crate::memory::GuestMemory;
use crate::rights;

/// Maximum number of subscriptions of a call. They take memory of the host.
const SUBSCRIPTIONS_MAX: u32 = 4096;

/// The kinds of subscriptions and events, with their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Clock = 0,
    Read = 1,
    Write = 2,
}

/// A subscription of the guest.
#[derive(Clone, Copy, Debug)]
struct Subscription {
    userdata: u64,
    kind: Kind,
    wait: Wait,
}

#[derive(Clone, Copy, Debug)]
enum Wait {
    /// Until the monotonic clock shows this, in nanoseconds.
    Deadline(u64),
    /// Until the descriptor is ready; the index among those that the kernel polls.
    Poll(usize),
    /// An event at once: with an error, or of a stream that is always ready.
    Done(Option<Errno>),
}

impl WasiCtx {
    pub(crate) fn poll_oneoff(
        &mut self,
        memory: &mut GuestMemory<'_>,
        subscriptions: u32,
        events: u32,
        len: u32,
        count: u32,
    ) -> Outcome {
        if len == 0 || len > SUBSCRIPTIONS_MAX {
            return Err(Errno::INVAL.into());
        }
        let mut fds: Vec<PollFd<'_>> = Vec::new();
        let mut waits = Vec::new();
        for at in memory.array(subscriptions, len, 48, 8)? {
            waits.push(self.subscription(memory, at, &mut fds)?);
        }
        let mut slots = memory.array(events, len, 32, 8)?;
        memory.bytes(count, 4)?;
        let is_done = |subscription: &Subscription| matches!(subscription.wait, Wait::Done(_));
        let deadlines = waits.iter().filter_map(|subscription| match subscription.wait {
            Wait::Deadline(deadline) => Some(deadline),
            _ => None,
        });
        let deadline = if waits.iter().any(is_done) { Some(0) } else { deadlines.min() };
        let now = wait(&mut fds, deadline)?;
        let mut number = 0;
        for subscription in waits {
            let mut event = [0; 32];
            let error = match subscription.wait {
                Wait::Done(error) => error,
                Wait::Deadline(deadline) if deadline <= now => None,
                Wait::Deadline(_) => continue,
                Wait::Poll(index) => {
                    let ready = fds[index].revents();
                    if ready.is_empty() {
                        continue;
                    }
                    if subscription.kind == Kind::Read && ready.contains(PollFlags::IN) {
                        let bytes = rustix::io::ioctl_fionread(&fds[index]).unwrap_or(1);
                        event[16..24].copy_from_slice(&bytes.to_le_bytes());
                    }
                    if ready.contains(PollFlags::HUP) {
                        event[24] = 1;
                    }
                    let is_bad = ready.contains(PollFlags::NVAL);
                    let failed = ready.contains(PollFlags::ERR) && !ready.contains(PollFlags::HUP);
                    is_bad.then_some(Errno::BADF).or(failed.then_some(Errno::IO))
                }
            };
            event[0..8].copy_from_slice(&subscription.userdata.to_le_bytes());
            let error = error.map_or(0, |errno| errno.0);
            event[8..10].copy_from_slice(&error.to_le_bytes());
            event[10] = subscription.kind as u8;
            // There are as many places as subscriptions.
            let Some(at) = slots.next() else { break };
            memory.write_struct(at, &event)?;
            number += 1;
        }
        memory.write_u32(count, number)
    }

    /// The subscription at an address. A descriptor to poll is added to `fds`.
    fn subscription<'a>(
        &'a self,
        memory: &GuestMemory<'_>,
        at: u32,
        fds: &mut Vec<PollFd<'a>>,
    ) -> Outcome<Subscription> {
        let userdata = memory.read_u64(at)?;
        let kind = match memory.read_u8(at + 8)? {
            0 => Kind::Clock,
            1 => Kind::Read,
            2 => Kind::Write,
            _ => return Err(Errno::INVAL.into()),
        };
        if kind == Kind::Clock {
            let (id, timeout) = (memory.read_u32(at + 16)?, memory.read_u64(at + 24)?);
            let wait = match deadline(id, timeout, memory.read_u16(at + 40)?) {
                Ok(deadline) => Wait::Deadline(deadline),
                Err(errno) => Wait::Done(Some(errno)),
            };
            return Ok(Subscription { userdata, kind, wait });
        }
        let wait = match self.pollable(memory.read_u32(at + 16)?, kind) {
            Err(errno) => Wait::Done(Some(errno)),
            Ok(None) => Wait::Done(None),
            Ok(Some(fd)) => {
                let flags = if kind == Kind::Read { PollFlags::IN } else { PollFlags::OUT };
                fds.push(PollFd::from_borrowed_fd(fd, flags));
                Wait::Poll(fds.len() - 1)
            }
        };
        Ok(Subscription { userdata, kind, wait })
    }

    /// The kernel's descriptor; `None` if it is always ready.
    fn pollable(&self, fd: u32, kind: Kind) -> Result<Option<BorrowedFd<'_>>, Errno> {
        let descriptor = self.table.get(fd)?;
        let right = if kind == Kind::Read { rights::FD_READ } else { rights::FD_WRITE };
        descriptor.check(right).map_err(|_| Errno::BADF)?;
        Ok(descriptor.fd())
    }
}

/// The time of the monotonic clock at which a subscription of a clock is due.
fn deadline(id: u32, timeout: u64, flags: u16) -> Result<u64, Errno> {
    let id = clock(id)?;
    if !matches!(id, ClockId::Realtime | ClockId::Monotonic) {
        return Err(Errno::NOTSUP);
    }
    let now = nanoseconds(clock_gettime(ClockId::Monotonic));
    match flags {
        0 => Ok(now.saturating_add(timeout)),
        // An absolute time.
        1 => Ok(now.saturating_add(timeout.saturating_sub(nanoseconds(clock_gettime(id))))),
        _ => Err(Errno::INVAL),
    }
}

/// Waits until a descriptor is ready or the monotonic clock shows `deadline`. Returns its time then.
fn wait(fds: &mut [PollFd<'_>], deadline: Option<u64>) -> rustix::io::Result<u64> {
    loop {
        let now = nanoseconds(clock_gettime(ClockId::Monotonic));
        let timeout = deadline.map(|deadline| timespec(deadline.saturating_sub(now)));
        match rustix::event::poll(fds, timeout.as_ref()) {
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error),
            Ok(ready) => {
                let now = nanoseconds(clock_gettime(ClockId::Monotonic));
                if ready > 0 || deadline.is_some_and(|deadline| deadline <= now) {
                    return Ok(now);
                }
            }
        }
    }
}
