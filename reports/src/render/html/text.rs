//! Texts fit for the page: printable and of bounded length.

use leakbench_model::text::printable;

/// Characters of a name at most.
pub(super) const LABEL_CHARS_MAX: usize = 240;
/// Characters of a sentence at most.
pub(super) const SENTENCE_CHARS_MAX: usize = 2_000;
/// Characters of a command at most.
pub(super) const COMMAND_CHARS_MAX: usize = 40_000;

/// `text` made [`printable`] and cut after `chars_max` characters.
pub(super) fn shown(text: &str, chars_max: usize) -> String {
    let text = printable(text);
    match text.char_indices().nth(chars_max) {
        None => text.into_owned(),
        Some((end, _)) => format!("{} …", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(shown("größe", 5), "größe");
        assert_eq!(shown("größe", 3), "grö …");
        assert_eq!(shown("a\u{202e}b", 100), r"a\u{202e}b");
    }
}
