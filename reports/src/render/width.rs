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

/// `text`, or its beginning and `…`, in `width` columns. It ends after a word and never in a number
/// without its unit; only a first word that is too wide is cut itself.
pub(super) fn shortened(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut words: Vec<&str> = text.split(' ').collect();
    while words.len() > 1 && words.join(" ").width() + 2 > width {
        words.pop();
    }
    while words.len() > 1 && words.last().is_some_and(|word| is_number(word)) {
        words.pop();
    }
    let kept = words.join(" ");
    if kept.width() + 2 > width {
        return cut(&kept, width.saturating_sub(2)) + " …";
    }
    kept + " …"
}

/// `20,000`, `+1.0`, `±`: it has no meaning without what follows.
fn is_number(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_digit() || "+-±,.".contains(c))
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
    fn a_shortened_text_has_no_part_of_a_number() {
        let text = "limit 20,000 in 17 min (RLIMIT_NOFILE)";
        for (width, expected) in [
            (38, text),
            (37, "limit 20,000 in 17 min …"),
            (23, "limit 20,000 in …"),
            (17, "limit 20,000 in …"),
            (16, "limit …"),
            (7, "limit …"),
            (5, "lim …"),
        ] {
            assert_eq!(shortened(text, width), expected, "{width}");
        }
        for width in 2..40 {
            assert!(shortened(text, width).width() <= width, "{width}");
        }
    }

    #[test]
    fn words_are_never_broken() {
        assert_eq!(wrap("", 5), [""]);
        assert_eq!(wrap("a longword b", 4), ["a", "longword", "b"]);
    }
}
