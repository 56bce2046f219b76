//! The repository's own texts avoid words that hide the actor or that have a plainer term.

#![allow(clippy::unwrap_used, reason = "what a test cannot set up fails it")]

use std::fs;
use std::path::{Path, PathBuf};

/// A word to avoid, and what to write instead. Only this file has these words.
const AVOIDED: [(&str, &str); 8] = [
    ("told", "reported, printed, recorded"),
    ("untold", "inconclusive, not measured"),
    ("nobody", "name the actor"),
    ("whoever", "name the actor"),
    ("somebody", "name the actor"),
    ("rubbish", "protocol violation"),
    ("rehearse", "preflight"),
    ("could not tell", "inconclusive"),
];

const TEXTS: [&str; 10] = ["rs", "md", "toml", "js", "mjs", "css", "py", "txt", "yml", "json"];

/// Every text of the repository: files of a known kind, and scripts, which have no extension.
fn texts(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            let skipped =
                name.starts_with('.') || ["target", "leakbench-out"].contains(&name.as_str());
            if !skipped {
                texts(&path, found);
            }
            continue;
        }
        let extension = path.extension().map(|extension| extension.to_string_lossy().into_owned());
        let is_text = match extension {
            Some(extension) => TEXTS.contains(&extension.as_str()),
            None => folder.ends_with("scripts"),
        };
        if is_text && name != "words.rs" {
            found.push(path);
        }
    }
}

/// True if `line` has `word` as a whole word, in any case.
fn has_word(line: &str, word: &str) -> bool {
    let line = line.to_lowercase();
    let is_letter = |c: char| c.is_alphanumeric();
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        !before.is_some_and(is_letter) && !after.is_some_and(is_letter)
    })
}

#[test]
fn texts_use_plain_words() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    texts(root, &mut files);
    assert!(files.len() > 300, "only {} texts found under {}", files.len(), root.display());
    let mut faults = Vec::new();
    for file in &files {
        let Ok(text) = fs::read_to_string(file) else { continue };
        for (number, line) in (1..).zip(text.lines()) {
            for (word, instead) in AVOIDED {
                if has_word(line, word) {
                    let path = file.strip_prefix(root).unwrap().display();
                    faults.push(format!("{path}:{number}: '{word}': write {instead}"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} lines:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn whole_words_are_found_and_parts_are_not() {
    assert!(has_word("As He Told us.", "told"));
    assert!(has_word("the_told_one", "told"));
    assert!(!has_word("untold", "told"));
    assert!(!has_word("retold", "told"));
}
