//! Budget and baseline files that are cut, or of which a byte is another one: read as what they have, or refused with
//! the line.

use leakbench_reports::gate::{Baseline, Budget};

use super::run;
use crate::common;

/// Each kind of key and value.
const BUDGET: &str = "# A budget.\n\
    version = 1\n\
    [gate]\n\
    flaky = \"warn\"\n\
    [policy.lingering-at-end]\n\
    level = \"error\"\n\
    max = 0\n\
    [policy.late-releases]\n\
    max-share = 0.01\n\
    [policy.peak-mappings]\n\
    over-baseline = 1.1\n\
    max = 0x1_000\n\
    [policy.growth]\n\
    allow = [\"mappings\", \"fds\"]\n\
    [run]\n\
    cycles = 1000\n";

/// The line of an error; `None` if it is about the file. The text is one line and begins with the file's name.
fn line_of(error: &str) -> Option<usize> {
    assert!(!error.contains(|c: char| c.is_control()), "{error:?}");
    let rest = error.strip_prefix("it.toml").unwrap_or_else(|| panic!("no name in: {error}"));
    let rest = rest.strip_prefix(':').unwrap_or_else(|| panic!("no colon in: {error}"));
    rest.split_once(':').and_then(|(line, _)| line.parse().ok())
}

/// Parses what is left of `whole` after a cut at each byte. Returns how many cuts are read.
fn cut(whole: &str, parse: impl Fn(&str) -> Result<(), String>) -> usize {
    assert_eq!(parse(whole), Ok(()));
    let mut read = 0;
    for end in 0..whole.len() {
        let Some(cut) = whole.get(..end) else { continue };
        match parse(cut) {
            Ok(()) => read += 1,
            Err(error) => {
                let last = 1 + cut.matches('\n').count();
                let is_there = line_of(&error).is_none_or(|line| (last - 1..=last).contains(&line));
                assert!(is_there, "at byte {end}, line {last}: {error}");
            }
        }
    }
    read
}

/// Parses `whole` with each byte changed to several others. Returns how many changes are refused.
fn changed(whole: &str, parse: impl Fn(&str) -> Result<(), String>) -> usize {
    let mut refused = 0;
    for at in 0..whole.len() {
        let now = whole.as_bytes()[at];
        let line = 1 + whole.as_bytes()[..at].iter().filter(|&&byte| byte == b'\n').count();
        for byte in [now ^ 0x01, now ^ 0x20, 0, b'\n', b'"', b'9', b'[', b'#'] {
            let mut bytes = whole.as_bytes().to_vec();
            bytes[at] = byte;
            let Ok(text) = String::from_utf8(bytes) else { continue };
            let Err(error) = parse(&text) else { continue };
            refused += 1;
            let lines = 1 + text.matches('\n').count();
            // A table whose keys are gone lacks a bound: that is an error of its header.
            let first = text.lines().take(line).collect::<Vec<_>>();
            let header = first.iter().rposition(|line| line.starts_with('['));
            let first = header.map_or(line, |header| line.min(header + 1));
            let is_there = line_of(&error).is_none_or(|found| (first..=lines).contains(&found));
            assert!(is_there, "byte {at} as {byte}, line {line}: {error}");
        }
    }
    refused
}

fn budget(text: &str) -> Result<(), String> {
    Budget::parse(text, "it.toml").map(drop).map_err(|error| error.to_string())
}

fn baseline(text: &str) -> Result<(), String> {
    Baseline::parse(text, "it.toml").map(drop).map_err(|error| error.to_string())
}

#[test]
fn a_budget_cut_at_any_byte_is_read_or_refused_where_it_ends() {
    let read = cut(BUDGET, budget);
    assert!((20..BUDGET.len() / 2).contains(&read), "{read} of {}", BUDGET.len());
}

#[test]
fn a_budget_with_another_byte_is_read_or_refused_where_it_is() {
    let refused = changed(BUDGET, budget);
    assert!(refused > BUDGET.len(), "{refused} of {}", 8 * BUDGET.len());
}

/// leakbench writes baselines, so each has whole lines: half a number would be another limit.
#[test]
fn a_baseline_cut_within_a_line_is_refused() {
    let runs = [run("keep", &common::leak_keep()), run("clean", &common::clean())];
    let text = Baseline::of(&runs).to_text();
    let read = cut(&text, baseline);
    let after_version = text.lines().skip_while(|line| !line.starts_with("version")).count();
    assert!((2..=after_version).contains(&read), "{read} of {after_version} lines");
}

#[test]
fn a_baseline_with_another_byte_is_read_or_refused_where_it_is() {
    let text = Baseline::of(&[run("clean", &common::clean())]).to_text();
    let refused = changed(&text, baseline);
    assert!(refused > text.len(), "{refused} of {}", 8 * text.len());
}
