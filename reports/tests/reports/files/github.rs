//! Annotations, as GitHub reads them.

use leakbench_recording::judge::{Finding, Level};
use leakbench_recording::recording::{ExitKind, Record};
use leakbench_reports::gate::{PolicyLevel, Status};
use leakbench_reports::render::Format;
use proptest::prelude::*;

use super::{Case, cases, failing, policy};
use crate::common;

/// Command, title and message of a line, as GitHub's runner reads them.
fn read(line: &str) -> (String, String, String) {
    let (head, message) =
        line.strip_prefix("::").and_then(|rest| rest.split_once("::")).expect(line);
    let (command, properties) = head.split_once(' ').expect("properties");
    let [title] = properties.split(',').collect::<Vec<_>>().try_into().expect("one property");
    let title = title.strip_prefix("title=").expect("a title");
    let data = |text: &str| text.replace("%0D", "\r").replace("%0A", "\n");
    let property = data(title).replace("%3A", ":").replace("%2C", ",").replace("%25", "%");
    (command.to_owned(), property, data(message).replace("%25", "%"))
}

fn commands(text: &str) -> Vec<String> {
    text.lines().map(|line| read(line).0).collect()
}

#[test]
fn a_failure_is_an_error_and_a_pass_has_none() {
    for case in cases() {
        let text = case.file(Format::Github);
        let clean = match &case.outcome {
            Some(outcome) => outcome.verdict.exit_code() == 0,
            None => case.report.verdict.exit_code() == 0,
        };
        let errors = commands(&text).iter().filter(|command| *command == "error").count();
        assert_eq!(errors == 0, clean, "{}:\n{text}", case.name);
        assert!(!text.is_empty(), "{}", case.name);
    }
}

#[test]
fn a_kind_has_at_most_ten_lines_and_the_last_counts_the_others() {
    for (count, last) in [
        (10, None),
        (11, Some("and 2 more like these")),
        (1_011, Some("and 1,002 more like these")),
    ] {
        let mut case = Case::run("clean", &common::clean(), None);
        case.report.findings = Vec::new();
        for level in [Level::Error, Level::Warn, Level::Note] {
            case.report.findings.extend((0..count).map(|n| Finding {
                rule: "growth",
                level,
                message: format!("number {n}"),
                supports: None,
            }));
        }
        let text = case.file(Format::Github);
        for kind in ["error", "warning", "notice"] {
            let lines: Vec<_> = text.lines().map(read).filter(|line| line.0 == kind).collect();
            assert_eq!(lines.len(), 10, "{text}");
            if let Some(last) = last {
                assert_eq!(lines[9].2, last);
            }
        }
    }
}

#[test]
fn the_titles_of_flaky_and_inconclusive_policies_name_the_status() {
    let case = Case::run("leak", &common::leak_queue(), Some(failing()));
    let text = case.file(Format::Github);
    let titles: Vec<String> = text.lines().map(|line| read(line).1).collect();
    assert!(titles.iter().any(|title| title.contains("flaky: late-releases")), "{titles:?}");
    assert!(titles.iter().any(|title| title.contains("inconclusive: slope-fds")), "{titles:?}");
    assert!(!text.contains("time-to-release"), "a policy that is off has no line");
}

proptest! {
    /// No name begins a command or ends one.
    #[test]
    fn texts_stay_in_their_places(text in "(?s).{0,20}(::|%0A|\r\n|,|::error title=x::)?.{0,20}") {
        let mut recording = common::died(ExitKind::Failed { error: text.clone() });
        if let Record::Start(start) = &mut recording.records[0] {
            start.subject.clone_from(&text);
        }
        let mut outcome = failing();
        outcome.policies = vec![policy("growth", PolicyLevel::Error, Status::Failed, &text)];
        outcome.policies[0].run.clone_from(&text);
        for outcome in [None, Some(outcome)] {
            let case = Case::run("died", &recording, outcome);
            let file = case.file(Format::Github);
            let shown = leakbench_reports::render::printable(&text);
            prop_assert!(!file.contains('\r'));
            let lines: Vec<_> = file.split('\n').filter(|line| !line.is_empty()).map(read).collect();
            if case.outcome.is_some() {
                prop_assert_eq!(&lines[0].1, &format!("leakbench gate: growth ({shown})"));
                prop_assert_eq!(&lines[0].2, &shown);
            } else {
                prop_assert!(lines[0].2.ends_with(&*shown), "{}", file);
            }
        }
    }
}
