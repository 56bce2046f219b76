//! The conversation between supervisor and subject: JSON lines over a socket, and a descriptor
//! beside the first line.

use std::io::{self, IoSlice, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::json_lines::{LineBuffer, ProtocolViolation, decode, encode};

/// A barrier that lists a million images is shorter.
const LINE_MAX_BYTES: usize = 256 << 20;

/// One end of the conversation.
#[derive(Debug)]
pub struct Channel {
    socket: UnixStream,
    lines: LineBuffer,
    chunk: Box<[u8]>,
}

/// The reason why a conversation ends.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The other end is closed.
    #[error("the other end of the socket is closed")]
    Closed,
    /// A line is not a valid message.
    #[error(transparent)]
    Violation(#[from] ProtocolViolation),
    /// The kernel's answer.
    #[error("the socket fails: {0}")]
    Io(#[from] io::Error),
}

impl Channel {
    /// A new conversation: this process's end, and the one for the subject.
    ///
    /// # Errors
    /// The kernel's.
    pub fn pair() -> io::Result<(Channel, OwnedFd)> {
        let (ours, theirs) = UnixStream::pair()?;
        Ok((Channel::new(ours), theirs.into()))
    }

    /// The end that this process was given as `fd`, which stays open.
    ///
    /// # Errors
    /// The kernel's; `fd` is closed.
    pub fn over(fd: BorrowedFd<'_>) -> io::Result<Channel> {
        Ok(Channel::new(UnixStream::from(fd.try_clone_to_owned()?)))
    }

    fn new(socket: UnixStream) -> Channel {
        let chunk = vec![0; 64 << 10].into_boxed_slice();
        Channel { socket, lines: LineBuffer::new(LINE_MAX_BYTES), chunk }
    }

    /// Closes both directions, so that each side learns of it.
    pub fn close(&self) {
        // It fails only for a connection that is closed already.
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    /// Sends a message.
    ///
    /// # Errors
    /// The other end is closed.
    pub fn send(&mut self, message: &impl Serialize) -> Result<(), ChannelError> {
        match self.socket.write_all(&encode(message)?) {
            Err(error) if is_closed(&error) => Err(ChannelError::Closed),
            result => Ok(result?),
        }
    }

    /// Sends a short message with a descriptor beside it, as the first of a conversation: the
    /// socket must have room for all of it.
    ///
    /// # Errors
    /// The other end is closed, or the socket has no room for the whole message.
    pub fn send_with_fd(
        &mut self,
        message: &impl Serialize,
        fd: BorrowedFd<'_>,
    ) -> Result<(), ChannelError> {
        let line = encode(message)?;
        let fds = [fd];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(&fds));
        let parts = [IoSlice::new(&line)];
        let sent = match sendmsg(&self.socket, &parts, &mut ancillary, SendFlags::NOSIGNAL) {
            Ok(sent) => sent,
            Err(error) if is_closed(&error.into()) => return Err(ChannelError::Closed),
            Err(error) => return Err(io::Error::from(error).into()),
        };
        if sent != line.len() {
            return Err(io::Error::from(io::ErrorKind::WriteZero).into());
        }
        Ok(())
    }

    /// Waits for the next message.
    ///
    /// # Errors
    /// The other end is closed, or its line is not a `T`.
    pub fn receive<T: DeserializeOwned>(&mut self) -> Result<T, ChannelError> {
        Ok(self.receive_with_fd()?.0)
    }

    /// Waits for the next message, and a descriptor that may come with it.
    ///
    /// # Errors
    /// As [`Channel::receive`].
    pub fn receive_with_fd<T: DeserializeOwned>(
        &mut self,
    ) -> Result<(T, Option<OwnedFd>), ChannelError> {
        let mut received = None;
        loop {
            if let Some(line) = self.lines.next_line()? {
                return Ok((decode(&line)?, received));
            }
            received = self.fill(RecvFlags::empty())?.or(received);
        }
    }

    /// The next message, if it has arrived whole.
    ///
    /// # Errors
    /// As [`Channel::receive`].
    pub fn try_receive<T: DeserializeOwned>(&mut self) -> Result<Option<T>, ChannelError> {
        loop {
            if let Some(line) = self.lines.next_line()? {
                return Ok(Some(decode(&line)?));
            }
            match self.fill(RecvFlags::DONTWAIT) {
                Ok(_) => {}
                Err(ChannelError::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Receives once. Returns the descriptor that came with the bytes.
    fn fill(&mut self, flags: RecvFlags) -> Result<Option<OwnedFd>, ChannelError> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(&mut self.chunk)];
        let flags = flags | RecvFlags::CMSG_CLOEXEC;
        let got = loop {
            match recvmsg(&self.socket, &mut parts, &mut ancillary, flags) {
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::CONNRESET) => return Err(ChannelError::Closed),
                result => break result.map_err(io::Error::from)?,
            }
        };
        if got.bytes == 0 {
            return Err(ChannelError::Closed);
        }
        if got.flags.contains(ReturnFlags::CTRUNC) {
            return Err(io::Error::other("a descriptor was lost on the way").into());
        }
        self.lines.push(&self.chunk[..got.bytes]);
        let fds = ancillary.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        Ok(fds)
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

#[cfg(test)]
mod tests;
