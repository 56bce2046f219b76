//! The class of each resource.

use leakbench_model::{Resource, Verdict};
use leakbench_recording::observation::*;

use super::{class, diagnosed};
use crate::fixtures::observation::*;

#[test]
fn growth_that_is_no_leak_has_its_class() {
    let diagnosis = diagnosed(&healthy());
    for (resource, expected) in [
        (Resource::PipeFds, ResourceClass::Sawtooth),
        (Resource::AnonymousBytes, ResourceClass::Bounded),
        (Resource::AddressSpaceBytes, ResourceClass::Reservation),
        (Resource::Threads, ResourceClass::Flat),
    ] {
        assert_eq!(class(&diagnosis, resource), Some(expected), "{resource:?}");
    }
    let space = diagnosis.account(Resource::AddressSpaceBytes).expect("it was seen");
    assert!(space.seconds_to_limit.is_some(), "a reservation has a forecast");
    assert!(diagnosis.suspects.is_empty());

    // Reserved mappings without end are a leak of mappings.
    let reserved =
        diagnosed(&attached(|s| vec![(Resource::ReservedMappings, s), (Resource::Mappings, s)]));
    assert_eq!(reserved.suspects[0].resource, Resource::ReservedMappings);
}

/// A young generation, a buffer pool, a pool of slots.
#[test]
fn memory_that_fills_its_mappings_is_no_leak_and_has_a_ceiling() {
    for (resident, mapped) in [
        (Resource::AnonymousBytes, Resource::WritableBytes),
        (Resource::ShmemBytes, Resource::SharedBytes),
    ] {
        let used = |s| vec![(resident, 2 * s * MIB), (Resource::RssBytes, 2 * s * MIB)];
        let filling = diagnosed(&attached(|s| [used(s), vec![(mapped, 400 * MIB)]].concat()));
        assert_eq!(class(&filling, resident), Some(ResourceClass::Filling));
        assert_eq!(class(&filling, Resource::RssBytes), Some(ResourceClass::Filling));
        let account = filling.account(resident).expect("it was seen");
        assert_eq!(account.limit.as_ref().map(|limit| limit.max), Some(400 * MIB));
        // A leak within one large mapping looks the same.
        assert_eq!(filling.judgement.verdict, Verdict::Inconclusive);
        let message = &filling.judgement.findings[0].message;
        assert!(
            message.contains("fills what is mapped") && message.contains("--duration "),
            "{message}"
        );

        // Mappings that grow with it are a leak, with one suspect.
        let leak = diagnosed(&attached(|s| [used(s), vec![(mapped, 2 * s * MIB)]].concat()));
        assert_eq!(class(&leak, resident), Some(ResourceClass::Leak));
        let suspects: Vec<Resource> =
            leak.suspects.iter().map(|suspect| suspect.resource).collect();
        assert_eq!(suspects, [resident]);

        // Mappings that grow and are not used are only reserved.
        let reserved = diagnosed(&attached(|s| vec![(mapped, 2 * s * MIB)]));
        assert_eq!(class(&reserved, mapped), Some(ResourceClass::Reservation));
        assert_eq!(reserved.judgement.verdict, Verdict::Clean);
    }
}

/// As of a process whose `maps` only its user may read.
#[test]
fn memory_that_fills_its_address_space_is_no_leak_and_has_a_ceiling() {
    let grown = |mapped_each: u64| {
        diagnosed(&attached(move |s| {
            vec![
                (Resource::AnonymousBytes, 2 * s * MIB),
                (Resource::RssBytes, 2 * s * MIB),
                (Resource::AddressSpaceBytes, mapped_each * s),
            ]
        }))
    };
    let filling = grown(0);
    assert_eq!(class(&filling, Resource::AnonymousBytes), Some(ResourceClass::Filling));
    assert_eq!(class(&filling, Resource::RssBytes), Some(ResourceClass::Filling));
    let account = filling.account(Resource::AnonymousBytes).expect("it was seen");
    assert_eq!(account.limit.as_ref().map(|limit| limit.max), Some(900 * MIB));
    assert_eq!(filling.judgement.verdict, Verdict::Inconclusive);
    // Address space that grows with it is a leak.
    let leak = grown(2 * MIB);
    assert_eq!(class(&leak, Resource::AnonymousBytes), Some(ResourceClass::Leak));
    assert_eq!(leak.judgement.verdict, Verdict::Leak);
}

#[test]
fn reclaimable_and_swapped_memory_is_no_leak() {
    let files = diagnosed(&attached(|s| {
        vec![(Resource::FileBytes, s * MIB), (Resource::RssBytes, s * MIB)]
    }));
    assert_eq!(files.judgement.verdict, Verdict::Clean);
    assert_eq!(class(&files, Resource::FileBytes), Some(ResourceClass::Bounded));

    // Of 1,000 MiB more and more is swapped out.
    let swapped = diagnosed(&attached(|s| {
        let out = 10 * s * MIB;
        let resident = 1_000 * MIB - out;
        vec![
            (Resource::SwapBytes, out),
            (Resource::RssBytes, resident),
            (Resource::AnonymousBytes, resident),
        ]
    }));
    assert_eq!(swapped.judgement.verdict, Verdict::Clean);

    // Memory that grows and is swapped out at once is a leak.
    let swapping = diagnosed(&attached(|s| vec![(Resource::SwapBytes, 10 * s * MIB)]));
    assert_eq!(swapping.suspects[0].resource, Resource::SwapBytes);

    // Less than a MiB of growth cannot be separated from the allocator's steps.
    let little = diagnosed(&attached(|s| {
        vec![(Resource::AnonymousBytes, s * 16_384), (Resource::RssBytes, s * 16_384)]
    }));
    assert_eq!(little.judgement.verdict, Verdict::Clean);
}

/// As in a JavaScript engine before its first full collection: a chunk every five seconds, and
/// memory that small collections give back in between.
#[test]
fn the_chunks_of_a_heap_are_judged_by_their_memory() {
    let chunks = |bytes_each: u64| {
        attached(move |s| {
            let (chunks, waves) = (s / 5, [0, 3, 1, 4, 2][(s % 5) as usize]);
            let bytes = chunks * bytes_each + waves * 300 * (bytes_each >> 8);
            vec![
                (Resource::AnonymousMappings, chunks),
                (Resource::Mappings, chunks),
                (Resource::AnonymousBytes, bytes),
                (Resource::RssBytes, bytes),
            ]
        })
    };
    let heap = diagnosed(&chunks(100 << 10));
    assert_ne!(heap.judgement.verdict, Verdict::Leak, "{:?}", heap.judgement.findings);
    // Mappings that hold next to nothing are a leak by themselves.
    let mappings = diagnosed(&chunks(4 << 10));
    assert_eq!(mappings.suspects[0].resource, Resource::AnonymousMappings);
}

/// As of a server that replaces its workers: each new one has a mapping or two more than the one before
/// it, and its memory proves neither a leak nor a bound.
#[test]
fn mappings_of_replaced_processes_are_judged_by_their_memory() {
    let mapped = [15, 16, 17, 20, 25, 34, 34, 35, 42, 54, 59];
    let workers = |bytes_each: u64| {
        attached(move |s| {
            let until = |times: &[u64]| times.iter().filter(|&&time| time <= s).count() as u64;
            let bytes = s * (bytes_each >> 6) + until(&[20, 25, 34]) * bytes_each;
            vec![
                (Resource::AnonymousMappings, until(&mapped)),
                (Resource::Mappings, until(&mapped)),
                (Resource::AddressSpaceBytes, 8 * s * MIB),
                (Resource::AnonymousBytes, bytes),
                (Resource::RssBytes, bytes),
            ]
        })
    };
    let replaced = diagnosed(&workers(1_640 << 10));
    assert_eq!(class(&replaced, Resource::AnonymousBytes), Some(ResourceClass::Inconclusive));
    assert_eq!(class(&replaced, Resource::AnonymousMappings), Some(ResourceClass::Inconclusive));
    assert_eq!(replaced.judgement.verdict, Verdict::Inconclusive);
    // The control: mappings that hold next to nothing.
    let mappings = diagnosed(&workers(0));
    assert_eq!(class(&mappings, Resource::AnonymousMappings), Some(ResourceClass::Leak));
}

#[test]
fn a_total_without_a_leaking_kind_is_inconclusive() {
    // Each kind grows by no more than its noise.
    let few = |s: u64, from: u64| s.saturating_sub(from) / 12;
    let diagnosis = diagnosed(&attached(|s| {
        let kinds = [Resource::FileFds, Resource::SocketFds, Resource::PipeFds];
        let mut amounts: Vec<(Resource, u64)> =
            kinds.into_iter().zip([12, 16, 20]).map(|(kind, from)| (kind, few(s, from))).collect();
        amounts.push((Resource::Fds, amounts.iter().map(|(_, amount)| amount).sum()));
        amounts
    }));
    assert_eq!(diagnosis.judgement.verdict, Verdict::Inconclusive);
    assert_eq!(class(&diagnosis, Resource::Fds), Some(ResourceClass::Inconclusive));
}

#[test]
fn page_tables_alone_are_no_leak() {
    let tables = |s: u64| vec![(Resource::PageTablesBytes, s * (64 << 10))];
    let within = diagnosed(&attached(|s| {
        [tables(s), vec![(Resource::AddressSpaceBytes, 8 << 30)]].concat()
    }));
    assert_eq!(class(&within, Resource::PageTablesBytes), Some(ResourceClass::Filling));
    assert_eq!(within.judgement.verdict, Verdict::Clean, "{:?}", within.judgement.findings);
    let account = within.account(Resource::PageTablesBytes).expect("it was seen");
    assert!(account.limit.as_ref().is_some_and(|limit| limit.max > 16 * MIB));
    // Small mappings of several processes, each with page tables for its ends: 1.9 MiB of them in 900 MiB.
    let small = diagnosed(&attached(|s| {
        vec![(Resource::PageTablesBytes, (1 << 20) + s * (16 << 10)), (Resource::Mappings, 500)]
    }));
    assert_eq!(class(&small, Resource::PageTablesBytes), Some(ResourceClass::Filling));
    assert_eq!(small.judgement.verdict, Verdict::Clean, "{:?}", small.judgement.findings);
    // With address space that grows they have no bound.
    let beyond = diagnosed(&attached(|s| {
        [tables(s), vec![(Resource::AddressSpaceBytes, s * (32 << 20))]].concat()
    }));
    assert_ne!(class(&beyond, Resource::PageTablesBytes), Some(ResourceClass::Leak));
    assert_eq!(beyond.judgement.verdict, Verdict::Inconclusive);
}
