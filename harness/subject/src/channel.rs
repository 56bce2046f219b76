//! JSON lines over a socket between supervisor and subject, and a descriptor beside the first.

use std::io::{self, IoSlice, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A line longer than this is no message: a barrier that lists a million images is shorter.
const LINE_MAX_BYTES: usize = 256 << 20;

/// One end of the conversation.
#[derive(Debug)]
pub struct Channel {
    socket: UnixStream,
    /// Received and not yet taken. `searched` bytes of it have no end of line.
    buffer: Vec<u8>,
    searched: usize,
    chunk: Box<[u8]>,
    line_max_bytes: usize,
}

/// Why a conversation ends.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The other end is closed.
    #[error("the other side is gone")]
    Closed,
    /// What came is not a message.
    #[error("not a message ({reason}): {line}")]
    NotAMessage {
        /// What is wrong with it.
        reason: String,
        /// Its beginning.
        line: String,
    },
    /// The kernel's answer.
    #[error("the socket fails: {0}")]
    Io(#[from] io::Error),
}

impl Channel {
    /// Two ends of a new conversation: ours, and the one to hand to a subject.
    ///
    /// # Errors
    /// The kernel's.
    pub fn pair() -> io::Result<(Channel, OwnedFd)> {
        let (ours, theirs) = UnixStream::pair()?;
        Ok((Channel::new(ours), theirs.into()))
    }

    /// The end that was handed to this process as `fd`, which stays open.
    ///
    /// # Errors
    /// The kernel's; `fd` is closed.
    pub fn over(fd: BorrowedFd<'_>) -> io::Result<Channel> {
        Ok(Channel::new(UnixStream::from(fd.try_clone_to_owned()?)))
    }

    fn new(socket: UnixStream) -> Channel {
        let chunk = vec![0; 64 << 10].into_boxed_slice();
        let line_max_bytes = LINE_MAX_BYTES;
        Channel { socket, buffer: Vec::new(), searched: 0, chunk, line_max_bytes }
    }

    /// Says `message`.
    ///
    /// # Errors
    /// The other side is gone.
    pub fn send(&mut self, message: &impl Serialize) -> Result<(), ChannelError> {
        match self.socket.write_all(&line(message)?) {
            Err(error) if is_gone(&error) => Err(ChannelError::Closed),
            result => Ok(result?),
        }
    }

    /// Says `message` and hands over `fd` with it. For a short message and a fresh conversation:
    /// the socket must take it whole.
    ///
    /// # Errors
    /// The other side is gone, or the socket does not take the message whole.
    pub fn send_with_fd(
        &mut self,
        message: &impl Serialize,
        fd: BorrowedFd<'_>,
    ) -> Result<(), ChannelError> {
        let line = line(message)?;
        let fds = [fd];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(&fds));
        let parts = [IoSlice::new(&line)];
        let sent = match sendmsg(&self.socket, &parts, &mut ancillary, SendFlags::NOSIGNAL) {
            Ok(sent) => sent,
            Err(error) if is_gone(&error.into()) => return Err(ChannelError::Closed),
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
    /// The other side is gone, or what it said is no `T`.
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
        let mut handed = None;
        loop {
            if let Some(message) = self.take()? {
                return Ok((message, handed));
            }
            handed = self.fill(RecvFlags::empty())?.or(handed);
        }
    }

    /// The next message if it has come whole; for a socket that is ready to be read.
    ///
    /// # Errors
    /// As [`Channel::receive`].
    pub fn try_receive<T: DeserializeOwned>(&mut self) -> Result<Option<T>, ChannelError> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(Some(message));
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

    /// Reads once into the buffer.
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
        if self.buffer.len() + got.bytes > self.line_max_bytes {
            return Err(self.not_a_message("a line without end".to_owned(), self.buffer.len()));
        }
        self.buffer.extend_from_slice(&self.chunk[..got.bytes]);
        let fds = ancillary.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        Ok(fds)
    }

    /// Takes a whole line out of the buffer.
    fn take<T: DeserializeOwned>(&mut self) -> Result<Option<T>, ChannelError> {
        let Some(end) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') else {
            self.searched = self.buffer.len();
            return Ok(None);
        };
        let end = self.searched + end;
        let message = serde_json::from_slice(&self.buffer[..end])
            .map_err(|error| self.not_a_message(error.to_string(), end))?;
        self.buffer.drain(..=end);
        self.searched = 0;
        Ok(Some(message))
    }

    fn not_a_message(&self, reason: String, end: usize) -> ChannelError {
        let start = &self.buffer[..end.min(200)];
        ChannelError::NotAMessage { reason, line: String::from_utf8_lossy(start).into_owned() }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn line(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message).map_err(io::Error::other)?;
    line.push(b'\n');
    Ok(line)
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

#[cfg(test)]
mod tests;
