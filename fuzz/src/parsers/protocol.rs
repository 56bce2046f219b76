//! The conversations of the supervisor with subjects, and of the bridge with commands.

use leakbench_subject::wire::json_lines::{LineBuffer, decode, encode};
use leakbench_subject::wire::{Event, OfferLine, Request};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The messages between the bridge and a command, which the harness keeps to itself.
#[allow(dead_code, clippy::unwrap_used, reason = "the target reads messages and writes none")]
#[path = "../../../harness/src/subjects/piped/messages.rs"]
mod messages;

/// Bytes of a line.
const LINE_MAX_BYTES: usize = 4096;

/// Reads bytes as what was received in parts. The first byte is the length of a part.
///
/// # Panics
/// If a line depends on the parts, is too long, or is another message after it is written and read again.
pub fn check(data: &[u8]) {
    let Some((&part, stream)) = data.split_first() else { return };
    let (lines, rest) = taken(stream, usize::from(part).max(1));
    let whole = taken(stream, stream.len().max(1));
    assert_eq!((&lines, &rest), (&whole.0, &whole.1));
    for line in &lines {
        assert!(line.len() <= LINE_MAX_BYTES && !line.contains(&b'\n'));
        check_message::<Request>(line);
        check_message::<Event>(line);
        if let Ok(text) = std::str::from_utf8(line)
            && let Ok(offer) = OfferLine::read(text)
        {
            let json = serde_json::to_value(&offer).expect("an offer has a JSON form");
            let again: leakbench_scenarios::Offer =
                serde_json::from_value(json).expect("its JSON form is that of an offer");
            assert_eq!(again, offer);
        }
        check_reply(line);
    }
}

/// The lines that arrive in parts of so many bytes, up to the first one that is too long; and what is left.
fn taken(stream: &[u8], part: usize) -> (Vec<Vec<u8>>, Vec<u8>) {
    let mut buffer = LineBuffer::new(LINE_MAX_BYTES);
    let mut lines = Vec::new();
    for bytes in stream.chunks(part) {
        buffer.push(bytes);
        loop {
            match buffer.next_line() {
                Ok(Some(line)) => lines.push(line),
                Ok(None) => break,
                Err(violation) => {
                    assert!(violation.line.len() <= 1000, "the line is quoted in full");
                    return (lines, Vec::new());
                }
            }
        }
    }
    (lines, buffer.take_rest())
}

fn check_message<T: DeserializeOwned + Serialize>(line: &[u8]) {
    let Ok(message) = decode::<T>(line) else { return };
    let written = encode(&message).expect("a message has a JSON form");
    let again = decode::<T>(written.trim_ascii_end()).expect("a message that was written is read");
    assert_eq!(encode(&again).expect("a message has a JSON form"), written);
}

/// Reads a line as a reply of a command, and its answer as that to each request.
fn check_reply(line: &[u8]) {
    let Ok(reply) = decode::<messages::Reply>(line) else { return };
    let Some(answer) = reply.ok else { return };
    let answer = serde_json::Value::Object(answer);
    let _ = messages::Version::deserialize(&answer);
    let _ = messages::Hello::deserialize(&answer);
    let _ = messages::Called::deserialize(&answer);
    if let Ok(slots) = messages::Slots::deserialize(&answer) {
        let states = slots.states.len() as u64;
        assert!(states == 0 || states == slots.slabs.slot_count());
    }
}
