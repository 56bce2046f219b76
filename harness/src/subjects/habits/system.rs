//! Tasks, and objects that no process owns.

use std::io;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use leakbench_kernel::objects::{OwnSegment, SegmentNumber};

use crate::subjects::sys::end_main_thread;

/// Bytes of a segment of shared memory.
const SEGMENT_BYTES: usize = 64 << 10;
/// The stack of a thread that stays.
const STACK_BYTES: usize = 64 << 10;

pub(super) fn thread() -> io::Result<JoinHandle<()>> {
    let parked = || {
        loop {
            thread::park();
        }
    };
    thread::Builder::new().name("leaked".to_owned()).stack_size(STACK_BYTES).spawn(parked)
}

/// It reads from a pipe until it is closed, which ends it together with its parent.
pub(super) fn child() -> io::Result<Child> {
    Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn()
}

/// A child that ends and is not waited for.
pub(super) fn zombie() -> io::Result<Child> {
    Command::new("true").spawn()
}

/// A child with a habit of its own.
pub(super) fn child_with_memfds() -> io::Result<Child> {
    let mut command = Command::new("/proc/self/exe");
    command.args(["habits", "memfds"]).stdin(Stdio::null()).stdout(Stdio::null()).spawn()
}

pub(super) fn segment() -> io::Result<OwnSegment> {
    OwnSegment::attach(SEGMENT_BYTES)
}

/// A segment of a child that ends between two samples.
pub(super) fn segment_of_child() -> io::Result<SegmentNumber> {
    let made = Command::new("ipcmk").args(["-M", "4096"]).output()?;
    let printed = String::from_utf8_lossy(&made.stdout);
    let number = printed.split_whitespace().last().and_then(|word| word.parse().ok());
    number.map(SegmentNumber).ok_or_else(|| io::Error::other(format!("no number: {printed}")))
}

/// Starts a process that goes on, ends the main thread, and ends the others later.
pub(super) fn end_main_thread_before(rest_ms: u64) -> io::Result<Child> {
    let mut goes_on = Command::new("sleep");
    goes_on.arg("600").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = goes_on.spawn()?;
    thread::spawn(move || {
        end_main_thread();
        thread::sleep(Duration::from_millis(rest_ms));
        std::process::exit(0);
    });
    Ok(started)
}
