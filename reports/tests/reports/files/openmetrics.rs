//! OpenMetrics text, parsed by the rules of its specification.

use std::collections::{BTreeMap, BTreeSet};

use leakbench_model::Resource;
use leakbench_recording::recording::{ExitKind, Record};
use leakbench_reports::render::Format;
use proptest::prelude::*;

use super::{Case, cases, failing};
use crate::common;

#[derive(Debug, Default)]
struct Family {
    kind: String,
    unit: Option<String>,
    help: Option<String>,
    /// Name, labels and value.
    samples: Vec<(String, BTreeMap<String, String>, f64)>,
}

/// Families by name. Panics if the text breaks the specification.
fn parse(text: &str) -> BTreeMap<String, Family> {
    let body = text.strip_suffix("# EOF\n").expect("it ends in EOF");
    assert!(body.ends_with('\n') && !body.contains("\r"));
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    for line in body.strip_suffix('\n').expect("lines").split('\n') {
        if let Some(metadata) = line.strip_prefix("# ") {
            let mut words = metadata.splitn(3, ' ');
            let mut word = || words.next().expect(line).to_owned();
            let (what, name, value) = (word(), word(), word());
            if what == "TYPE" {
                // A family is in one piece, its type first.
                assert!(!families.contains_key(&name), "{name} comes twice");
                current.clone_from(&name);
                families.insert(name, Family { kind: value, ..Family::default() });
                continue;
            }
            assert_eq!(name, current, "{line}");
            let family = families.get_mut(&name).expect("its type came first");
            assert!(family.samples.is_empty(), "metadata before samples: {line}");
            let place = match what.as_str() {
                "UNIT" => &mut family.unit,
                "HELP" => &mut family.help,
                _ => panic!("{line}"),
            };
            assert!(place.replace(value).is_none(), "{line}");
        } else {
            let sample = sample(line);
            families.get_mut(&current).expect("a type first").samples.push(sample);
        }
    }
    for (name, family) in &families {
        check(name, family);
    }
    families
}

fn is_name(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let end = line.find(['{', ' ']).expect(line);
    let (name, mut rest) = line.split_at(end);
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, value) = rest.split_once("=\"").expect(line);
            let mut text = String::new();
            let mut chars = value.char_indices();
            let end = loop {
                match chars.next().expect(line) {
                    (at, '"') => break at,
                    (_, '\\') => text.push(match chars.next().expect(line).1 {
                        'n' => '\n',
                        c @ ('\\' | '"') => c,
                        c => panic!("no escape: {c} in {line}"),
                    }),
                    (_, c) => text.push(c),
                }
            };
            assert!(is_name(label), "{line}");
            assert!(labels.insert(label.to_owned(), text).is_none(), "{line}");
            rest = &value[end + 1..];
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None => break rest = rest.strip_prefix('}').expect(line),
            }
        }
    }
    let value = rest.strip_prefix(' ').expect(line);
    assert!(!value.contains(' '), "no timestamps: {line}");
    (name.to_owned(), labels, value.parse().expect(line))
}

fn check(name: &str, family: &Family) {
    assert!(is_name(name) && name.starts_with("leakbench"), "{name}");
    assert!(!family.samples.is_empty(), "{name} is empty");
    assert!(family.help.as_ref().is_some_and(|help| !help.is_empty()), "{name}");
    if let Some(unit) = &family.unit {
        assert!(["seconds", "bytes"].contains(&unit.as_str()), "{unit} is no base unit");
        assert!(name.ends_with(&format!("_{unit}")), "{name} is in {unit}");
    }
    for unit in ["seconds", "bytes"] {
        if name.ends_with(&format!("_{unit}")) {
            assert_eq!(family.unit.as_deref(), Some(unit), "{name}");
        }
    }
    assert!(!name.ends_with("_total") && !name.ends_with("_info"), "{name}");
    let mut seen = BTreeSet::new();
    for (sample, labels, value) in &family.samples {
        assert!(value.is_finite(), "{sample}");
        assert!(seen.insert((sample, labels)), "{sample} {labels:?} comes twice");
        let suffix = sample.strip_prefix(name).expect("samples are called as their family");
        match family.kind.as_str() {
            "gauge" => assert_eq!(suffix, ""),
            "counter" => {
                assert_eq!(suffix, "_total");
                assert!(*value >= 0.0);
            }
            "info" => assert_eq!((suffix, *value), ("_info", 1.0)),
            "stateset" => {
                assert_eq!(suffix, "");
                assert!(labels.contains_key(name), "a label called as the family: {labels:?}");
                assert!([0.0, 1.0].contains(value));
            }
            "summary" => match labels.get("quantile") {
                Some(quantile) => {
                    assert_eq!(suffix, "");
                    let quantile: f64 = quantile.parse().expect("a number");
                    assert!((0.0..=1.0).contains(&quantile));
                }
                None => assert_eq!(suffix, "_count"),
            },
            kind => panic!("{name} is a {kind}"),
        }
    }
    if family.kind == "stateset" {
        let mut on: BTreeMap<BTreeMap<String, String>, f64> = BTreeMap::new();
        for (_, labels, value) in &family.samples {
            let mut labels = labels.clone();
            labels.remove(name);
            *on.entry(labels).or_default() += value;
        }
        assert!(on.values().all(|on| *on == 1.0), "one state at a time: {name}");
    }
}

fn metrics(case: &Case) -> BTreeMap<String, Family> {
    parse(&case.file(Format::Openmetrics))
}

#[test]
fn every_text_keeps_to_the_specification() {
    for case in cases() {
        let families = metrics(&case);
        for name in ["leakbench", "leakbench_verdict"] {
            assert!(families.contains_key(name), "{}: {name}", case.name);
        }
        let gate = families.contains_key("leakbench_gate_policy");
        assert_eq!(gate, case.outcome.is_some(), "{}", case.name);
    }
}

#[test]
fn images_add_up_and_an_unread_amount_has_no_sample() {
    for case in cases() {
        let families = metrics(&case);
        let sum = |name: &str| {
            let samples = families.get(name).map(|family| &family.samples);
            samples.map(|samples| samples.iter().map(|(_, _, value)| value).sum::<f64>())
        };
        assert_eq!(sum("leakbench_images"), sum("leakbench_images_made"), "{}", case.name);
    }
    let mut recording = common::leak_queue();
    for record in &mut recording.records {
        match record {
            Record::Subject(up) => up.at_rest.set(Resource::Fds, None),
            Record::Barrier(barrier) => {
                barrier.footprint = barrier.footprint.with(Resource::Fds, None);
                barrier.release.0.clear();
            }
            _ => {}
        }
    }
    let families = metrics(&Case::run("leak", &recording, None));
    assert!(!families.contains_key("leakbench_fds"));
    assert!(!families.contains_key("leakbench_release_seconds"));
    assert!(families.contains_key("leakbench_mappings"));
}

#[test]
fn times_are_seconds() {
    let families = metrics(&Case::run("clean", &common::clean(), None));
    let release = &families["leakbench_release_seconds"];
    let values: Vec<f64> = release.samples.iter().map(|(_, _, value)| *value).collect();
    assert_eq!(values, [0.0000012, 0.0000012, 0.003, 1_000_000.0]);
    assert_eq!(families["leakbench_wall_seconds"].samples[0].2, 31.05);
}

proptest! {
    #[test]
    fn labels_are_data(text in "(?s)(.|[\"\\\\\n{},=]|\\\\n|\"} 1\n# EOF){1,16}") {
        let mut recording = common::died(ExitKind::Failed { error: String::new() });
        if let Record::Start(start) = &mut recording.records[0] {
            start.command.clone_from(&text);
        }
        let mut outcome = failing();
        outcome.policies.truncate(1);
        outcome.policies[0].run.clone_from(&text);
        let families = metrics(&Case::run("died", &recording, Some(outcome)));
        let shown = leakbench_reports::render::printable(&text);
        prop_assert_eq!(&families["leakbench"].samples[0].1["command"], &shown);
        prop_assert_eq!(&families["leakbench_gate_policy"].samples[0].1["run"], &shown);
    }
}

/// A later leakbench must write the same text of the same recording.
#[test]
fn metrics_do_not_contain_the_version_of_leakbench() {
    for case in cases() {
        let text = case.file(Format::Openmetrics);
        assert!(text.contains("leakbench_info{"), "{text}");
        assert!(!text.contains("{version=") && !text.contains(",version="), "{text}");
    }
}
