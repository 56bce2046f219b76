//! Cases of observations: a program keeps objects of one kind, at moments at random.

use leakbench_model::Resource::*;

use super::Expected::{Filling, Leak, Nothing};
use super::{Beside, Case, TrialKind};

macro_rules! beside {
    () => {
        Beside::All
    };
    ($beside:ident) => {
        Beside::$beside
    };
}

/// The name of a case is that of its habit after this.
macro_rules! cases {
    ($($habit:literal, $what:literal: $expected:expr $(, beside $beside:ident)?;)+) => {
        /// Every case.
        pub(super) const CASES: &[Case] = &[$(
            Case {
                name: concat!("exec-", $habit),
                what: $what,
                expected: $expected,
                trial: TrialKind::Observation {
                    habit: $habit,
                    beside: beside!($($beside)?),
                },
            },
        )+];
    };
}

cases! {
    "files", "a file stays open": Leak(&[FileFds]);
    "deleted-files", "a file without a name stays open": Leak(&[DeletedFileFds]);
    "memfds", "a memfd stays open": Leak(&[Memfds, MemfdFds]);
    "sockets", "a UDP socket stays open": Leak(&[SocketFds]);
    "connections", "both ends of a connection stay open": Leak(&[SocketFds]);
    "close-wait", "a connection that the other end closed stays open": Leak(&[SocketFds]);
    "ports", "the same for longer, so that its port is seen": Leak(&[SocketFds, EphemeralPorts]);
    "pipes", "a pipe stays open": Leak(&[PipeFds]);
    "posix-queues", "a POSIX message queue stays open":
        Leak(&[PosixQueueFds, PosixQueueBytes]), beside OtherLimits;
    "events", "an eventfd stays open": Leak(&[EventFds]);
    "timers", "a timerfd stays open": Leak(&[TimerFds]);
    "epolls", "an epoll descriptor stays open": Leak(&[EpollFds]);
    "pidfds", "a pidfd stays open": Leak(&[PidFds]);
    "inotifies", "an inotify descriptor stays open": Leak(&[InotifyFds]), beside OtherLimits;
    "signalfds", "a signalfd stays open": Leak(&[SignalFds]);
    "ptys", "a pseudoterminal stays open": Leak(&[PtyFds]);
    "rings", "an io_uring stays open": Leak(&[IoUringFds]);
    "bpf-maps", "a BPF map stays open": Leak(&[BpfFds]);
    "perf-events", "a perf event stays open": Leak(&[PerfEventFds]);
    "namespaces", "a descriptor of a namespace stays open": Leak(&[OtherFds]);
    "watches", "an inotify descriptor gets one more watch": Leak(&[InotifyWatches]);
    "in-flight", "a descriptor was sent over a socket and never received": Leak(&[FdsInFlight]);
    "file-mappings", "a page of a file stays mapped": Leak(&[FileMappings]);
    "mapped-memfds", "a memfd stays mapped": Leak(&[Memfds, MemfdMappings]);
    "anonymous-mappings", "a page stays mapped": Leak(&[AnonymousMappings]);
    "executable-mappings", "a page of code stays mapped": Leak(&[ExecutableMappings]);
    "guard-mappings", "a page and one without access before it stay mapped":
        Leak(&[AnonymousMappings, ReservedMappings]);
    "deleted-growth", "a file without a name grows by 256 KiB": Leak(&[DeletedBytes]);
    "memfd-growth", "a memfd that is not mapped grows by 256 KiB": Leak(&[UnmappedMemfdBytes]);
    "tmpfs-growth", "a file in memory grows by 256 KiB": Leak(&[TmpfsBytes]);
    "heap", "64 KiB of the heap stay allocated": Leak(&[AnonymousBytes, RssBytes]);
    "shared-memory", "256 KiB of shared memory stay mapped": Leak(&[Memfds, ShmemBytes, SharedBytes]);
    "locked-memory", "16 KiB more of a mapping are locked": Leak(&[LockedBytes]);
    "huge-pages", "a huge page stays mapped": Leak(&[HugetlbBytes]);
    "threads", "a thread stays and sleeps": Leak(&[Threads]);
    "children", "a child process goes on": Leak(&[Children]);
    "zombies", "a child that has ended is not waited for": Leak(&[Zombies]);
    "segments", "a System V segment of 64 KiB stays attached": Leak(&[SysvSegments, SysvBytes]);
    "semaphores", "a System V semaphore set stays": Leak(&[SysvSemaphores]);
    "queues", "a System V message queue stays": Leak(&[SysvQueues]);
    "keys", "a key stays in the keyring of the process": Leak(&[UserKeys]), beside None;
    "bounded-cache", "the last 20 files stay open": Nothing;
    "warm-up", "the first 20 files stay open": Nothing;
    "slow-settle", "objects stay, ever fewer, until there are 30": Nothing;
    "sawtooth", "objects stay until there are 12, and are closed together": Nothing;
    "churn", "the last 8 objects of two kinds stay open": Nothing;
    "traffic", "a socket is closed after 40 more were opened": Nothing;
    "watch-churn", "a watch is added and removed": Nothing;
    "memfd-rewrite", "a memfd is written again and again": Nothing;
    "reservation", "32 MiB of address space are reserved": Nothing;
    "page-tables", "a page of a large mapping is touched, which costs a page table": Nothing;
    "filling", "64 KiB more of a pool of 1 GiB are used": Filling(AnonymousBytes);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use leakbench_model::Resource;

    use super::*;
    use crate::subjects::habits::is_habit;

    /// No program without privileges can leak these, or their growth is no leak by itself.
    const WITHOUT_CASE: [Resource; 10] = [
        // Sums of others.
        Fds,
        Mappings,
        // A process has one stack that the kernel knows as such.
        StackMappings,
        // Mapped and not used is a reservation.
        AddressSpaceBytes,
        WritableBytes,
        // The kernel reclaims it.
        FileBytes,
        // The kernel chooses what it swaps.
        SwapBytes,
        // They fill an address space that is mapped, or grow with what is resident.
        PageTablesBytes,
        RssBytes,
        SharedBytes,
    ];

    #[test]
    fn each_case_has_its_habit() {
        for case in CASES {
            let TrialKind::Observation { habit, .. } = case.trial else { panic!("{}", case.name) };
            assert!(is_habit(habit), "{habit}");
        }
    }

    #[test]
    fn every_resource_has_a_case() {
        let found = CASES.iter().filter_map(|case| match case.expected {
            Leak(resources) => Some(resources.iter().copied()),
            _ => None,
        });
        let mut found: BTreeSet<Resource> = found.flatten().collect();
        found.extend(WITHOUT_CASE);
        for resource in Resource::ALL {
            assert!(found.contains(&resource), "{resource} has no case");
        }
    }
}
