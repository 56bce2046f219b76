//! `leakbench replay` and `leakbench shrink`: a recorded run again, and the smallest one that fails as it does.

mod common;

use std::process::Stdio;

use common::session::{Finished, Session};
use common::{finish, leakbench, signal, wait_until};
use rustix::process::Signal;
use serde_json::Value;

/// A run that leaks by the decommit queue.
const QUEUE: &[&str] = &[
    "--decommit-batch",
    "16",
    "--cycles",
    "60",
    "--slots",
    "50",
    "--barriers",
    "2",
    "--settle-ms",
    "20",
    "--processes",
    "1",
];

/// Records a run in `out`, which ends with this exit code.
fn record(session: &Session, flags: &[&str], code: i32) {
    let made = session.run(&[flags, &["--out", "out", "--quiet"]].concat());
    assert_eq!(made.code, code, "{made:?}");
}

fn json(finished: &Finished) -> Value {
    serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {finished:?}"))
}

/// Replaces a part of the recording's first line.
fn change(session: &Session, from: &str, to: &str) {
    let path = session.path("out/recording.jsonl");
    let text = std::fs::read_to_string(&path).expect("a recording");
    let (first, rest) = text.split_once('\n').expect("lines");
    assert!(first.contains(from), "{first}");
    std::fs::write(&path, format!("{}\n{rest}", first.replace(from, to))).expect("written");
}

#[test]
fn a_leak_is_replayed_with_the_same_findings() {
    let session = Session::new();
    record(&session, QUEUE, 1);
    let replay = session.run(&["replay", "out", "--out", "new"]);
    assert_eq!(replay.code, 0, "{replay:?}");
    let last = replay.stdout.lines().last().expect("an outcome");
    assert_eq!(last, "replay: same — leak, 1 error again");
    assert!(session.path("new/recording.jsonl").is_file());
    let replayed = json(&session.run(&["replay", "out", "--json"]));
    let lingering = |of: &str| replayed[of]["lingering"].as_u64().expect("a number");
    assert!(lingering("recorded") > 0, "{replayed:#}");
    assert_eq!(lingering("recorded"), lingering("replayed"));
    // Later findings have times.
    assert_eq!(replayed["recorded"]["findings"][0], replayed["replayed"]["findings"][0]);
}

#[test]
fn a_changed_recording_shows_what_differs() {
    let session = Session::new();
    record(&session, QUEUE, 1);
    change(&session, "\"decommit_batch\":16", "\"decommit_batch\":1");
    let replay = session.run(&["replay", "out"]);
    assert_eq!(replay.code, 1, "{replay:?}");
    let lines = [
        "- error lingering-images: ",
        "+ images lingering: 0",
        "- verdict: leak",
        "+ verdict: clean",
    ];
    for line in lines {
        assert!(replay.stdout.contains(line), "no {line:?} in {replay:?}");
    }
    assert!(
        replay.stdout.contains(
            "
differs    - error lingering-images: "
        ),
        "{replay:?}"
    );
    assert!(replay.stdout.lines().last().is_some_and(|it| it.starts_with("replay: differs")));
}

#[test]
fn a_failure_that_does_not_happen_again_is_inconclusive() {
    let session = Session::new();
    record(&session, QUEUE, 1);
    change(&session, "\"decommit_batch\":16", "\"decommit_batch\":1");
    let shrink = session.run(&["shrink", "out", "--runs", "2"]);
    assert_eq!(shrink.code, 4, "{shrink:?}");
    assert!(
        shrink.stderr.contains("did not happen again in 2 runs: leakbench replay out"),
        "{shrink:?}"
    );
    assert!(!session.path("out/shrunk.toml").exists());
}

#[test]
fn what_cannot_be_repeated_is_refused_by_name() {
    let session = Session::new();
    record(&session, &["--cycles", "20", "--slots", "10", "--threads", "2", "--barriers", "1"], 0);
    let replay = session.run(&["replay", "out"]);
    assert_eq!(replay.code, 0, "{replay:?}");
    assert!(replay.stderr.contains("2 threads, whose steps interleave"), "{replay:?}");
    let shrink = session.run(&["shrink", "out"]);
    assert_eq!(shrink.code, 2, "{shrink:?}");
    assert!(shrink.stderr.contains("no error finding"), "{shrink:?}");
    let observed =
        session.run(&["exec", "--interval", "10ms", "--out", "seen", "--", "sleep", "0.1"]);
    assert!(session.path("seen/recording.jsonl").is_file(), "{observed:?}");
    for command in ["replay", "shrink"] {
        let refused = session.run(&[command, "seen"]);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.stderr.contains("a recording of exec or attach"), "{refused:?}");
        let refused = session.run(&[command, "."]);
        assert_eq!(refused.code, 2, "{refused:?}");
    }
}

#[test]
fn the_queue_leak_shrinks_to_one_cycle() {
    let session = Session::new();
    record(&session, QUEUE, 1);
    let refused = session.run(&["shrink", "out", "--policy", "growth"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("it has errors of lingering-images"), "{refused:?}");
    let shrunk = session.run(&["shrink", "out", "--json"]);
    assert_eq!(shrunk.code, 0, "{shrunk:?}");
    let shrunk = json(&shrunk);
    assert_eq!((&shrunk["end"], &shrunk["steps"]), (&"minimum".into(), &5.into()), "{shrunk:#}");
    assert_eq!(shrunk["rate"]["failures"], shrunk["rate"]["runs"], "{shrunk:#}");
    let toml = std::fs::read_to_string(session.path("out/shrunk.toml")).expect("the scenario");
    for line in ["cycles = 1", "slots = 1", "decommit-batch = 2"] {
        assert!(toml.lines().any(|it| it == line), "no {line:?} in {toml}");
    }
    assert!(toml.starts_with("# 5 steps fail by lingering-images in 10 of 10 runs"), "{toml}");
    let run = session.run(&["--scenario", "out/shrunk.toml", "--settle-ms", "20", "--json"]);
    let findings = json(&run)["findings"].clone();
    assert_eq!((run.code, &findings[0]["policy"]), (1, &"lingering-images".into()), "{findings:#}");
}

#[test]
fn elements_of_lists_that_the_failure_does_not_need_are_left_out() {
    let session = Session::new();
    let flags = [
        "--plant",
        "cache",
        "--plant",
        "image-descriptor",
        "--plant",
        "warm-up",
        "--mode",
        "plain",
        "--mode",
        "trap",
        "--cycles",
        "60",
        "--slots",
        "20",
        "--barriers",
        "1",
        "--settle-ms",
        "20",
    ];
    record(&session, &flags, 1);
    let shrunk = session.run(&["shrink", "out", "--out", "small.toml"]);
    assert_eq!(shrunk.code, 0, "{shrunk:?}");
    let toml = std::fs::read_to_string(session.path("small.toml")).expect("the scenario");
    assert!(toml.contains("plant = [\"image-descriptor\"]\n"), "{toml}");
    let last = shrunk.stdout.lines().last().expect("an outcome");
    assert!(last.starts_with("shrunk: 5 steps fail by lingering-images"), "{shrunk:?}");
    assert!(last.ends_with(": leakbench --scenario small.toml"), "{shrunk:?}");
}

#[test]
fn an_interrupted_search_keeps_the_smallest_so_far() {
    let session = Session::new();
    record(&session, QUEUE, 1);
    // Each trial waits for the settle time, so the search takes a while.
    change(&session, "\"settle_ms\":20", "\"settle_ms\":200");
    let mut command = leakbench(&["shrink", "out"]);
    command.current_dir(session.path(".")).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("the binary starts");
    wait_until("a smaller run is kept", || session.path("out/shrunk.toml").is_file());
    signal(child.id() as i32, Signal::INT);
    let stopped = Finished::of(finish(child));
    assert_eq!(stopped.code, 130, "{stopped:?}");
    assert!(stopped.stdout.contains("interrupted before the minimum"), "{stopped:?}");
    let toml = std::fs::read_to_string(session.path("out/shrunk.toml")).expect("the scenario");
    assert!(toml.contains("decommit-batch = "), "{toml}");
    let cycles = toml.lines().find_map(|line| line.strip_prefix("cycles = "));
    assert!(cycles.is_some_and(|cycles| cycles != "60"), "{toml}");
}
