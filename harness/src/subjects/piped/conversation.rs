//! A command as a process, and the lines to and from it: one request, one reply, in time.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use leakbench_scenarios::CommandLine;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::ioctl_fionbio;
use serde::de::DeserializeOwned;

use super::messages::{Answer, Numbered, Reply, Request};
use leakbench_subject::sys::die_with_parent;

/// A line longer than this is no reply: states of a million slots are shorter.
const LINE_MAX_BYTES: usize = 4 << 20;

/// Bytes of a line that a message quotes.
const QUOTED_BYTES: usize = 120;

/// How long a command may take to leave once its input is closed.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);

/// How long one that has closed its output may take to end, to say how it did.
const END_WITHIN: Duration = Duration::from_secs(1);

/// A command that was started. Dropping it closes its input, and kills it when it does not leave.
#[derive(Debug)]
pub(super) struct Conversation {
    child: Child,
    /// `None` once it is to leave.
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    /// Read, and not yet taken.
    heard: Vec<u8>,
    chunk: Box<[u8]>,
    next_id: u64,
    patience: Duration,
    /// How it broke: nothing is asked any more.
    broken: Option<String>,
}

/// The command does not start.
#[derive(Debug, thiserror::Error)]
#[error("cannot start '{program}': {error}")]
pub(super) struct StartError {
    program: String,
    error: io::Error,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AskError {
    /// The command's own reason.
    Refused(String),
    /// It died, or does not keep to the protocol.
    Broken(String),
}

/// How a conversation breaks.
enum Break {
    Rubbish { reason: String, line: Vec<u8> },
    Silent,
    Closed,
    Io(io::Error),
}

impl Conversation {
    /// Starts `command`, which ends with the thread that starts it. `patience` is how long a
    /// reply may take.
    ///
    /// # Errors
    /// There is no such program, or the kernel's.
    pub(super) fn start(
        command: &CommandLine,
        patience: Duration,
    ) -> Result<Conversation, StartError> {
        let failed = |error| StartError { program: command.program().to_owned(), error };
        let mut process = Command::new(command.program());
        process.args(command.arguments()).stdin(Stdio::piped()).stdout(Stdio::piped());
        die_with_parent(&mut process);
        let mut child = process.spawn().map_err(failed)?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed(io::Error::other("its pipes are missing")));
        };
        let conversation = Conversation {
            child,
            stdin: Some(stdin),
            stdout,
            heard: Vec::new(),
            chunk: vec![0; 64 << 10].into_boxed_slice(),
            next_id: 0,
            patience,
            broken: None,
        };
        // Our ends alone: the command's block, as it expects.
        let ours =
            [conversation.stdin.as_ref().map(AsFd::as_fd), Some(conversation.stdout.as_fd())];
        for end in ours.into_iter().flatten() {
            ioctl_fionbio(end, true).map_err(|error| failed(error.into()))?;
        }
        Ok(conversation)
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// The command refuses, or the conversation is broken, now or before.
    pub(super) fn ask<T: DeserializeOwned>(
        &mut self,
        request: &Request<'_>,
    ) -> Result<T, AskError> {
        let answer = self.ask_whole(request)?;
        self.read(request, &answer)
    }

    /// Asks, and waits for the answer, which is still to be read.
    ///
    /// # Errors
    /// As [`Conversation::ask`].
    pub(super) fn ask_whole(&mut self, request: &Request<'_>) -> Result<Answer, AskError> {
        if let Some(how) = &self.broken {
            return Err(AskError::Broken(how.clone()));
        }
        let id = self.next_id;
        self.next_id += 1;
        let mut line = match serde_json::to_vec(&Numbered { id, request }) {
            Ok(line) => line,
            Err(error) => return Err(self.breaks(&[], Break::Io(error.into()))),
        };
        line.push(b'\n');
        let until = Instant::now() + self.patience;
        match self.say(&line, until).and_then(|()| self.hear(id, until)) {
            Ok(Reply { ok: Some(answer), .. }) => Ok(answer),
            Ok(Reply { error, .. }) => Err(AskError::Refused(error.unwrap_or_default())),
            Err(how) => Err(self.breaks(&line, how)),
        }
    }

    /// Reads the answer to `request`.
    ///
    /// # Errors
    /// It is not one; then the conversation is broken.
    pub(super) fn read<T: DeserializeOwned>(
        &mut self,
        request: &Request<'_>,
        answer: &Answer,
    ) -> Result<T, AskError> {
        T::deserialize(answer).map_err(|error| {
            let line = serde_json::to_vec(answer).unwrap_or_default();
            let id = self.next_id.saturating_sub(1);
            let asked = serde_json::to_vec(&Numbered { id, request }).unwrap_or_default();
            self.breaks(&asked, Break::Rubbish { reason: error.to_string(), line })
        })
    }

    /// Writes `line` whole.
    fn say(&mut self, line: &[u8], until: Instant) -> Result<(), Break> {
        let Some(stdin) = &mut self.stdin else { return Err(Break::Closed) };
        let mut left = line;
        while !left.is_empty() {
            match stdin.write(left) {
                Ok(count) => left = &left[count..],
                // What it said before it left tells more.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    wait(stdin, PollFlags::OUT, until)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Break::Io(error)),
            }
        }
        Ok(())
    }

    /// Waits for the reply to request `id`.
    fn hear(&mut self, id: u64, until: Instant) -> Result<Reply, Break> {
        let mut searched = 0;
        let end = loop {
            let end = self.heard[searched..].iter().position(|byte| *byte == b'\n');
            if let Some(end) = end {
                break searched + end;
            }
            searched = self.heard.len();
            if searched > LINE_MAX_BYTES {
                let reason = format!("a line of more than {LINE_MAX_BYTES} bytes");
                return Err(Break::Rubbish { reason, line: std::mem::take(&mut self.heard) });
            }
            wait(&self.stdout, PollFlags::IN, until)?;
            match self.stdout.read(&mut self.chunk) {
                // What is left without an end of line is the last thing that it said.
                Ok(0) if self.heard.is_empty() => return Err(Break::Closed),
                Ok(0) => break searched,
                Ok(count) => self.heard.extend_from_slice(&self.chunk[..count]),
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                    ) => {}
                Err(error) => return Err(Break::Io(error)),
            }
        };
        let rest = self.heard.split_off((end + 1).min(self.heard.len()));
        self.heard.truncate(end);
        let line = std::mem::replace(&mut self.heard, rest);
        let rubbish = |reason: String, line| Break::Rubbish { reason, line };
        let reply: Reply = match serde_json::from_slice(&line) {
            Ok(reply) => reply,
            Err(error) => return Err(rubbish(error.to_string(), line)),
        };
        if reply.ok.is_some() == reply.error.is_some() {
            return Err(rubbish("it needs one of 'ok' and 'error'".to_owned(), line));
        }
        if reply.id != id {
            return Err(rubbish(format!("it answers request {} and not {id}", reply.id), line));
        }
        if !self.heard.is_empty() {
            let line = std::mem::take(&mut self.heard);
            return Err(rubbish("it follows a reply without being asked for".to_owned(), line));
        }
        Ok(reply)
    }

    /// The conversation is over: says how, with the request that it was about.
    fn breaks(&mut self, request: &[u8], how: Break) -> AskError {
        let what = match how {
            Break::Rubbish { reason, line } => format!(
                "said what is no reply ({reason}): {}; standard output is for replies alone, one \
                 a line: print anything else on standard error",
                quoted(&line)
            ),
            Break::Silent => format!("did not answer within {:?}", self.patience),
            Break::Closed => match self.ended(END_WITHIN) {
                Some(status) => format!("ended ({status}) without an answer"),
                None => "closed its standard output without an answer".to_owned(),
            },
            Break::Io(error) => format!("cannot be spoken to: {error}"),
        };
        let message = format!("asked {}, the command {what}", quoted(request));
        self.broken = Some(message.clone());
        AskError::Broken(message)
    }

    /// Why nothing more is to be had of it, if it has ended.
    pub(super) fn has_ended(&mut self) -> Option<String> {
        let status = self.ended(Duration::ZERO)?;
        Some(format!("the command has ended ({status}), and not because it was told to"))
    }

    /// Closes the command's input and waits for its end. A command that does not leave in time is
    /// killed, which is no fault of its steps.
    ///
    /// # Errors
    /// It ended by a signal or with another exit status than 0: then its last reply proves nothing.
    pub(super) fn close(&mut self) -> Result<(), String> {
        self.stdin = None;
        match self.ended(LEAVE_WITHIN.min(self.patience / 2)) {
            Some(status) if !status.success() => Err(format!(
                "the command has ended ({status}) after its last step: when its standard input \
                 is closed it must end with exit status 0"
            )),
            Some(_) => Ok(()),
            None => {
                self.kill();
                Ok(())
            }
        }
    }

    fn kill(&mut self) {
        // It may be just gone. Until it is waited for, its number cannot be another's.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// How it ended, if it does `within` that time.
    fn ended(&mut self, within: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + within;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(1)),
                Ok(None) | Err(_) => return None,
            }
        }
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.stdin = None;
        // One that broke its word is not waited for.
        let within = if self.broken.is_some() {
            Duration::ZERO
        } else {
            LEAVE_WITHIN.min(self.patience / 2)
        };
        if self.ended(within).is_none() {
            self.kill();
        }
    }
}

/// Waits until `fd` is ready.
fn wait(fd: &impl AsFd, flags: PollFlags, until: Instant) -> Result<(), Break> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Break::Silent);
        }
        let timeout = Timespec::try_from(left).ok();
        match poll(&mut [PollFd::new(fd, flags)], timeout.as_ref()) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(Break::Io(error.into())),
        }
    }
}

/// The beginning of a line, for a message.
fn quoted(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let shown = String::from_utf8_lossy(&line[..line.len().min(QUOTED_BYTES)]);
    if line.len() > QUOTED_BYTES { format!("{shown}…") } else { shown.into_owned() }
}
