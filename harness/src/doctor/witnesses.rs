//! The two witnesses: do they work here, and within which limits?

use std::error::Error;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use leakbench_model::ObjectId;

use super::capacity::DEFAULT_SLOTS;
use super::check::{Check, State};
use leakbench_kernel::{
    Child, DeathWatch, FdKind, Machine, Process, ProcessGroup, ReadError, WatchError, WatchLimit,
    make_memfd, object_of,
};

/// inotify instances for a few runs at a time, and for other programs.
const INSTANCES: u64 = 16;

/// Time for a child's mappings and descriptors to appear in /proc.
const CHILD_VISIBLE_WITHIN: Duration = Duration::from_secs(5);

pub(super) fn checks(machine: &Machine) -> Vec<Check> {
    vec![death_watch(), memfd(machine), proc_of_a_child(), instances(), watches(), queue(machine)]
}

fn death_watch() -> Check {
    const NAME: &str = "death watch";
    match DeathWatch::works() {
        Ok(true) => Check::new(
            NAME,
            State::Ok,
            "it reported the destruction of a memfd, once",
            "every single image is judged",
        ),
        Ok(false) => Check::new(
            NAME,
            State::Missing,
            "it did not report the destruction of a memfd",
            "no image can be judged: use a kernel whose inotify reports IN_DELETE_SELF",
        ),
        Err(error) => {
            let check = Check::new(NAME, State::Missing, chain(&error), "no image can be judged");
            match error {
                WatchError::TooManyInstances { limit }
                | WatchError::TooManyWatches { limit, .. } => {
                    check.change(raise(limit.setting, 1024))
                }
                WatchError::TooManyOpenFiles { .. } => check.change("ulimit -n 4096"),
                _ => check,
            }
        }
    }
    .needed()
}

fn memfd(machine: &Machine) -> Check {
    const NAME: &str = "memfd";
    let noexec = match machine.memfd_noexec {
        Some(setting) => format!("vm.memfd_noexec is {setting}"),
        None => "this kernel has no vm.memfd_noexec".to_owned(),
    };
    match make_memfd() {
        Ok(_) => Check::new(
            NAME,
            State::Ok,
            format!("one was created; {noexec}"),
            "images can be kernel objects, as in other runtimes",
        ),
        Err(error) => {
            let found = format!("memfd_create was refused ({error}); {noexec}");
            let means = "no image and no status page of a subject is possible";
            let check = Check::new(NAME, State::Missing, found, means);
            match machine.memfd_noexec {
                Some(2) => check.change("sysctl -w vm.memfd_noexec=1"),
                _ => check,
            }
        }
    }
    .needed()
}

fn proc_of_a_child() -> Check {
    const NAME: &str = "/proc";
    match sample_a_child() {
        Ok((mappings, fds)) => Check::new(
            NAME,
            State::Ok,
            format!(
                "{mappings} mappings and {fds} descriptors of a child, and its memfd among them"
            ),
            "the holders of lingering images can be named",
        ),
        Err(error) => Check::new(
            NAME,
            State::Missing,
            error,
            "there is no second witness: mount /proc, and run a leakbench that its user may read",
        ),
    }
    .needed()
}

/// This program as a subject that waits for its first request.
struct WaitingSubject {
    child: Child,
    /// Closing it ends the child.
    _requests: UnixStream,
}

/// Starts a child with a known memfd and samples it as a run would. Returns the number of its
/// mappings and descriptors.
fn sample_a_child() -> Result<(u64, usize), String> {
    let cannot = |what: &str, error: &dyn Error| format!("{what}: {}", chain(error));
    let start = || -> io::Result<(WaitingSubject, ObjectId)> {
        let memfd = make_memfd()?;
        let object = object_of(memfd.as_fd())?;
        let (requests, theirs) = UnixStream::pair()?;
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0("leakbench")
            .arg("subject")
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
            .stdout(Stdio::from(memfd))
            .stderr(Stdio::null());
        let child = Child::spawn(&mut command, ProcessGroup::Own)?;
        Ok((WaitingSubject { child, _requests: requests }, object))
    };
    let (mut waiting, memfd) =
        start().map_err(|error| cannot("a child cannot be started", &error))?;
    let sample = |pid: u32| -> Result<(u64, usize, bool), ReadError> {
        let (mut mappings, mut fds) = (Vec::new(), Vec::new());
        let mut process = Process::open(pid)?;
        process.file_mappings(&mut mappings)?;
        process.fds(&mut fds)?;
        process.status()?;
        process.fd_count()?;
        let seen = fds.iter().any(|fd| fd.kind == FdKind::Memfd && fd.object == memfd);
        Ok((process.mapping_counts()?.all, fds.len(), seen && !mappings.is_empty()))
    };
    let until = Instant::now() + CHILD_VISIBLE_WITHIN;
    loop {
        match sample(waiting.child.pid()) {
            Ok((mappings, fds, true)) => return Ok((mappings, fds)),
            // Right after its start a process has not mapped its program yet.
            Ok((_, _, false)) if Instant::now() < until => {
                // Returns early if the child ends; then the next sample reports that.
                let _ = waiting.child.wait_for(Duration::from_millis(1));
            }
            Ok((_, _, false)) => {
                return Err("the /proc of a child does not show the memfd that it has".to_owned());
            }
            Err(error) => return Err(cannot("a child cannot be sampled", &error)),
        }
    }
}

fn instances() -> Check {
    let limit = WatchLimit::instances();
    let means = |max| {
        format!(
            "processes times threads of all runs, and other programs of this user: at most {max}"
        )
    };
    bounded("inotify instances", limit.setting, limit.value, INSTANCES, 1024, means)
}

fn watches() -> Check {
    let limit = WatchLimit::watches();
    let means = |max| format!("images at a time, of all runs of this user: at most {max}");
    // For two processes, each with an image in every slot and as many live ones.
    let enough = 4 * DEFAULT_SLOTS;
    bounded("inotify watches", limit.setting, limit.value, enough, 1 << 20, means)
}

fn queue(machine: &Machine) -> Check {
    let max = machine.inotify_max_queued_events;
    // The destruction of an image is two events.
    let means = |max| format!("images released by one drop or barrier: at most {}", max / 2);
    let setting = "fs.inotify.max_queued_events";
    bounded("inotify queue", setting, max, 2 * DEFAULT_SLOTS, 1 << 20, means)
}

/// Checks a setting whose minimum is `enough`, and proposes `better`.
fn bounded(
    name: &'static str,
    setting: &str,
    value: Option<u64>,
    enough: u64,
    better: u64,
    means: impl FnOnce(u64) -> String,
) -> Check {
    let Some(value) = value else {
        let found = format!("{setting} cannot be read");
        return Check::new(name, State::Ok, found, "its limit is unknown until a run reaches it")
            .extra();
    };
    let state = match value {
        0 => State::Missing,
        value if value < enough => State::Limited,
        _ => State::Ok,
    };
    Check::new(name, state, format!("{setting} is {value}"), means(value))
        .remedy(raise(setting, better))
}

/// The command that changes a setting.
fn raise(setting: &str, to: u64) -> String {
    format!("sysctl -w {setting}={to}")
}

/// An error with its causes.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Some messages contain their cause.
        let message = error.to_string();
        if !text.contains(&message) {
            text += ": ";
            text += &message;
        }
        cause = error.source();
    }
    text
}
