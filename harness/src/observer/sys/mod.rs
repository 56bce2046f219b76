//! What a command is told between its birth and its program.

#![expect(unsafe_code, reason = "code that runs in a child before exec has no safe form")]

use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::io::Errno;
use rustix::process::{Signal, getppid, set_parent_process_death_signal};

/// Has the command killed when the thread that starts it ends, however that comes about. Lost
/// when the command's program changes its user (set-user-ID), which the kernel demands.
pub(super) fn die_with_parent(command: &mut Command) {
    let parent = rustix::process::getpid();
    let tie = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have ended before: then nothing will tell.
        match getppid() {
            Some(now) if now == parent => Ok(()),
            _ => Err(Errno::SRCH.into()),
        }
    };
    // SAFETY: the closure runs in a copy of this process that may hold other threads' locks. It
    // makes two system calls, allocates nothing, takes no lock, and returns.
    unsafe { command.pre_exec(tie) };
}
