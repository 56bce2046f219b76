//! The documents' commands run, their configuration files are read, and what they name exists.

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::leakbench;
use common::session::{Finished, Session};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

const DOCUMENTS: &[&str] = &[
    "README.md",
    "CONTRIBUTING.md",
    "docs/api.md",
    "docs/ci.md",
    "docs/protocol.md",
    "docs/security.md",
    "docs/speed.md",
    "docs/trust.md",
    "docs/findings/wasmtime-48-decommit-queue.md",
    "docs/findings/wasmtime-refused-calls.md",
    "drivers/README.md",
];

/// Commands that stand for others, with one of those.
const EXAMPLES: &[(&str, &str)] = &[
    ("leakbench --wasm DIR --invoke NAME", "leakbench --wasm guests --invoke answer"),
    (
        "leakbench wasm run app.wasm --dir data::/data --env NAME=value -- ARGS",
        "leakbench wasm run app.wat --dir guests::/data --env NAME=value -- ARGS",
    ),
    (
        "leakbench wasm run app.wasm --timeout 5s --max-memory 64MiB --max-written 1GiB",
        "leakbench wasm run app.wat --timeout 5s --max-memory 64MiB --max-written 1GiB",
    ),
    ("leakbench components app.wasm", "leakbench components composed.wat"),
    (
        "leakbench fuse app.wasm --out one.wasm --max-memory 16MiB --verify 1000",
        "leakbench fuse composed.wat --out one.wasm --max-memory 16MiB --verify 20",
    ),
    (
        "leakbench wasm run app.wasm --invoke 'run(1, 20000)'",
        "leakbench wasm run composed.wat --invoke 'run(1, 20000)'",
    ),
    ("leakbench --wasm app.wasm --dir data::/data", "leakbench --wasm app.wat --dir guests::/data"),
    (
        "leakbench selftest",
        "leakbench selftest --seeds 1 --clean-runs 1 --case skipped-purge --case missed-slot \
         --case exec-filling",
    ),
    ("leakbench faults", "leakbench faults --cells-max 1 -- sh -c 'exec 7</dev/null'"),
    (
        "leakbench faults --subject builtin --cells-max 20 -- --cycles 60 --slots 20",
        "leakbench faults --subject builtin --cells-max 1 -- --cycles 60 --slots 20 --settle-ms 1",
    ),
    (
        "leakbench soak --hours 8 --out soak",
        "leakbench soak --hours 0.0003 --phase 1s --out soak -- --slots 50 --processes 1 --settle-ms 1",
    ),
    ("leakbench --plant NAME", "leakbench --plant cache"),
    (
        // Fewer cycles leave images in affine slots only with fewer slots.
        "leakbench --decommit-batch 16 --cycles 3000 --out leak",
        "leakbench --decommit-batch 16 --cycles 200 --slots 50 --settle-ms 20 --out leak",
    ),
    ("leakbench exec COMMAND", "leakbench exec --interval 20ms sleep 1"),
    ("leakbench report DIR", "leakbench report out"),
    ("leakbench gate init DIR", "leakbench gate init --force out"),
    ("leakbench gate explain DIR", "leakbench gate explain out"),
    ("leakbench gate baseline DIR", "leakbench gate baseline out"),
    ("leakbench gate", "leakbench gate out"),
];

/// Commands that no test runs, and why.
const NOT_RUN: &[(&str, &str)] = &[
    ("leakbench …", "stands for any command"),
    ("leakbench run …", "stands for any run"),
    ("leakbench attach PID", "the tests of attach have processes"),
    ("leakbench gate --selftest out", "tests/selftest.rs runs it, which takes a while"),
    ("leakbench --wasm target/guests/hash-wasm", "a script fetches the modules"),
    ("leakbench --subject wasmtime@48 --decommit-batch 16", "needs a built Wasmtime"),
    (
        "leakbench faults --subject wasmtime@48 -- --cycles 60 --processes 1 --slots 20",
        "needs a built Wasmtime",
    ),
    (
        "leakbench --subject wasmtime@48 --cycles 60 --processes 1 --slots 20 --settle-ms 20 --inject munmap=ENOMEM@11",
        "needs a built Wasmtime",
    ),
    (
        "leakbench --subject wasmtime@36 --cycles 60 --processes 1 --slots 20 --settle-ms 20 --inject madvise=ENOMEM@11",
        "needs a built Wasmtime",
    ),
    (
        "leakbench --driver-dir target/release --subject wasmtime@48 --decommit-batch 16 --cycles 3000",
        "needs a built Wasmtime",
    ),
    (
        "leakbench compare --subject builtin --subject wasmtime@48 -- --cycles 3000",
        "needs a built Wasmtime",
    ),
    (
        "leakbench --subject 'python3 drivers/python/driver.py' --cycles 10000",
        "needs a package of PyPI",
    ),
];

/// Runs with more cycles are made with this number, since a test needs the command and not its length.
const CYCLES_MAX: u64 = 200;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Parts of a document that a program reads.
#[derive(Default)]
struct Document {
    name: &'static str,
    commands: Vec<Documented>,
    toml: Vec<String>,
    /// Targets of links and pictures.
    links: Vec<String>,
    text: String,
}

/// A command of a document.
struct Documented {
    text: String,
    /// The exit code beside it in a table.
    code: Option<i32>,
    /// The lines that the document shows as its output.
    output: Vec<String>,
}

impl Document {
    fn read(name: &'static str) -> Document {
        let text = std::fs::read_to_string(root().join(name)).expect("a document");
        let mut document = Document { name, ..Document::default() };
        // The language of the present block of code.
        let mut block: Option<String> = None;
        // The commands and the last cell of the present row of a table.
        let mut row: Option<(Vec<String>, String)> = None;
        for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
            match event {
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                    block = Some(language.into_string());
                }
                Event::End(TagEnd::CodeBlock) => block = None,
                Event::Text(text) if block.as_deref() == Some("toml") => {
                    document.toml.push(text.into_string());
                }
                Event::Text(text) if block.is_some() => document.add_block(&text),
                Event::Start(Tag::TableRow) => row = Some(Default::default()),
                Event::Start(Tag::TableCell) => {
                    if let Some((_, cell)) = &mut row {
                        cell.clear();
                    }
                }
                Event::Text(text) => {
                    if let Some((_, cell)) = &mut row {
                        cell.push_str(&text);
                    }
                }
                Event::Code(text) => match &mut row {
                    _ if !is_command(&text) => {}
                    Some((commands, _)) => commands.push(text.into_string()),
                    None => document.add(text.into_string(), None),
                },
                Event::End(TagEnd::TableRow) => {
                    let (commands, last) = row.take().unwrap_or_default();
                    for command in commands {
                        document.add(command, last.trim().parse().ok());
                    }
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    document.links.push(dest_url.into_string());
                }
                _ => {}
            }
        }
        document.text = text;
        document
    }

    /// Adds the commands of a block of code. With a prompt, their output follows.
    fn add_block(&mut self, block: &str) {
        let joined = block.replace("\\\n", " ");
        let has_output = joined.starts_with("$ ");
        // False after the prompt of another program.
        let mut is_ours = false;
        for line in joined.lines() {
            let typed = if has_output { line.strip_prefix("$ ") } else { Some(line) };
            match (typed, self.commands.last_mut()) {
                (Some(typed), _) => {
                    is_ours = is_command(typed);
                    if is_ours {
                        self.add(typed.to_owned(), None);
                    }
                }
                (None, Some(command)) if is_ours => command.output.push(line.to_owned()),
                (None, _) => {}
            }
        }
    }

    fn add(&mut self, text: String, code: Option<i32>) {
        self.commands.push(Documented { text, code, output: Vec::new() });
    }
}

fn is_command(text: &str) -> bool {
    text.starts_with("leakbench ")
}

/// The words after the program's name, with at most `CYCLES_MAX` cycles.
fn arguments(command: &str) -> Vec<String> {
    let mut words = shlex::split(command).expect("words");
    words.remove(0);
    let is_run = words.first().is_some_and(|word| word.starts_with("--"));
    match words.iter().position(|word| word == "--cycles") {
        Some(at) => {
            let cycles: u64 = words[at + 1].parse().expect("a number of cycles");
            words[at + 1] = cycles.min(CYCLES_MAX).to_string();
        }
        None if is_run && !words.contains(&"--scenario".to_owned()) => {
            words.extend(["--cycles".to_owned(), CYCLES_MAX.to_string()]);
        }
        None => {}
    }
    words
}

/// A folder with what the documents' commands name: modules in `guests`, a recording in `out`.
fn prepared() -> Session {
    let session = Session::new();
    std::fs::create_dir(session.path("guests")).expect("a folder");
    let guest = "(module (memory 1) (data (i32.const 0) \"image\") (func (export \"answer\")))";
    std::fs::write(session.path("guests/a.wat"), guest).expect("a module");
    let app = "(module (memory (export \"memory\") 1) (data (i32.const 0) \"image\") \
               (func (export \"_start\")))";
    std::fs::write(session.path("app.wat"), app).expect("a program");
    let composed = "(component \
        (component (core module $m (memory (export \"memory\") 1) \
                (func (export \"realloc\") (param i32 i32 i32 i32) (result i32) (i32.const 0)) \
                (func (export \"hash\") (param i32 i32) (result i32) (local.get 1)) \
                (func (export \"run\") (param i32 i32) (result i32) (local.get 0))) \
            (core instance $i (instantiate $m)) \
            (func (export \"hash\") (param \"text\" string) (result u32) \
                (canon lift (core func $i \"hash\") (memory (core memory $i \"memory\")) \
                    (realloc (core func $i \"realloc\")))) \
            (func (export \"run\") (param \"a\" u32) (param \"b\" u32) (result u32) \
                (canon lift (core func $i \"run\")))) \
        (component (core module $m (table 1 funcref)) (core instance (instantiate $m))) \
        (instance $a (instantiate 0)) (instance (instantiate 1)) \
        (export \"run\" (func $a \"run\")) (export \"hash\" (func $a \"hash\")))";
    std::fs::write(session.path("composed.wat"), composed).expect("a component");
    for out in ["out", "leakbench-out/ci"] {
        let made = session.run(&["--cycles", "200", "--slots", "50", "--out", out]);
        assert_eq!(made.code, 0, "{made:?}");
    }
    session
}

/// The first words of the lines of a summary, without lines that a terminal's width continues.
fn labels(lines: &[&str]) -> BTreeSet<String> {
    let mut labels = BTreeSet::new();
    for line in lines.iter().filter(|line| !line.starts_with([' ', '…']) && !line.is_empty()) {
        labels.insert(line.split_whitespace().next().unwrap_or_default().to_owned());
    }
    labels
}

#[test]
fn each_command_runs_or_is_marked() {
    let session = prepared();
    let mut unused: BTreeSet<&str> = BTreeSet::new();
    unused.extend(EXAMPLES.iter().chain(NOT_RUN).map(|(documented, _)| *documented));
    let mut run = 0;
    for document in DOCUMENTS.iter().map(|name| Document::read(name)) {
        for command in &document.commands {
            unused.remove(command.text.as_str());
            if NOT_RUN.iter().any(|(marked, _)| *marked == command.text) {
                continue;
            }
            let example = EXAMPLES.iter().find(|(marked, _)| *marked == command.text);
            let text = example.map_or(command.text.as_str(), |(_, example)| *example);
            let mut program = leakbench(&[]);
            program.args(arguments(text)).current_dir(session.path("."));
            program.env_remove("COLUMNS").stdin(Stdio::null());
            let output = Finished::of(program.output().expect("the binary starts"));
            let place = format!("{}: {text}: {output:?}", document.name);
            match command.code {
                Some(code) => assert_eq!(output.code, code, "{place}"),
                None => assert!(matches!(output.code, 0 | 1), "{place}"),
            }
            // The summary of `exec` is on standard error: standard output is the command's.
            let printed = output.stdout.lines().chain(output.stderr.lines());
            let printed: Vec<&str> = printed.collect();
            let shown: Vec<&str> = command.output.iter().map(String::as_str).collect();
            let missing: Vec<String> =
                labels(&shown).difference(&labels(&printed)).cloned().collect();
            assert!(missing.is_empty(), "no {missing:?} in {place}");
            // The outcome is that of this command. Numbers differ from machine to machine.
            for outcome in shown.iter().filter(|line| line.starts_with("verdict: ")) {
                let words = outcome.split(|c: char| c.is_ascii_digit()).next().unwrap_or_default();
                assert!(
                    printed.iter().any(|line| line.starts_with(words)),
                    "no {words:?} in {place}"
                );
            }
            run += 1;
        }
    }
    assert!(unused.is_empty(), "no document has {unused:?}");
    assert!(run >= 20, "only {run} commands were found");
}

#[test]
fn each_configuration_file_is_read() {
    let session = prepared();
    let mut read = 0;
    for document in DOCUMENTS.iter().map(|name| Document::read(name)) {
        for toml in &document.toml {
            std::fs::write(session.path("leakbench.toml"), "version = 1\n").expect("written");
            std::fs::write(session.path("file.toml"), toml).expect("written");
            let output = if toml.contains("[policy") {
                session.run(&[
                    "gate",
                    "--budget",
                    "file.toml",
                    "--against",
                    "leakbench-out/ci",
                    "out",
                ])
            } else if toml.contains("[run]") {
                std::fs::write(session.path("leakbench.toml"), toml).expect("written");
                session.run(&["--cycles", "200", "--slots", "200"])
            } else {
                session.run(&["--scenario", "file.toml", "--cycles", "200"])
            };
            assert!(matches!(output.code, 0 | 1), "{}: {toml}: {output:?}", document.name);
            read += 1;
        }
    }
    assert!(read >= 3, "only {read} files were found");
}

#[test]
fn what_documents_name_exists() {
    let root = root();
    for document in DOCUMENTS.iter().map(|name| Document::read(name)) {
        let folder = root.join(document.name).parent().expect("a folder").to_owned();
        for link in document.links.iter().filter(|link| !link.contains("://")) {
            let path = link.split('#').next().unwrap_or_default();
            assert!(folder.join(path).exists(), "{}: no {link}", document.name);
        }
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || "-_/.".contains(c);
        for (at, _) in document.text.match_indices("scripts/") {
            let rest = &document.text[at..];
            let name = rest.split(|c| !is_of_name(c)).next().unwrap_or_default();
            let name = name.trim_end_matches('.');
            assert!(root.join(name).is_file(), "{}: no {name}", document.name);
        }
    }
}

/// The measured numbers of a document that stand beneath no command that prints them.
struct Unprinted {
    /// Tables of numbers.
    tables: usize,
    faults: Vec<String>,
}

impl Unprinted {
    /// The command of a table is the nearest one before it in its section, and prints columns of its
    /// names. A rate in a paragraph has its command there. `columns_of` has the names that a command
    /// prints.
    fn of(text: &str, columns_of: impl Fn(&str) -> BTreeSet<String>) -> Unprinted {
        let mut unprinted = Unprinted { tables: 0, faults: Vec::new() };
        let mut command: Option<String> = None;
        let mut is_block = false;
        let mut paragraph: Option<(String, bool)> = None;
        let mut table: Option<Vec<Vec<String>>> = None;
        for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
            match event {
                Event::Start(Tag::Heading { .. }) => command = None,
                Event::Start(Tag::CodeBlock(_)) => is_block = true,
                Event::End(TagEnd::CodeBlock) => is_block = false,
                Event::Text(block) if is_block => {
                    let mut lines = block.lines().map(|line| line.trim_start_matches("$ "));
                    let last = lines.rfind(|line| prints(line));
                    command = last.map(str::to_owned).or(command);
                }
                Event::Start(Tag::Table(_)) => table = Some(Vec::new()),
                Event::Start(Tag::TableHead | Tag::TableRow) => {
                    table.iter_mut().for_each(|rows| rows.push(Vec::new()));
                }
                Event::Start(Tag::TableCell) => {
                    let row = table.as_mut().and_then(|rows| rows.last_mut());
                    row.into_iter().for_each(|row| row.push(String::new()));
                }
                Event::Text(words) | Event::Code(words) if table.is_some() => {
                    let row = table.as_mut().and_then(|rows| rows.last_mut());
                    row.into_iter().flat_map(|row| row.last_mut()).for_each(|cell| *cell += &words);
                }
                Event::End(TagEnd::Table) => {
                    let rows = table.take().unwrap_or_default();
                    unprinted.add_table(&rows, command.as_deref(), &columns_of);
                }
                Event::Start(Tag::Paragraph) => paragraph = Some((String::new(), false)),
                Event::Code(code) if prints(&code) => {
                    paragraph.iter_mut().for_each(|(_, has_command)| *has_command = true);
                    command = Some(code.into_string());
                }
                Event::Text(words) => {
                    paragraph.iter_mut().for_each(|(text, _)| *text += &words);
                }
                Event::SoftBreak => paragraph.iter_mut().for_each(|(text, _)| text.push(' ')),
                Event::End(TagEnd::Paragraph) => {
                    let (text, has_command) = paragraph.take().unwrap_or_default();
                    let is_rate = text.contains("/s ") || text.contains(" a second");
                    let is_measured = is_rate && text.contains(|c: char| c.is_ascii_digit());
                    if is_measured && !has_command {
                        unprinted.faults.push(format!("no command prints the rate: {text}"));
                    }
                }
                _ => {}
            }
        }
        unprinted
    }

    fn add_table(
        &mut self,
        rows: &[Vec<String>],
        command: Option<&str>,
        columns_of: impl Fn(&str) -> BTreeSet<String>,
    ) {
        let is_number = |cell: &&String| cell.starts_with(|c: char| c.is_ascii_digit());
        let numbers = |row: &Vec<String>| row.iter().filter(is_number).count();
        let Some((head, rows)) = rows.split_first() else { return };
        if rows.iter().map(numbers).max() < Some(2) {
            return;
        }
        self.tables += 1;
        let Some(command) = command else {
            self.faults.push(format!("no command before the table of {head:?}"));
            return;
        };
        let columns = columns_of(command);
        let missing: Vec<&String> = head.iter().filter(|name| !columns.contains(*name)).collect();
        if !missing.is_empty() {
            self.faults.push(format!("{command} prints no column {missing:?}"));
        }
    }
}

/// True for a command that prints numbers.
fn prints(code: &str) -> bool {
    is_command(code) || ["scripts/", "cargo "].iter().any(|word| code.starts_with(word))
}

/// The columns that a command prints: those that a script names, or those of `leakbench compare`.
fn columns_of(command: &str) -> BTreeSet<String> {
    let script = command.split_whitespace().rfind(|word| word.starts_with("scripts/"));
    let Some(script) = script else { return BTreeSet::new() };
    let script = std::fs::read_to_string(root().join(script)).expect("a script");
    if script.contains("leakbench compare") {
        let mut program = leakbench(&["compare", "--subject", "builtin", "--repeat", "1"]);
        program.args(["--markdown", "--", "--cycles", "20", "--processes", "1"]);
        // It keeps its runs in the working folder.
        let session = Session::new();
        program.current_dir(session.path("."));
        let output =
            Finished::of(program.stdin(Stdio::null()).output().expect("the binary starts"));
        let mut heads = output.stdout.lines().filter(|line| line.starts_with('|'));
        let head = heads.next().unwrap_or_else(|| panic!("a table: {output:?}"));
        return head.split('|').map(|cell| cell.trim().to_owned()).collect();
    }
    script.split('"').map(str::to_owned).collect()
}

#[test]
fn each_number_of_the_readme_has_its_command() {
    let text = std::fs::read_to_string(root().join("README.md")).expect("README.md");
    let Unprinted { tables, faults } = Unprinted::of(&text, columns_of);
    assert!(tables >= 3, "only {tables} tables were found");
    assert_eq!(faults, [""; 0]);
}

#[test]
fn a_number_beneath_another_command_is_found() {
    let columns_of = |command: &str| match command {
        "scripts/a" => ["name", "a", "b"].map(str::to_owned).into(),
        _ => BTreeSet::new(),
    };
    let faults = |text: &str| Unprinted::of(text, columns_of).faults;
    let table = "| name | a | b |\n|---|---|---|\n| x | 1 | 2 |\n";
    assert_eq!(faults(&format!("`scripts/a` prints this:\n\n{table}")), [""; 0]);
    assert_eq!(faults(&format!("```sh\nscripts/a\n```\n\n{table}")), [""; 0]);
    let other = faults(&format!("`scripts/a` prints this.\n\n`scripts/b` does not:\n\n{table}"));
    assert_eq!(other, ["scripts/b prints no column [\"name\", \"a\", \"b\"]"]);
    let none = faults(&format!("`scripts/a` prints this.\n\n## Another section\n\n{table}"));
    assert_eq!(none, ["no command before the table of [\"name\", \"a\", \"b\"]"]);
    let columns = faults("`scripts/a`:\n\n| name | a | c |\n|---|---|---|\n| x | 1 | 2 |\n");
    assert_eq!(columns, ["scripts/a prints no column [\"c\"]"]);
    assert_eq!(faults("`scripts/a` prints 5 a second."), [""; 0]);
    assert_eq!(
        faults("It makes\n5 a second."),
        ["no command prints the rate: It makes 5 a second."]
    );
    assert_eq!(faults("Once a second."), [""; 0]);
}

#[test]
fn a_wrong_command_is_found() {
    let mut document = Document { name: "a document", ..Document::default() };
    document.add_block("$ leakbench --no-such-flag \\\n    --cycles 9000\nverdict: clean\n");
    let [command] = document.commands.as_slice() else { panic!("one command") };
    assert_eq!(arguments(&command.text), ["--no-such-flag", "--cycles", "200"]);
    assert_eq!(command.output, ["verdict: clean"]);
    let output = Command::new(env!("CARGO_BIN_EXE_leakbench"))
        .args(arguments(&command.text))
        .output()
        .expect("the binary starts");
    assert_eq!(output.status.code(), Some(2));
}
