//! The planted kinds: the run of each, and what the judge must find there.

use leakbench_model::{Reason, Resource};

/// A run with a plant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// What the subject leaves behind, in words.
    pub(super) what: &'static str,
    /// Slots of the pool.
    pub(super) slots: &'static str,
    /// Flags of the run, beside those of all cases.
    pub(super) flags: &'static [&'static str],
    pub(super) expected: Expected,
}

/// The finding that a run must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Images linger, held so; at the end exactly those that the subject kept.
    Lingering(Reason),
    /// A resource grows with the cycles.
    Growth(Resource),
    /// Guests left descriptors open.
    GuestDescriptors,
    /// Images are released late. A barrier may find some that linger.
    Late,
    /// None: the run is clean.
    Nothing,
}

/// Flags of all cases. There are barriers enough for a trend.
pub(super) const FLAGS: &[&str] =
    &["--processes", "1", "--cycles", "3000", "--barriers", "40", "--settle-ms", "20"];

/// Few slots, so that all have been used soon.
const FEW: &str = "8";
/// So many slots that a slot is rarely taken again before the next barrier.
const MANY: &str = "1000";

macro_rules! cases {
    ($($name:literal, $what:literal: $expected:expr, $slots:expr, [$($flag:literal),*];)+) => {
        /// Every case.
        pub(crate) const CASES: &[Case] = &[$(
            Case { name: $name, what: $what, expected: $expected, slots: $slots, flags: &[$($flag),*] },
        )+];
    };
}

use Expected::{Growth, GuestDescriptors, Late, Lingering, Nothing};

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
    "slow-release", "another thread closes a descriptor after 50 ms":
        Nothing, FEW, ["--plant", "slow-release"];
    "reservation", "1 TiB of address space is reserved":
        Nothing, FEW, ["--plant", "reservation"];
    "second-pool", "64 slots of another pool are mapped anew in turn":
        Nothing, FEW, ["--plant", "second-pool"];
}

impl Expected {
    /// True if the subject leaves more behind with each cycle.
    pub(super) fn is_leak(self) -> bool {
        self != Nothing
    }

    /// The finding in words.
    pub(super) fn in_words(self) -> String {
        match self {
            Lingering(reason) => format!("images held by {}", reason.plural()),
            Growth(resource) => format!("growth of {}", resource.noun()),
            GuestDescriptors => "descriptors of dropped guests".to_owned(),
            Late => "late releases".to_owned(),
            Nothing => "nothing".to_owned(),
        }
    }

    /// True if the runs need a module with WASI.
    pub(super) fn needs_wasi(self) -> bool {
        self == GuestDescriptors
    }
}

#[cfg(test)]
mod tests {
    use leakbench_scenarios::Plant;

    use super::*;

    #[test]
    fn the_cases_of_the_short_test_exist() {
        for name in super::super::SHORT {
            assert!(CASES.iter().any(|case| case.name == name), "{name}");
        }
    }

    #[test]
    fn every_plant_has_a_case_that_agrees() {
        for plant in Plant::ALL {
            let mut with_plant = CASES.iter().filter(|case| case.flags.contains(&plant.as_str()));
            assert!(with_plant.clone().count() > 0, "no case has {plant}");
            assert!(with_plant.all(|case| case.expected.is_leak() == plant.is_leak()), "{plant}");
        }
    }
}
