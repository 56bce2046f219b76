//! JSON values, one a line: the framing of the conversation between supervisor and subject and of
//! that between the bridge and a command.
//!
//! The codec does no input or output: a reader pushes the bytes that it has received, however they
//! were cut, and takes whole lines.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Bytes of a line that an error quotes.
const QUOTED_BYTES: usize = 200;

/// A received line that is not a valid message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid message ({reason}): {line}")]
pub struct ProtocolViolation {
    /// The rule that the line breaks.
    pub reason: String,
    /// The line, shortened to its first 200 bytes.
    pub line: String,
}

impl ProtocolViolation {
    /// `line` breaks a rule.
    pub fn new(reason: impl Into<String>, line: &[u8]) -> ProtocolViolation {
        ProtocolViolation { reason: reason.into(), line: quoted(line) }
    }
}

/// A message as a line, with its end.
///
/// # Errors
/// The message has no JSON form.
pub fn encode(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message).map_err(io::Error::other)?;
    line.push(b'\n');
    Ok(line)
}

/// The message that a line holds.
///
/// # Errors
/// The line is not JSON, or not a `T`.
pub fn decode<T: DeserializeOwned>(line: &[u8]) -> Result<T, ProtocolViolation> {
    serde_json::from_slice(line).map_err(|error| ProtocolViolation::new(error.to_string(), line))
}

/// The beginning of a line, for an error message. Bytes that are not UTF-8 are replaced.
pub fn quoted(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let shown = String::from_utf8_lossy(&line[..line.len().min(QUOTED_BYTES)]);
    if line.len() > QUOTED_BYTES { format!("{shown}…") } else { shown.into_owned() }
}

/// Cuts received bytes into lines.
///
/// ```
/// use leakbench_subject::wire::json_lines::{LineBuffer, decode};
///
/// let mut lines = LineBuffer::new(1000);
/// lines.push(b"{\"id\":7}\n{\"i");
/// let line = lines.next_line().unwrap().expect("a whole line");
/// assert_eq!(decode::<serde_json::Value>(&line).unwrap()["id"], 7);
/// assert_eq!(lines.next_line(), Ok(None));
/// assert_eq!(lines.take_rest(), b"{\"i");
/// ```
#[derive(Debug)]
pub struct LineBuffer {
    /// Received, and not taken yet.
    bytes: Vec<u8>,
    /// So many of them hold no end of line.
    searched: usize,
    line_max_bytes: usize,
}

impl LineBuffer {
    /// An empty buffer for lines of at most `line_max_bytes`, without their ends.
    pub fn new(line_max_bytes: usize) -> LineBuffer {
        LineBuffer { bytes: Vec::new(), searched: 0, line_max_bytes }
    }

    /// Adds what was received.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes the next line, without its end. `None`: it has not arrived whole. To be called until
    /// then before more is pushed, so that the buffer is no longer than a line and what one read
    /// returns.
    ///
    /// # Errors
    /// The line is too long.
    pub fn next_line(&mut self) -> Result<Option<Vec<u8>>, ProtocolViolation> {
        let end = self.bytes[self.searched..].iter().position(|byte| *byte == b'\n');
        let end = end.map(|end| self.searched + end);
        let length = end.unwrap_or(self.bytes.len());
        if length > self.line_max_bytes {
            let reason = format!("a line of more than {} bytes", self.line_max_bytes);
            return Err(ProtocolViolation::new(reason, &self.bytes[..length]));
        }
        let Some(end) = end else {
            self.searched = length;
            return Ok(None);
        };
        let rest = self.bytes.split_off(end + 1);
        let mut line = std::mem::replace(&mut self.bytes, rest);
        line.truncate(end);
        self.searched = 0;
        Ok(Some(line))
    }

    /// Takes all that was received and not taken, such as a last line without an end.
    pub fn take_rest(&mut self) -> Vec<u8> {
        self.searched = 0;
        std::mem::take(&mut self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_cut_anywhere_come_out_whole_and_in_order() {
        let stream = b"{\"a\":1}\n\n\"\xc3\xa9\"\n[1,2]\nrest";
        for cut in 0..=stream.len() {
            let mut lines = LineBuffer::new(100);
            let mut taken = Vec::new();
            for part in [&stream[..cut], &stream[cut..]] {
                lines.push(part);
                while let Some(line) = lines.next_line().unwrap() {
                    taken.push(line);
                }
            }
            assert_eq!(taken, [&b"{\"a\":1}"[..], b"", b"\"\xc3\xa9\"", b"[1,2]"], "cut at {cut}");
            assert_eq!(lines.take_rest(), b"rest");
            assert_eq!(lines.take_rest(), b"");
        }
    }

    #[test]
    fn a_line_may_be_as_long_as_the_limit_and_no_longer() {
        for ended in [true, false] {
            let mut lines = LineBuffer::new(1000);
            lines.push(&[b'x'; 1000]);
            assert_eq!(lines.next_line(), Ok(None));
            lines.push(if ended { b"y\n" } else { b"y" });
            let violation = lines.next_line().unwrap_err();
            assert_eq!(violation.reason, "a line of more than 1000 bytes");
            assert_eq!(violation.line, "x".repeat(200) + "…");
        }
        // The limit is a line's, not that of what was received.
        let mut lines = LineBuffer::new(3);
        lines.push(b"abc\ndef\nghi\n");
        for line in [b"abc", b"def", b"ghi"] {
            assert_eq!(lines.next_line().unwrap().as_deref(), Some(&line[..]));
        }
    }

    #[test]
    fn a_line_of_another_shape_is_a_violation_that_quotes_it() {
        let violation = decode::<u64>(b"Welcome!").unwrap_err();
        assert_eq!(violation.line, "Welcome!");
        assert!(violation.to_string().contains("expected value"), "{violation}");
        assert_eq!(decode::<u64>(b"\xff\xfe").unwrap_err().line, "\u{fffd}\u{fffd}");
        assert_eq!(decode::<u64>(b"7"), Ok(7));
        assert_eq!(decode::<u64>(&encode(&7).unwrap()), Ok(7));
    }
}
