//! Each format, byte by byte, against the files of `golden/`. After a wanted change, rewrite
//! them with `LEAKBENCH_BLESS=1 cargo test -p leakbench-reports --test reports` and read the
//! difference.

use std::path::{Path, PathBuf};

use crate::common;
use leakbench_reports::judge::{Judgement, Verdict};
use leakbench_reports::ledger::Ledger;
use leakbench_reports::recording::{ExitKind, Recording};
use leakbench_reports::render::{ResultJson, TerminalSummary};

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
        ("could-not-tell", common::could_not_tell(), Verdict::CouldNotTell),
        ("interrupted", common::interrupted(), Verdict::Interrupted),
        ("copy", common::copy(), Verdict::Clean),
    ]
}

fn golden(name: &str, drawn: &str) -> Result<(), String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("LEAKBENCH_BLESS").is_some() {
        std::fs::write(&path, drawn).expect("golden file can be written");
        return Ok(());
    }
    let kept = std::fs::read_to_string(&path).map_err(|error| format!("{name}: {error}"))?;
    if kept == drawn {
        return Ok(());
    }
    let first = kept.lines().zip(drawn.lines()).find(|(a, b)| a != b);
    Err(format!("{name} differs, first in (kept, drawn): {first:#?}"))
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
        let summary = TerminalSummary { colour: false, width: 90, out: None };
        let drawn = summary.draw(&ledger, &judgement);
        wrong.extend(golden(&format!("{name}.txt"), &drawn).err());
        // A list of 951 images shows no more than a shorter one.
        if name != "leak-keep" {
            let result = result_json(&ledger, &judgement);
            wrong.extend(golden(&format!("{name}.json"), &result).err());
        }
    }
    let clean = Ledger::of(&common::clean()).expect("it has a start");
    let summary = TerminalSummary { colour: true, width: 90, out: Some(Path::new("out")) };
    let coloured = summary.draw(&clean, &Judgement::of(&clean));
    wrong.extend(golden("clean-coloured-with-out.txt", &coloured).err());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn summaries_keep_to_25_lines_of_their_width_and_end_in_the_verdict() {
    for (name, mut recording, _) in runs() {
        for troubles in [0, 100] {
            for _ in 0..troubles {
                recording.records.push(trouble());
            }
            let ledger = Ledger::of(&recording).expect("it has a start");
            for width in [0, 80, 100, 500] {
                let summary = TerminalSummary { colour: false, width, out: None };
                let drawn = summary.draw(&ledger, &Judgement::of(&ledger));
                let lines: Vec<&str> = drawn.lines().collect();
                assert!(lines.len() <= 25, "{name} at {width}:\n{drawn}");
                let last = lines.last().expect("there are lines");
                assert!(last.starts_with("verdict: "), "{name}:\n{drawn}");
                for line in &lines {
                    let wide = line.chars().count() > width.clamp(60, 100);
                    let whole = ["verdict: ", "run again", "report", "leakbench: "];
                    let may = whole.iter().any(|start| line.starts_with(start));
                    assert!(may || !wide, "{name} at {width}: {line}");
                }
            }
        }
    }
}

fn trouble() -> leakbench_reports::recording::Record {
    use leakbench_reports::recording::{Record, Trouble, Witness};
    Record::Trouble(Trouble {
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
fn result_json_has_the_fields_of_version_1() {
    let ledger = Ledger::of(&common::leak_keep()).expect("it has a start");
    let text = result_json(&ledger, &Judgement::of(&ledger));
    let json: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    for (pointer, value) in [
        ("/version", serde_json::json!(1)),
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
        ("/peak/areas", 2913.into()),
        ("/peak/fds", 962.into()),
        ("/peak/rss_bytes", (26 << 20).into()),
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
