//! Processes that cannot be observed, or only in part, and the messages.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::common::{copy_executable, leakbench};
use super::sys::Still;
use super::victim::Victim;
use super::{attach, end_sampled};

/// Standard error of a refusal.
fn refused(args: &[&str]) -> String {
    let output = leakbench(args).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "{args:?}: {stderr}");
    assert!(output.stdout.is_empty());
    stderr
}

#[test]
fn a_pid_without_a_process() {
    let mut child = Command::new("true").spawn().unwrap();
    let pid = child.id().to_string();
    child.wait().unwrap();
    assert!(refused(&["attach", &pid]).contains(&format!("no process {pid}")));
    assert!(refused(&["attach", "0"]).contains("0"));
    assert!(refused(&["attach", "nonsense"]).contains("nonsense"));
    assert!(refused(&["attach"]).contains("PID"));
}

#[test]
fn a_duration_that_is_too_short_for_a_trend() {
    let stderr = refused(&["exec", "--interval", "5s", "--duration", "60s", "--", "true"]);
    let wanted = "--duration 60s is too short: it has 13 samples at intervals of 5s, and a trend needs \
                  20. Use --duration 95s or --interval 3157ms";
    assert!(stderr.contains(wanted), "{stderr}");
    let stderr = refused(&["attach", "--duration", "0.1s", &std::process::id().to_string()]);
    assert!(stderr.contains("5 samples at intervals of 25ms"), "{stderr}");
    assert!(stderr.trim_end().ends_with("Use --duration 475ms"), "{stderr}");
    // What it advises is accepted: the next thing that is wrong is the process.
    let own = std::process::id().to_string();
    for plan in [["--duration", "95s"], ["--duration", "475ms"]] {
        let interval: &[&str] = if plan[1] == "95s" { &["--interval", "5s"] } else { &[] };
        let stderr = refused(&[&["attach"], &plan[..], interval, &[own.as_str()]].concat());
        assert!(stderr.contains("an ancestor of it"), "{stderr}");
    }
}

#[test]
fn a_zombie() {
    let still = Still::fork();
    still.kill();
    let stderr = refused(&["attach", &still.pid().to_string()]);
    assert!(stderr.contains("is a zombie: it has ended"), "{stderr}");
}

#[test]
fn leakbench_itself_and_its_ancestors() {
    let own = std::process::id().to_string();
    assert!(refused(&["attach", &own]).contains("an ancestor of it"));
    let output = Command::new("sh")
        .args(["-c", "exec \"$0\" attach $$", env!("CARGO_BIN_EXE_leakbench")])
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("leakbench itself"), "{stderr}");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_thread() {
    let victim = Victim::start(&["threads"]);
    let tasks = || std::fs::read_dir(format!("/proc/{}/task", victim.pid())).unwrap();
    // One that stays.
    let mut tids = tasks().map(|task| task.unwrap().file_name().into_string().unwrap());
    let other = tids.find(|tid| *tid != victim.pid()).unwrap();
    let stderr = refused(&["attach", &other]);
    assert!(stderr.contains(&format!("attach to {}", victim.pid())), "{stderr}");
}

#[test]
fn a_kernel_thread() {
    let name = std::fs::read_to_string("/proc/2/comm").unwrap_or_default();
    if name != "kthreadd\n" {
        eprintln!("not tested: kernel threads are not visible here");
        return;
    }
    assert!(refused(&["attach", "2"]).contains("a kernel thread"));
}

#[test]
fn a_command_that_does_not_start() {
    let stderr = refused(&["exec", "--", "/nonexistent/program"]);
    assert!(stderr.contains("cannot start /nonexistent/program: No such file"), "{stderr}");
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    assert!(refused(&["exec", "--", path]).contains("Permission denied"));
    assert!(refused(&["exec"]).contains("COMMAND"));
    // An unknown flag is not taken for the command.
    assert!(refused(&["exec", "--durration", "1s", "--", "true"]).contains("--durration"));
    assert!(refused(&["exec", "--interval", "fast", "--", "true"]).contains("250ms"));
}

#[test]
fn a_process_of_another_user_is_inconclusive() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not tested: only root can run as two users");
        return;
    }
    let mut victim = Victim::start(&["idle"]);
    // The other user must be able to run it.
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
    let binary = folder.path().join("leakbench");
    copy_executable(Path::new(env!("CARGO_BIN_EXE_leakbench")), &binary);
    let out = folder.path().join("out");
    let mut foreign = Command::new(&binary);
    foreign.args(["attach", "--json", "--interval", "50ms", &victim.pid(), "--out"]).arg(&out);
    foreign.uid(65534).gid(65534).stdin(Stdio::null());
    let observer = foreign.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    victim.grow();
    let observed = end_sampled(observer, &out);
    assert_eq!(observed.verdict(), (4, "inconclusive"), "{:#}", observed.result);
    let findings = observed.result["findings"].to_string();
    assert!(findings.contains("may not read maps"), "{findings}");
    // Public amounts are known; amounts that could not be read are absent, not 0.
    for known in ["rss_bytes", "threads", "children"] {
        assert_eq!(observed.class(known), "flat", "{known}");
    }
    let names: Vec<_> = observed.result["resources"].as_array().unwrap().iter().collect();
    assert!(names.iter().all(|resource| resource["name"] != "mappings"), "{names:#?}");
    // The control: its own user may read everything.
    let own = folder.path().join("own");
    let observer = attach(&["--out", own.to_str().unwrap()], &victim.pid()).spawn().unwrap();
    assert_eq!(end_sampled(observer, &own).verdict(), (0, "clean"));
}
