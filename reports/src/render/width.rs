//! Texts by the columns that a terminal gives them: a character may take none, one or two.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Breaks `text` at spaces into lines of at most `width` columns; a wider word has a line of its
/// own. There is at least one line.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_whitespace() {
        let word_width = word.width();
        if used > 0 && used + 1 + word_width > width {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += word_width;
        }
    }
    lines
}

/// The beginning of `text` that fits in `width` columns.
pub(super) fn cut(text: &str, width: usize) -> String {
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= width
    };
    text.chars().take_while(fits).collect()
}

/// `text` with spaces after it, or before it, up to `width` columns.
pub(super) fn padded(text: &str, width: usize, to_the_right: bool) -> String {
    let space = " ".repeat(width.saturating_sub(text.width()));
    if to_the_right { space + text } else { text.to_owned() + &space }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_take_two_columns_and_combining_ones_none() {
        assert_eq!(wrap("大きさ 大きさ", 12), ["大きさ", "大きさ"]);
        assert_eq!(wrap("大きさ 大きさ", 13), ["大きさ 大きさ"]);
        assert_eq!(cut("大きさ", 5), "大き");
        assert_eq!(cut("e\u{301}x", 1), "e\u{301}");
        assert_eq!(padded("大", 4, false), "大  ");
        assert_eq!(padded("大", 4, true), "  大");
        assert_eq!(padded("wide", 2, true), "wide");
    }

    #[test]
    fn words_are_never_broken() {
        assert_eq!(wrap("", 5), [""]);
        assert_eq!(wrap("a longword b", 4), ["a", "longword", "b"]);
    }
}
