//! Texts fit for the page: printable and of bounded length.

use std::borrow::Cow;

use leakbench_model::text::printable;
use maud::{Markup, html as markup};

/// Characters of a name at most.
pub(super) const LABEL_CHARS_MAX: usize = 240;
/// Characters of a label of an event at most.
pub(super) const EVENT_CHARS_MAX: usize = 24;
/// Characters of a sentence at most.
pub(super) const SENTENCE_CHARS_MAX: usize = 2_000;
/// Characters of a word of a sentence at most.
const WORD_CHARS_MAX: usize = 48;
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

/// A text of which people know the beginning and the end: the middle of a long one is left out, and
/// shown on hovering.
pub(super) fn middle_cut(text: &str, chars_max: usize) -> Markup {
    let whole = shown(text, SENTENCE_CHARS_MAX);
    match without_middle(&whole, chars_max) {
        None => markup! { (whole) },
        Some(short) => markup! { span .cut title=(whole) { (short) } },
    }
}

/// A sentence with paths: the middle of a long word is left out, and shown on hovering.
pub(super) fn long_words_cut(text: &str) -> Markup {
    let whole = shown(text, SENTENCE_CHARS_MAX);
    let words: Vec<Cow<str>> = whole
        .split(' ')
        .map(|word| without_middle(word, WORD_CHARS_MAX).map_or(Cow::from(word), Cow::from))
        .collect();
    if words.iter().all(|word| matches!(word, Cow::Borrowed(_))) {
        return markup! { (whole) };
    }
    markup! { span .cut title=(whole) { (words.join(" ")) } }
}

/// A command, whose lines break only between its words.
pub(super) fn command_words(command: &str, chars_max: usize) -> Markup {
    let command = shown(command, chars_max);
    markup! {
        @for (number, word) in command.split(' ').enumerate() {
            @if number > 0 { " " }
            // A browser breaks words after hyphens.
            @if word.contains('-') { span .word { (word) } } @else { (word) }
        }
    }
}

/// `text`, without its middle if it is long.
pub(super) fn middle_of(text: &str, chars_max: usize) -> String {
    let whole = shown(text, SENTENCE_CHARS_MAX);
    without_middle(&whole, chars_max).unwrap_or(whole)
}

/// `None` if the text is short enough.
fn without_middle(text: &str, chars_max: usize) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let kept = chars_max.saturating_sub(1);
    let (head, tail) = (kept / 2, kept - kept / 2);
    let text = |part: &[char]| part.iter().collect::<String>();
    (chars.len() > chars_max)
        .then(|| format!("{}…{}", text(&chars[..head]), text(&chars[chars.len() - tail..])))
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

    #[test]
    fn only_long_words_of_a_sentence_are_cut() {
        let example =
            |path: &str| format!("7f00-7f10 rw-p {path}, 132 KiB more than at its first sample");
        let short = example("/usr/lib/python3.11/site.py");
        assert_eq!(long_words_cut(&short).into_string(), short);
        let whole = example(&format!("/usr/lib/{}/site.py", "python3.11/".repeat(4)));
        let cut = example("/usr/lib/python3.11/pyt….11/python3.11//site.py");
        let markup = long_words_cut(&whole).into_string();
        assert_eq!(markup, format!("<span class=\"cut\" title=\"{whole}\">{cut}</span>"));
    }

    #[test]
    fn a_command_breaks_between_words() {
        let markup = command_words("leakbench --cycles 3 'a<-b'", 100).into_string();
        let words = "<span class=\"word\">--cycles</span> 3 <span class=\"word\">'a&lt;-b'</span>";
        assert_eq!(markup, format!("leakbench {words}"));
    }

    #[test]
    fn the_middle_of_a_long_text_is_left_out() {
        let path = "/usr/lib/größe/python3.11/site.py";
        assert_eq!(without_middle(path, 33), None);
        assert_eq!(without_middle(path, 21).as_deref(), Some("/usr/lib/g…11/site.py"));
        let markup = middle_cut("<i>/a/long/path</i>", 7).into_string();
        let whole = "&lt;i&gt;/a/long/path&lt;/i&gt;";
        assert_eq!(
            markup,
            format!("<span class=\"cut\" title=\"{whole}\">&lt;i&gt;…/i&gt;</span>")
        );
    }
}
