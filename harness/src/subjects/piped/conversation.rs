//! A command as a process, and the conversation with it: one request, one reply, each within a time
//! limit.

use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use leakbench_kernel::{Child, ProcessGroup};
use leakbench_scenarios::CommandLine;
use leakbench_subject::wire::json_lines::{ProtocolViolation, decode, encode, quoted};
use serde::de::DeserializeOwned;

use super::line_pipes::{LinePipes, PipeError};
use super::messages::{Answer, Numbered, Reply, Request};

/// Time for a command to exit after its standard input is closed.
const EXIT_WITHIN: Duration = Duration::from_secs(2);

/// Time between SIGTERM and SIGKILL, for one that does not exit.
const TERMINATE_WITHIN: Duration = Duration::from_millis(200);

/// Time for a command that has closed its standard output to end, so that its exit status can be
/// reported.
const STATUS_WITHIN: Duration = Duration::from_secs(1);

/// A command that was started. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Conversation {
    child: Child,
    pipes: LinePipes,
    next_id: u64,
    reply_within: Duration,
    /// The failure that ended the conversation: no request follows.
    broken: Option<String>,
}

/// The command does not start.
#[derive(Debug, thiserror::Error)]
#[error("cannot start '{program}': {error}")]
pub(super) struct StartError {
    program: String,
    error: io::Error,
}

/// The reason why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RequestError {
    /// The command's own reason.
    Refused(String),
    /// The command died or violates the protocol.
    Broken(String),
}

impl Conversation {
    /// Starts `command`, which ends with the thread that starts it. Each reply must come within
    /// `reply_within`.
    ///
    /// # Errors
    /// There is no such program, or the kernel's.
    pub(super) fn start(
        command: &CommandLine,
        reply_within: Duration,
    ) -> Result<Conversation, StartError> {
        let failed = |error| StartError { program: command.program().to_owned(), error };
        let mut process = Command::new(command.program());
        process.args(command.arguments()).stdin(Stdio::piped()).stdout(Stdio::piped());
        // In the bridge's group, which the supervisor kills as a whole.
        let mut child = Child::spawn(&mut process, ProcessGroup::Inherited).map_err(failed)?;
        let (Some(stdin), Some(stdout)) = (child.take_stdin(), child.take_stdout()) else {
            return Err(failed(io::Error::other("its pipes are missing")));
        };
        Ok(Conversation {
            child,
            pipes: LinePipes::new(stdin, stdout).map_err(failed)?,
            next_id: 0,
            reply_within,
            broken: None,
        })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// The command refuses, or the conversation breaks or is broken.
    pub(super) fn request<T: DeserializeOwned>(
        &mut self,
        request: &Request<'_>,
    ) -> Result<T, RequestError> {
        let answer = self.request_unread(request)?;
        self.read(request, &answer)
    }

    /// As [`Conversation::request`], for an answer that [`Conversation::read`] reads.
    ///
    /// # Errors
    /// As [`Conversation::request`].
    pub(super) fn request_unread(&mut self, request: &Request<'_>) -> Result<Answer, RequestError> {
        if let Some(failure) = &self.broken {
            return Err(RequestError::Broken(failure.clone()));
        }
        let id = self.next_id;
        self.next_id += 1;
        let line = match encode(&Numbered { id, request }) {
            Ok(line) => line,
            Err(error) => return Err(self.fail(&[], PipeError::Io(error))),
        };
        let deadline = Instant::now() + self.reply_within;
        match self.pipes.write(&line, deadline).and_then(|()| self.read_reply(id, deadline)) {
            Ok(Reply { ok: Some(answer), .. }) => Ok(answer),
            Ok(Reply { error, .. }) => Err(RequestError::Refused(error.unwrap_or_default())),
            Err(event) => Err(self.fail(&line, event)),
        }
    }

    /// Reads the answer to `request`.
    ///
    /// # Errors
    /// The answer has another form; then the conversation is broken.
    pub(super) fn read<T: DeserializeOwned>(
        &mut self,
        request: &Request<'_>,
        answer: &Answer,
    ) -> Result<T, RequestError> {
        T::deserialize(answer).map_err(|error| {
            let line = encode(answer).unwrap_or_default();
            let id = self.next_id.saturating_sub(1);
            let request = encode(&Numbered { id, request }).unwrap_or_default();
            let violation = ProtocolViolation::new(error.to_string(), &line);
            self.fail(&request, PipeError::Violation(violation))
        })
    }

    /// Waits for the reply to request `id`.
    fn read_reply(&mut self, id: u64, deadline: Instant) -> Result<Reply, PipeError> {
        let line = self.pipes.read_line(deadline)?;
        let reply: Reply = decode(&line)?;
        if reply.ok.is_some() == reply.error.is_some() {
            return Err(ProtocolViolation::new("it needs one of 'ok' and 'error'", &line).into());
        }
        if reply.id != id {
            let reason = format!("it answers request {} and not {id}", reply.id);
            return Err(ProtocolViolation::new(reason, &line).into());
        }
        let rest = self.pipes.take_rest();
        if !rest.is_empty() {
            return Err(
                ProtocolViolation::new("it follows a reply without a request", &rest).into()
            );
        }
        Ok(reply)
    }

    /// Ends the conversation. The error names the event and the request.
    fn fail(&mut self, request: &[u8], event: PipeError) -> RequestError {
        let event = match event {
            PipeError::Violation(ProtocolViolation { reason, line }) => format!(
                "wrote a line that is not a reply ({reason}): {line}; standard output is for \
                 replies alone, one a line: print anything else on standard error"
            ),
            PipeError::Timeout => format!("did not answer within {:?}", self.reply_within),
            PipeError::Closed => match self.child.wait_for(STATUS_WITHIN) {
                Ok(Some(status)) => format!("ended ({status}) without an answer"),
                _ => "closed its standard output without an answer".to_owned(),
            },
            PipeError::Io(error) => format!("cannot be written to or read from: {error}"),
        };
        let message = format!("after the request {}, the command {event}", quoted(request));
        self.broken = Some(message.clone());
        RequestError::Broken(message)
    }

    /// A failure if the command has ended before it was asked to.
    pub(super) fn has_ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok()??;
        Some(format!(
            "the command has ended ({status}), but its standard input was open: it must run until \
             that is closed"
        ))
    }

    /// Closes the command's standard input and waits for its end. A command that does not exit in
    /// time is ended, which is no failure of its steps.
    ///
    /// # Errors
    /// It ended by a signal or with another exit status than 0: then its last reply proves nothing.
    pub(super) fn close(&mut self) -> Result<(), String> {
        match self.end() {
            Ok(Some(status)) if !status.success() => Err(format!(
                "the command has ended ({status}) after its last step: when its standard input is \
                 closed it must exit with status 0"
            )),
            Ok(_) => Ok(()),
            Err(error) => Err(format!("the command cannot be waited for: {error}")),
        }
    }

    /// Ends the command. Returns its exit status, if it exited by itself.
    fn end(&mut self) -> io::Result<Option<std::process::ExitStatus>> {
        self.pipes.close_stdin();
        // A command that broke the conversation gets no time to exit.
        let limit = match &self.broken {
            Some(_) => Duration::ZERO,
            None => EXIT_WITHIN.min(self.reply_within / 2),
        };
        let exited = self.child.wait_for(limit)?;
        if exited.is_none() {
            self.child.end(TERMINATE_WITHIN)?;
        }
        Ok(exited)
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        // The child's own drop kills what is left.
        let _ = self.end();
    }
}
