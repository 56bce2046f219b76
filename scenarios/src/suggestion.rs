//! Suggestions for misspelt words, in clap's form.

/// Adds the nearest right word to an error of serde's like ``unknown field `a`, expected one of
/// `b`, `c` ``; any other message stays as it is.
pub(crate) fn with_nearest(message: String) -> String {
    if !message.starts_with("unknown ") {
        return message;
    }
    // Every second piece is between backticks.
    let mut quoted = message.split('`').skip(1).step_by(2);
    let Some(given) = quoted.next() else {
        return message;
    };
    let nearest = quoted
        .map(|word| (strsim::levenshtein(given, word), word))
        .min_by_key(|&(distance, _)| distance)
        // Beyond that it is another word, not a slip.
        .filter(|&(distance, word)| distance <= word.len().div_ceil(3));
    match nearest {
        Some((_, word)) => format!("{message}; did you mean `{word}`?"),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_corrected_and_other_words_are_not() {
        let message = |given: &str| {
            with_nearest(format!("unknown variant `{given}`, expected one of `purge`, `keep`"))
        };
        assert!(message("prge").ends_with("; did you mean `purge`?"));
        assert!(message("something").ends_with("`keep`"));
        let other = "invalid type: string \"`a`\", expected u32".to_owned();
        assert_eq!(with_nearest(other.clone()), other);
    }
}
