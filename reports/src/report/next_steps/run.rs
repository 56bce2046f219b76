//! Next steps after a run.

use std::num::{NonZeroU32, NonZeroU64};

use leakbench_model::{Reason, Verdict};
use leakbench_recording::judge::{Growth, Judgement, KernelLimit, limit_reached};
use leakbench_recording::ledger::Ledger;
use leakbench_recording::recording::{Exit, ExitKind, Start};
use leakbench_scenarios::{ImageKind, Millis, OnDrop, Scenario, Seconds};

use super::{Means, NextStep};

/// Factor of a longer timeout.
const TIMES_LONGER: NonZeroU64 = NonZeroU64::new(10).unwrap();

/// The effect of the same command after a run that did not end.
const TO_ITS_END: &str = "runs it again, to its end";

/// Next steps after a run, the most helpful first.
pub(crate) fn of_run(ledger: &Ledger, judgement: &Judgement) -> Vec<NextStep> {
    // Without a lingering image, the process itself grows.
    let draw = NextStep::draw(if ledger.images.lingering > 0 || lingered(ledger) {
        "which slot held which image, and when"
    } else {
        "what grows, over the cycles"
    });
    let steps = match judgement.verdict {
        Verdict::Clean => vec![Some(NextStep::gate())],
        Verdict::Leak => vec![remedy(ledger), Some(draw), Some(NextStep::gate())],
        Verdict::SubjectDied => {
            // What lingered may be what the limit counts.
            let step = slots_remedy(ledger).or_else(|| way_past(ledger));
            let step = step.unwrap_or_else(|| closer(ledger));
            vec![Some(step), Some(NextStep::draw("its resources until then"))]
        }
        Verdict::Inconclusive => vec![Some(decisive(ledger))],
        Verdict::Interrupted => vec![Some(NextStep::same(&ledger.start.command, TO_ITS_END))],
    };
    steps.into_iter().flatten().collect()
}

/// Another choice for the run, and the command of the run with it.
fn choice(
    start: &Start,
    flags: &[&str],
    change: impl FnOnce(&mut Scenario),
    effect: impl Into<String>,
) -> NextStep {
    let command = || {
        // Beyond the scenario's flags, a command may name a folder of drivers.
        let rest = start.command.strip_prefix(&start.scenario.command_line())?;
        let mut scenario = start.scenario.clone();
        change(&mut scenario);
        let mut command = scenario.command_line();
        // A choice that is the default has no flag in a command.
        for flag in flags {
            if !command.contains(flag) {
                command += &format!(" {flag}");
            }
        }
        Some(command + rest)
    };
    NextStep {
        means: Means::Choice { words: flags.join(" "), command: command() },
        effect: effect.into(),
    }
}

/// The flags that would release the lingering images. Flags that the runtime lacks are not named.
fn remedy(ledger: &Ledger) -> Option<NextStep> {
    slots_remedy(ledger).or_else(|| longer_settling(ledger))
}

/// The flags that would release images which free slots hold.
fn slots_remedy(ledger: &Ledger) -> Option<NextStep> {
    let scenario = &ledger.start.scenario;
    // After the last barrier their fate is unknown, but not what held them.
    let listed = || ledger.subjects.iter().flat_map(|subject| subject.last_listed());
    let held_by = |reason| listed().any(|image| Reason::of(image) == reason);
    let by_free_slots =
        held_by(Reason::AffineSlot) || held_by(Reason::ColdSlot) || held_by(Reason::QueuedSlot);
    if let (true, Some(on_drop @ (OnDrop::Keep | OnDrop::Truncate))) =
        (by_free_slots, scenario.on_drop)
    {
        return Some(choice(
            &ledger.start,
            &["--on-drop purge"],
            |scenario| scenario.on_drop = Some(OnDrop::Purge),
            format!(
                "removes a dropped module's images from its slots; {on_drop} leaves them there"
            ),
        ));
    }
    if by_free_slots && misses_the_queue(scenario) {
        let no_queue = "--decommit-batch 1";
        let step = match scenario.flush_on_drop {
            Some(_) => choice(
                &ledger.start,
                &["--flush-on-drop=on"],
                |scenario| scenario.flush_on_drop = Some(true),
                format!("empties the queue before a drop searches slots; {no_queue} has no queue"),
            ),
            None => choice(
                &ledger.start,
                &[no_queue],
                |scenario| scenario.decommit_batch = Some(NonZeroU32::MIN),
                "has no queue",
            ),
        };
        return Some(step);
    }
    None
}

/// Returns whether images lingered at some barrier.
fn lingered(ledger: &Ledger) -> bool {
    let mut worst = ledger.subjects.iter().filter_map(|subject| subject.worst.as_ref());
    worst.any(|barrier| barrier.lingering > 0)
}

/// A longer wait, if images lingered at a barrier and are gone at the end: they may only be slow.
fn longer_settling(ledger: &Ledger) -> Option<NextStep> {
    (lingered(ledger) && ledger.images.lingering == 0).then(|| {
        let settle_ms = ledger.start.scenario.settle_ms.0;
        let longer_ms = settle_ms.max(100).saturating_mul(10);
        choice(
            &ledger.start,
            &[&format!("--settle-ms {longer_ms}")],
            |scenario| scenario.settle_ms = Millis(longer_ms),
            format!("waits longer at barriers than {settle_ms} ms and shows late releases"),
        )
    })
}

/// Returns whether slots can wait in a queue that a drop does not search.
fn misses_the_queue(scenario: &Scenario) -> bool {
    let batch = scenario.decommit_batch.map_or(1, NonZeroU32::get);
    batch > 1 && scenario.flush_on_drop != Some(true)
}

/// A setting that lets a subject that died run longer.
fn way_past(ledger: &Ledger) -> Option<NextStep> {
    if let Some(KernelLimit { name, max }) = limit_reached(ledger) {
        let more = max.saturating_mul(4);
        let words = match name {
            "RLIMIT_NOFILE" => format!("ulimit -n {more}"),
            name => format!("sysctl -w {name}={more}"),
        };
        let effect = "lets it run longer, if it is no leak";
        if name == "RLIMIT_NOFILE" && ledger.start.scenario.max_fds.is_some() {
            let more = u32::try_from(more).ok().and_then(NonZeroU32::new);
            let flag = more.map_or(String::new(), |more| format!("--max-fds {more}"));
            let change = |scenario: &mut Scenario| scenario.max_fds = more;
            return Some(choice(&ledger.start, &[&flag], change, effect));
        }
        return Some(match in_use(&ledger.start.scenario) {
            None => NextStep::other(words, effect),
            Some(flags) => NextStep::other(words, format!("{effect}; fewer {flags} need less")),
        });
    }
    ledger.deaths().into_iter().map(|(_, exit)| &exit.how).find_map(|how| match how {
        ExitKind::Signaled { signal: 9 } => {
            let less = match fewer(&ledger.start.scenario) {
                None => String::new(),
                Some(flags) => format!("; fewer {flags} need less"),
            };
            Some(NextStep::other("dmesg", format!("shows whether memory ran out{less}")))
        }
        ExitKind::Hung { .. } => {
            let timeout_s = ledger.start.scenario.timeout.0.saturating_mul(TIMES_LONGER);
            Some(choice(
                &ledger.start,
                &[&format!("--timeout {timeout_s}")],
                |scenario| scenario.timeout = Seconds(timeout_s),
                "allows more time, if it was only slow",
            ))
        }
        _ => None,
    })
}

/// A run that leads to the step at which the subject died, or a file that shows where.
fn closer(ledger: &Ledger) -> NextStep {
    let (start, scenario) = (&ledger.start, &ledger.start.scenario);
    let deaths = ledger.deaths();
    let death = deaths.first();
    if let Some((_, Exit { how: ExitKind::Signaled { .. }, .. })) = death {
        return NextStep::core_file();
    }
    let (one_process, one_thread) = (scenario.processes.get() == 1, scenario.threads.get() == 1);
    if !(one_process && one_thread) {
        // Others move the moment of the failure.
        let flags = [("--processes 1", one_process), ("--threads 1", one_thread)];
        let flags = flags.into_iter().filter(|(_, is_one)| !is_one).map(|(flag, _)| flag);
        let alone = |scenario: &mut Scenario| {
            scenario.processes = NonZeroU32::MIN;
            scenario.threads = NonZeroU32::MIN;
        };
        return choice(
            start,
            &flags.collect::<Vec<&str>>(),
            alone,
            "takes the same steps in each run, so that a failure comes again",
        );
    }
    let done = death.map_or(u64::MAX, |(subject, _)| subject.counts.cycles);
    let cycles = NonZeroU64::MIN.saturating_add(done);
    if cycles < scenario.cycles {
        return choice(
            start,
            &[&format!("--cycles {cycles}")],
            |scenario| scenario.cycles = cycles,
            "ends with the cycle that failed",
        );
    }
    NextStep::same(&start.command, "takes the same steps again, up to the failure")
}

/// A run that decides what this one left open.
fn decisive(ledger: &Ledger) -> NextStep {
    let start = &ledger.start;
    if witness_failed(ledger) {
        return NextStep::doctor();
    }
    if ledger.end.is_none() {
        return NextStep::same(&start.command, TO_ITS_END);
    }
    if let Some(cycles) = Growth::decisive_cycles(ledger).and_then(NonZeroU64::new) {
        return choice(
            start,
            &[&format!("--cycles {cycles}")],
            |scenario| scenario.cycles = cycles,
            "is long enough to decide",
        );
    }
    if start.scenario.image == Some(ImageKind::Auto) && start.scenario.wasm.is_empty() {
        return choice(
            start,
            &["--image memfd"],
            |scenario| scenario.image = Some(ImageKind::Memfd),
            "makes images that the witnesses see",
        );
    }
    if ledger.images.made == 0 && !start.scenario.wasm.is_empty() {
        return NextStep {
            means: Means::Outside("A module with an active data segment".to_owned()),
            effect: "has an image to watch".to_owned(),
        };
    }
    NextStep::doctor()
}

/// The flags of this run that decide how many objects its live modules have.
fn in_use(scenario: &Scenario) -> Option<String> {
    let more_than_one = [
        ("--live-modules", scenario.live_modules.get()),
        ("--instances", scenario.instances.get()),
        ("--threads", scenario.threads.get()),
    ];
    let flags = more_than_one.into_iter().filter(|(_, number)| *number > 1);
    let flags: Vec<&str> = flags.map(|(flag, _)| flag).collect();
    (!flags.is_empty()).then(|| flags.join(" and "))
}

/// The flags of this run that decide how much memory it needs.
fn fewer(scenario: &Scenario) -> Option<String> {
    let slots = scenario.slots.map(|_| "--slots");
    let processes = (scenario.processes.get() > 1).then_some("--processes");
    let flags: Vec<&str> = slots.into_iter().chain(processes).collect();
    (!flags.is_empty()).then(|| flags.join(" and "))
}

/// Returns whether a witness failed, in contrast to nothing to measure.
fn witness_failed(ledger: &Ledger) -> bool {
    let disagree = ledger.subjects.iter().any(|subject| subject.disagreeing.is_some());
    disagree || !ledger.witness_failures.is_empty() || ledger.images.unknown > 0
}
