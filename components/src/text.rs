//! Bytes that are a component, in the binary format or as text.

use std::borrow::Cow;

use wasmtime_environ::wasmparser::Parser;

use crate::error::ComponentError;

/// The first bytes of the binary format.
const MAGIC: &[u8] = b"\0asm";

/// Returns true if the bytes are a component, in the binary format or as text. It need not be valid.
pub fn is_component(bytes: &[u8]) -> bool {
    if bytes.starts_with(MAGIC) {
        return Parser::is_component(bytes);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let mut lines = text.lines().map(str::trim_start);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(";;"));
    first.is_some_and(|line| {
        let rest = line.strip_prefix("(component");
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
    })
}

/// The component in the binary format.
///
/// # Errors
/// If the bytes are a core module, no WebAssembly, or text that is not well-formed.
pub(crate) fn assembled(bytes: &[u8]) -> Result<Cow<'_, [u8]>, ComponentError> {
    let binary = match bytes.starts_with(MAGIC) {
        true => Cow::Borrowed(bytes),
        false if is_text(bytes) => Cow::Owned(wat::parse_bytes(bytes).map_err(in_one_line)?.into()),
        false => return Err(ComponentError::NotWasm { found: description(bytes) }),
    };
    if Parser::is_component(&binary) {
        return Ok(binary);
    }
    if Parser::is_core_wasm(&binary) {
        return Err(ComponentError::CoreModule);
    }
    let version = binary.get(MAGIC.len()..MAGIC.len() + 4);
    Err(ComponentError::Invalid {
        offset: MAGIC.len() as u64,
        reason: match version {
            Some(version) => format!("unknown binary version {version:02x?}"),
            None => "the binary ends within its header".to_owned(),
        },
    })
}

/// The rule and the place, without the picture of the line that follows them.
fn in_one_line(error: wat::Error) -> ComponentError {
    let message = error.to_string();
    let lines: Vec<&str> = message.lines().map(str::trim).take(2).collect();
    ComponentError::Text { reason: lines.join(" ") }
}

/// True if a parenthesis or a comment is the first thing in the bytes.
fn is_text(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    start.starts_with(b"(") || start.starts_with(b";;")
}

fn description(bytes: &[u8]) -> String {
    let first = &bytes[..bytes.len().min(8)];
    match first {
        [] => "the file is empty".to_owned(),
        _ => format!("the bytes begin {first:02x?} and not [00, 61, 73, 6d]"),
    }
}
