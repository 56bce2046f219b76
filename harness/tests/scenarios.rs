//! Built-in scenarios with a fault: each has its verdict because of the fault, and is clean without it.

mod common;

use std::io::Write;

use common::Run;
use leakbench_scenarios::{BUILTIN, BuiltinScenario};

/// The run of a scenario without the lines that begin with one of `keys`.
fn without(scenario: &BuiltinScenario, keys: &[&str]) -> Run {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().expect("a file");
    let is_kept = |line: &&str| !keys.iter().any(|key| line.starts_with(&format!("{key} = ")));
    let lines: Vec<&str> = scenario.toml.lines().filter(is_kept).collect();
    assert!(lines.len() < scenario.toml.lines().count(), "{} has no {keys:?}", scenario.name);
    file.write_all(lines.join("\n").as_bytes()).expect("written");
    let path = file.path().to_str().expect("text");
    Run::undisturbed(|| Run::of(&["--no-config", "--scenario", path]))
}

fn named(name: &str) -> &'static BuiltinScenario {
    BUILTIN.iter().find(|scenario| scenario.name == name).expect("a scenario")
}

/// The messages of all findings.
fn findings(run: &Run) -> String {
    run.result["findings"].to_string()
}

/// The limit of mappings that the machine has.
fn max_map_count() -> u64 {
    let limit = std::fs::read_to_string("/proc/sys/vm/max_map_count").expect("a limit");
    limit.trim().parse().expect("a number")
}

#[test]
fn scenarios_with_a_plant_leak_because_of_it() {
    let planted = BUILTIN.iter().filter(|scenario| scenario.toml.contains("\nplant = "));
    let mut count = 0;
    for scenario in planted {
        // Those that end at a limit have a test each.
        if ["vma-cliff", "memfd-emfile"].contains(&scenario.name) {
            continue;
        }
        count += 1;
        let leaking = Run::of(&["--no-config", "--scenario", scenario.name]);
        assert_eq!((leaking.code, leaking.verdict()), (1, "leak"), "{}", scenario.name);
        let cured = without(scenario, &["plant"]);
        assert_eq!((cured.code, cured.verdict()), (0, "clean"), "{}: {cured:?}", scenario.name);
    }
    assert!(count >= 9, "only {count} scenarios have a plant");
}

/// Each finding names what the real bug leaked.
#[test]
fn planted_scenarios_name_the_resource_of_the_real_bug() {
    for (name, words) in [
        ("fd-renumber", "descriptors of dropped guests are open"),
        ("config-reload-churn", "mappings of subject 0 grow"),
        ("resident-page-map", "resident memory of subject 0 grows"),
        ("near-vma-limit-drop", "mapping calls failed while subject 0 reset slots"),
    ] {
        let run = Run::of(&["--no-config", "--scenario", name]);
        assert!(findings(&run).contains(words), "{name}: {}", findings(&run));
    }
}

#[test]
fn the_cliff_of_mappings_is_computed() {
    let scenario = named("vma-cliff");
    let run = Run::of(&["--no-config", "--scenario", scenario.name]);
    match max_map_count() {
        // Its cycles make 75,000 mappings.
        limit if limit < 75_000 => {
            assert_eq!((run.code, run.verdict()), (3, "subject-died"), "{run:?}");
            let cycles = run.images("made");
            assert!((limit / 3 - 200..=limit / 3).contains(&cycles), "{cycles} of {limit} / 3");
            let findings = findings(&run);
            for words in ["mappings a cycle (vm.max_map_count)", "Cannot allocate memory"] {
                assert!(findings.contains(words), "{words:?} is not in: {findings}");
            }
        }
        _ => assert_eq!((run.code, run.verdict()), (1, "leak"), "{run:?}"),
    }
    let cured = without(scenario, &["plant"]);
    assert_eq!((cured.code, cured.verdict()), (0, "clean"), "{cured:?}");
}

/// The same images linger with enough descriptors.
#[test]
fn a_queue_of_images_ends_at_few_descriptors_with_nothing_alive() {
    let scenario = named("memfd-emfile");
    let run = Run::of(&["--no-config", "--scenario", scenario.name]);
    assert_eq!((run.code, run.verdict()), (3, "subject-died"), "{run:?}");
    assert!(run.images("made") < 260, "{}", run.images("made"));
    let found = findings(&run);
    for words in ["Too many open files", "= 1 descriptor a cycle (RLIMIT_NOFILE)"] {
        assert!(found.contains(words), "{words:?} is not in: {found}");
    }
    let enough = without(scenario, &["max-fds"]);
    assert_eq!((enough.code, enough.verdict()), (1, "leak"), "{enough:?}");
    let cured = without(scenario, &["plant"]);
    assert_eq!((cured.code, cured.verdict()), (0, "clean"), "{cured:?}");
}

#[test]
fn a_queue_of_500_slots_keeps_images() {
    let queue = named("decommit-batch-500");
    let run = Run::of(&["--no-config", "--scenario", queue.name]);
    assert_eq!((run.code, run.verdict()), (1, "leak"), "{run:?}");
    let cured = without(queue, &["decommit-batch"]);
    assert_eq!((cured.code, cured.verdict()), (0, "clean"), "{cured:?}");
}

/// Nothing leaks in them: what is alive needs more than the limit.
#[test]
fn limits_that_live_modules_reach_are_named_and_are_no_leak() {
    for (name, limit, words) in [
        ("module-cache-emfile", "max-fds", "Too many open files"),
        ("composed-17", "max-address-space", "Cannot allocate memory"),
    ] {
        let scenario = named(name);
        let run = Run::of(&["--no-config", "--scenario", name]);
        assert_eq!((run.code, run.verdict()), (3, "subject-died"), "{name}: {run:?}");
        let found = findings(&run);
        assert!(found.contains(words) && !found.contains("a cycle ("), "{name}: {found}");
        // The limit is the run's own, so raising the shell's changes nothing.
        let summary = common::leakbench(&["--no-config", "--scenario", name]).output();
        let summary = common::unwrapped(&summary.expect("the binary starts").stdout);
        assert!(!summary.contains("ulimit -n 1024 lets"), "{summary}");
        assert!(limit != "max-fds" || summary.contains("--max-fds 1024"), "{summary}");
        let cured = without(scenario, &[limit]);
        assert_eq!((cured.code, cured.verdict()), (0, "clean"), "{name}: {cured:?}");
    }
}
