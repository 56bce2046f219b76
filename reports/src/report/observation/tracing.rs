//! Commands that show which code makes the objects of a suspect.

use std::ffi::OsString;

use crate::report::{Means, NextStep};
use leakbench_model::Resource;
use leakbench_recording::observation::ObservationStart;
use leakbench_scenarios::shell;

/// Traces the code that makes objects of a resource; `None` if no tool does.
pub(super) fn step(start: &ObservationStart, resource: Resource) -> Option<NextStep> {
    let memory = matches!(resource, Resource::AnonymousBytes | Resource::RssBytes);
    let (tool, words, effect) = if memory {
        (vec!["heaptrack"], "heaptrack", "names the code whose allocations stay")
    } else {
        let trace = calls(resource)?;
        let tool = vec!["strace", "-f", "-k", "-e", trace];
        (tool, "strace -k", "prints the stack of each call that makes or frees one")
    };
    let mut command: Vec<OsString> = tool.into_iter().map(OsString::from).collect();
    let process = process(start, memory);
    let command = process.map(|process| {
        command.extend(process);
        shell::command(command)
    });
    let means = Means::Choice { words: words.to_owned(), command };
    Some(NextStep { means, effect: effect.to_owned() })
}

/// The words that name the process to a tool: its command, if leakbench started it.
fn process(start: &ObservationStart, flags_end: bool) -> Option<Vec<OsString>> {
    if !start.started_here {
        return Some(vec!["-p".into(), start.pid.to_string().into()]);
    }
    let words = shell::words(&start.command)?;
    let from = words.iter().position(|word| word == "--")?;
    // `heaptrack` takes no `--`.
    let from = if flags_end { from + 1 } else { from };
    Some(words[from..].to_vec())
}

/// The system calls that make and free objects of a resource, as an expression of strace.
fn calls(resource: Resource) -> Option<&'static str> {
    use Resource::*;
    Some(match resource {
        FileFds | DeletedFileFds => "openat,close",
        SocketFds => "socket,accept,accept4,close",
        PipeFds => "pipe2,close",
        EventFds => "eventfd2,close",
        TimerFds => "timerfd_create,close",
        EpollFds => "epoll_create1,close",
        PidFds => "pidfd_open,close",
        InotifyFds => "inotify_init1,close",
        SignalFds => "signalfd4,close",
        Fds | OtherFds | FdsInFlight => "%desc",
        Memfds | MemfdFds | ShmemBytes => "memfd_create,mmap,munmap,close",
        Mappings | FileMappings | MemfdMappings | AnonymousMappings | ExecutableMappings
        | ReservedMappings | StackMappings | AddressSpaceBytes | WritableBytes | SharedBytes
        | LockedBytes => "mmap,munmap,mprotect",
        Threads => "clone,clone3,exit",
        Children | Zombies => "%process",
        SysvSegments | SysvBytes => "%ipc",
        AnonymousBytes | RssBytes | FileBytes | SwapBytes | PageTablesBytes => return None,
    })
}
