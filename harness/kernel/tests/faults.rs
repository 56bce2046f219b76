//! Faults in real programs: which calls fail, what the program sees, and what is counted.

use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use leakbench_kernel::{CallObserver, Child, CountFrom, Injector, Process, ProcessGroup};
use leakbench_model::{Call, Fault};

/// More than a command here needs on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

fn fault(text: &str) -> Fault {
    text.parse().expect(text)
}

struct Ended {
    code: Option<i32>,
    stderr: String,
    injector: Injector,
}

/// Runs a command of the shell to its end.
fn run(script: &str, faults: &[&str], from: CountFrom) -> Ended {
    let faults: Vec<Fault> = faults.iter().map(|text| fault(text)).collect();
    let mut command = Command::new("sh");
    command.args(["-c", script]).env("LC_ALL", "C").stdout(Stdio::null());
    let stderr = tempfile::tempfile().expect("a file");
    command.stderr(stderr.try_clone().expect("a descriptor"));
    let injector =
        Injector::attach(&mut command, &faults, &[Call::Clone, Call::Openat], from, false, ())
            .expect("an injector");
    let mut child = Child::spawn(&mut command, ProcessGroup::Own).expect("it starts");
    let status = child.wait_for(LIMIT).expect("a wait").expect("the command ends");
    let mut stderr = stderr;
    let mut text = String::new();
    std::io::Seek::rewind(&mut stderr).expect("a file");
    std::io::Read::read_to_string(&mut stderr, &mut text).expect("text");
    assert!(injector.take_failure().is_none());
    Ended { code: status.code(), stderr: text, injector }
}

#[test]
fn a_call_of_a_descendant_fails_with_the_error() {
    let healthy = run("cat /dev/null; true", &["openat=EMFILE@never"], CountFrom::Execution);
    assert_eq!((healthy.code, healthy.stderr.as_str()), (Some(0), ""));
    let calls = healthy.injector.calls(Call::Openat);
    assert!(calls >= 1, "{calls} calls of openat, one of them of the file");
    assert_eq!(healthy.injector.calls(Call::Clone), 1);

    // The last one is that of the file.
    let last = format!("openat=EMFILE@{calls}");
    let failed = run("cat /dev/null; true", &[&last], CountFrom::Execution);
    assert_eq!(failed.code, Some(0), "the shell goes on");
    assert!(failed.stderr.contains("/dev/null: Too many open files"), "{}", failed.stderr);
    let count = failed.injector.counts()[0];
    assert_eq!((count.calls, count.injected), (calls, 1));
}

#[test]
fn later_calls_of_a_choice_fail_too() {
    let script = "exec 2>&1; for i in 1 2 3 4 5 6; do (:) || exit 7; done";
    let all = run(script, &["clone=EAGAIN@never"], CountFrom::Execution);
    assert_eq!((all.code, all.injector.calls(Call::Clone)), (Some(0), 6));
    for (choice, injected) in [("7", 0), ("4", 1), ("4+", 1), ("every:2", 1)] {
        let ended = run(script, &[&format!("clone=EAGAIN@{choice}")], CountFrom::Execution);
        let count = ended.injector.counts()[0];
        assert_eq!(count.injected, injected, "{choice}: the shell ends at the first one");
        assert_eq!(ended.code == Some(0), injected == 0, "{choice}");
    }
}

#[test]
fn calls_before_the_arming_do_not_fail() {
    let ended = run("cat /dev/null", &["openat=EMFILE@1+"], CountFrom::Arming);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.injector.calls(Call::Openat), 0);
}

struct AtExit(mpsc::Sender<(u64, u64)>);

impl CallObserver for AtExit {
    fn exits(&mut self, thread: u32) {
        let mut process = Process::open(thread).expect("it waits");
        let fds = process.fd_count().expect("its descriptors");
        self.0.send((u64::from(thread), fds)).expect("the test receives");
    }
}

#[test]
fn the_observer_sees_what_a_process_has_at_its_end() {
    let at_exit = |script: &str| {
        let (sender, ends) = mpsc::channel();
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::null());
        let injector =
            Injector::attach(&mut command, &[], &[], CountFrom::Execution, true, AtExit(sender))
                .unwrap();
        let mut child = Child::spawn(&mut command, ProcessGroup::Own).unwrap();
        drop(command);
        let pid = u64::from(child.pid());
        assert!(child.wait_for(LIMIT).unwrap().expect("the command ends").success());
        drop(injector);
        let own = |(thread, _): &(u64, u64)| *thread == pid;
        ends.into_iter().find(own).expect("its end was seen").1
    };
    assert_eq!(at_exit("exec 7</dev/null; :"), at_exit(":") + 1);
}

#[test]
fn a_program_that_does_not_exist_is_the_reason() {
    let mut command = Command::new("/no/such/program");
    let injector = Injector::attach(
        &mut command,
        &[fault("openat=EMFILE@1+")],
        &[],
        CountFrom::Execution,
        false,
        (),
    )
    .unwrap();
    let error = Child::spawn(&mut command, ProcessGroup::Own).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    assert!(injector.is_installed());
}

/// The answer to a call that is made before anything answers would never come.
#[test]
fn every_call_at_once_can_be_counted() {
    let mut command = Command::new("sh");
    command.args(["-c", ": </dev/null"]);
    let from = CountFrom::Execution;
    let injector = Injector::attach(&mut command, &[], &Call::ALL, from, true, ()).unwrap();
    let mut child = Child::spawn(&mut command, ProcessGroup::Own).unwrap();
    assert!(child.wait_for(LIMIT).unwrap().expect("the command ends").success());
    assert_eq!(injector.calls(Call::Openat), 1);
    assert!(injector.wait_for_end(LIMIT));
}

#[test]
fn an_injector_without_a_process_ends() {
    let mut command = Command::new("true");
    let injector = Injector::attach(&mut command, &[], &[], CountFrom::Arming, false, ()).unwrap();
    assert!(!injector.is_installed());
    drop(injector);
    drop(command);
}

#[test]
fn calls_of_the_loader_do_not_count() {
    // The loader maps the libraries of each of the two programs, and opens their cache.
    let count = |script| {
        let mut command = Command::new("sh");
        // Without it, a program maps the files of its language.
        command.args(["-c", script]).env("LC_ALL", "C");
        let counted = [Call::Mmap, Call::Openat];
        let from = CountFrom::Execution;
        let injector = Injector::attach(&mut command, &[], &counted, from, false, ()).unwrap();
        let mut child = Child::spawn(&mut command, ProcessGroup::Own).unwrap();
        assert!(child.wait_for(LIMIT).unwrap().expect("the command ends").success());
        counted.map(|call| injector.calls(call))
    };
    let [mapped, opened] = count(":");
    assert_eq!(opened, 0, "a shell opens no file");
    let [both_mapped, both_opened] = count("cat </dev/null; :");
    assert!(both_opened >= 1, "the shell opens the file");
    assert!(
        both_mapped - mapped < 8,
        "{both_mapped} and {mapped} mappings: the library alone has more"
    );
}
