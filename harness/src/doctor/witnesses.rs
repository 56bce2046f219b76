//! The two witnesses: whether they work here, and how far they reach.

use std::error::Error;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::capacity::DEFAULT_SLOTS;
use super::check::{Check, State};
use leakbench_kernel::{
    Child, DeathWatch, FdKind, Machine, ObjectId, Process, ProcessGroup, ReadError, WatchError,
    WatchLimit, has_pagemap_scan, make_memfd, tells_fd_count,
};

/// Instances of inotify that a few runs side by side need, some for other programs added.
const INSTANCES: u64 = 16;

/// How long a child may take to be one.
const CHILD_SHOWS_WITHIN: Duration = Duration::from_secs(5);

pub(super) fn checks(machine: &Machine) -> Vec<Check> {
    vec![
        death_watch(),
        memfd(machine),
        proc_of_a_child(),
        instances(),
        watches(),
        queue(machine),
        procmap_query(machine),
        fd_count(),
        pagemap_scan(),
        map_files(),
    ]
}

fn death_watch() -> Check {
    const NAME: &str = "death watch";
    match DeathWatch::is_told_of_deaths() {
        Ok(true) => Check::new(
            NAME,
            State::Ok,
            "the end of a memfd was heard, once",
            "every image is judged, not a sample",
        ),
        Ok(false) => Check::new(
            NAME,
            State::Missing,
            "the end of a memfd was not heard",
            "this kernel only resembles Linux, or hides inotify's IN_DELETE_SELF: another is needed",
        ),
        Err(error) => {
            let check = Check::new(NAME, State::Missing, chain(&error), "no image can be judged");
            match error {
                WatchError::TooManyInstances { limit } | WatchError::TooManyWatches { limit, .. } => {
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
            format!("one was made; {noexec}"),
            "images can be kernel objects, as they are in other runtimes",
        ),
        Err(error) => {
            let found = format!("memfd_create was refused ({error}); {noexec}");
            let means = "there are no images, and no status page to watch a subject by";
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
    match look_at_a_child() {
        Ok((mappings, fds)) => Check::new(
            NAME,
            State::Ok,
            format!(
                "{mappings} mappings and {fds} descriptors of a child were read, its memfd among them"
            ),
            "who holds a lingering image can be said",
        ),
        Err(error) => Check::new(
            NAME,
            State::Missing,
            error,
            "there is no second witness; the child's /proc must be readable: same user, mounted \
             /proc, and a leakbench that its user may read",
        ),
    }
    .needed()
}

/// This program as a subject that waits for its first order.
struct Waiting {
    child: Child,
    /// Closing it ends the child.
    _order: UnixStream,
}

/// Starts a child that has a certain memfd open, and looks at it as a run would. Returns how many
/// mappings and descriptors there were.
fn look_at_a_child() -> Result<(u64, usize), String> {
    let cannot = |what: &str, error: &dyn Error| format!("{what}: {}", chain(error));
    let start = || -> io::Result<(Waiting, ObjectId)> {
        let memfd = make_memfd()?;
        let object = ObjectId::of(memfd.as_fd())?;
        let (order, theirs) = UnixStream::pair()?;
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0("leakbench")
            .arg("subject")
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
            .stdout(Stdio::from(memfd))
            .stderr(Stdio::null());
        let child = Child::spawn(&mut command, ProcessGroup::Own)?;
        Ok((Waiting { child, _order: order }, object))
    };
    let (mut waiting, memfd) =
        start().map_err(|error| cannot("a child cannot be started", &error))?;
    let look = |pid: u32| -> Result<(u64, usize, bool), ReadError> {
        let (mut mappings, mut fds) = (Vec::new(), Vec::new());
        let mut process = Process::open(pid)?;
        process.file_mappings(&mut mappings)?;
        process.fds(&mut fds)?;
        process.status()?;
        process.fd_count()?;
        let seen = fds.iter().any(|fd| fd.kind == FdKind::Memfd && fd.object == memfd);
        Ok((process.mapping_counts()?.all, fds.len(), seen && !mappings.is_empty()))
    };
    let until = Instant::now() + CHILD_SHOWS_WITHIN;
    loop {
        match look(waiting.child.pid()) {
            Ok((mappings, fds, true)) => return Ok((mappings, fds)),
            // For a moment after it was started, a process has no program mapped yet.
            Ok((_, _, false)) if Instant::now() < until => {
                // Ends early when the child does; then the next look reports its end.
                let _ = waiting.child.wait_for(Duration::from_millis(1));
            }
            Ok((_, _, false)) => {
                return Err("a child's /proc does not show what it surely has".to_owned());
            }
            Err(error) => return Err(cannot("a child cannot be looked at", &error)),
        }
    }
}

fn instances() -> Check {
    let limit = WatchLimit::instances();
    let means = |most| {
        format!(
            "threads times processes of all runs at most {most}, less what other programs of this \
             user have"
        )
    };
    bounded("inotify instances", limit.setting, limit.value, INSTANCES, 1024, means)
}

fn watches() -> Check {
    let limit = WatchLimit::watches();
    let means = |most| format!("images alive at once, of all runs of this user, at most {most}");
    // As many as a pool's slots can hold, in two processes with both some live ones.
    let enough = 4 * DEFAULT_SLOTS;
    bounded("inotify watches", limit.setting, limit.value, enough, 1 << 20, means)
}

fn queue(machine: &Machine) -> Check {
    let most = machine.inotify_max_queued_events;
    // Each death is two events.
    let means =
        |most| format!("images that may end within one drop or barrier at most {}", most / 2);
    let setting = "fs.inotify.max_queued_events";
    bounded("inotify queue", setting, most, 2 * DEFAULT_SLOTS, 1 << 20, means)
}

/// A setting that should be at least `enough`.
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
        return Check::new(name, State::Ok, found, "it will show when it is met").extra();
    };
    let state = match value {
        0 => State::Missing,
        value if value < enough => State::Limited,
        _ => State::Ok,
    };
    Check::new(name, state, format!("{setting} is {value}"), means(value))
        .remedy(raise(setting, better))
}

fn procmap_query(machine: &Machine) -> Check {
    const NAME: &str = "PROCMAP_QUERY";
    match machine.procmap_query {
        Some(true) => Check::new(NAME, State::Ok, "it works", "mappings are read at half the cost"),
        Some(false) => Check::new(
            NAME,
            State::Limited,
            "this kernel is older than 6.11",
            "mappings are read from the text of maps: the same answer, at twice the cost",
        ),
        None => Check::new(NAME, State::Limited, "it could not be tried", "see /proc above"),
    }
    .extra()
}

fn fd_count() -> Check {
    const NAME: &str = "descriptor count";
    match tells_fd_count() {
        Ok(true) => Check::new(NAME, State::Ok, "one stat tells it", "a sample costs no listing"),
        Ok(false) => Check::new(
            NAME,
            State::Limited,
            "this kernel is older than 6.2",
            "each sample lists the descriptors: the same answer, dearer where there are many",
        ),
        Err(error) => {
            Check::new(NAME, State::Limited, format!("not to be read ({error})"), "see /proc above")
        }
    }
    .extra()
}

fn pagemap_scan() -> Check {
    const NAME: &str = "PAGEMAP_SCAN";
    match has_pagemap_scan() {
        Ok(true) => Check::new(NAME, State::Ok, "it works", "runtimes can have --pagemap-scan"),
        Ok(false) => Check::new(
            NAME,
            State::Limited,
            "this kernel is older than 6.7",
            "no runtime can have --pagemap-scan",
        ),
        Err(error) => Check::new(
            NAME,
            State::Limited,
            format!("it could not be tried ({error})"),
            "--pagemap-scan may not work",
        ),
    }
    .extra()
}

fn map_files() -> Check {
    const NAME: &str = "map_files";
    let followed = || -> io::Result<bool> {
        let entry = fs::read_dir("/proc/self/map_files")?.next().transpose()?;
        entry.map_or(Ok(false), |entry| fs::metadata(entry.path()).map(|_| true))
    };
    match followed() {
        Ok(true) => Check::new(NAME, State::Ok, "links can be followed", "not needed for anything"),
        Ok(false) => Check::new(NAME, State::Limited, "it is empty", "not needed for anything"),
        Err(error) => Check::new(
            NAME,
            State::Limited,
            format!("links cannot be followed ({error})"),
            "not needed: what a mapping maps is known by device and inode",
        ),
    }
    .extra()
}

/// The command that sets a setting.
fn raise(setting: &str, to: u64) -> String {
    format!("sysctl -w {setting}={to}")
}

/// An error with its causes.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Some messages have their cause in them.
        let said = error.to_string();
        if !text.contains(&said) {
            text += ": ";
            text += &said;
        }
        cause = error.source();
    }
    text
}
