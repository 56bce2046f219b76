//! Sockets that were handed in, and those that they accept.

#![expect(clippy::too_many_arguments, reason = "as many as the standard has")]

use std::os::fd::OwnedFd;

use rustix::net::{
    RecvAncillaryBuffer, RecvFlags, ReturnFlags, SendAncillaryBuffer, SendFlags, Shutdown,
    SocketFlags, accept_with, recvmsg, sendmsg, shutdown,
};

use super::data::retry;
use crate::context::WasiCtx;
use crate::descriptor::Descriptor;
use crate::errno::{Errno, Outcome};
use crate::memory::GuestMemory;

/// The flag of a descriptor that does not wait.
const NONBLOCK: u32 = 1 << 2;
const RECEIVE_PEEK: u32 = 1 << 0;
const RECEIVE_ALL: u32 = 1 << 1;
/// The flag of a message that was cut.
const RECEIVED_TRUNCATED: u16 = 1 << 0;

impl WasiCtx {
    pub(crate) fn sock_accept(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        flags: u32,
        accepted: u32,
    ) -> Outcome {
        self.table.free()?;
        memory.bytes(accepted, 4)?;
        let socket = self.table.get(fd)?.socket()?;
        let flags = match flags {
            0 => SocketFlags::CLOEXEC,
            NONBLOCK => SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            _ => return Err(Errno::INVAL.into()),
        };
        let connection: OwnedFd = retry(|| accept_with(socket, flags))?;
        let number = self.table.insert(Descriptor::new(connection)?)?;
        memory.write_u32(accepted, number)
    }

    pub(crate) fn sock_recv(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        iovs: u32,
        iovs_len: u32,
        flags: u32,
        received: u32,
        out_flags: u32,
    ) -> Outcome {
        let socket = self.table.get(fd)?.socket()?;
        if flags & !(RECEIVE_PEEK | RECEIVE_ALL) != 0 {
            return Err(Errno::INVAL.into());
        }
        let mut receive = RecvFlags::empty();
        receive.set(RecvFlags::PEEK, flags & RECEIVE_PEEK != 0);
        receive.set(RecvFlags::WAITALL, flags & RECEIVE_ALL != 0);
        let mut targets = memory.targets(iovs, iovs_len)?;
        let message =
            retry(|| recvmsg(socket, &mut targets, &mut RecvAncillaryBuffer::default(), receive))?;
        let is_cut = message.flags.contains(ReturnFlags::TRUNC);
        let bytes = message.bytes as u32;
        memory.write_u32(received, bytes)?;
        memory.write_u16(out_flags, if is_cut { RECEIVED_TRUNCATED } else { 0 })
    }

    pub(crate) fn sock_send(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: u32,
        iovs: u32,
        iovs_len: u32,
        flags: u32,
        sent: u32,
    ) -> Outcome {
        let socket = self.table.get(fd)?.socket()?;
        if flags != 0 {
            return Err(Errno::INVAL.into());
        }
        let sources = memory.sources(iovs, iovs_len, &self.quota)?;
        // A closed peer is an error and no signal.
        let bytes = retry(|| {
            sendmsg(socket, &sources, &mut SendAncillaryBuffer::default(), SendFlags::NOSIGNAL)
        })?;
        self.quota.spend(bytes as u64);
        memory.write_u32(sent, bytes as u32)
    }

    pub(crate) fn sock_shutdown(&mut self, _: &mut GuestMemory<'_>, fd: u32, how: u32) -> Outcome {
        let socket = self.table.get(fd)?.socket()?;
        let how = match how {
            1 => Shutdown::Read,
            2 => Shutdown::Write,
            3 => Shutdown::Both,
            _ => return Err(Errno::INVAL.into()),
        };
        Ok(shutdown(socket, how)?)
    }
}
