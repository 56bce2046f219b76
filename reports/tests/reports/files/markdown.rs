//! Markdown: texts from outside are inert, and the size is bounded.

use leakbench_recording::judge::{Finding, Level};
use leakbench_reports::gate::{PolicyLevel, Status};
use leakbench_reports::recorded::RecordedKind;
use leakbench_reports::render::{Format, Judged};
use leakbench_reports::report::{Column, Figure, Report, Table, Tone};
use proptest::prelude::*;

use super::{Case, cases, failing, policy};
use crate::common;

/// A case in which every text from outside is `said`, `many` times if there are many of a kind.
fn saying(said: &str, many: usize) -> Case {
    let mut outcome = failing();
    outcome.headline = said.to_owned();
    outcome.budget = said.to_owned();
    outcome.policies = (0..many)
        .map(|n| {
            let mut policy = policy("lingering-at-end", PolicyLevel::Error, Status::Failed, said);
            policy.run = format!("{n}{said}");
            policy.measured = Some(said.to_owned());
            policy.allowed = said.to_owned();
            policy
        })
        .collect();
    let mut case = Case::run("hostile", &common::leak_queue(), Some(outcome));
    let RecordedKind::Run(run) = &mut case.recorded.what else { panic!("it is a run") };
    run.ledger.start.command = said.to_owned();
    case.recorded.folder = said.into();
    let Report { title, headline, figures, findings, lingering, tables, unmeasured, .. } =
        &mut case.report;
    *title = said.to_owned();
    *headline = said.to_owned();
    let figure = || Figure {
        label: said.to_owned(),
        value: said.to_owned(),
        beside: said.to_owned(),
        tone: Tone::Bad,
    };
    *figures = (0..many).map(|_| figure()).collect();
    // The finding of the headline is not repeated.
    let message = format!("{said}.");
    let finding =
        || Finding { rule: "growth", level: Level::Warn, message: message.clone(), supports: None };
    *findings = (0..many).map(|_| finding()).collect();
    for row in &mut lingering.as_mut().expect("images linger").rows {
        row.holders = vec![said.to_owned(); many];
        row.holders_total = many as u64 + 3;
    }
    let table = || Table {
        id: "t".to_owned(),
        title: said.to_owned(),
        note: said.to_owned(),
        columns: vec![Column::numbers(said); many],
        rows: vec![vec![said.to_owned(); many]; many],
        ..Table::default()
    };
    *tables = vec![table(), table(), table()];
    *unmeasured = vec![said.to_owned(); many];
    case
}

/// A line without its code, which is inert.
fn outside_code(line: &str) -> String {
    let mut rest = line;
    let mut text = String::new();
    loop {
        let span = rest.match_indices('`').map(|(at, _)| at).find(|&at| {
            let before = rest[..at].chars().rev().take_while(|c| *c == '\\').count();
            before % 2 == 0
        });
        let Some(open) = span else { break };
        text += &rest[..open];
        let close = rest[open + 1..].find('`').expect("the span is closed in its line");
        rest = &rest[open + 1 + close + 1..];
    }
    text + rest
}

fn is_table(line: &str) -> bool {
    line.starts_with('|')
}

/// Bars that end a cell in GitHub's Markdown.
fn bars(line: &str) -> usize {
    let mut escaped = false;
    line.chars()
        .filter(|&c| {
            let ends = c == '|' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        })
        .count()
}

/// The document without its fenced block, and that block.
fn unfenced(text: &str) -> (Vec<&str>, Vec<&str>) {
    let lines: Vec<&str> = text.lines().collect();
    let Some(open) = lines.iter().position(|line| line.starts_with("```")) else {
        return (lines, Vec::new());
    };
    let fence = lines[open].trim_end_matches("sh");
    let close =
        open + 1 + lines[open + 1..].iter().position(|line| *line == fence).expect("closed");
    ([&lines[..open], &lines[close + 1..]].concat(), lines[open + 1..close].to_vec())
}

fn check(said: &str, text: &str) {
    let (lines, block) = unfenced(text);
    assert!(block.len() <= 1, "a command is a line: {text}");
    let headings = lines.iter().filter(|line| line.starts_with('#')).count();
    assert_eq!(headings, 2, "{said:?}:\n{text}");
    let mut cells = None;
    for line in lines {
        let plain = outside_code(line);
        let ours = ["<details><summary>", "</summary>", "</details>", "<code>", "</code>", "&lt;"];
        let plain = ours.iter().fold(plain, |text, ours| text.replace(ours, ""));
        // Only leakbench's own markup opens a tag, a link or an emphasis.
        assert!(!plain.contains('<'), "{line}");
        assert!(!plain.replace("\\[", "").contains('['), "{line}");
        // GitHub finds no reference in the shown text.
        for (index, c) in plain.char_indices().filter(|(_, c)| *c == '@') {
            assert!(plain[index + c.len_utf8()..].starts_with("&#8203;"), "{line}");
        }
        assert!(!plain.contains("://"), "{line}");
        assert!(!plain.to_lowercase().contains("www."), "{line}");
        // A row has the cells of its head, except the one that counts the others.
        match (cells, is_table(line)) {
            (None, true) => cells = Some(bars(line)),
            (Some(head), true) if !line.starts_with("| … and") => {
                assert_eq!(bars(line), head, "{line}");
            }
            (_, true) => {}
            (_, false) => cells = None,
        }
    }
}

proptest! {
    #[test]
    fn texts_from_outside_are_inert(
        said in r"(?s)(.|[|`\\<>@#\[\]()!*_~&:\n\r-]|https://a\.b|www\.a\.b|</details>|```|\[x\]\(y\)|<!--|&lt;|@me| ){1,24}",
    ) {
        let case = saying(&said, 3);
        check(&said, &case.file(Format::Markdown));
    }
}

#[test]
fn the_usual_suspects_are_inert() {
    for said in [
        "a|b`c\nd",
        "`",
        "\\",
        "\\|",
        "``` \n# heading",
        "<script>alert(1)</script>",
        "@everyone",
        "[x](javascript:alert(1))",
        "![x](https://e.x/y.png)",
        "https://e.x",
        "- [ ] x",
        "| a | b |",
        "</details>",
        "<!--",
        "\u{202e}x",
    ] {
        check(said, &saying(said, 2).file(Format::Markdown));
    }
}

#[test]
fn no_document_is_longer_than_a_comment_may_be() {
    for said in ["x", "@", "|", "`", ":a", "\u{1}", "\u{10ffff}", "𝕏", "\\", "<", "\n", "a` |"] {
        for (length, many) in [(1, 100), (2_000, 20), (600, 24)] {
            let case = saying(&said.repeat(length), many);
            let text = case.file(Format::Markdown);
            let size = text.len();
            assert!(size < Format::MARKDOWN_BYTES_MAX, "{said:?} {length} {many}: {size}");
        }
    }
}

#[test]
fn the_verdict_comes_first_and_the_command_is_whole() {
    for case in cases() {
        let text = case.file(Format::Markdown);
        let first = text.lines().next().expect("a line");
        assert!(first.starts_with("### "), "{first}");
        let (_, block) = unfenced(&text);
        assert!(block[0].starts_with("leakbench"), "{}: {text}", case.name);
        let images = case.report.lingering.as_ref().map_or(0, |images| images.total);
        assert_eq!(text.contains("lingering image"), images > 0, "{}", case.name);
        let opened = text.matches("<details><summary>").count();
        assert_eq!(text.matches("\n\n</details>").count(), opened, "{}", case.name);
        if images > 10 {
            assert!(text.contains("… and 11 more images."), "{text}");
        }
    }
}

/// The gate may fail while the report below is of a clean run: the text names the run.
#[test]
fn one_of_several_recordings_is_named() {
    let case = Case::run("gate", &common::clean(), Some(failing()));
    let text = |recordings| {
        let judged = Judged { outcome: &failing(), recordings };
        let files = Format::Markdown.files(&case.report, &case.recorded, Some(judged));
        let content = files.expect("it has this form").remove(0).content;
        String::from_utf8(content).expect("it is text")
    };
    let named = "\n\n`leakbench-out/run` is 1 of 1,002 recordings that the gate judged\n\n";
    let several = text(1_002);
    assert!(several.contains(named), "{several}");
    assert!(!text(1).contains("recordings that the gate judged"));
}
