//! What is planted for each policy.

/// What is wrong for the sake of a policy, and the same made right.
#[derive(Debug)]
pub(crate) struct Cause {
    pub(crate) policy: &'static str,
    /// What the budget allows, as its file has it.
    pub(crate) bound: &'static str,
    pub(crate) planted: By,
    pub(crate) removed: By,
    /// Words that the gate's sentence has.
    pub(crate) told: &'static [&'static str],
}

/// What a recording is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By {
    /// A run of the builtin runtime with more flags, and a name for it.
    Builtin(&'static str, &'static [&'static str]),
    /// A run of `examples/leakbench-leaky.rs`, of which each module leaves something behind.
    Driver(&'static str),
    /// An observation of a process with a habit.
    Victim(&'static str),
}

const KEPT: By = By::Builtin("kept", &["--on-drop", "keep"]);
/// Nothing is wrong.
pub(crate) const PURGED: By = By::Builtin("purged", &["--on-drop", "purge"]);
const QUEUED: By = By::Builtin("queued", &["--decommit-batch", "16"]);
const FLUSHED: By = By::Builtin("flushed", &["--decommit-batch", "16", "--flush-on-drop"]);

pub(crate) const BUILTIN: &[Cause] = &[
    Cause {
        policy: "lingering-at-end",
        bound: "max = 0",
        planted: KEPT,
        removed: PURGED,
        // All slots were used.
        told: &["50 images lingering at the end, budget 0", "(affine)"],
    },
    Cause {
        policy: "lingering-by-reason",
        bound: "queued-slot = 0",
        planted: QUEUED,
        removed: FLUSHED,
        // 200 is 12 batches of 16 and 8 more.
        told: &["8 by queued-slot, budget 0"],
    },
    Cause {
        policy: "late-releases",
        // A sample that reads `maps` now and then makes a release late.
        bound: "max-share = 0.1",
        planted: QUEUED,
        removed: FLUSHED,
        told: &["of 200 images released after the drop of the module had returned", "budget 10 %"],
    },
];

/// A cause of which each module leaves something behind.
const fn left(
    policy: &'static str,
    bound: &'static str,
    leaves: &'static str,
    told: &'static [&'static str],
) -> Cause {
    let (planted, removed) = (By::Driver(leaves), By::Driver("nothing"));
    Cause { policy, bound, planted, removed, told }
}

/// Peaks are held against a run without the cause: how much a process needs is the machine's.
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
    // Of all drops, so that one that was held up says nothing.
    left(
        "time-to-release",
        "p50-us = 5000",
        "nothing-slowly",
        &["from drop to release: median ", " ms, budget 5.0 ms"],
    ),
    left("unaccounted", "max = 0", "descriptor", &["budget 0", "more descriptors at the end"]),
    left(
        "slope-mappings",
        "max-per-1000-cycles = 1500",
        "mappings",
        &["mappings in 1,000", "goes on"],
    ),
    left(
        "slope-fds",
        "max-per-1000-cycles = 900",
        "descriptor",
        &["descriptors in 1,000 cycles", "and goes on"],
    ),
    left(
        "slope-rss-bytes",
        "max-per-1000-cycles = 1_000_000",
        "memory",
        &["MiB resident in 1,000 cycles", "and goes on"],
    ),
    left(
        "slope-page-tables-bytes",
        "max-per-1000-cycles = 1_000_000",
        "page-table",
        &["MiB of page tables in 1,000 cycles", "and goes on"],
    ),
    left("peak-mappings", PEAK, "mappings", &["mappings at the most", "(1.5 of the "]),
    left("peak-fds", PEAK, "descriptor", &["descriptors at the most", "(1.5 of the "]),
    left("peak-rss-bytes", PEAK, "memory", &["MiB resident at the most", "(1.5 of the "]),
    left(
        "peak-shmem-bytes",
        PEAK,
        "shared-memory",
        &["of resident shared memory at the most", "(1.5 of the "],
    ),
    left(
        "peak-page-tables-bytes",
        PEAK,
        "page-table",
        &["MiB of page tables at the most", "(1.5 of the "],
    ),
    // Some thirty times as long; less on a busy machine, where barriers take most of the time.
    left(
        "throughput",
        "min-ratio = 0.5",
        "nothing-slowly",
        &["of 1 baseline run, budget 0.5", "effect large"],
    ),
];

pub(crate) const OBSERVED: &[Cause] = &[Cause {
    policy: "growth",
    bound: "max = 0",
    planted: By::Victim("memfds"),
    removed: By::Victim("idle"),
    told: &["memfd", "/memfd:leaked"],
}];
