//! Suspects: which leaks are one leak, and which limit it meets first.

use leakbench_model::{Resource, Verdict};
use leakbench_recording::observation::*;

use super::{class, diagnosed};
use crate::fixtures::observation::*;

#[test]
fn a_kind_is_the_suspect_and_its_total_has_the_limit() {
    let diagnosis = diagnosed(&socket_leak());
    let [suspect] = diagnosis.suspects.as_slice() else {
        panic!("one leak: {:?}", diagnosis.suspects);
    };
    assert_eq!(suspect.resource, Resource::SocketFds);
    assert_eq!(suspect.evidence, [Resource::Fds]);
    let meets = suspect.forecast.as_ref().expect("a limit of descriptors");
    assert_eq!(meets.limit.name, "RLIMIT_NOFILE");
    // 12 and 59 × 12 of 1,024 are there at the last sample.
    assert!((meets.seconds - (1_024.0 - 12.0 - 59.0 * 12.0) / 12.0).abs() < 0.1, "{meets:?}");
    assert_eq!(
        diagnosis.judgement.findings[0].message,
        "socket descriptors grow by 12.0 ± 0.0 a second (95 % CI); RLIMIT_NOFILE (1,024) is \
         reached in 25 s"
    );
}

#[test]
fn the_latest_limit_that_leaves_least_room_is_met() {
    let limit = |max, name: &str, others| {
        let (resource, name) = (Resource::Threads, name.to_owned());
        Limit { resource, max, name, others }
    };
    let limits = |at_ms, limits| ObservationRecord::Limits(Limits { at_ms, limits });
    let recording = attached(|second| vec![(Resource::Threads, second)]);
    let forecast = |recording: &ObservationRecording| {
        let diagnosis = diagnosed(recording);
        let forecast = diagnosis.suspects[0].forecast.clone();
        forecast.map(|met| (met.limit.name, met.seconds.round() as u64))
    };
    // 1,000 at the start, of which others have 312.
    assert_eq!(forecast(&recording), Some(("pids.max of /system.slice/x".to_owned(), 625)));
    let recording = with(recording, limits(20_000, vec![limit(70, "RLIMIT_NPROC", 0)]));
    // 4 and 59 are there at the last sample.
    assert_eq!(forecast(&recording), Some(("RLIMIT_NPROC".to_owned(), 7)));
    let later = vec![limit(1_000, "RLIMIT_NPROC", 0), limit(2_000, "pids.max of /x", 1_900)];
    let recording = with(recording, limits(40_000, later));
    assert_eq!(forecast(&recording), Some(("pids.max of /x".to_owned(), 37)));
}

#[test]
fn a_memfd_leak_is_one_suspect_however_many_ways_it_shows() {
    let diagnosis = diagnosed(&memfd_leak());
    let [suspect] = diagnosis.suspects.as_slice() else {
        panic!("one leak: {:?}", diagnosis.suspects);
    };
    assert_eq!(suspect.resource, Resource::Memfds);
    for shown in [Resource::MemfdFds, Resource::MemfdMappings, Resource::ShmemBytes] {
        assert!(suspect.evidence.contains(&shown), "{:?}", suspect.evidence);
    }
    let meets = suspect.forecast.as_ref().expect("limits");
    // 432 of 512 MiB are left at one a second, 894 of 1,024 descriptors at two.
    assert_eq!(meets.limit.resource, Resource::RssBytes, "{meets:?}");
    assert!((meets.seconds - 432.0).abs() < 0.1, "{meets:?}");
}

#[test]
fn two_leaks_are_two_suspects_and_the_one_that_ends_sooner_is_first() {
    let diagnosis = diagnosed(&attached(|s| {
        vec![
            (Resource::Fds, 2 * s),
            (Resource::EventFds, 2 * s),
            (Resource::AnonymousBytes, 8 * s * MIB),
            (Resource::RssBytes, 8 * s * MIB),
            (Resource::AddressSpaceBytes, 8 * s * MIB),
            // At other times than the eventfd descriptors.
            (Resource::Zombies, s * s / 120),
        ]
    }));
    let suspects: Vec<Resource> =
        diagnosis.suspects.iter().map(|suspect| suspect.resource).collect();
    // Memory reaches its limit first, descriptors in seven minutes, and zombies have no limit.
    assert_eq!(suspects, [Resource::AnonymousBytes, Resource::EventFds, Resource::Zombies]);
    let memory = diagnosis.suspects[0].forecast.as_ref().expect("a limit of memory");
    // Pages of files do not count.
    assert!((memory.seconds - (512.0 - 21.0 - 8.0 * 59.0) / 8.0).abs() < 0.1, "{memory:?}");
    // The address space is filled: it is no reservation.
    assert_eq!(class(&diagnosis, Resource::AddressSpaceBytes), Some(ResourceClass::Leak));
}

/// The suspects of a process whose resources grow so, each with its evidence.
fn suspects(more: impl Fn(u64) -> Vec<(Resource, u64)>) -> Vec<(Resource, Vec<Resource>)> {
    let diagnosis = diagnosed(&attached(more));
    diagnosis.suspects.into_iter().map(|it| (it.resource, it.evidence)).collect()
}

#[test]
fn resources_that_grow_together_are_one_suspect() {
    // At irregular times, as of requests.
    let events = |s: u64| s * s / 40 + s % 3;
    let pairs = suspects(|s| {
        let events = events(s);
        vec![
            (Resource::Fds, 2 * events),
            (Resource::EventFds, events),
            (Resource::EpollFds, events),
        ]
    });
    assert_eq!(pairs, [(Resource::EventFds, vec![Resource::EpollFds, Resource::Fds])]);
    let threads = suspects(|s| {
        let events = events(s);
        vec![
            (Resource::Threads, events),
            (Resource::Fds, events),
            (Resource::InotifyFds, events),
            (Resource::Zombies, s),
        ]
    });
    let watchers = (Resource::Threads, vec![Resource::InotifyFds, Resource::Fds]);
    assert_eq!(threads.len(), 2, "{threads:?}");
    assert!(threads.contains(&watchers), "{threads:?}");
    let children = suspects(|s| {
        let events = events(s);
        vec![
            (Resource::Children, events),
            (Resource::Fds, 3 * events),
            (Resource::PipeFds, 3 * events),
            (Resource::Threads, events),
            (Resource::AnonymousBytes, 5 * events * MIB),
            (Resource::RssBytes, 5 * events * MIB),
        ]
    });
    assert_eq!(children.len(), 1, "{children:?}");
    assert_eq!(children[0].0, Resource::Children);
}

#[test]
fn objects_explain_their_memory_but_not_more() {
    let with_memory = |each: u64| {
        suspects(move |s| {
            vec![
                (Resource::Fds, 3 * s),
                (Resource::SocketFds, 3 * s),
                (Resource::AnonymousBytes, 3 * s * each),
                (Resource::RssBytes, 3 * s * each),
                (Resource::AddressSpaceBytes, 3 * s * each),
            ]
        })
    };
    let objects = with_memory(60 << 10);
    assert_eq!(objects.len(), 1, "{objects:?}");
    assert_eq!(objects[0].0, Resource::SocketFds);
    assert_eq!(with_memory(4 << 20).len(), 2);
}

#[test]
fn a_total_belongs_to_the_kind_that_has_most_of_it() {
    let kinds = suspects(|s| {
        let pipes = s * s / 10;
        vec![(Resource::Fds, s + pipes), (Resource::SocketFds, s), (Resource::PipeFds, pipes)]
    });
    let pipes = (Resource::PipeFds, vec![Resource::Fds]);
    assert!(kinds.contains(&pipes) && kinds.contains(&(Resource::SocketFds, vec![])), "{kinds:?}");
}

#[test]
fn limits_of_each_process_say_nothing_of_the_sum_over_a_tree() {
    let mut recording = socket_leak();
    for record in &mut recording.records {
        if let ObservationRecord::Sample(sample) = record {
            sample.processes = 3;
            // They take turns, and each has few.
            let nearest = sample.nearest.get_mut(&Resource::Fds).expect("a limit");
            (nearest.pid, nearest.amount) = (sample.at_ms as u32, 12);
        }
    }
    let diagnosis = diagnosed(&recording);
    assert_eq!(diagnosis.judgement.verdict, Verdict::Leak);
    assert_eq!(diagnosis.suspects[0].forecast, None);
}
