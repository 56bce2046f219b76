//! The command that runs a scenario again, read back by a real shell and by the flags' parser.

use std::num::{NonZeroU32, NonZeroU64};
use std::process::Command;

use leakbench_scenarios::{
    Allocation, ByteSize, Compile, ImageKind, Offer, OnDrop, Options, Scenario, Strategy as Slots,
    SubjectName,
};
use proptest::prelude::*;

use crate::parse_flags;

fn one_of<T: Copy + std::fmt::Debug>(values: &'static [T]) -> impl Strategy<Value = Option<T>> {
    proptest::option::of(proptest::sample::select(values))
}

fn few32(most: u32) -> impl Strategy<Value = Option<NonZeroU32>> {
    (0..=most).prop_map(NonZeroU32::new)
}

fn few64() -> impl Strategy<Value = Option<NonZeroU64>> {
    (0..99_999u64).prop_map(NonZeroU64::new)
}

/// Words that a shell or a flags' parser may take for something else, among plain ones.
fn any_word() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z/.]{1,9}", "[- '\"$`\\\\*?!#&;|<>(){}~\n\té%=]{1,9}", "--[a-z]{1,5}"]
}

fn any_subject() -> impl Strategy<Value = SubjectName> {
    let name = prop_oneof!["[a-z]{1,5}@[0-9]{1,2}".boxed(), any_word().boxed()];
    name.prop_filter_map("a name, or a command", |name| name.parse().ok())
        .prop_filter("of another runtime", |subject| *subject != SubjectName::Builtin)
}

/// A runtime that has every choice, by default not the same as the builtin one.
fn all_but_defaults() -> Offer {
    Offer {
        strategy: Slots::ALL.to_vec(),
        allocation: Allocation::ALL.to_vec(),
        pagemap_scan: vec![true, false],
        keep_resident: Some(ByteSize(17)),
        warm_slots: Some(3),
        ..Offer::builtin()
    }
}

fn any_scenario() -> impl Strategy<Value = Scenario> {
    let pool = (
        one_of(&Slots::ALL),
        proptest::option::of(0..999u32),
        one_of(&OnDrop::ALL),
        few32(99),
        proptest::option::of(any::<bool>()),
        one_of(&ImageKind::ALL),
        proptest::option::of((16..99_999u64).prop_map(ByteSize)),
        (64..999u32).prop_map(NonZeroU32::new),
    );
    let load = (
        few64(),
        few32(9),
        few32(4),
        few32(4),
        few32(4),
        one_of(&Compile::ALL),
        proptest::collection::vec(any_word(), 0..3),
        proptest::option::of(any_word()),
    );
    let rest = (
        proptest::option::of(any::<u64>()),
        few32(99),
        proptest::option::of(any::<u64>()),
        few64(),
        few32(9),
        proptest::option::of(0..9u32),
        1..9u32,
    );
    let foreign = proptest::option::of((
        any_subject(),
        proptest::option::of((16..99_999u64).prop_map(ByteSize)),
        proptest::option::of(any::<bool>()),
        one_of(&Allocation::ALL),
    ));
    (pool, load, rest, foreign).prop_map(|(pool, load, rest, foreign)| {
        let (seed, barriers, settle_ms, timeout, few_cpus, long_lived, cpus) = rest;
        let (
            strategy,
            warm_slots,
            on_drop,
            decommit_batch,
            flush_on_drop,
            image,
            image_size,
            slots,
        ) = pool;
        let (cycles, processes, threads, instances, live_modules, compile, wasm, invoke) = load;
        let offer = if foreign.is_some() { all_but_defaults() } else { Offer::builtin() };
        let (subject, keep_resident, pagemap_scan, allocation) = match foreign {
            Some((subject, keep, scan, allocation)) => (Some(subject), keep, scan, allocation),
            None => (None, None, None, None),
        };
        let options = Options {
            subject,
            keep_resident,
            pagemap_scan,
            allocation,
            cpus: few_cpus,
            long_lived,
            cycles,
            strategy,
            warm_slots,
            on_drop,
            decommit_batch,
            flush_on_drop,
            image,
            image_size,
            slots,
            processes,
            threads,
            instances,
            live_modules,
            compile,
            invoke: invoke.filter(|_| !wasm.is_empty()),
            wasm: wasm.into_iter().map(Into::into).collect(),
            seed,
            barriers,
            settle_ms,
            timeout,
        };
        Scenario::new(options, &offer, NonZeroU32::new(cpus).expect("not zero")).expect("valid")
    })
}

/// The words that a shell makes of a command, but for its first.
fn words(command: &str) -> Vec<String> {
    let arguments = command.strip_prefix("leakbench").expect("it names the program");
    let script = format!("set -- {arguments}; printf '%s\\0' \"$@\"");
    let output = Command::new("sh").arg("-c").arg(&script).output();
    let output = output.expect("a shell is there");
    assert!(output.status.success(), "{command}: {output:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.split_terminator('\0').map(str::to_owned).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_command_line_runs_the_same_on_any_machine(
        scenario in any_scenario(),
        cpus in 1..300u32,
    ) {
        let command = scenario.command_line();
        let options = parse_flags(&words(&command));
        let options = options.unwrap_or_else(|error| panic!("{command}: {error}"));
        let cpus = NonZeroU32::new(cpus).expect("not zero");
        let offer = match scenario.subject {
            SubjectName::Builtin => Offer::builtin(),
            _ => all_but_defaults(),
        };
        let again = Scenario::new(options, &offer, cpus).expect("valid");
        prop_assert_eq!(again, scenario, "{}", command);
    }
}

#[test]
fn a_command_line_says_no_more_than_it_must() {
    let command = |options| {
        let cpus = NonZeroU32::new(2).expect("not zero");
        Scenario::new(options, &Offer::builtin(), cpus).expect("valid").command_line()
    };
    assert_eq!(command(Options::default()), "leakbench --processes 2");
    let options = Options {
        strategy: Some(Slots::ReuseAffinity),
        cycles: NonZeroU64::new(3_000),
        flush_on_drop: Some(true),
        wasm: vec!["my guests/a.wasm".into()],
        ..Options::default()
    };
    assert_eq!(
        command(options),
        "leakbench --cycles 3000 --strategy reuse-affinity --flush-on-drop=on --processes 1 \
         --wasm 'my guests/a.wasm'"
    );
}
