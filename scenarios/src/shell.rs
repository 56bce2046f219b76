//! Commands as one line that a POSIX shell reads back, for people to paste.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use leakbench_model::text::printable;

/// The beginning and the end of a command whose words cannot be shown as they are.
const EVAL: (&str, &str) = ("eval \"$(printf '", "')\"");

/// The command of these words, quoted for a shell. NUL bytes, which no argument can contain, are left
/// out.
///
/// It is one line of printable text. Words with other characters (line breaks, control characters,
/// bytes that are not UTF-8) make it `eval "$(printf '…')"` with octal escapes, since no quotes of
/// POSIX write them. (`"$(printf '…')"` for one word alone would lose line breaks at its end.)
///
/// ```
/// use leakbench_scenarios::shell;
///
/// assert_eq!(shell::command(["leakbench", "exec", "--", "my prog"]), "leakbench exec -- 'my prog'");
/// let command = shell::command(["leakbench", "exec", "--", "sh", "-c", "date\nid"]);
/// assert_eq!(command, r#"eval "$(printf 'leakbench exec -- sh -c \047date\012id\047')""#);
/// ```
pub fn command<W: AsRef<OsStr>>(words: impl IntoIterator<Item = W>) -> String {
    let mut plain: Vec<u8> = Vec::new();
    for word in words {
        let mut word = word.as_ref().as_bytes().to_vec();
        word.retain(|byte| *byte != 0);
        if !plain.is_empty() {
            plain.push(b' ');
        }
        plain.extend_from_slice(&quoted(&word));
    }
    match String::from_utf8(plain) {
        Ok(plain) if is_pasteable(&plain) => plain,
        Ok(plain) => escaped(plain.as_bytes()),
        Err(error) => escaped(error.as_bytes()),
    }
}

/// The words of a command that [`command`] made, or of another one that needs no shell but to split it.
/// `None` if it has unclosed quotes, or a NUL byte, which no argument can contain.
pub fn words(command: &str) -> Option<Vec<OsString>> {
    let inner = command.strip_prefix(EVAL.0).and_then(|rest| rest.strip_suffix(EVAL.1));
    let plain = match inner {
        Some(escaped) => Cow::Owned(unescaped(escaped.as_bytes())),
        None => Cow::Borrowed(command.as_bytes()),
    };
    if plain.contains(&0) {
        return None;
    }
    let mut words = shlex::bytes::Shlex::new(&plain);
    let all = words.by_ref().map(OsString::from_vec).collect();
    (!words.had_error).then_some(all)
}

/// True if a reader sees each character of the command and pastes the same. A replacement character
/// stands for bytes that were lost.
pub fn is_pasteable(command: &str) -> bool {
    printable(command) == command && !command.contains('\u{fffd}')
}

/// A word without NUL. Of a flag with its value, only the value has quotes.
fn quoted(word: &[u8]) -> Vec<u8> {
    let is_plain = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'-';
    let equals = word.iter().position(|byte| !is_plain(byte));
    let value =
        equals.filter(|&at| word.starts_with(b"--") && word[at] == b'=').map_or(0, |at| at + 1);
    let (flag, value) = word.split_at(value);
    let quoter = shlex::bytes::Quoter::new().allow_nul(true);
    let value = quoter.quote(value).unwrap_or(Cow::Borrowed(value));
    [flag, &value].concat()
}

fn escaped(command: &[u8]) -> String {
    let mut text = EVAL.0.to_owned();
    for &byte in command {
        // Other characters mean something to a shell within quotes, or to printf.
        let is_plain = matches!(byte, b' '..=b'~') && !b"'\"\\$`!%".contains(&byte);
        if is_plain {
            text.push(byte.into());
        } else {
            // Always three digits, since a digit may follow.
            let _ = write!(text, "\\{byte:03o}");
        }
    }
    text + EVAL.1
}

/// The bytes that `printf` makes of octal escapes.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|digits| first == b'\\' && is_octal(digits));
        match octal {
            Some(digits) => {
                bytes.push(digits.iter().fold(0, |byte, digit| byte << 3 | (digit - b'0')));
                rest = &after[3..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    bytes
}

/// True for the digits of a byte.
fn is_octal(digits: &[u8]) -> bool {
    digits.iter().all(|digit| (b'0'..=b'7').contains(digit)) && digits[0] <= b'3'
}
