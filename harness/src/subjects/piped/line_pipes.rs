//! The pipes of a command: lines, each written or read before a deadline.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::process::{ChildStdin, ChildStdout};
use std::time::Instant;

use leakbench_kernel::poll_until;
use leakbench_subject::wire::json_lines::{LineBuffer, ProtocolViolation};
use rustix::event::{PollFd, PollFlags};
use rustix::io::ioctl_fionbio;

/// The states of a million slots are shorter.
const LINE_MAX_BYTES: usize = 4 << 20;

/// Standard input and output of a command.
#[derive(Debug)]
pub(super) struct LinePipes {
    /// `None` once it is closed, which asks the command to exit.
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    lines: LineBuffer,
    chunk: Box<[u8]>,
}

/// The reason why a line cannot be written or read.
pub(super) enum PipeError {
    Violation(ProtocolViolation),
    Timeout,
    Closed,
    Io(io::Error),
}

impl From<ProtocolViolation> for PipeError {
    fn from(violation: ProtocolViolation) -> PipeError {
        PipeError::Violation(violation)
    }
}

impl LinePipes {
    /// # Errors
    /// The kernel's.
    pub(super) fn new(stdin: ChildStdin, stdout: ChildStdout) -> io::Result<LinePipes> {
        // The bridge's ends only: the command expects its own to block.
        for end in [stdin.as_fd(), stdout.as_fd()] {
            ioctl_fionbio(end, true)?;
        }
        Ok(LinePipes {
            stdin: Some(stdin),
            stdout,
            lines: LineBuffer::new(LINE_MAX_BYTES),
            chunk: vec![0; 64 << 10].into_boxed_slice(),
        })
    }

    /// Closes the command's standard input.
    pub(super) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Takes what was read behind the last line.
    pub(super) fn take_rest(&mut self) -> Vec<u8> {
        self.lines.take_rest()
    }

    /// Writes the whole line.
    pub(super) fn write(&mut self, line: &[u8], deadline: Instant) -> Result<(), PipeError> {
        let Some(stdin) = &mut self.stdin else { return Err(PipeError::Closed) };
        let mut left = line;
        while !left.is_empty() {
            match stdin.write(left) {
                Ok(count) => left = &left[count..],
                // The end of its output, or its last line there, is the better report.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    wait(stdin, PollFlags::OUT, deadline)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(PipeError::Io(error)),
            }
        }
        Ok(())
    }

    /// Reads the next line.
    pub(super) fn read_line(&mut self, deadline: Instant) -> Result<Vec<u8>, PipeError> {
        loop {
            if let Some(line) = self.lines.next_line()? {
                return Ok(line);
            }
            wait(&self.stdout, PollFlags::IN, deadline)?;
            match self.stdout.read(&mut self.chunk) {
                // A last line without an end is a line.
                Ok(0) => match self.lines.take_rest() {
                    rest if rest.is_empty() => return Err(PipeError::Closed),
                    rest => return Ok(rest),
                },
                Ok(count) => self.lines.push(&self.chunk[..count]),
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                    ) => {}
                Err(error) => return Err(PipeError::Io(error)),
            }
        }
    }
}

/// Waits until `fd` is ready.
fn wait(fd: &impl AsFd, flags: PollFlags, deadline: Instant) -> Result<(), PipeError> {
    match poll_until(&mut [PollFd::new(fd, flags)], deadline) {
        Ok(true) => Ok(()),
        Ok(false) => Err(PipeError::Timeout),
        Err(error) => Err(PipeError::Io(error)),
    }
}
