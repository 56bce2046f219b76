//! Observations as summaries, JSON, headlines and progress lines.

use std::path::Path;

use leakbench_model::Resource;
use leakbench_recording::observation::*;
use leakbench_reports::headline;
use leakbench_reports::render::{
    Closing, ObservationJson, ObservationProgress, Progress, Summary, SummaryStyle,
};
use leakbench_reports::report::Report;
use proptest::prelude::*;

use crate::common::{golden, has_a_next_step};
use crate::fixtures::any_observation::{any_observation, any_record};
use crate::fixtures::observation::*;

fn draw(diagnosis: &Diagnosis, width: usize) -> String {
    let style = SummaryStyle { width: Some(width), ..SummaryStyle::default() };
    Summary::of_observation(diagnosis).draw(&style, &Closing::default())
}

fn diagnosed(recording: &ObservationRecording) -> Diagnosis {
    Diagnosis::of(recording).expect("it says what was observed")
}

#[test]
fn both_formats_are_as_they_were() {
    let mut wrong = Vec::new();
    for (name, recording, verdict) in cases() {
        let diagnosis = diagnosed(&recording);
        assert_eq!(diagnosis.judgement.verdict, verdict, "{name}:\n{}", draw(&diagnosis, 100));
        wrong.extend(golden(&format!("{name}.txt"), &draw(&diagnosis, 100)).err());
        if ["observed-sockets", "observed-spoilt"].contains(&name) {
            let result = ObservationJson::new(&diagnosis).to_text().expect("it has a form");
            wrong.extend(golden(&format!("{name}.json"), &result).err());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn summaries_keep_to_25_lines_of_their_width_and_end_in_the_verdict() {
    for (name, mut recording, _) in cases() {
        for remarks in [0, 40] {
            for _ in 0..remarks {
                let what = "child 4243 came, and was gone before it was looked at ".repeat(5);
                recording = with(recording, remark(false, &what));
            }
            let diagnosis = diagnosed(&recording);
            for width in [0, 80, 500] {
                let drawn = draw(&diagnosis, width);
                let lines: Vec<&str> = drawn.lines().collect();
                assert!(lines.len() <= Summary::LINES_MAX, "{name}:\n{drawn}");
                assert!(lines.last().is_some_and(|last| last.starts_with("verdict: ")));
                for line in &lines[1..] {
                    let whole = ["verdict: ", "reproduce"].iter().any(|s| line.starts_with(s));
                    let fits = line.chars().count() <= width.clamp(60, 100);
                    assert!(whole || fits, "{name} at {width}: {line}");
                }
            }
        }
    }
}

#[test]
fn an_object_without_a_known_holder_is_shown_without_one() {
    let mut recording = socket_leak();
    for record in &mut recording.records {
        if let ObservationRecord::Examples(examples) = record {
            examples.objects.values_mut().flatten().for_each(|object| object.holders.clear());
        }
    }
    let drawn = draw(&diagnosed(&recording), 100);
    assert!(drawn.contains("- socket:[4711], for 56 s"), "{drawn}");
}

/// The fields that others rely on, by name and value rather than by golden file.
#[test]
fn result_json_has_the_fields_of_version_2() {
    let diagnosis = diagnosed(&socket_leak());
    let text = ObservationJson::new(&diagnosis).to_text().expect("it has a form");
    let json: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    for (pointer, value) in [
        ("/version", serde_json::json!(2)),
        ("/verdict", "leak".into()),
        ("/exit_code", 1.into()),
        ("/process/pid", 4242.into()),
        ("/samples", 60.into()),
        ("/suspects/0/resource", "socket_fds".into()),
        ("/suspects/0/forecast/limit_name", "RLIMIT_NOFILE".into()),
        ("/findings/0/policy", "growth".into()),
        ("/fingerprint/kernel", "Linux 6.18.0".into()),
    ] {
        assert_eq!(json.pointer(pointer), Some(&value), "{pointer}");
    }
    let resources = json["resources"].as_array().expect("a list");
    let named = |name| resources.iter().find(|r| r["name"] == name).expect("it was seen");
    let sockets = named("socket_fds");
    assert_eq!(sockets["class"], "leak");
    assert_eq!(sockets["limit"], serde_json::Value::Null);
    assert_eq!(sockets.get("seconds_to_limit"), None);
    assert_eq!(sockets["example"]["what"], "socket:[4711]");
    for rate in ["rate_per_s", "ci_low", "ci_high"] {
        assert!(sockets[rate].as_f64().is_some_and(|rate| (rate - 12.0).abs() < 0.1));
    }
    let all = named("fds");
    assert_eq!(all["limit"], 1_024);
    assert!(all["seconds_to_limit"].as_f64().is_some_and(|s| (s - 25.3).abs() < 0.1));
    assert_eq!(named("threads")["class"], "flat");
    assert_eq!(named("threads")["example"], serde_json::Value::Null);
}

/// Names of a process's files cannot imitate leakbench's own lines.
#[test]
fn text_from_outside_cannot_steer_the_terminal() {
    const EVIL: &str = "\r\u{1b}[2K\n\u{9b}1A\u{202e}verdict: clean";
    let mut recording = socket_leak();
    recording = with(recording, examples(Resource::SocketFds, &[EVIL]));
    recording = with(recording, remark(true, EVIL));
    for record in &mut recording.records {
        match record {
            ObservationRecord::Start(observe) => {
                observe.process = EVIL.to_owned();
                observe.command = EVIL.to_owned();
                observe.limits.iter_mut().for_each(|limit| limit.name = EVIL.to_owned());
            }
            ObservationRecord::Examples(examples) => {
                let objects = examples.objects.values_mut().flatten();
                objects.for_each(|object| object.holders = vec![EVIL.to_owned()]);
            }
            _ => {}
        }
    }
    let diagnosis = diagnosed(&recording);
    let style = SummaryStyle { out: Some(Path::new(EVIL)), ..SummaryStyle::default() };
    let drawn = Summary::of_observation(&diagnosis).draw(&style, &Closing::default());
    for said in [&drawn.replace('\n', ""), &headline::of_observation(&diagnosis)] {
        assert!(!said.contains(|c: char| c.is_control() || c == '\u{202e}'), "{said:?}");
    }
    let verdicts = drawn.lines().filter(|line| line.trim_start().starts_with("verdict:"));
    assert_eq!(verdicts.count(), 1, "{drawn}");
    // In JSON it is as it was.
    let text = ObservationJson::new(&diagnosis).to_text().expect("it has a form");
    let json: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(json["process"]["command_line"], EVIL);
}

#[test]
fn progress_says_what_there_is_and_how_many_rise() {
    let mut progress = ObservationProgress::new(4242, Some(60_000));
    assert_eq!(progress.plain(), "observing 4242 for 0 s of 60 s");
    for record in &socket_leak().records {
        if let ObservationRecord::Sample(look) = record {
            progress.see(look);
        }
    }
    let plain = "observing 4242 for 59 s of 60 s, 720 fds, 120 mappings, 30.0 MiB resident, 2 resources rise";
    assert_eq!(progress.plain(), plain);
    for width in 0..100 {
        let line = progress.line(width);
        assert!(
            line.chars().count() <= width && plain.replace(", ", "  ").starts_with(&line),
            "{line}"
        );
    }
    // A day of looks costs no more than a minute of them.
    for second in 60..86_400 {
        progress.see(&ObservationSample {
            at_ms: second * 1_000,
            amounts: quiet(),
            processes: 1,
            nearest: Default::default(),
        });
    }
    assert!(progress.plain().starts_with("observing 4242 for 24 h of 60 s, 12 fds"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever was recorded, also by another program, can be judged and drawn.
    #[test]
    fn any_observation_can_be_drawn(
        records in proptest::collection::vec(any_record(), 0..120),
        in_order in any::<bool>(),
        width in 0..200usize,
    ) {
        let diagnosis = diagnosed(&any_observation(records, in_order));
        let drawn = draw(&diagnosis, width);
        prop_assert!(drawn.lines().count() <= Summary::LINES_MAX, "{}", drawn);
        prop_assert!(has_a_next_step(&Report::of_observation(&diagnosis)));
        let text = ObservationJson::new(&diagnosis).to_text().expect("it has a form");
        let json: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        prop_assert_eq!(&json["exit_code"], diagnosis.judgement.verdict.exit_code());
    }
}

#[test]
fn headlines_name_the_decisive_finding() {
    assert_eq!(
        headline::of_observation(&diagnosed(&socket_leak())),
        "LEAK — socket descriptors grow by 12.0 ± 0.0 a second (95 % CI); RLIMIT_NOFILE \
         (1,024) is reached in 25 s"
    );
    let headline = |count| {
        let mut recording =
            attached(move |s| vec![(Resource::Children, u64::from(s == 30) * count)]);
        if let Some(ObservationRecord::Start(observe)) = recording.records.first_mut() {
            observe.scope = Scope::Alone;
        }
        headline::of_observation(&diagnosed(&recording))
    };
    assert!(headline(3).ends_with("; 3 child processes were not observed"), "{}", headline(3));
    assert!(headline(1).ends_with("; 1 child process was not observed"), "{}", headline(1));
    assert!(!headline(0).contains("child"), "{}", headline(0));
}
