//! A child that does not outlive its parent.

use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};

/// Has the kernel kill what `command` starts as soon as the thread that starts it ends, however
/// it does. A set-user-ID program is spared.
pub fn die_with_parent(command: &mut Command) {
    let parent = getpid();
    let tie = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // It may have ended before the signal was asked for.
        if getppid() != Some(parent) {
            return Err(rustix::io::Errno::SRCH.into());
        }
        Ok(())
    };
    // SAFETY: between fork and exec `tie` makes two system calls, and an error out of a number; it
    // neither allocates nor takes a lock that another thread may have held.
    unsafe { command.pre_exec(tie) };
}
