//! The names of the folders of a comparison's runs.

/// Maximum of characters that a folder's name takes from the run's name.
const NAME_CHARS_MAX: usize = 80;

/// `03-subject=wasmtime@48,decommit-batch=16`; the numbers make the names sort in the order of the
/// runs.
pub(super) fn name(number: usize, total: usize, run: &str) -> String {
    let digits = total.to_string().len().max(2);
    let plain = |c: char| c.is_ascii_alphanumeric() || "@._=,+-".contains(c);
    let mut shown = String::new();
    for c in run.chars() {
        match c {
            c if plain(c) => shown.push(c),
            // Replace a sequence of other characters by one dash.
            _ if shown.ends_with('-') => {}
            _ => shown.push('-'),
        }
    }
    shown.truncate(NAME_CHARS_MAX);
    format!("{number:0digits$}-{}", shown.trim_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ascii_and_sort_in_the_order_of_the_runs() {
        assert_eq!(name(3, 12, "wasmtime@48 round 2"), "03-wasmtime@48-round-2");
        assert_eq!(name(7, 500, "builtin (2)"), "007-builtin-2");
        assert_eq!(name(1, 2, "python3 ../a b.py"), "01-python3-..-a-b.py");
        let long = name(1, 2, &"größe/".repeat(50));
        assert!(long.is_ascii() && long.len() <= 3 + NAME_CHARS_MAX, "{long}");
    }
}
