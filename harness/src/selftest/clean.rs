//! Runs without a plant, of many kinds.

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

/// The flags of a run without a leak, chosen by the seed.
pub(super) fn flags(seed: u64) -> Vec<String> {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut flags = Vec::new();
    let mut add = |flag: &str, value: &str| flags.extend([flag.to_owned(), value.to_owned()]);
    let mut choose = |values: &[&'static str]| *values.choose(&mut rng).unwrap_or(&"");
    add("--strategy", choose(&["next-available", "random", "reuse-affinity", "warm-lru"]));
    let threads = choose(&["1", "1", "2", "3"]);
    add("--threads", threads);
    add("--instances", choose(&["1", "1", "2", "5"]));
    add("--live-modules", choose(&["1", "1", "3", "8"]));
    add("--image-size", choose(&["64", "4096", "100000", "300KiB"]));
    add("--slots", choose(&["130", "300", "1000"]));
    add("--cycles", choose(&["300", "1000", "2000"]));
    add("--compile", choose(&["cached", "cached", "cached", "fresh"]));
    add("--allocation", choose(&["pool", "pool", "pool", "on-demand"]));
    add(
        "--mode",
        choose(&["plain", "trap", "grow", "start-trap", "drop-elsewhere", "module-first"]),
    );
    let barriers = choose(&["5", "40"]);
    add("--barriers", barriers);
    if rng.random_ratio(1, 4) {
        add("--decommit-batch", "16");
        add("--flush-on-drop", "on");
    }
    flags
}
