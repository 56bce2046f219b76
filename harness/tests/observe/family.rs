//! What a command starts is observed with it, and does not outlive it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use leakbench_model::Resource;
use leakbench_recording::observation::{
    ObservationRecord, ObservationRecording, ObservationSample,
};
use rustix::process::Signal;

use super::common::{finish, is_running, leakbench, signal, wait_for_samples, wait_until};
use super::{Observed, SAMPLES, end_sampled, remarks, victim};

/// `leakbench exec` of a shell script with arguments.
fn exec_script(out: &Path, flags: &[&str], script: &str, words: &[String]) -> Command {
    let mut command = leakbench(&["exec", "--json", "--interval", "50ms"]);
    command.args(flags).arg("--out").arg(out).args(["--", "sh", "-c", script, "sh"]).args(words);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A process that starts more and more others, slowly after the first eight: each makes a sample
/// longer.
const GROWING: &str = "(n=0; while :; do sleep 600 & n=$((n+1)); \
                       if [ $n -lt 8 ]; then sleep 0.3; else sleep 3; fi; done)";
/// A process that does not keep its parent's standard streams open.
const QUIET: &str = "sleep 600 >/dev/null 2>&1";

/// A script that leaves a process behind and writes its pid to `file`.
fn daemon(process: &str, file: &Path) -> String {
    let file = file.display();
    format!("{process} & echo $! > '{file}.new'; mv '{file}.new' '{file}'")
}

/// The number in the file, once it exists.
fn pid_in(file: &Path) -> i32 {
    wait_until("the pid is written", || file.exists());
    std::fs::read_to_string(file).unwrap().trim().parse().unwrap()
}

fn samples(out: &Path) -> Vec<ObservationSample> {
    let recording = ObservationRecording::read(out).unwrap();
    let samples = recording.records.into_iter().filter_map(|record| match record {
        ObservationRecord::Sample(sample) => Some(*sample),
        _ => None,
    });
    samples.collect()
}

/// `npm start`, an entry point in shell, a shim: the program is a child of the command.
#[test]
fn a_leak_behind_a_wrapper_is_found() {
    let observe = |flags: &[&str]| {
        let out = tempfile::tempdir().unwrap();
        let words = victim::words(&["events"]);
        let mut command = exec_script(out.path(), flags, "\"$@\"; true", &words);
        let observer = command.spawn().unwrap();
        end_sampled(observer, out.path())
    };
    let observed = observe(&[]);
    assert_eq!(observed.verdict(), (1, "leak"), "{:#}", observed.result);
    assert_eq!(observed.class("event_fds"), "leak");
    assert!(observed.example("event_fds").contains("of child "), "{:#}", observed.result);
    // The control: the shell itself leaks nothing.
    assert_ne!(observe(&["--no-tree"]).class("event_fds"), "leak");
}

/// `service X start`, `redis-server --daemonize yes`.
#[test]
fn a_daemon_is_observed_for_the_duration_and_then_ended() {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("pid");
    let mut command = exec_script(out.path(), &["--duration", "1h"], &daemon(GROWING, &file), &[]);
    let observer = command.spawn().unwrap();
    let daemon = pid_in(&file);
    let observed = end_sampled(observer, out.path());
    // Its growth was seen, whether or not it is regular enough for a rate on a busy machine.
    let children = observed.resource("children");
    let amount = |name: &str| children[name].as_u64().unwrap();
    assert!(amount("last") >= amount("first") + 2, "{children:#}");
    assert_ne!(observed.verdict(), (0, "clean"), "{:#}", observed.result);
    assert!(!is_running(daemon));
    let remarks = remarks(out.path());
    assert!(
        remarks.iter().any(|remark| remark.contains("what it started is observed")),
        "{remarks:?}"
    );
}

/// `/proc` shows nothing of a command whose main thread has ended, as in the instant of its end.
#[test]
fn what_a_command_started_is_observed_after_an_end_that_a_sample_met() {
    for (habit, is_unreadable) in [("main-thread-first", false), ("main-thread-long-before", true)]
    {
        let out = tempfile::tempdir().unwrap();
        let flags = ["--duration", "1h", "--out", out.path().to_str().unwrap()];
        let mut command = super::exec(&flags, &[habit]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let observed = end_sampled(command.spawn().unwrap(), out.path());
        let remarks = remarks(out.path()).join("\n");
        assert!(remarks.contains("what it started is observed"), "{remarks}");
        // A busy machine may make any end last.
        if is_unreadable {
            assert!(
                remarks.contains("its main thread has ended and others still run"),
                "{remarks}"
            );
            assert_ne!(observed.verdict(), (0, "clean"), "{:#}", observed.result);
        }
    }
}

#[test]
fn without_a_duration_a_daemon_is_ended_with_its_command_or_left() {
    let observe = |flags: &[&str], process: &str| {
        let out = tempfile::tempdir().unwrap();
        let file = out.path().join("pid");
        let observer =
            exec_script(out.path(), flags, &daemon(process, &file), &[]).spawn().unwrap();
        let observed = Observed::from(finish(observer));
        // What it did after the command is unknown.
        assert_eq!(observed.verdict(), (4, "inconclusive"), "{:#}", observed.result);
        (pid_in(&file), remarks(out.path()).join("\n"))
    };
    let (daemon, remarks) = observe(&[], GROWING);
    assert!(!is_running(daemon));
    assert!(remarks.contains(": ended by leakbench (--duration"), "{remarks}");
    let (daemon, remarks) = observe(&["--leave-running"], QUIET);
    assert!(is_running(daemon));
    assert!(remarks.contains(": left running"), "{remarks}");
    signal(daemon, Signal::KILL);
}

#[test]
fn the_first_samples_of_a_command_are_close_together() {
    let out = tempfile::tempdir().unwrap();
    let mut command = leakbench(&["exec", "--json", "--out"]);
    command.arg(out.path()).arg("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let observer = command.spawn().unwrap();
    wait_for_samples(out.path(), SAMPLES);
    // This closes its standard input.
    let observed = Observed::from(finish(observer));
    assert_eq!(observed.verdict(), (0, "clean"), "{:#}", observed.result);
    let times: Vec<u64> = samples(out.path()).iter().map(|sample| sample.at_ms).collect();
    // At one a second they would take 39 s.
    assert!(times[SAMPLES - 1] - times[0] < 30_000, "{times:?}");
}

#[test]
fn a_command_that_dies_at_its_limit_names_the_limit() {
    let out = tempfile::tempdir().unwrap();
    // Each line of input opens a descriptor, from 3 to 8. The next one fails. The first one, 9, does
    // not count towards the limit.
    let script = "exec 9</dev/null; ulimit -n 9; i=3; \
                  while read x; do eval \"exec $i</dev/null\"; i=$((i+1)); done";
    let mut command = leakbench(&["exec", "--json", "--interval", "20ms", "--out"]);
    command.arg(out.path()).args(["--", "sh", "-c", script]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut observer = command.spawn().unwrap();
    let mut input = observer.stdin.take().unwrap();
    let fds = |out: &Path| samples(out).last().and_then(|sample| sample.amounts.of(Resource::Fds));
    let limit = |out: &Path| {
        let last = samples(out).pop()?;
        last.nearest.get(&Resource::Fds).map(|nearest| nearest.max)
    };
    wait_for_samples(out.path(), 1);
    wait_until("its own limit is sampled", || limit(out.path()) == Some(9));
    let first = fds(out.path()).unwrap();
    for opened in 1..=6 {
        input.write_all(b"\n").unwrap();
        wait_until("the descriptor is sampled", || fds(out.path()) == Some(first + opened));
    }
    input.write_all(b"\n").unwrap();
    let observed = Observed::from(finish(observer));
    assert_eq!(observed.verdict(), (1, "leak"), "{:#}", observed.result);
    let headline = observed.result["headline"].as_str().unwrap_or_default().to_owned();
    assert!(headline.contains(" 9 of 9 descriptors (RLIMIT_NOFILE)"), "{:#}", observed.result);
}
