//! Runtimes behind the bridge. Their driver is this test program, started again.

mod common;
#[path = "piped/fake_driver.rs"]
mod fake_driver;

use leakbench_model::Resource;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use common::{Run, children_of, is_running, leakbench, wait_until};
use fake_driver::{Faults, command};

/// Not a test: the driver that the tests start.
#[test]
#[ignore = "it is the driver for these tests"]
fn fake_driver() {
    fake_driver::main();
}

/// A run of the driver with this environment.
fn run(environment: &str, args: &[&str]) -> Run {
    let subject = command(&Faults::default(), environment);
    Run::of(&[&["--subject", &subject][..], args].concat())
}

/// A run of the driver with a fault.
fn faulty(fault: &'static str, step: &'static str, nth: u32, args: &[&str]) -> Run {
    let subject = command(&Faults { fault, step, nth }, "");
    Run::of(&[&["--subject", &subject, "--cycles", "20"][..], args].concat())
}

/// The finding that decided the verdict.
fn decisive(run: &Run) -> &str {
    let findings = run.result["findings"].as_array().expect("a list");
    let error = findings.iter().find(|finding| finding["policy"] == "subject-exit");
    error.and_then(|finding| finding["message"].as_str()).unwrap_or_else(|| panic!("{findings:?}"))
}

fn assert_contains(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
}

#[test]
fn images_are_found_and_watched_through_the_commands_descriptors() {
    for environment in ["", "FAKE_LAZY=1"] {
        let run = run(environment, &["--cycles", "100", "--instances", "2"]);
        assert_eq!((run.code, run.verdict()), (0, "clean"), "{environment}: {:?}", run.result);
        assert_eq!((run.images("made"), run.images("synchronous")), (100, 100), "{environment}");
        assert_eq!(run.result["runtime"], "fake 1.0");
    }
    let args = ["--cycles", "100", "--live-modules", "3", "--long-lived", "2", "--processes", "2"];
    let run = run("FAKE_LAZY=1", &args);
    assert_eq!((run.code, run.verdict()), (0, "clean"), "{:?}", run.result);
    // A long-lived module is instantiated in half of the cycles.
    assert_eq!((run.images("made"), run.images("synchronous")), (104, 104));
}

#[test]
fn images_that_a_command_keeps_are_found_with_their_descriptors() {
    for environment in ["FAKE_KEEPS=10", "FAKE_KEEPS=10 FAKE_LAZY=1"] {
        let run = run(environment, &["--cycles", "100"]);
        assert_eq!((run.code, run.verdict()), (1, "leak"), "{environment}: {:?}", run.result);
        assert_eq!((run.images("synchronous"), run.images("lingering")), (90, 10));
        let holders = run.holders();
        assert_eq!(holders.len(), 10);
        assert!(holders.iter().all(|(kind, _)| kind == "fd"), "{holders:?}");
    }
}

#[test]
fn a_command_without_memfds_is_judged_by_growth() {
    let args = ["--cycles", "200", "--barriers", "20"];
    let steady = run("FAKE_IMAGELESS=1", &args);
    assert_eq!((steady.code, steady.verdict()), (0, "clean"), "{:?}", steady.result);
    let growing = run("FAKE_IMAGELESS=1 FAKE_KEEPS=2", &args);
    assert_eq!((growing.code, growing.verdict()), (1, "leak"), "{:?}", growing.result);
    let findings = growing.result["findings"].to_string();
    assert_contains(&findings, &["descriptors of subject 0 grow by ", " per 1,000 cycles"]);

    // The next steps are those of a run without images.
    let subject = command(&Faults::default(), "FAKE_IMAGELESS=1 FAKE_KEEPS=2");
    let output = leakbench(&[&["--subject", &subject][..], &args].concat()).output();
    let summary = String::from_utf8(output.expect("the binary starts").stdout).expect("text");
    assert_contains(&summary, &["draws what grows, over the cycles"]);
    for absent in ["--settle-ms", "slot"] {
        let next = summary.lines().skip_while(|line| !line.starts_with("next"));
        let next = next.take_while(|line| !line.starts_with("verdict")).collect::<String>();
        assert!(!next.contains(absent), "{absent} in {next}");
    }
}

#[test]
fn the_commands_own_process_is_sampled() {
    let out = tempfile::tempdir().expect("a folder");
    let folder = out.path().to_str().expect("text");
    let run = run("FAKE_AT_REST=100", &["--cycles", "300", "--out", folder]);
    assert_eq!(run.code, 0);
    use leakbench_recording::recording::{Record, Recording};
    let recording = Recording::read(out.path()).expect("it reads");
    let samples = recording.records.iter().filter_map(|record| match record {
        Record::Sample(sample) => Some(sample),
        _ => None,
    });
    let mut cycles = 0;
    let mut seen = 0;
    for sample in samples.filter(|sample| sample.footprint.of(Resource::Fds).is_some()) {
        // No other process has so many descriptors.
        assert!(sample.footprint.of(Resource::Fds).is_some_and(|fds| fds > 100), "{sample:?}");
        assert!(
            sample.footprint.of(Resource::Mappings).is_some()
                && sample.footprint.of(Resource::RssBytes).is_some()
        );
        assert!(sample.counts.cycles >= cycles, "cycles go up");
        cycles = sample.counts.cycles;
        seen += 1;
    }
    assert!(seen > 0 && cycles > 0, "{seen} samples, to cycle {cycles}");
}

#[test]
fn a_violation_of_the_protocol_is_reported_with_its_line() {
    let hello = r#"{"id":0,"do":"hello""#;
    for (fault, step, nth, words) in [
        ("dies", "hello", 1, &["before it was ready", "ended (exit status: 7)", hello][..]),
        ("no-json", "hello", 1, &["before it was ready", "Welcome to", "standard error", hello]),
        ("banner", "hello", 1, &["before it was ready", "Loading...", "standard error"]),
        ("endless", "hello", 1, &["a line of more than", "xxxxx"]),
        ("dies", "create", 1, &["before it was ready", "generated module", r#""do":"create""#]),
        ("twice", "instantiate", 1, &["before it was ready", "without a request"]),
        ("slots", "slots", 1, &["before it was ready", "there are 0 slots, and states of 1"]),
        ("dies", "create", 4, &["creating a module, module 3", "ended (exit status: 7)"]),
        ("no-json", "call", 4, &["calling, module 3", "Welcome to", r#""do":"call""#]),
        ("twice", "call", 4, &["calling, module 3", "without a request"]),
        ("wrong-id", "instantiate", 4, &["answers request 20 and not 19", r#"{"id":20"#]),
        ("both", "call", 4, &["one of 'ok' and 'error'", r#""error":"?""#]),
        ("neither", "call", 4, &["one of 'ok' and 'error'"]),
        ("no-digits", "call", 4, &["string of decimal digits", "7"]),
        ("wrong-result", "call", 4, &["the instance read Some(7)"]),
        ("refuses", "create", 4, &["creating a module, module 3: out of luck"]),
        ("refuses", "drop-instance", 4, &["dropping an instance, module 3: out of luck"]),
        ("dies", "drop-module", 4, &["dropping a module, module 3", "exit status: 7"]),
        ("slots", "slots", 3, &["at a barrier", "there are 0 slots, and states of 1"]),
        // The last steps, after which there is no request that could fail.
        ("dies", "drop-module", 20, &["dropping a module, module 19", "exit status: 7"]),
        ("dies-after", "drop-module", 20, &["the command has ended (exit status: 7)"]),
        ("dies", "slots", 11, &["at a barrier", "exit status: 7", r#""do":"slots""#]),
    ] {
        // The preflight has fewer than four steps of a kind.
        let run = faulty(fault, step, nth, &[]);
        let shown = format!("{fault} in {step} {nth}: {:?}", run.result["findings"]);
        assert_eq!((run.code, run.verdict()), (3, "subject-died"), "{shown}");
        assert_contains(decisive(&run), words);
        // The counts until then are kept.
        if nth > 1 {
            assert!(run.images("made") >= u64::from(nth) - 1, "{shown}");
        }
    }
    // The controls: the same driver without a fault, and one without slots.
    for (fault, nth) in [("dies", 99), ("refuses", 1)] {
        assert_eq!(faulty(fault, "slots", nth, &[]).code, 0, "{fault}");
    }
}

/// A step that fails for a cause of the driver's own leaves a short run to debug.
#[test]
fn after_a_step_that_failed_the_next_run_ends_with_its_cycle() {
    for (step, next) in
        [("call", "next --cycles 4 ends with the cycle that failed"), ("drop-module", "")]
    {
        let nth = if next.is_empty() { 20 } else { 4 };
        let subject = command(&Faults { fault: "refuses", step, nth }, "");
        let args = ["--subject", &subject, "--cycles", "20", "--processes", "1"];
        let output = common::leakbench(&args).output().expect("the binary starts");
        let summary = common::unwrapped(&output.stdout);
        assert_eq!(output.status.code(), Some(3), "{summary}");
        assert!(summary.contains(next), "{summary}");
        // The control: of the last cycle there is no shorter run.
        assert_eq!(summary.contains("ends with the cycle"), !next.is_empty(), "{summary}");
    }
}

#[test]
fn a_driver_that_dies_after_its_last_reply_is_never_clean() {
    // Some of these end before the last barrier, some during it, some after their standard input was
    // closed.
    for delay_ms in [0, 1, 2, 5, 10, 20, 50, 100, 200, 400] {
        for (fault, status) in [("dies-after", "exit status: 7"), ("aborts-after", "SIGABRT")] {
            let faults = Faults { fault, step: "drop-module", nth: 20 };
            let subject = command(&faults, &format!("FAKE_DELAY_MS={delay_ms}"));
            let run = Run::of(&["--subject", &subject, "--cycles", "20"]);
            let shown = format!("{fault} by {delay_ms} ms: {:?}", run.result["findings"]);
            assert_eq!((run.code, run.verdict()), (3, "subject-died"), "{shown}");
            assert_contains(decisive(&run), &["the command has ended (", status]);
        }
    }
    // A driver that always ends so is found before the first cycle.
    let run = faulty("fails-at-the-end", "", 0, &[]);
    assert_eq!((run.code, run.verdict()), (3, "subject-died"), "{:?}", run.result["findings"]);
    assert_contains(decisive(&run), &["before it was ready", "after its last step", "status 0"]);
}

#[test]
fn a_driver_that_does_not_answer_is_reported_with_the_request() {
    // The driver is silent for an hour. Its other replies must come in time, on a busy machine too.
    std::thread::scope(|scope| {
        for (step, nth, words) in [
            ("hello", 1, &["before it was ready", "did not answer within 9s", "hello"][..]),
            ("drop-module", 1, &["before it was ready", "did not answer within", "drop-module"]),
            ("call", 4, &["calling, module 3", "did not answer within", r#""do":"call""#]),
        ] {
            scope.spawn(move || {
                let run = faulty("is-silent", step, nth, &["--timeout", "10"]);
                assert_eq!((run.code, run.verdict()), (3, "subject-died"), "{:?}", run.result);
                assert_contains(decisive(&run), words);
            });
        }
    });
}

#[test]
fn a_command_that_cannot_be_used_is_refused_in_one_line() {
    let complaint = |subject: &str| {
        let args = ["--subject", subject, "--cycles", "5"];
        let output = leakbench(&args).output().expect("the binary starts");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(output.stdout.is_empty());
        stderr
    };
    assert_contains(&complaint("/no/such/driver --fast"), &["/no/such/driver", "No such file"]);
    for (fault, step, words) in [
        ("version-2", "hello", &["version 2", "version 1"][..]),
        ("other-pid", "hello", &["process 1,", "exec"]),
        ("refuses", "hello", &["out of luck"]),
        ("refuses", "create", &["generated module", "out of luck"]),
        ("refuses", "drop-module", &["generated module", "out of luck"]),
    ] {
        assert_contains(&complaint(&command(&Faults { fault, step, nth: 1 }, "")), words);
    }
}

#[test]
fn a_command_that_stays_is_ended_and_none_outlives_leakbench() {
    let run = faulty("stays", "", 0, &[]);
    assert_eq!((run.code, run.verdict()), (0, "clean"));

    // This driver does not exit when its input is closed.
    let subject = command(&Faults { fault: "stays", step: "", nth: 0 }, "");
    let args = ["--subject", &subject, "--cycles", "1000000000", "--processes", "2"];
    let mut supervisor =
        leakbench(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut drivers = Vec::new();
    // A bridge that runs cycles has a worker thread.
    let cycles = |pid: &i32| {
        std::fs::read_dir(format!("/proc/{pid}/task")).is_ok_and(|threads| threads.count() > 1)
    };
    wait_until("both drivers run", || {
        let bridges = children_of(supervisor.id() as i32);
        let cycling = bridges.iter().filter(|pid| cycles(pid));
        drivers = cycling.flat_map(|pid| children_of(*pid)).collect();
        drivers.len() == 2
    });
    supervisor.kill().expect("it is there");
    supervisor.wait().expect("it can be waited for");
    wait_until("no driver outlives leakbench", || !drivers.iter().any(|pid| is_running(*pid)));
}

#[test]
fn the_conversation_of_the_document_is_the_real_one() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol.md");
    let folder = tempfile::tempdir().expect("a folder");
    let path = |path: &Path| shlex::try_quote(path.to_str().expect("text")).unwrap().into_owned();
    let guest = folder.path().join("guest.wat");
    let mut file = std::fs::File::create(&guest).expect("created");
    let text = r#"(module
        (memory 1)
        (data (i32.const 0) "its image")
        (func (export "answer") (result i32) i32.const 42))"#;
    file.write_all(text.as_bytes()).expect("written");
    let progress = folder.path().join("progress");
    let environment = format!("FAKE_SCRIPT={} FAKE_PROGRESS={}", path(&document), path(&progress));
    let guest = guest.to_str().expect("text");
    let args = ["--cycles", "1", "--wasm", guest, "--invoke", "answer"];
    let run = run(&environment, &args);
    assert_eq!((run.code, run.verdict()), (0, "clean"), "{}", run.stderr);
    assert_eq!(run.images("made"), 1);
    assert_eq!(run.result["runtime"], "example 1.0.0");
    // The preflight omits the last request for slots.
    let progress = std::fs::read_to_string(progress).expect("both processes wrote it");
    assert_eq!(progress, "7 of 8\n8 of 8\n");
}
