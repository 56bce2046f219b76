//! The planted cause of each policy.

/// A policy with a recording that must fail it, and one that must pass.
#[derive(Debug)]
pub(crate) struct Cause {
    pub(crate) policy: &'static str,
    /// The bound, as a budget file has it.
    pub(crate) bound: &'static str,
    pub(crate) planted: By,
    pub(crate) removed: By,
    /// Parts of the gate's message.
    pub(crate) message: &'static [&'static str],
}

/// The source of a recording.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By {
    /// A run of the builtin runtime: a name, and further flags.
    Builtin(&'static str, &'static [&'static str]),
    /// A run of `examples/leakbench-leaky.rs`: the kind of object that each module leaks.
    Driver(&'static str),
    /// An observed process: the kind of object that it leaks.
    Victim(&'static str),
}

const KEPT: By = By::Builtin("kept", &["--on-drop", "keep"]);
/// A run without a leak.
pub(crate) const PURGED: By = By::Builtin("purged", &["--on-drop", "purge"]);
const QUEUED: By = By::Builtin("queued", &["--decommit-batch", "16"]);
const FLUSHED: By = By::Builtin("flushed", &["--decommit-batch", "16", "--flush-on-drop"]);

pub(crate) const BUILTIN: &[Cause] = &[
    Cause {
        policy: "lingering-at-end",
        bound: "max = 0",
        planted: KEPT,
        removed: PURGED,
        // One image for each slot.
        message: &["50 images lingering at the end, budget 0", "(affine)"],
    },
    Cause {
        policy: "lingering-by-reason",
        bound: "queued-slot = 0",
        planted: QUEUED,
        removed: FLUSHED,
        // 200 cycles are 12 batches of 16, and 8 more.
        message: &["8 images lingering with reason queued-slot, budget 0"],
    },
    Cause {
        policy: "late-releases",
        // A sample that reads `maps` sometimes delays a release.
        bound: "max-share = 0.1",
        planted: QUEUED,
        removed: FLUSHED,
        message: &["released after the drop of their module returned", "budget 10 %"],
    },
];

/// A cause of which each module leaks an object.
const fn left(
    policy: &'static str,
    bound: &'static str,
    leaves: &'static str,
    message: &'static [&'static str],
) -> Cause {
    let (planted, removed) = (By::Driver(leaves), By::Driver("nothing"));
    Cause { policy, bound, planted, removed, message }
}

/// Peaks are compared with a run without the cause: they depend on the machine.
pub(crate) const PEAK: &str = "over-baseline = 1.5";

pub(crate) const DRIVER: &[Cause] = &[
    left(
        "lingering-peak",
        "max = 0",
        "image-for-now",
        &[
            "90 images lingering at the barrier of subject 0 after 90 cycles, budget 0",
            "held by fd ",
        ],
    ),
    // The median, so that one delayed drop does not matter.
    left(
        "time-to-release",
        "p50-us = 5000",
        "nothing-slowly",
        &["median ", " ms from drop to release, budget 5.0 ms"],
    ),
    left("unaccounted", "max = 0", "descriptor", &["budget 0", "more descriptors at the end"]),
    left(
        "slope-mappings",
        "max-per-1000-cycles = 1500",
        "mappings",
        &["mappings in 1,000", "still grows at the end"],
    ),
    left(
        "slope-fds",
        "max-per-1000-cycles = 900",
        "descriptor",
        &["descriptors in 1,000 cycles", "and still grows at the end"],
    ),
    left(
        "slope-rss-bytes",
        "max-per-1000-cycles = 1_000_000",
        "memory",
        &["MiB of resident memory in 1,000 cycles", "and still grows at the end"],
    ),
    left(
        "slope-page-tables-bytes",
        "max-per-1000-cycles = 1_000_000",
        "page-table",
        &["MiB of page tables in 1,000 cycles", "and still grows at the end"],
    ),
    left("peak-mappings", PEAK, "mappings", &["mappings at the peak", "(1.5 of the "]),
    left("peak-fds", PEAK, "descriptor", &["descriptors at the peak", "(1.5 of the "]),
    left("peak-rss-bytes", PEAK, "memory", &["MiB of resident memory at the peak", "(1.5 of the "]),
    left(
        "peak-shmem-bytes",
        PEAK,
        "shared-memory",
        &["of shared memory at the peak", "(1.5 of the "],
    ),
    left(
        "peak-page-tables-bytes",
        PEAK,
        "page-table",
        &["MiB of page tables at the peak", "(1.5 of the "],
    ),
    // About thirty times slower. Two runs at the same time rarely get a fifth of each other's rate.
    left(
        "throughput",
        "min-ratio = 0.2",
        "nothing-slowly",
        &["of 1 baseline run, budget 0.2", "effect large"],
    ),
];

pub(crate) const OBSERVED: &[Cause] = &[Cause {
    policy: "growth",
    bound: "max = 0",
    planted: By::Victim("memfds"),
    removed: By::Victim("idle"),
    message: &["memfd", "/memfd:leaked"],
}];
