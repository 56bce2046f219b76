//! What the folders of a comparison's runs are called.

/// Characters of a run's name in its folder's, at most.
const NAME_MAX: usize = 80;

/// `03-subject=wasmtime@48,decommit-batch=16`: numbered so that they sort in the order of the
/// runs.
pub(super) fn name_of_run(number: usize, total: usize, name: &str) -> String {
    let digits = total.to_string().len().max(2);
    let plain = |c: char| c.is_ascii_alphanumeric() || "@._=,+-".contains(c);
    let mut shown = String::new();
    for c in name.chars() {
        match c {
            c if plain(c) => shown.push(c),
            // Of several in a row one says as much.
            _ if shown.ends_with('-') => {}
            _ => shown.push('-'),
        }
    }
    shown.truncate(NAME_MAX);
    format!("{number:0digits$}-{}", shown.trim_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_sort_as_the_runs_were_made() {
        assert_eq!(name_of_run(3, 12, "wasmtime@48 round 2"), "03-wasmtime@48-round-2");
        assert_eq!(name_of_run(7, 500, "builtin (2)"), "007-builtin-2");
        assert_eq!(name_of_run(1, 2, "python3 ../a b.py"), "01-python3-..-a-b.py");
        let long = name_of_run(1, 2, &"größe/".repeat(50));
        assert!(long.is_ascii() && long.len() <= 3 + NAME_MAX, "{long}");
    }
}
