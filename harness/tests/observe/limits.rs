//! The limit that is met first is named, with what others have of it.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use leakbench_model::Resource;
use rustix::process::geteuid;

use super::common::{finish, leakbench, wait_for_samples, wait_until};
use super::growth::assert_leaks;
use super::victim::{self, Victim};
use super::{Observed, SAMPLES, attach, end_sampled, exec_until_read};

/// A control group of this test. Dropping it removes it.
struct Group(PathBuf);

impl Group {
    /// `None` if this user may not make groups with a limit of tasks.
    fn make() -> Option<Group> {
        let roots = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"];
        let name = format!("leakbench-test-{}", std::process::id());
        roots.into_iter().find_map(|root| {
            let folder = Path::new(root).join(&name);
            fs::create_dir(&folder).ok()?;
            if folder.join("pids.max").exists() {
                return Some(Group(folder));
            }
            let _ = fs::remove_dir(&folder);
            None
        })
    }

    fn set(&self, file: &str, value: &str) {
        fs::write(self.0.join(file), value).unwrap();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let empty =
            || fs::read_to_string(self.0.join("cgroup.procs")).is_ok_and(|it| it.is_empty());
        wait_until("the group is empty", empty);
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn tasks_of_a_control_group() {
    let Some(group) = Group::make() else {
        eprintln!("this user may not make control groups: nothing to test");
        return;
    };
    group.set("pids.max", "1000");
    // Others in the group.
    let mut others: Vec<_> =
        (0..5).map(|_| Command::new("sleep").arg("600").spawn().unwrap()).collect();
    let out = tempfile::tempdir().unwrap();
    let mut victim = Victim::start(&["threads"]);
    for pid in others.iter().map(|other| other.id().to_string()).chain([victim.pid()]) {
        group.set("cgroup.procs", &pid);
    }
    let observer = attach(&["--out", out.path().to_str().unwrap()], &victim.pid()).spawn().unwrap();
    wait_for_samples(out.path(), 3);
    // It changes while the process is observed.
    group.set("pids.max", "500");
    victim.grow();
    let observed = end_sampled(observer, out.path());
    drop(victim);
    for other in &mut others {
        other.kill().unwrap();
        other.wait().unwrap();
    }
    let threads = observed.resource("threads");
    assert_leaks(&observed, "threads", "(leaked)");
    assert_eq!(threads["limit"], 500, "{threads:#}");
    assert!(threads["limit_name"].as_str().unwrap().starts_with("pids.max of /"), "{threads:#}");
    // The victim may have started threads since it was sampled.
    let others = threads["limit_others"].as_u64();
    assert!(matches!(others, Some(5..=7)), "{threads:#}");
    // The control: children have the same limit and do not grow.
    let children = observed.resource("children");
    assert_eq!((&children["limit"], observed.class("children")), (&500.into(), "flat"));
}

#[test]
fn limits_of_a_user() {
    if !geteuid().is_root() {
        eprintln!("only root may start a process of another user: nothing to test");
        return;
    }
    // No other process has this user, not even one of another copy of this test.
    let user = 50_000 + std::process::id() % 10_000;
    let mut command = Command::new("prlimit");
    command.arg("--nproc=300").args(victim::words(&["threads", "keys", "pipes"]));
    command.uid(user).current_dir("/");
    let can_run = leakbench(&["--version"]).uid(user).current_dir("/").output();
    if !can_run.is_ok_and(|output| output.status.success()) {
        eprintln!("another user may not run the binary: nothing to test");
        return;
    }
    let mut other = Command::new("sleep").arg("600").uid(user).spawn().unwrap();
    let mut victim = Victim::start_by(&mut command).unwrap();
    let out = tempfile::tempdir().unwrap();
    let observer = attach(&["--out", out.path().to_str().unwrap()], &victim.pid()).spawn().unwrap();
    victim.grow();
    let observed = end_sampled(observer, out.path());
    other.kill().unwrap();
    other.wait().unwrap();
    for (name, limit) in [
        ("threads", "RLIMIT_NPROC"),
        ("user_keys", "kernel.keys.maxkeys"),
        ("pipe_fds", "fs.pipe-user-pages-soft"),
    ] {
        assert_eq!(observed.class(name), "leak", "{:#}", observed.resource(name));
        assert_eq!(observed.resource(name)["limit_name"], limit, "{:#}", observed.resource(name));
    }
    assert_eq!(observed.resource("threads")["limit"], 300);
    let others = observed.resource("threads")["limit_others"].as_u64();
    assert!(matches!(others, Some(1..=3)), "{others:?}");
}

#[test]
fn the_size_of_a_file_system_in_memory() {
    let unshare = ["unshare", "--map-root-user", "--mount", "--"];
    let mut allowed = Command::new(unshare[0]);
    allowed.args(&unshare[1..]).args(["sh", "-c"]);
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display();
    let mount = format!("mount -t tmpfs -o size=64m none {at}");
    if !allowed.arg(&mount).status().is_ok_and(|status| status.success()) {
        eprintln!("this user may not mount: nothing to test");
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let mut command = leakbench(&["exec", "--json", "--interval", "50ms", "--out"]);
    command.arg(out.path()).arg("--").args(unshare);
    command.args(["sh", "-c", &format!("{mount} && exec \"$0\" \"$@\"")]);
    command.args(victim::ending_words(&["tmpfs-growth"])).arg("--folder").arg(folder.path());
    command.stdin(Stdio::piped());
    let observer = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for_samples(out.path(), SAMPLES);
    let observed = Observed::from(finish(observer));
    let bytes = observed.resource("tmpfs_bytes");
    assert_leaks(&observed, "tmpfs_bytes", "KiB");
    assert_eq!(bytes["limit"], 64 << 20, "{bytes:#}");
    assert_eq!(bytes["limit_name"], format!("size of {at}"), "{bytes:#}");
}

#[test]
fn ephemeral_ports_of_connections() {
    let observed = exec_until_read(&["close-wait"], Resource::EphemeralPorts);
    let ports = observed.resource("ephemeral_ports");
    assert_eq!(observed.class("ephemeral_ports"), "leak", "{ports:#}");
    assert_eq!(ports["limit_name"], "net.ipv4.ip_local_port_range", "{ports:#}");
    // It is the descriptors that are the suspect.
    assert_eq!(observed.result["suspects"][0]["resource"], "socket_fds", "{:#}", observed.result);
    // The control: UDP.
    let observed = exec_until_read(&["sockets"], Resource::EphemeralPorts);
    assert_eq!(observed.class("socket_fds"), "leak");
    assert_eq!(observed.class("ephemeral_ports"), "flat");
}
