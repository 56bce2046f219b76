//! Texts from outside, made inert: Markdown of GitHub and others shows them unchanged, without links,
//! mentions or markup, in tables and outside.

use std::borrow::Cow;

use leakbench_model::text::printable;
use leakbench_scenarios::shell;

/// An invisible character that separates a word from its context.
const PARTED: &str = "&#8203;";

/// Within a sentence or a cell.
pub(super) fn prose(text: &str, max: usize) -> String {
    let text = clipped(text, max);
    let mut shown = String::with_capacity(text.len() + 16);
    for (at, c) in text.char_indices() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '$' => {
                shown.push('\\');
                shown.push(c);
            }
            // An unescaped bar would end a cell.
            '|' => shown.push_str("&#124;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '&' => shown.push_str("&amp;"),
            // GitHub finds mentions, references, short codes and bare addresses after all escapes.
            '@' | '#' => {
                shown.push(c);
                shown.push_str(PARTED);
            }
            // The colon of an address, or the first one of a short code.
            ':' => {
                shown.push(c);
                let word = text[at + 1..].split_whitespace().next().unwrap_or_default();
                let joined = text[at + 1..].starts_with(word);
                if joined && (word.starts_with('/') || word.contains(':')) {
                    shown.push_str(PARTED);
                }
            }
            '.' if ends_in(&text[..at], "www") => {
                shown.push_str(PARTED);
                shown.push(c);
            }
            '-' if ends_in(&text[..at], "gh") => {
                shown.push_str(PARTED);
                shown.push(c);
            }
            c => shown.push(c),
        }
    }
    shown
}

fn ends_in(text: &str, word: &str) -> bool {
    let start = text.len().checked_sub(word.len());
    start.and_then(|start| text.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(word))
}

/// A name, a path or the like.
pub(super) fn code(text: &str, max: usize) -> String {
    let text = clipped(text, max);
    if text.trim().is_empty() {
        return String::new();
    }
    // A code span has no escapes, and a bar in it ends a cell.
    if !text.contains(['`', '|', '\\']) {
        return format!("`{text}`");
    }
    let mut shown = String::from("<code>");
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            shown += &format!("&#{};", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown + "</code>"
}

/// A whole command in a fenced block; `None` if it is longer than `max` bytes, or cannot be pasted.
pub(super) fn fenced(command: &str, max: usize) -> Option<String> {
    if !shell::is_pasteable(command) {
        return None;
    }
    let runs = command.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(runs.max(2) + 1);
    (command.len() <= max).then(|| format!("{fence}sh\n{command}\n{fence}"))
}

/// The first `max` characters of `text`, printable.
fn clipped(text: &str, max: usize) -> Cow<'_, str> {
    let shown = printable(text);
    match shown.char_indices().nth(max) {
        Some((end, _)) => Cow::Owned(format!("{}…", &shown[..end])),
        None => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_from_outside_are_inert() {
        for (text, shown) in [
            ("wasmtime@48 of org#1", "wasmtime@&#8203;48 of org#&#8203;1"),
            ("<img src=x>&lt;", "&lt;img src=x&gt;&amp;lt;"),
            ("[x](https://e.x) *a* `b`", r"\[x\](https:&#8203;//e.x) \*a\* \`b\`"),
            ("a: b, 254:0, c", "a: b, 254:0, c"),
            ("a|b\\|c", r"a&#124;b\\&#124;c"),
            ("www.e.x WWW.e.x GH-1", "www&#8203;.e.x WWW&#8203;.e.x GH&#8203;-1"),
            ("a: b :+1: 1\n# x", r"a: b :&#8203;+1: 1\\n#&#8203; x"),
        ] {
            assert_eq!(prose(text, 100), shown);
        }
        assert_eq!(code("slot 17 <b>", 100), "`slot 17 <b>`");
        assert_eq!(code("a`|\\", 100), "<code>a&#96;&#124;&#92;</code>");
        assert_eq!(code("\n", 100), "<code>&#92;n</code>");
        assert_eq!(code("  ", 100), "");
        assert_eq!(fenced("a ``` b", 7).as_deref(), Some("````sh\na ``` b\n````"));
        assert_eq!(fenced("a ``` b", 6), None);
    }
}
