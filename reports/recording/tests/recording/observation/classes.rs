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
