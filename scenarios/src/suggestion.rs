//! What a misspelt word was probably meant to be, as clap says for flags.

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
        .map(|word| (distance(given, word), word))
        .min_by_key(|&(distance, _)| distance)
        // Beyond that it is another word, not a slip.
        .filter(|&(distance, word)| distance <= word.len().div_ceil(3));
    match nearest {
        Some((_, word)) => format!("{message}; did you mean `{word}`?"),
        None => message,
    }
}

/// How many characters must be added, left out or exchanged to make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    // Distances from each beginning of `a` to each beginning of `b`, a row at a time.
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let exchanged = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = exchanged.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_edits() {
        for (a, b, edits) in [
            ("random", "random", 0),
            ("randm", "random", 1),
            ("ranodm", "random", 2),
            ("", "copy", 4),
            ("copy", "", 4),
            ("keep", "purge", 5),
        ] {
            assert_eq!(distance(a, b), edits, "{a} {b}");
            assert_eq!(distance(b, a), edits, "{b} {a}");
        }
    }

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
