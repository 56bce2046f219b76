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

/// Shows what a command did before it ended.
pub(in crate::report) fn last_calls(start: &ObservationStart) -> NextStep {
    let process = process(start, false);
    let command = process.map(|process| {
        let tool = ["strace", "-f"].map(OsString::from);
        shell::command(tool.into_iter().chain(process))
    });
    let means = Means::Choice { words: "strace -f".to_owned(), command };
    NextStep { means, effect: "prints its last system calls before the end".to_owned() }
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

/// The system calls that make and free objects of a resource, as an expression of strace: those of its
/// total, unless fewer calls are known.
fn calls(resource: Resource) -> Option<&'static str> {
    use Resource::*;
    Some(match resource {
        FileFds | DeletedFileFds => "openat,close",
        DeletedBytes | TmpfsBytes => "openat,write,pwrite64,ftruncate,unlink,unlinkat,close",
        UnmappedMemfdBytes => "memfd_create,write,pwrite64,ftruncate,close",
        SocketFds => "socket,accept,accept4,close",
        EphemeralPorts => "socket,bind,connect,close",
        UserKeys => "add_key,request_key,keyctl",
        PipeFds => "pipe2,close",
        PosixQueueFds | PosixQueueBytes => "mq_open,mq_unlink,close",
        EventFds => "eventfd2,close",
        TimerFds => "timerfd_create,close",
        EpollFds => "epoll_create1,close",
        PidFds => "pidfd_open,close",
        InotifyFds => "inotify_init1,close",
        InotifyWatches => "inotify_add_watch,inotify_rm_watch",
        PtyFds => "openat,close",
        IoUringFds => "io_uring_setup,close",
        BpfFds => "bpf,close",
        PerfEventFds => "perf_event_open,close",
        SignalFds => "signalfd4,close",
        FdsInFlight => OF_DESCRIPTORS,
        Memfds | MemfdFds | ShmemBytes => "memfd_create,mmap,munmap,close",
        AddressSpaceBytes | WritableBytes | SharedBytes | LockedBytes | HugetlbBytes => OF_MAPPINGS,
        Threads => "clone,clone3,exit",
        Children | Zombies => "%process",
        SysvSegments | SysvBytes | SysvSemaphores | SysvQueues => "%ipc",
        _ => match resource.total().unwrap_or(resource) {
            Fds => OF_DESCRIPTORS,
            Mappings => OF_MAPPINGS,
            _ => return None,
        },
    })
}

/// Calls that make and free descriptors of any kind.
const OF_DESCRIPTORS: &str = "%desc";
/// Calls that make, free and divide mappings.
const OF_MAPPINGS: &str = "mmap,munmap,mprotect";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_without_calls_of_its_own_has_those_of_its_total() {
        use Resource::*;
        for (resource, expected) in [
            (SocketFds, Some("socket,accept,accept4,close")),
            (Fds, Some("%desc")),
            (OtherFds, Some("%desc")),
            (FdsInFlight, Some("%desc")),
            (MemfdFds, Some("memfd_create,mmap,munmap,close")),
            (Mappings, Some("mmap,munmap,mprotect")),
            (MemfdMappings, Some("mmap,munmap,mprotect")),
            (StackMappings, Some("mmap,munmap,mprotect")),
            (AddressSpaceBytes, Some("mmap,munmap,mprotect")),
            (SysvBytes, Some("%ipc")),
            (RssBytes, None),
            (AnonymousBytes, None),
            (PageTablesBytes, None),
        ] {
            assert_eq!(calls(resource), expected, "{resource}");
        }
        // A new kind of descriptor or mapping needs no row.
        for kind in Fds.kinds().chain(Mappings.kinds()) {
            assert!(calls(kind).is_some(), "{kind}");
        }
    }
}
