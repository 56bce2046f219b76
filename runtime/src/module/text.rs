//! Modules as text.

use std::borrow::Cow;

use super::parse::ModuleError;

/// The first bytes of the binary format.
const MAGIC: &[u8] = b"\0asm";

/// The module in the binary format. Bytes that are not text stay as they are.
///
/// # Errors
/// If they are the text of a module and not well-formed.
pub(super) fn assembled(bytes: &[u8]) -> Result<Cow<'_, [u8]>, ModuleError> {
    if bytes.starts_with(MAGIC) || !is_text(bytes) {
        return Ok(Cow::Borrowed(bytes));
    }
    wat::parse_bytes(bytes).map_err(|error| ModuleError::Text { reason: in_one_line(&error) })
}

/// The rule and the place, without the picture of the line that follows them.
fn in_one_line(error: &wat::Error) -> String {
    let message = error.to_string();
    let lines: Vec<&str> = message.lines().map(str::trim).take(2).collect();
    lines.join(" ")
}

/// True if a parenthesis or a comment is the first thing in the bytes.
fn is_text(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    start.starts_with(b"(") || start.starts_with(b";;")
}
