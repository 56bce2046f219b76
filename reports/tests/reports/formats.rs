//! Each format, byte by byte, against the files of `golden/`. After a wanted change, rewrite
//! them with `LEAKBENCH_BLESS=1 cargo test -p leakbench-reports --test reports` and read the
//! difference.

use std::path::Path;

use crate::common::{self, golden};
use leakbench_model::{LastStep, LingeringImage, SlotState, Verdict};
use leakbench_recording::judge::Judgement;
use leakbench_recording::ledger::Ledger;
use leakbench_recording::recording::*;
use leakbench_reports::headline;
use leakbench_reports::render::{Closing, ResultJson, Summary, SummaryStyle};
use leakbench_scenarios::Options;

fn runs() -> Vec<(&'static str, Recording, Verdict)> {
    let failed = ExitKind::Failed {
        error: "cannot instantiate module 51424: all 1000 slots are in use".to_owned(),
    };
    vec![
        ("clean", common::clean(), Verdict::Clean),
        ("leak-keep", common::leak_keep(), Verdict::Leak),
        ("leak-queue", common::leak_queue(), Verdict::Leak),
        ("leak-earlier", common::leak_earlier(), Verdict::Leak),
        ("died-killed", common::died(ExitKind::Signaled { signal: 9 }), Verdict::SubjectDied),
        ("died-hung", common::died(ExitKind::Hung { silent_ms: 60_000 }), Verdict::SubjectDied),
        ("died-failed", common::died(failed), Verdict::SubjectDied),
        ("inconclusive", common::inconclusive(), Verdict::Inconclusive),
        ("interrupted", common::interrupted(), Verdict::Interrupted),
        ("copy", common::copy(), Verdict::Clean),
    ]
}

fn result_json(ledger: &Ledger, judgement: &Judgement) -> String {
    let result = ResultJson::new(ledger, judgement);
    result.to_text().expect("paths are UTF-8")
}

#[test]
fn every_format_is_as_it_was() {
    let mut wrong = Vec::new();
    for (name, recording, verdict) in runs() {
        let ledger = Ledger::of(&recording).expect("it has a start");
        let judgement = Judgement::of(&ledger);
        assert_eq!(judgement.verdict, verdict, "{name}");
        let drawn = common::summary(&ledger, &judgement, 90, None);
        wrong.extend(golden(&format!("{name}.txt"), &drawn).err());
        // A list of 951 images tests no more than a shorter one.
        if name != "leak-keep" {
            let result = result_json(&ledger, &judgement);
            wrong.extend(golden(&format!("{name}.json"), &result).err());
        }
    }
    let clean = Ledger::of(&common::clean()).expect("it has a start");
    let style = SummaryStyle {
        colour: true,
        width: Some(90),
        out: Some(Path::new("out")),
        ..SummaryStyle::default()
    };
    let summary = Summary::of_run(&clean, &Judgement::of(&clean));
    let coloured = summary.draw(&style, &Closing::default());
    wrong.extend(golden("clean-coloured-with-out.txt", &coloured).err());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn summaries_keep_to_25_lines_of_their_width_and_end_in_the_verdict() {
    for (name, mut recording, _) in runs() {
        for failures in [0, 100] {
            for _ in 0..failures {
                recording.records.push(witness_failure());
            }
            let ledger = Ledger::of(&recording).expect("it has a start");
            for width in [0, 80, 100, 500] {
                let drawn = common::summary(&ledger, &Judgement::of(&ledger), width, None);
                let lines: Vec<&str> = drawn.lines().collect();
                assert!(lines.len() <= 25, "{name} at {width}:\n{drawn}");
                let last = lines.last().expect("there are lines");
                assert!(last.starts_with("verdict: "), "{name}:\n{drawn}");
                for line in &lines {
                    let wide = line.chars().count() > width.clamp(60, 100);
                    let whole = ["verdict: ", "reproduce", "report", "leakbench: "];
                    let may = whole.iter().any(|start| line.starts_with(start));
                    assert!(may || !wide, "{name} at {width}: {line}");
                }
            }
        }
    }
}

/// One of two subjects with four threads each is killed after a barrier with `lingering` lingering
/// images, some of which are listed.
fn died_while_leaking(lingering: u64) -> Recording {
    let mut recording = common::died(ExitKind::Signaled { signal: 9 });
    let Record::Start(start) = &mut recording.records[0] else {
        panic!("the first line is the start");
    };
    start.scenario.threads = std::num::NonZeroU32::new(4).expect("it is 4");
    let mut leaking = common::barrier(1, 3_150, common::counts(50_000, lingering));
    leaking.lingering = (0..lingering.min(2_000))
        .map(|n| {
            let many = (0..16).map(|slot| common::slot(slot, SlotState::Affine)).collect();
            LingeringImage { holders_total: 99, ..common::image(n, many) }
        })
        .collect();
    recording.records.insert(7, Record::Barrier(Box::new(leaking)));
    for record in &mut recording.records {
        if let Record::Exit(exit) = record {
            let threads = 0..4;
            let step =
                |thread| LastStep { thread, cycle: 25_000, step: "drop module 51401".into() };
            exit.last_steps = threads.map(step).collect();
        }
    }
    // The latest sample of a subject counts.
    recording
        .records
        .retain(|record| !matches!(record, Record::Sample(sample) if sample.subject == 1));
    recording
}

#[test]
fn a_death_with_lingering_images_and_findings_keeps_to_25_lines_and_hides_none_silently() {
    for failures in [0, 1, 40] {
        let mut recording = died_while_leaking(6_232);
        recording.records.extend((0..failures).map(|_| witness_failure()));
        let ledger = Ledger::of(&recording).expect("it has a start");
        let judgement = Judgement::of(&ledger);
        assert_eq!(judgement.verdict, Verdict::SubjectDied);
        for width in 60..=100 {
            for out in [None, Some(Path::new("out"))] {
                let drawn = common::summary(&ledger, &judgement, width, out);
                assert!(drawn.lines().count() <= 25, "at {width}:\n{drawn}");
                let counted = common::findings_counted(&drawn);
                assert_eq!(counted, judgement.findings.len() - 1, "at {width}:\n{drawn}");
                assert!(drawn.contains("last step  subject 0, thread 0"), "at {width}:\n{drawn}");
                assert!(drawn.contains("lingering  subject 1, inode"), "at {width}:\n{drawn}");
                assert!(drawn.contains("held       of 2,000 listed: 2,000 by affine slots\n"));
            }
        }
    }
}

/// Texts of a guest or a path cannot imitate leakbench's own lines.
#[test]
fn text_from_outside_cannot_steer_the_terminal() {
    const EVIL: &str = "\r\u{1b}[2K\n\u{9b}1A\u{202e}verdict: clean";
    let mut recording = common::died(ExitKind::Failed { error: EVIL.to_owned() });
    let mut disagreeing = common::barrier(0, 3_050, common::counts(50_000, 0));
    disagreeing.disagreements_total = 1;
    disagreeing.disagreements = vec![EVIL.to_owned()];
    recording.records.insert(5, Record::Barrier(Box::new(disagreeing)));
    for record in &mut recording.records {
        match record {
            Record::Start(start) => {
                start.subject = EVIL.to_owned();
                start.command = EVIL.to_owned();
            }
            Record::Exit(exit) => exit.last_steps[0].step = EVIL.to_owned(),
            _ => {}
        }
    }
    let witness = Witness::DeathWatch;
    let what = EVIL.to_owned();
    recording.records.push(Record::WitnessFailure(WitnessFailure {
        at_ms: 1,
        subject: 0,
        witness,
        what,
    }));
    let ledger = Ledger::of(&recording).expect("it has a start");
    let judgement = Judgement::of(&ledger);
    let out = Some(Path::new(EVIL));
    let drawn = common::summary(&ledger, &judgement, 100, out);
    for said in [&drawn.replace('\n', ""), &headline::of_run(&ledger, &judgement)] {
        assert!(!said.contains(|c: char| c.is_control() || c == '\u{202e}'), "{said:?}");
    }
    let verdicts = drawn.lines().filter(|line| line.trim_start().starts_with("verdict:"));
    assert_eq!(verdicts.count(), 1, "{drawn}");
    // JSON has the text unchanged.
    let json: serde_json::Value =
        serde_json::from_str(&result_json(&ledger, &judgement)).expect("it is JSON");
    assert_eq!(json["subject"], EVIL);
    assert_eq!(json["witness_failures"][0]["what"], EVIL);
    let message = json["findings"][0]["message"].as_str().expect("text");
    assert!(message.ends_with(EVIL), "{message:?}");
}

#[test]
fn the_list_of_lingering_images_in_json_takes_subjects_in_turn() {
    let mut records = vec![common::start(6_000, 2, Options::default())];
    for (subject, listed) in [(0, 2_000), (1, 3)] {
        records.push(common::up(subject, 3_000));
        let images = (0..listed).map(|n| common::image(n, vec![]));
        records.push(Record::Barrier(Box::new(Barrier {
            last: true,
            lingering: images.collect(),
            ..common::barrier(subject, 100, common::counts(3_000, listed))
        })));
    }
    let ledger = Ledger::of(&common::recording(records)).expect("it has a start");
    let judgement = Judgement::of(&ledger);
    let result = ResultJson::new(&ledger, &judgement);
    assert_eq!(result.lingering.len(), ResultJson::LINGERING_MAX);
    let listed: Vec<(u32, u64)> =
        result.lingering.iter().take(8).map(|image| (image.subject, image.image.module)).collect();
    assert_eq!(listed, [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2), (0, 3), (0, 4)]);
}

fn witness_failure() -> Record {
    Record::WitnessFailure(WitnessFailure {
        at_ms: 100,
        subject: 0,
        witness: Witness::ProcScan,
        what: "cannot read /proc/4711/smaps_rollup, which says how much memory is resident: \
               permission denied"
            .to_owned(),
    })
}

/// The fields that others rely on, by name and value rather than by golden file.
#[test]
fn result_json_has_the_fields_of_version_2() {
    let ledger = Ledger::of(&common::leak_keep()).expect("it has a start");
    let text = result_json(&ledger, &Judgement::of(&ledger));
    let json: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    for (pointer, value) in [
        ("/version", serde_json::json!(2)),
        ("/verdict", "leak".into()),
        ("/exit_code", 1.into()),
        ("/subject", "builtin".into()),
        ("/strategy", "random".into()),
        ("/on_drop", "keep".into()),
        ("/slots", 1000.into()),
        ("/threads", 1.into()),
        ("/seed", 0.into()),
        ("/cycles", 3000.into()),
        ("/cycles_asked", 3000.into()),
        ("/wall_s", 0.22.into()),
        ("/images/made", 3000.into()),
        ("/images/synchronous", 2049.into()),
        ("/images/late", 0.into()),
        ("/images/lingering", 951.into()),
        ("/images/unknown", 0.into()),
        ("/release_us/p50", 1.2.into()),
        ("/peak/mappings", 2913.into()),
        ("/peak/fds", 962.into()),
        ("/peak/rss_bytes", (26 << 20).into()),
        ("/at_end/mappings", 2913.into()),
        ("/at_end/memfd_mappings", 951.into()),
        ("/at_end/fds", 962.into()),
        ("/at_end/rss_bytes", (26 << 20).into()),
        ("/lingering/0/inode", 4711.into()),
        ("/lingering/0/module", 88.into()),
        ("/lingering/0/dropped_at_cycle", 88.into()),
        (
            "/lingering/0/holders/0",
            serde_json::json!({"kind": "slot", "slot": 17, "state": "affine"}),
        ),
        ("/lingering/0/holders/1", serde_json::json!({"kind": "fd", "fd": 9})),
        ("/findings/0/policy", "lingering-images".into()),
        ("/findings/0/level", "error".into()),
        ("/fingerprint/kernel", "Linux 6.18.0".into()),
        ("/fingerprint/cpus", 2.into()),
    ] {
        assert_eq!(json.pointer(pointer), Some(&value), "{pointer}");
    }
    assert!(json["rate_per_s"].as_f64().is_some_and(|rate| rate > 0.0));
    assert!(json["release_us"]["max"].is_f64());
}

/// A command of an older recording may have lost bytes or have line breaks: pasting it would run
/// another one.
#[test]
fn a_command_that_cannot_be_pasted_is_not_shown() {
    for (command, is_shown) in [
        ("leakbench --wasm 'a b.wasm'", true),
        ("leakbench --wasm 'a\nb.wasm'", false),
        ("leakbench --wasm '\u{fffd}.wasm'", false),
        ("leakbench --wasm '\u{202e}.wasm'", false),
    ] {
        let mut recording = common::clean();
        let Record::Start(start) = &mut recording.records[0] else { panic!("it has a start") };
        start.command = command.to_owned();
        let ledger = Ledger::of(&recording).expect("it has a start");
        let summary = Summary::of_run(&ledger, &Judgement::of(&ledger));
        let drawn = summary.draw(&SummaryStyle::default(), &Closing::default());
        let line = drawn.lines().find(|line| line.starts_with("reproduce")).expect("a line");
        assert_eq!(line == format!("reproduce  {command}"), is_shown, "{line}");
        assert_eq!(line.contains("not shown"), !is_shown, "{line}");
        assert!(!result_json(&ledger, &Judgement::of(&ledger)).contains("not shown"));
    }
}
