//! The texts of an outcome, compared with golden files.

use leakbench_model::Holder;
use leakbench_recording::recording::*;
use leakbench_reports::gate::{Outcome, Status, explain};
use leakbench_reports::render::{gate_json, gate_summary};

use super::{Named, Plan, judged, run};
use crate::common::{self, golden};

fn outcomes() -> Vec<(&'static str, Outcome)> {
    let flaky = Plan {
        last: |last| {
            last.counts = common::counts(3_000, 1);
            last.lingering = vec![common::image(7, vec![Holder::Fd { fd: 3 }])];
        },
        ..Plan::default()
    };
    let flaky = [run("first", &flaky.recording()), run("second", &Plan::default().recording())];
    let several = [run("queue", &common::leak_queue()), run("unknown", &common::inconclusive())];
    let wide = "[policy.slope-mappings]\n[policy.peak-rss-bytes]\nmax = 64_000_000\n\
                [policy.time-to-release]\np99-us = 10_000\n";
    vec![
        ("passed", judged(wide, &[Plan::default().run()])),
        ("failed", judged("", &[run("keep", &common::leak_keep())])),
        ("flaky", judged("", &flaky)),
        ("several", judged("", &several)),
        ("inconclusive", judged("", &[run("unknown", &common::inconclusive())])),
    ]
}

#[test]
fn texts_are_as_the_golden_files_have_them() {
    let mut wrong = Vec::new();
    for (name, outcome) in outcomes() {
        wrong.extend(golden(&format!("gate-{name}-explained.txt"), &explain(&outcome)).err());
        wrong.extend(
            golden(&format!("gate-{name}.txt"), &gate_summary(&outcome, false, 90, false)).err(),
        );
    }
    let (_, coloured) = &outcomes()[1];
    wrong
        .extend(golden("gate-failed-coloured.txt", &gate_summary(coloured, true, 90, false)).err());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn summaries_keep_to_their_width_and_end_in_the_headline() {
    for (name, outcome) in outcomes() {
        for width in [0, 80, 500] {
            let drawn = gate_summary(&outcome, false, width, false);
            let lines: Vec<&str> = drawn.lines().collect();
            let (last, others) = lines.split_last().expect("there are lines");
            let word = match name {
                "passed" => "PASS",
                "inconclusive" => "INCONCLUSIVE",
                "flaky" => "FLAKY",
                _ => "FAIL",
            };
            assert!(last.starts_with(&format!("gate: {word} — ")), "{name}: {last}");
            let wide = others.iter().find(|line| line.chars().count() > width.clamp(60, 100));
            assert_eq!(wide, None, "{name} at {width}");
        }
    }
}

#[test]
fn the_sentence_of_a_failure_is_printed_once() {
    for (name, outcome) in outcomes() {
        let failed = outcome.policies.iter().filter(|policy| policy.status > Status::Passed);
        let messages = failed.map(|policy| &policy.message);
        for text in [gate_summary(&outcome, false, 100, true), explain(&outcome)] {
            // In one line, whatever the wrapping.
            let words: Vec<&str> = text.split_whitespace().collect();
            let text = words.join(" ");
            for message in messages.clone() {
                let times = text.matches(message.as_str()).count();
                assert!(times <= 1, "{name}: {times} times {message:?} in {text}");
            }
        }
        let decisive = outcome.decisive().map(|policy| policy.policy.as_ref());
        let expected = match name {
            "passed" => None,
            "flaky" | "failed" | "several" => Some("lingering-at-end"),
            _ => Some("measurement"),
        };
        assert_eq!(decisive, expected, "{name}");
    }
}

/// A text from a run, a path or a guest must not look like one of leakbench.
#[test]
fn text_from_outside_cannot_steer_the_terminal() {
    const EVIL: &str = "\r\u{1b}[2K\n\u{9b}1A\u{202e}gate: PASS";
    let mut recording = common::died(ExitKind::Failed { error: EVIL.to_owned() });
    if let Record::Start(start) = &mut recording.records[0] {
        start.command = EVIL.to_owned();
    }
    let named: [Named; 1] = [run(EVIL, &recording)];
    let outcome = judged("", &named);
    for drawn in
        [explain(&outcome), gate_summary(&outcome, false, 100, false), outcome.headline.clone()]
    {
        let steered = drawn.contains(|c: char| c == '\u{202e}' || (c.is_control() && c != '\n'));
        assert!(!steered, "{drawn:?}");
        let headlines = drawn.lines().filter(|line| line.trim_start().starts_with("gate: "));
        assert!(headlines.count() <= 1, "{drawn}");
    }
}

/// The name of a folder does not prevent a verdict.
#[test]
fn a_path_that_is_not_utf8_can_be_written_as_json() {
    use std::os::unix::ffi::OsStrExt;

    let (name, mut recorded) = run("keep", &common::leak_keep());
    let folder = std::path::Path::new(std::ffi::OsStr::from_bytes(b"out/\xffkeep"));
    recorded.file = folder.join("recording.jsonl");
    let outcome = judged("", &[(name, recorded)]);
    let json = gate_json(&outcome).unwrap_or_else(|error| panic!("{error}"));
    let json: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!((&json["verdict"], &json["exit_code"]), (&"fail".into(), &1.into()));
    let mut policies = json["policies"].as_array().expect("a list").iter();
    let lingering = policies.find(|of| of["policy"] == "lingering-at-end").expect("it is there");
    assert_eq!(lingering["evidence"][0]["path"], "out/\u{fffd}keep/recording.jsonl");
}
