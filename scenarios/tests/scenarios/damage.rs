//! Scenario files that are cut, or of which a byte is another one: read as what they have, or refused with the line.

use leakbench_scenarios::Options;

/// Each kind of value.
const WHOLE: &str = "# A run.\n\
    subject = \"wasmtime@48\"\n\
    cycles = \"200k\"\n\
    strategy = 'warm-lru'\n\
    warm-slots = 100\n\
    flush-on-drop = true\n\
    image-size = \"64KiB\"\n\
    mode = [\"plain\", \"trap\"]\n\
    env = [\"NAME=größe\"]\n\
    dir = [\"/data::/\"]\n\
    settle-ms = \"0.5s\"\n";

/// The line of an error. Its text is one line and begins with the file's name.
fn line_of(error: &str) -> usize {
    assert!(!error.contains('\n'), "{error}");
    let line = error.strip_prefix("run.toml, line ").and_then(|rest| rest.split_once(": "));
    let (line, why) = line.unwrap_or_else(|| panic!("no line in: {error}"));
    assert!(!why.is_empty(), "{error}");
    line.parse().unwrap_or_else(|_| panic!("no line in: {error}"))
}

#[test]
fn a_file_cut_at_any_byte_is_read_or_refused_at_its_last_line() {
    assert!(Options::from_toml(WHOLE, "run.toml").is_ok());
    let (mut read, mut refused) = (0, 0);
    for end in 0..WHOLE.len() {
        let Some(cut) = WHOLE.get(..end) else { continue };
        match Options::from_toml(cut, "run.toml") {
            Ok(_) => read += 1,
            Err(error) => {
                refused += 1;
                let line = 1 + cut.matches('\n').count();
                assert_eq!(line_of(&error.to_string()), line, "at byte {end}: {error}");
            }
        }
    }
    assert!(read > 10 && refused > 100, "{read} read, {refused} refused");
}

#[test]
fn a_file_with_another_byte_is_read_or_refused_from_its_line_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.toml");
    let (mut refused, mut not_text) = (0, 0);
    for at in 0..WHOLE.len() {
        let line = 1 + WHOLE.as_bytes()[..at].iter().filter(|&&byte| byte == b'\n').count();
        let now = WHOLE.as_bytes()[at];
        for byte in [now ^ 0x01, now ^ 0x20, now ^ 0x80, 0, b'\n', b'"', b'9', 0xff] {
            let mut bytes = WHOLE.as_bytes().to_vec();
            bytes[at] = byte;
            let Ok(text) = String::from_utf8(bytes) else {
                not_text += 1;
                // The file with the same bytes, some of the many times.
                if at % 16 == 0 {
                    let mut bytes = WHOLE.as_bytes().to_vec();
                    bytes[at] = byte;
                    std::fs::write(&path, bytes).expect("the folder is writable");
                    let error = Options::from_file(&path).expect_err("it is no text").to_string();
                    assert!(error.contains("run.toml") && error.contains("UTF-8"), "{error}");
                }
                continue;
            };
            if let Err(error) = Options::from_toml(&text, "run.toml") {
                refused += 1;
                let found = line_of(&error.to_string());
                let lines = 1 + text.matches('\n').count();
                assert!((line..=lines).contains(&found), "byte {at}, line {line}: {error}");
            }
        }
    }
    assert!(refused > 500 && not_text > 200, "{refused} refused, {not_text} no text");
}
