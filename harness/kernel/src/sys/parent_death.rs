//! Child processes that the kernel kills when their parent ends.

use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::io::Errno;
use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};

/// Has the kernel send SIGKILL to the command's process when the thread that starts it ends. The
/// kernel drops this setting when the command is a set-user-ID program.
pub(crate) fn kill_with_parent(command: &mut Command) {
    let parent = getpid();
    let before_exec = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // A parent that ended before the call above sends no signal.
        if getppid() != Some(parent) {
            return Err(Errno::SRCH.into());
        }
        Ok(())
    };
    // SAFETY: the closure runs in the forked child, where other threads' locks may be held. It makes
    // two system calls and an error of a number; it takes no lock and allocates nothing.
    unsafe { command.pre_exec(before_exec) };
}
