//! Cases of runs: the built-in subject leaves objects behind, in cycles at random.

use leakbench_model::{Reason, Resource};

use super::Expected::{Growth, GuestDescriptors, Late, Lingering, Nothing};
use super::{Case, TrialKind};

/// Flags of all cases. There are barriers enough for a trend.
pub(in crate::selftest) const FLAGS: &[&str] =
    &["--processes", "1", "--cycles", "3000", "--barriers", "40", "--settle-ms", "20"];

/// Few slots, so that all have been used soon.
const FEW: &str = "8";
/// So many slots that a slot is rarely taken again before the next barrier.
const MANY: &str = "1000";

macro_rules! cases {
    ($($name:literal, $what:literal: $expected:expr, $slots:expr, [$($flag:literal),*];)+) => {
        /// Every case.
        pub(super) const CASES: &[Case] = &[$(
            Case {
                name: $name,
                what: $what,
                expected: $expected,
                trial: TrialKind::Run { slots: $slots, flags: &[$($flag),*] },
            },
        )+];
    };
}

cases! {
    "skipped-purge", "a drop does not purge the slots of its module":
        Lingering(Reason::AffineSlot), MANY, ["--plant", "skipped-purge"];
    "missed-slot", "a purge misses one of four slots, and the pool believes that it did not":
        Lingering(Reason::ColdSlot), MANY, ["--plant", "missed-slot", "--instances", "4"];
    "wrong-purge", "a drop purges the slots of another module":
        Lingering(Reason::AffineSlot), MANY, ["--plant", "wrong-purge"];
    "queue-not-flushed", "a drop misses the slots that wait in the decommit queue":
        Lingering(Reason::QueuedSlot), MANY, ["--decommit-batch", "16"];
    "late-flush", "a drop empties the decommit queue after its purge":
        Lingering(Reason::AffineSlot), MANY,
        ["--plant", "late-flush", "--decommit-batch", "4", "--flush-on-drop"];
    "image-descriptor", "the image is open by a second descriptor":
        Lingering(Reason::DescriptorOnly), FEW, ["--plant", "image-descriptor"];
    "image-queue", "images stay open until there are 400, and are closed together":
        Lingering(Reason::DescriptorOnly), FEW, ["--plant", "image-queue"];
    "image-mapping", "the image is mapped a second time":
        Lingering(Reason::OtherMapping), FEW, ["--plant", "image-mapping"];
    "image-in-flight", "the image was sent over a socket and never received":
        Lingering(Reason::NotInSubject), FEW, ["--plant", "image-in-flight"];
    "image-in-child", "a child process has inherited the image":
        Lingering(Reason::NotInSubject), FEW, ["--plant", "image-in-child"];
    "image-late", "another thread keeps the image for 5 ms":
        Late, FEW, ["--plant", "image-late"];
    "image-very-late", "another thread keeps the image for half a second":
        Late, FEW, ["--plant", "image-very-late"];
    "error-of-compiling", "a failed compilation leaves a descriptor open":
        Growth(Resource::Fds), FEW, ["--plant", "descriptor-on-error", "--mode", "invalid"];
    "error-of-linking", "an instantiation without an import leaves a descriptor open":
        Growth(Resource::Fds), FEW, ["--plant", "descriptor-on-error", "--mode", "missing-import"];
    "error-of-starting", "a start function that traps leaves a descriptor open":
        Growth(Resource::Fds), FEW, ["--plant", "descriptor-on-error", "--mode", "start-trap"];
    "trap", "a call that traps leaves a descriptor open":
        Growth(Resource::Fds), FEW, ["--plant", "descriptor-on-error", "--mode", "trap"];
    "out-of-slots", "an instantiation without a slot leaves a descriptor open":
        Growth(Resource::Fds), FEW, ["--plant", "descriptor-on-error", "--mode", "out-of-slots"];
    "wasi-context", "the WASI context of an instance stays, with its folder":
        GuestDescriptors, FEW, ["--plant", "wasi-context"];
    "renumbered-descriptor", "the descriptor that a guest's fd_renumber replaces stays open":
        GuestDescriptors, FEW,
        ["--plant", "renumbered-descriptor", "--wasm", "builtin:fd-renumber", "--dir", "/::/"];
    "mapping-limit", "a module is dropped while the process has every mapping that it may have":
        Lingering(Reason::UnknownSlot), MANY, ["--plant", "mapping-limit"];
    "engine", "the engine of a module stays, with its pool":
        Growth(Resource::Mappings), FEW, ["--plant", "engine", "--mode", "own-engine"];
    "instance-memory", "the memory of each instance stays mapped, in three mappings":
        Growth(Resource::Mappings), FEW, ["--plant", "instance-memory"];
    "resident-page", "a page of a reserved mapping stays resident in each cycle":
        Growth(Resource::RssBytes), FEW, ["--plant", "resident-page"];
    "descriptor", "a descriptor of another file stays open":
        Growth(Resource::Fds), FEW, ["--plant", "descriptor"];
    "code-mapping", "a page of code stays mapped":
        Growth(Resource::Mappings), FEW, ["--plant", "code-mapping"];
    "guard-mapping", "a page without access stays mapped":
        Growth(Resource::Mappings), FEW, ["--plant", "guard-mapping"];
    "split-mapping", "a mapping is split by the protection of a page":
        Growth(Resource::Mappings), FEW, ["--plant", "split-mapping"];
    "thread", "a thread stays and sleeps":
        Growth(Resource::Threads), FEW, ["--plant", "thread"];
    "heap", "1 MiB of the heap stays allocated":
        Growth(Resource::RssBytes), FEW, ["--plant", "heap"];
    "page-table", "a page of a large mapping is touched, which costs a page table":
        Growth(Resource::PageTablesBytes), FEW, ["--plant", "page-table"];
    "cache", "the last 32 objects stay":
        Nothing, FEW, ["--plant", "cache"];
    "warm-up", "the first 32 objects stay":
        Nothing, FEW, ["--plant", "warm-up"];
    "sawtooth", "objects stay until there are 40, and are released together":
        Nothing, FEW, ["--plant", "sawtooth"];
    "slow-release", "another thread closes a descriptor after 5 ms":
        Nothing, FEW, ["--plant", "slow-release"];
    "reservation", "1 TiB of address space is reserved":
        Nothing, FEW, ["--plant", "reservation"];
    "second-pool", "64 slots of another pool are mapped anew in turn":
        Nothing, FEW, ["--plant", "second-pool"];
}

#[cfg(test)]
mod tests {
    use leakbench_scenarios::Plant;

    use super::*;

    #[test]
    fn every_plant_has_a_case_that_agrees() {
        for plant in Plant::ALL {
            let has_plant = |case: &&Case| match case.trial {
                TrialKind::Run { flags, .. } => flags.contains(&plant.as_str()),
                TrialKind::Observation { .. } => false,
            };
            let mut with_plant = CASES.iter().filter(has_plant);
            assert!(with_plant.clone().count() > 0, "no case has {plant}");
            assert!(with_plant.all(|case| case.expected.is_leak() == plant.is_leak()), "{plant}");
        }
    }
}
