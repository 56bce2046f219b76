//! The direction of imports within a crate. Rooms are the modules at the top of a crate; each may
//! import from rooms to its right in the lists below, and from no other.

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Rooms of equal rank import nothing from each other.
type Layers<'a> = &'a [&'a [&'a str]];

const HARNESS: Layers = &[
    &["cli"],
    &[
        "doctor",
        "components",
        "fusion",
        "comparison",
        "selftest",
        "faults",
        "soak",
        "replay",
        "shrink",
    ],
    &["run"],
    &["output"],
    &["error"],
    &["supervisor", "observer"],
    &["timed_recorder", "driver", "subjects", "interrupt"],
    &["wasm", "slot_capacity"],
];

const REPORTS: Layers = &[
    &["render"],
    &["draw"],
    &["palette"],
    &["gate", "faults"],
    &["report"],
    &["recorded"],
    &["comparison"],
    &["headline"],
];

#[test]
fn rooms_of_the_harness_import_downwards() {
    assert_layers("src", HARNESS);
}

#[test]
fn rooms_of_the_reports_import_downwards() {
    assert_layers("../reports/src", REPORTS);
}

/// Fails with a line for each import that goes up.
fn assert_layers(source: &str, layers: Layers<'_>) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
    let mut files = Vec::new();
    list_files(&source, &mut files);
    assert!(files.len() > layers.len(), "{} has too few files", source.display());
    let mut upwards = String::new();
    for path in files {
        let text = std::fs::read_to_string(&path).expect("a source file can be read");
        let module = module_of(path.strip_prefix(&source).expect("the file is in the folder"));
        for (line, message) in upward_imports(&text, &module, layers) {
            writeln!(upwards, "{}:{line}: {message}", path.display()).expect("a String grows");
        }
    }
    assert!(upwards.is_empty(), "imports that go up:\n{upwards}");
}

fn list_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a source folder can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            list_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The module of a file: `["supervisor", "subject"]`; the crate's root is empty.
fn module_of(path: &Path) -> Vec<String> {
    let path = path.with_extension("");
    let mut module: Vec<String> =
        path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let is_root = module.len() == 1 && matches!(module[0].as_str(), "lib" | "main");
    if is_root || module.last().is_some_and(|name| name == "mod") {
        module.pop();
    }
    module
}

/// Every import of `module` that goes up or sideways, with its line.
fn upward_imports(text: &str, module: &[String], layers: Layers<'_>) -> Vec<(usize, String)> {
    let Some(own) = module.first() else {
        // The root declares the rooms.
        return Vec::new();
    };
    let rank = |room: &str| layers.iter().position(|rooms| rooms.contains(&room));
    let Some(own_rank) = rank(own) else {
        return vec![(
            1,
            format!("the room {own} is in no layer: add it to harness/tests/layers.rs"),
        )];
    };
    let imports = imported_rooms(text, module).into_iter().filter_map(|(line, room)| {
        let allowed = room == *own || rank(&room).is_none_or(|rank| rank > own_rank);
        (!allowed).then(|| (line, format!("{own} imports from {room}")))
    });
    imports.collect()
}

/// Each room that the text names by `crate::` or `super::`, with its line. A name at the crate's
/// root that is no room is one too.
fn imported_rooms(text: &str, module: &[String]) -> Vec<(usize, String)> {
    let code = without_comments(text);
    let mut rooms = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        // Not the end of a longer name.
        if !code[..at].ends_with(is_identifier) {
            add_names(&code, at + "crate::".len(), &mut rooms);
        }
    }
    for (at, _) in code.match_indices("super::") {
        // A chain is taken at its first link.
        if code[..at].ends_with("super::") || code[..at].ends_with(is_identifier) {
            continue;
        }
        let links = code[at..].split("::").take_while(|link| *link == "super").count();
        // An inner module, as of tests, adds a link and names the same room: never too few.
        if links >= module.len() {
            add_names(&code, at + links * "super::".len(), &mut rooms);
        }
    }
    rooms
}

fn is_identifier(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The name at `at`, or the names of a group in braces.
fn add_names(code: &str, at: usize, rooms: &mut Vec<(usize, String)>) {
    let mut depth = 0;
    let mut is_first = true;
    let mut rest = code[at..].char_indices().peekable();
    while let Some((offset, c)) = rest.next() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' => is_first = true,
            c if is_identifier(c) => {
                let mut name = String::from(c);
                while let Some((_, c)) = rest.next_if(|(_, c)| is_identifier(*c)) {
                    name.push(c);
                }
                if is_first && depth <= 1 {
                    let line = 1 + code[..at + offset].matches('\n').count();
                    rooms.push((line, name));
                }
                is_first = false;
            }
            c if c.is_whitespace() || c == ':' => {}
            _ => break,
        }
        if depth == 0 && !is_first {
            break;
        }
    }
}

/// The text with its line comments cut, so that documentation imports nothing.
fn without_comments(text: &str) -> String {
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<&str>>().join("\n")
}

#[test]
fn an_upward_import_is_found_with_its_line() {
    const LAYERS: Layers = &[&["top"], &["left", "right"], &["bottom"]];
    let upward = |module: &str, text: &str| {
        let module: Vec<String> = module.split("::").map(str::to_owned).collect();
        upward_imports(text, &module, LAYERS)
    };
    let found = |line, text: &str| vec![(line, text.to_owned())];
    assert_eq!(upward("top", "use crate::left::A;\nuse crate::bottom::B;"), []);
    assert_eq!(
        upward("bottom", "use std::fmt;\n\nuse crate::top::A;"),
        found(3, "bottom imports from top")
    );
    assert_eq!(upward("left", "use crate::right::A;"), found(1, "left imports from right"));
    assert_eq!(
        upward("left", "use crate::{\n    bottom::{A, top},\n    top::B,\n};"),
        found(3, "left imports from top")
    );
    assert_eq!(upward("left", "fn f(a: crate::top::A) {}"), found(1, "left imports from top"));
    assert_eq!(upward("left::a", "use super::super::top;"), found(1, "left imports from top"));
    assert_eq!(upward("left::a", "use super::top::A;"), [], "a file of the same room");
    assert_eq!(upward("left", "use super::top::A;"), found(1, "left imports from top"));
    assert_eq!(upward("left", "/// See crate::top.\nuse mycrate::top;"), []);
    assert_eq!(upward("attic", "").len(), 1, "an unknown room");
}
