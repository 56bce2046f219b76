//! Scenarios made of options: defaults, shares, and refused combinations.

use std::num::{NonZeroU32, NonZeroU64};

use leakbench_scenarios::{
    Allocation, BUILTIN, ByteSize, Compile, Feature, Mode, Offer, Options, Scenario, ScenarioError,
    Share, Strategy as Slots,
};
use proptest::prelude::*;

fn n32(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("not zero")
}

fn parsed(toml: &str) -> Result<Scenario, ScenarioError> {
    let options = Options::from_toml(toml, "run.toml").expect("it is a scenario file");
    Scenario::new(options, &Offer::builtin(), n32(2))
}

#[test]
fn every_builtin_scenario_is_valid_and_says_what_it_shows() {
    for builtin in BUILTIN {
        let scenario =
            parsed(builtin.toml).unwrap_or_else(|error| panic!("{}: {error}", builtin.name));
        assert!(scenario.cycles.get() <= 1_000_000, "{}", builtin.name);
        assert!(builtin.toml.starts_with("# "), "{}", builtin.name);
        assert!(builtin.summary().ends_with('.'), "{}", builtin.name);
    }
    let names: std::collections::BTreeSet<&str> = BUILTIN.iter().map(|one| one.name).collect();
    assert_eq!(names.len(), BUILTIN.len());
}

#[test]
fn every_builtin_file_is_known_by_its_name() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("builtin");
    let files = std::fs::read_dir(folder).expect("the folder is there");
    for file in files {
        let path = file.expect("it is there").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        assert!(BUILTIN.iter().any(|builtin| builtin.name == name), "{name}");
    }
}

#[test]
fn the_defaults_are_those_of_the_help() {
    let scenario = Scenario::new(Options::default(), &Offer::builtin(), n32(2)).expect("valid");
    assert_eq!(scenario.cycles.get(), 1_000_000);
    assert_eq!(scenario.strategy.map(|word| word.as_str()), Some("random"));
    assert_eq!(scenario.on_drop.map(|word| word.as_str()), Some("purge"));
    assert_eq!(scenario.image.map(|word| word.as_str()), Some("memfd"));
    assert_eq!(scenario.image_size, ByteSize(4096));
    assert_eq!(scenario.slots, Some(n32(1000)));
    assert_eq!(scenario.processes.get(), 2);
    assert_eq!(scenario.threads.get(), 1);
    assert_eq!(scenario.timeout.0.get(), 60);
}

#[test]
fn processes_use_the_cores_that_threads_and_cycles_leave_sense_for() {
    let processes = |cycles, threads, cpus| {
        let options = Options {
            cycles: NonZeroU64::new(cycles),
            threads: NonZeroU32::new(threads),
            ..Options::default()
        };
        Scenario::new(options, &Offer::builtin(), n32(cpus)).expect("valid").processes.get()
    };
    assert_eq!(processes(1_000_000, 1, 8), 8);
    assert_eq!(processes(1_000_000, 2, 8), 4);
    assert_eq!(processes(1_000_000, 3, 2), 1);
    assert_eq!(processes(10_000, 1, 8), 1);
    assert_eq!(processes(19_999, 1, 8), 1);
    assert_eq!(processes(20_000, 1, 8), 2);
    assert_eq!(processes(u64::MAX, 1, u32::MAX), Scenario::THREADS_MAX);
}

#[test]
fn what_does_not_go_together_is_refused_with_its_numbers() {
    let refused = |toml: &str| parsed(toml).expect_err(toml).to_string();
    let slots = refused("slots = 7\nthreads = 2\nlive-modules = 2\ninstances = 2");
    assert_eq!(
        slots,
        "2 threads holding 2 modules of 2 instances need 8 slots, but --slots is 7: \
         ask for more slots, or hold less"
    );
    assert!(parsed("slots = 8\nthreads = 2\nlive-modules = 2\ninstances = 2").is_ok());
    // More than any number can say.
    let most = "threads = 64\nlive-modules = 4294967295\ninstances = 4294967295";
    assert!(refused(most).contains("need 18446744073709551615 slots"));

    let invoke = refused("invoke = 'run'");
    assert!(invoke.starts_with("--invoke run needs --wasm"), "{invoke}");
    assert!(parsed("invoke = 'run'\nwasm = ['a.wasm']").is_ok());

    let small = refused("image-size = 23");
    assert_eq!(small, "--image-size 23 is out of range: from 24 bytes to 256MiB");
    assert!(parsed("image-size = 24").is_ok());
    assert!(parsed("image-size = '256MiB'").is_ok());
    refused("image-size = 268435457");

    let kept = refused("slots = 2\nlive-modules = 2\nlong-lived = 5");
    assert_eq!(
        kept,
        "1 thread holding 2 modules of 1 instance and one of a long-lived one need 3 slots, but \
         --slots is 2: ask for more slots, or hold less"
    );
    assert!(parsed("slots = 3\nlive-modules = 2\nlong-lived = 5").is_ok());

    let threads = refused("threads = 65");
    assert_eq!(threads, "--threads 65 is more than the 64 that leakbench drives");
    refused("processes = 257");
}

/// A runtime with a few choices, unlike the builtin one's.
fn some_offer() -> Offer {
    Offer {
        strategy: vec![Slots::WarmLru],
        compile: vec![Compile::Fresh, Compile::Cached],
        allocation: vec![Allocation::Pool, Allocation::OnDemand],
        pagemap_scan: vec![false, true],
        warm_slots: Some(7),
        keep_resident: Some(ByteSize(0)),
        threads_max: NonZeroU32::new(2),
        ..Offer::none("some runtime 1.0")
    }
}

#[test]
fn another_runtime_has_its_own_choices_and_defaults() {
    let scenario = |toml: &str| {
        let options = Options::from_toml(toml, "run.toml").expect("it is a scenario file");
        Scenario::new(options, &some_offer(), n32(2))
    };
    let default = scenario("subject = 'some@1'").expect("nothing is asked for");
    assert_eq!(default.strategy, Some(Slots::WarmLru));
    assert_eq!(default.compile, Some(Compile::Fresh));
    assert_eq!(default.allocation, Some(Allocation::Pool));
    assert_eq!((default.warm_slots, default.pagemap_scan), (Some(7), Some(false)));
    assert_eq!((default.slots, default.on_drop, default.image), (None, None, None));
    assert_eq!((default.flush_on_drop, default.decommit_batch), (None, None));

    let asked = "subject = 'some@1'\nallocation = 'on-demand'\npagemap-scan = true\nthreads = 2";
    let asked = scenario(asked).expect("it has these");
    assert_eq!((asked.allocation, asked.pagemap_scan), (Some(Allocation::OnDemand), Some(true)));

    for (choice, refused) in [
        ("strategy = 'random'", "some@1 has no --strategy random: it has warm-lru"),
        ("on-drop = 'keep'", "some@1 has no --on-drop, so keep cannot be asked of it"),
        ("slots = 8", "some@1 has no --slots, so 8 cannot be asked of it"),
        ("flush-on-drop = true", "some@1 has no --flush-on-drop, so on cannot be asked of it"),
        ("threads = 3", "--threads 3 is more than the 2 that may drive some@1: take --processes"),
    ] {
        let error = scenario(&format!("subject = 'some@1'\n{choice}")).expect_err(choice);
        assert_eq!(error.to_string(), refused);
    }
    let builtin = parsed("keep-resident = '4KiB'").expect_err("it has none");
    assert!(
        builtin.to_string().starts_with("builtin has no --keep-resident, so 4KiB "),
        "{builtin}"
    );
}

#[test]
fn a_scenario_from_before_an_option_existed_has_its_default() {
    let older: Scenario =
        toml::from_str("cycles = 5\nprocesses = 2\nslots = 7").expect("a scenario");
    assert_eq!((older.cycles.get(), older.processes, older.slots), (5, n32(2), Some(n32(7))));
    // A choice of the runtime stays open: the runtime may have lacked it.
    assert_eq!(older.strategy, None);
    let rest = Scenario { cycles: NonZeroU64::MIN, processes: n32(1), slots: None, ..older };
    assert_eq!(rest, Scenario { cycles: NonZeroU64::MIN, ..Scenario::default() });
    assert_eq!(rest.timeout.0.get(), 60);
}

proptest! {
    /// Parts in their order are the whole, without gap or overlap, and as even as can be.
    #[test]
    fn parts_add_up(first in 0..1u64 << 60, cycles in 0..1u64 << 60, parts in 1..300u32) {
        let whole = Share { first, cycles };
        let mut next = first;
        for index in 0..parts {
            let part = whole.part(index, n32(parts));
            prop_assert_eq!(part.first, next);
            prop_assert!(part.cycles.abs_diff(cycles / u64::from(parts)) <= 1);
            next += part.cycles;
        }
        prop_assert_eq!(next, first + cycles);
    }
}

#[test]
fn shares_of_subjects_are_the_cycles() {
    let options = Options {
        cycles: NonZeroU64::new(u64::MAX),
        processes: NonZeroU32::new(3),
        ..Options::default()
    };
    let scenario = Scenario::new(options, &Offer::builtin(), n32(1)).expect("valid");
    let shares: Vec<u64> =
        (0..3).map(|subject| scenario.share_of_subject(subject).cycles).collect();
    assert_eq!(shares.iter().sum::<u64>(), u64::MAX);
}

/// A mode or a feature that other options exclude is refused with what it needs.
#[test]
fn modes_and_features_need_what_they_use() {
    let made = |mode: &[Mode], options: Options| {
        let options = Options { mode: mode.to_vec(), ..options };
        Scenario::new(options, &Offer::builtin(), NonZeroU32::MIN).map(|scenario| scenario.mode)
    };
    let refusal = |mode: Mode, options: Options| {
        made(&[mode], options).expect_err("it is refused").to_string()
    };
    let own = || Options::default();
    let files = || Options { wasm: vec!["a.wasm".into()], ..Options::default() };
    for mode in [Mode::Trap, Mode::Grow, Mode::StartTrap, Mode::DataOutOfBounds, Mode::Invalid] {
        assert_eq!(made(&[mode], own()), Ok(vec![mode]));
        let refused = refusal(mode, files());
        assert!(refused.ends_with("needs generated modules: leave out --wasm"), "{refused}");
    }
    assert_eq!(made(&[Mode::OneStore], files()), Ok(vec![Mode::OneStore]));

    assert!(refusal(Mode::Reuse, own()).contains("--mode reuse needs --long-lived"));
    let kept = Options { long_lived: Some(1), ..own() };
    assert_eq!(made(&[Mode::Reuse], kept), Ok(vec![Mode::Reuse]));

    assert_eq!(made(&[Mode::OutOfSlots], own()), Ok(vec![Mode::OutOfSlots]));
    let threads = Options { threads: NonZeroU32::new(2), ..own() };
    assert!(refusal(Mode::OutOfSlots, threads).contains("--threads 1"));
    let demand = Options { allocation: Some(Allocation::OnDemand), ..own() };
    assert!(refusal(Mode::OutOfSlots, demand).contains("a pool with --slots"));

    // Four instances in a store, each with two memories.
    let options = Options {
        feature: vec![Feature::Memories],
        slots: NonZeroU32::new(7),
        ..Options::default()
    };
    let few = refusal(Mode::OneStore, options.clone());
    assert!(few.contains("need 8 slots, but --slots is 7"), "{few}");
    let enough = Options { slots: NonZeroU32::new(8), ..options };
    assert_eq!(made(&[Mode::OneStore], enough), Ok(vec![Mode::OneStore]));

    assert_eq!(made(&[Mode::Limit], own()), Ok(vec![Mode::Limit]));
    let options = Options { feature: vec![Feature::GcHeap], ..own() };
    let lacking = made(&[], options).expect_err("it is refused").to_string();
    assert!(lacking.starts_with("builtin has no --feature gc-heap: it has memories"), "{lacking}");
    let options = Options { feature: vec![Feature::Memories], ..files() };
    let refused = made(&[], options).expect_err("it is refused").to_string();
    assert_eq!(refused, "--feature memories needs generated modules: leave out --wasm");
}
