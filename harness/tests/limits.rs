//! The real binary under limits of the kernel: the exit code is right, the message names the refused call and the
//! remedy, and the recording opens. `scripts/limits` tries more limits, some of them as root.

mod common;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::{Run, finish, leakbench};
use tempfile::TempDir;

const FLAGS: [&str; 5] = ["--cycles", "2000", "--processes", "1", "--no-config"];

/// The exit code of [`under`] if the limit cannot be set.
const NOT_SET: i32 = 99;

/// The end of a run by a shell that first runs `limit`, in namespaces if there are any. `None` if this machine cannot
/// set the limit.
fn under(limit: &str, namespaces: &[&str], args: &[&str]) -> Option<Output> {
    let script = format!("{{ {limit}; }} || exit {NOT_SET}; exec \"$0\" \"$@\"");
    let shell = ["sh", "-c", &script, env!("CARGO_BIN_EXE_leakbench")];
    let mut words = namespaces.iter().chain(&shell).chain(args);
    let mut command = Command::new(words.next().expect("a shell"));
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = finish(command.spawn().expect("it starts"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(NOT_SET) || stderr.starts_with("unshare: ") {
        eprintln!("skipped: this machine does not allow '{limit}': {stderr}");
        return None;
    }
    assert!(!stderr.contains("panicked"), "{limit}: {stderr}");
    Some(output)
}

/// Exit code and all that was printed.
fn printed(output: &Output) -> (i32, String) {
    let text = [common::unwrapped(&output.stdout), common::unwrapped(&output.stderr)].join(" ");
    (output.status.code().expect("it exits by itself"), text)
}

#[track_caller]
fn assert_contains(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
}

/// The verdict of the report that is drawn of the recording in `folder`.
fn drawn_again(folder: &Path) -> String {
    let report = leakbench(&["report", folder.to_str().expect("text"), "--report", "json"]);
    let report = { report }.output().expect("the binary starts");
    assert_eq!(report.status.code(), Some(0), "{}", String::from_utf8_lossy(&report.stderr));
    let result = std::fs::read(folder.join("result.json")).expect("a result");
    let result: serde_json::Value = serde_json::from_slice(&result).expect("JSON");
    result["verdict"].as_str().expect("a verdict").to_owned()
}

/// The recording in `folder` can be drawn, and is not clean.
#[track_caller]
fn assert_opens(folder: &Path) {
    assert_ne!(drawn_again(folder), "clean");
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn a_full_disk_is_named_and_nothing_that_is_not_there() {
    for size in ["size=8k", "size=16k", "size=1m,nr_inodes=2"] {
        let folder = folder();
        let disk = folder.path().to_str().expect("text");
        let saved = self::folder();
        let copy = saved.path().to_str().expect("text");
        let out = format!("{disk}/out");
        // The run is no last command here, since the disk is gone with its namespace.
        let limit = format!(
            "mount -t tmpfs -o {size} none {disk} || exit {NOT_SET}; \"$0\" \"$@\"; code=$?; \
             cp {out}/recording.jsonl {copy}/ 2>/dev/null; exit $code"
        );
        let args = [&FLAGS[..], &["--out", &out]].concat();
        let Some(output) = under(&limit, &["unshare", "-rm"], &args) else { return };
        let (code, text) = printed(&output);
        assert_eq!(code, 2, "{size}: {text}");
        assert_contains(&text, &["No space left on device", "recording.jsonl"]);
        // A file that could not be written is no report.
        assert!(!text.contains("report "), "{text}");
        let recording = std::fs::read_to_string(saved.path().join("recording.jsonl"));
        let recording = recording.unwrap_or_default();
        if recording.contains('\n') {
            // One that has all its lines may be clean: only its result had no room.
            let is_whole = recording.lines().last().is_some_and(|it| it.contains("\"end\""));
            let verdict = drawn_again(saved.path());
            assert!(is_whole || verdict != "clean", "{size}: {verdict}");
        }
    }
}

#[test]
fn without_proc_the_machine_does_not_allow_the_measurement() {
    let out = folder();
    let args = [&FLAGS[..], &["--out", out.path().to_str().expect("text")]].concat();
    let Some(output) = under("mount -t tmpfs none /proc", &["unshare", "-rm"], &args) else {
        return;
    };
    let (code, text) = printed(&output);
    assert_eq!(code, 4, "{text}");
    assert_contains(&text, &["/proc has no folder of process", "mount -t proc proc /proc"]);
    assert_opens(out.path());
}

/// The observed command hides `/proc` from leakbench, which has opened the command's folder before.
#[test]
fn a_descendant_that_proc_hides_prevents_a_clean_verdict() {
    for (hide, code, words) in [
        ("true", 0, "verdict: clean"),
        ("mount -t tmpfs none /proc", 4, "/proc has no folder of process"),
    ] {
        let script = format!("sleep 1; {hide} || exit 1; for i in 1 2; do sleep 2 & done; wait");
        let args = ["exec", "--interval", "50ms", "--", "sh", "-c", &script];
        let Some(output) = under("true", &["unshare", "-rm"], &args) else { return };
        let (found, text) = printed(&output);
        assert_eq!(found, code, "{hide}: {text}");
        assert_contains(&text, &[words]);
    }
}

/// `/proc` is that of the parent's processes, so the subject's number is that of another process there, or none.
#[test]
fn a_proc_of_other_processes_is_not_measured() {
    let wrapper = ["unshare", "-rpf"];
    let Some(output) = under("true", &wrapper, &FLAGS) else { return };
    let (code, text) = printed(&output);
    assert_eq!(code, 4, "{text}");
    assert_contains(&text, &["inconclusive", "/proc shows another pid namespace"]);
    // Number 2 is another process there, or none.
    for args in [&["attach", "2", "--duration", "2s"][..], &["exec", "--", "sleep", "1"]] {
        let Some(output) = under("true", &wrapper, args) else { return };
        let (code, text) = printed(&output);
        assert_contains(&text, &["/proc shows another pid namespace"]);
        assert!([2, 4].contains(&code), "{args:?}: exit code {code}: {text}");
    }
}

/// With few descriptors an observation cannot read some files, and each of them prevents a clean verdict.
#[test]
fn an_observation_with_few_descriptors_is_clean_only_with_all_resources() {
    let resources = |text: &str| {
        let clean = text.split("none of ").nth(1);
        clean.and_then(|rest| rest.split(' ').next()?.parse::<u32>().ok())
    };
    let args = ["exec", "--interval", "50ms", "--color", "never", "--", "sleep", "2"];
    let all = printed(&under("true", &[], &args).expect("no limit"));
    let all = resources(&all.1).unwrap_or_else(|| panic!("{}", all.1));
    let mut codes = Vec::new();
    for limit in 6..=20 {
        let Some(output) = under(&format!("ulimit -n {limit}"), &[], &args) else { continue };
        let (code, text) = printed(&output);
        match code {
            0 => assert_eq!(resources(&text), Some(all), "{limit} descriptors: {text}"),
            4 => assert_contains(&text, &["Too many open files"]),
            _ => panic!("{limit} descriptors: exit code {code}: {text}"),
        }
        codes.push(code);
    }
    assert!(codes.contains(&0) && codes.contains(&4), "{codes:?}");
}

#[test]
fn without_inotify_the_machine_does_not_allow_the_measurement() {
    for (limit, value, more) in [
        ("max_inotify_instances", 0, &[][..]),
        ("max_inotify_watches", 0, &[]),
        ("max_inotify_watches", 5, &["--live-modules", "20"]),
    ] {
        let out = folder();
        let args = [&FLAGS[..], more, &["--out", out.path().to_str().expect("text")]].concat();
        let set = format!("echo {value} > /proc/sys/user/{limit}");
        let Some(output) = under(&set, &["unshare", "-Ur"], &args) else { return };
        let (code, text) = printed(&output);
        assert_eq!(code, 4, "{limit} {value}: {text}");
        assert_contains(&text, &[&format!("user.{limit} is {value}"), "raise it with sysctl"]);
        assert_opens(out.path());
    }
}

/// From less than leakbench needs to enough. Those below 6 stop the dynamic loader.
#[test]
fn few_descriptors_are_named() {
    let mut codes = Vec::new();
    for limit in 6..=16 {
        let Some(output) = under(&format!("ulimit -n {limit}"), &[], &FLAGS) else { continue };
        let (code, text) = printed(&output);
        codes.push(code);
        match code {
            0 => assert_contains(&text, &["verdict: clean"]),
            2 | 4 => assert_contains(&text, &["Too many open files"]),
            _ => panic!("{limit} descriptors: exit code {code}: {text}"),
        }
    }
    assert!(codes.contains(&0) && codes.iter().any(|code| *code != 0), "{codes:?}");
    let out = folder();
    let out_flag = ["--live-modules", "100", "--out", out.path().to_str().expect("text")];
    let args = [&FLAGS[..], &out_flag].concat();
    let Some(output) = under("ulimit -n 50", &[], &args) else { return };
    let (code, text) = printed(&output);
    assert_eq!(code, 3, "{text}");
    assert_contains(&text, &["Too many open files", "ulimit -n 200"]);
    assert_opens(out.path());
}

#[test]
fn little_address_space_is_named() {
    // In KiB: room for no slot, and for some.
    for (kib, code) in [(1_000_000, 4), (20_000_000, 2)] {
        let Some(output) = under(&format!("ulimit -v {kib}"), &[], &FLAGS) else { return };
        let (found, text) = printed(&output);
        assert_eq!(found, code, "{kib} KiB: {text}");
        assert_contains(&text, &["no room for 1000 slots", "RLIMIT_AS", "ulimit -v"]);
    }
    let out = folder();
    let run = ["--scenario", "composed-17", "--out", out.path().to_str().expect("text")];
    let run = Run::of(&run);
    assert_eq!((run.code, run.verdict()), (3, "subject-died"), "{run:?}");
    assert_contains(&run.result["findings"].to_string(), &["Cannot allocate memory", "RLIMIT_AS"]);
    assert_opens(out.path());
}

/// From too little for the pool of eight slots to enough for the run: in between, the heap meets the limit.
#[test]
fn a_subject_out_of_memory_is_a_result() {
    let mut codes = Vec::new();
    for more_mib in (0..1024).step_by(64) {
        let limit = format!("{}MiB", 8 * 4096 + more_mib);
        let flags = ["--cycles", "400", "--processes", "1", "--slots", "8", "--plant", "heap"];
        let limit = ["--barriers", "40", "--max-address-space", &limit, "--no-config"];
        let out = folder();
        let out_flag = ["--out", out.path().to_str().expect("text")];
        let output = leakbench(&[&flags[..], &limit, &out_flag].concat()).output();
        let (code, text) = printed(&output.expect("the binary starts"));
        match code {
            1 => assert_contains(&text, &["verdict: LEAK"]),
            2 | 4 => assert_contains(&text, &["leakbench: "]),
            3 => {
                assert_contains(&text, &["verdict: subject died"]);
                assert_opens(out.path());
            }
            _ => panic!("{more_mib} MiB more: exit code {code}: {text}"),
        }
        codes.push(code);
        if code == 1 {
            break;
        }
    }
    assert!(codes.contains(&3), "{codes:?}");
}

#[test]
fn runs_side_by_side_do_not_disturb_each_other() {
    let flags = ["--cycles", "3000", "--processes", "1", "--no-config", "--json", "--seed"];
    let runs = ["1", "2"].map(|seed| {
        let mut command = leakbench(&[&flags[..], &[seed]].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
    });
    for run in runs.map(|run| Run::from(finish(run))) {
        assert_eq!((run.code, run.verdict()), (0, "clean"), "{run:?}");
        let released = run.images("synchronous") + run.images("late");
        assert_eq!((run.images("made"), released), (3000, 3000), "{run:?}");
    }
}
