//! JUnit's XML, parsed.

use leakbench_recording::recording::{ExitKind, Record, Recording};
use leakbench_reports::gate::{PolicyLevel, Status};
use leakbench_reports::render::Format;
use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};

use super::{Case, cases, failing, policy};
use crate::common;

/// An element with its content.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Element>,
    text: String,
}

impl Element {
    fn get(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        attributes.find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }
}

fn started(start: &BytesStart<'_>) -> Element {
    let attributes = start.attributes().map(|attribute| {
        let attribute = attribute.expect("well-formed");
        let value = attribute.normalized_value(XmlVersion::Explicit1_0).expect("known entities");
        (attribute.key.as_ref().to_owned(), value.into_owned())
    });
    let attributes = attributes.collect();
    let name = start.name().as_ref().to_owned();
    Element { name, attributes, ..Element::default() }
}

/// The root of a document.
fn parse(text: &str) -> Element {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().expect("well-formed") {
            Event::Start(start) => open.push(started(&start)),
            Event::Empty(start) => open.last_mut().expect("open").children.push(started(&start)),
            Event::End(_) => {
                let closed = open.pop().expect("open");
                open.last_mut().expect("an element around it").children.push(closed);
            }
            Event::Text(text) => {
                open.last_mut().expect("open").text += &text;
            }
            Event::GeneralRef(entity) => {
                let known = quick_xml::escape::resolve_xml_entity(&entity).expect("known");
                open.last_mut().expect("open").text += known;
            }
            Event::Eof => break,
            Event::Decl(_) => {}
            other => panic!("unexpected: {other:?}"),
        }
    }
    let [mut top] = open.try_into().expect("all closed");
    assert_eq!(top.children.len(), 1, "one root");
    top.children.remove(0)
}

fn junit(case: &Case) -> Element {
    parse(&case.file(Format::Junit))
}

#[test]
fn counts_agree_with_the_cases() {
    for case in cases() {
        let root = junit(&case);
        assert_eq!((root.name.as_str(), root.get("name")), ("testsuites", Some("leakbench")));
        let mut sums = [0; 4];
        for suite in root.all("testsuite") {
            let having = |name| suite.all("testcase").filter(|c| c.child(name).is_some()).count();
            let counts = [
                suite.all("testcase").count(),
                having("failure"),
                having("error"),
                having("skipped"),
            ];
            for (index, name) in ["tests", "failures", "errors", "skipped"].into_iter().enumerate()
            {
                assert_eq!(
                    suite.get(name),
                    Some(counts[index].to_string().as_str()),
                    "{}",
                    case.name
                );
                sums[index] += counts[index];
            }
            for test in suite.all("testcase") {
                assert_eq!(test.get("classname"), suite.get("name"));
            }
        }
        for (index, name) in ["tests", "failures", "errors", "skipped"].into_iter().enumerate() {
            assert_eq!(root.get(name), Some(sums[index].to_string().as_str()), "{}", case.name);
        }
        // A job fails exactly if the verdict has another exit code than 0.
        let code = match &case.outcome {
            Some(outcome) => outcome.verdict.exit_code(),
            None => case.report.verdict.exit_code(),
        };
        assert_eq!(sums[1] + sums[2] == 0, code == 0, "{}", case.name);
    }
}

#[test]
fn every_rule_of_the_judge_is_a_case() {
    let root = junit(&Case::run("clean", &common::clean(), None));
    let [suite] = &root.children[..] else { panic!("one suite: {root:?}") };
    let names: Vec<_> = suite.all("testcase").filter_map(|case| case.get("name")).collect();
    assert_eq!(
        names,
        [
            "interruption",
            "subject-exit",
            "died-at",
            "lingering-images",
            "witnesses",
            "coverage",
            "leftovers",
            "late-releases"
        ]
    );
    assert_eq!(suite.get("time"), Some("31.05"));
    assert_eq!(suite.get("timestamp"), Some("2025-06-15T15:06:40"));
    let property = |name: &str| {
        let mut all = suite.child("properties").expect("properties").children.iter();
        all.find(|property| property.get("name") == Some(name)).and_then(|p| p.get("value"))
    };
    assert_eq!(property("command"), Some("leakbench --processes 2"));
    assert_eq!(property("seed"), Some("0"));
    assert_eq!(property("kernel"), Some("Linux 6.18.0"));

    // A rule without findings does not pass in an inconclusive run.
    let root = junit(&Case::run("unsure", &common::inconclusive(), None));
    let mut tests = root.children[0].all("testcase");
    let lingering = tests.find(|case| case.get("name") == Some("lingering-images"));
    assert!(lingering.expect("a case").child("skipped").is_some());
}

#[test]
fn each_status_has_its_element() {
    let root = junit(&Case::run("leak", &common::leak_queue(), Some(failing())));
    let [suite] = &root.children[..] else { panic!("one suite: {root:?}") };
    assert!(suite.child("properties").is_some(), "the gate's only run is this one");
    let test = |name: &str| {
        let mut all = suite.all("testcase");
        all.find(|case| case.get("name") == Some(name)).expect("a case")
    };
    let failure = test("lingering-at-end").child("failure").expect("it failed");
    assert!(failure.get("message").is_some_and(|message| message.contains("inode 7608")));
    assert!(failure.text.contains("recording.jsonl:4  barrier of subject 0"), "{failure:?}");
    let flaky = test("late-releases").child("failure").expect("flaky is not passed");
    assert_eq!(flaky.get("type"), Some("flaky"));
    assert!(
        flaky.text.contains("failed at attempt 1") && flaky.text.contains("passed at attempt 2")
    );
    assert!(test("slope-fds").child("error").is_some());
    assert!(test("time-to-release").child("skipped").is_some());
    let warned = test("lingering-peak");
    assert!(warned.child("failure").is_none());
    let out = &warned.child("system-out").expect("a text").text;
    assert!(out.starts_with("failed with level warn: the gate passes"), "{out}");
}

#[test]
fn a_suite_is_a_run_of_a_comparison() {
    let all = cases();
    let compared = all.iter().find(|case| case.name == "compared").expect("a comparison");
    let root = junit(compared);
    let names: Vec<_> = root.children.iter().filter_map(|suite| suite.get("name")).collect();
    assert_eq!(
        names,
        [
            "builtin (1)",
            "builtin (2)",
            "wasmtime@3",
            "wasmtime@48",
            "node driver.mjs",
            "unsure",
            "refusing, refused"
        ]
    );
    // A row of the gate has several rounds, so it has no time of its own.
    let swept = all.iter().find(|case| case.name == "swept").expect("a comparison");
    let root = junit(swept);
    let known =
        |suite: &Element| suite.get("time").is_some() || suite.child("properties").is_some();
    assert!(root.children.len() == 2 && !root.children.iter().any(known), "{root:?}");
}

fn hostile(name: &str) -> Recording {
    let mut recording = common::died(ExitKind::Failed { error: name.to_owned() });
    if let Record::Start(start) = &mut recording.records[0] {
        start.subject = name.to_owned();
        start.command = name.to_owned();
    }
    recording
}

/// XML 1.0, production 2.
fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

proptest! {
    /// With any name the document is well-formed, and has the printable name.
    #[test]
    fn names_are_data(
        name in "(?s)(.|[\u{0}-\u{9f}\u{fffe}\u{ffff}]|]]>|</failure>|&amp;|\"|<!--){1,12}",
    ) {
        let mut outcome = failing();
        outcome.policies = vec![policy("growth", PolicyLevel::Error, Status::Failed, &name)];
        outcome.policies[0].run.clone_from(&name);
        let shown = leakbench_reports::render::printable(&name).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}");
        for outcome in [None, Some(outcome)] {
            let case = Case::run("died", &hostile(&name), outcome);
            let text = case.file(Format::Junit);
            prop_assert!(text.chars().all(is_xml));
            let root = parse(&text);
            let suite = &root.children[0];
            let property = &suite.child("properties").expect("properties").children[0];
            prop_assert_eq!(property.get("value"), Some(shown.as_str()));
            let problems: Vec<&Element> = suite
                .all("testcase")
                .filter_map(|case| case.child("failure").or(case.child("error")))
                .collect();
            prop_assert_eq!(problems.len(), 1);
            let message = problems[0].get("message").expect("a message");
            prop_assert!(message.ends_with(&shown), "{message:?} {shown:?}");
        }
    }
}
