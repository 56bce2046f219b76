//! What to do next after a run, an observation or a comparison, by its outcome: for the end of a
//! summary and for the page.

use std::num::{NonZeroU32, NonZeroU64};

use leakbench_scenarios::{Millis, OnDrop, Scenario, Seconds};

use crate::comparison::Comparison;
use leakbench_model::{Reason, Verdict};
use leakbench_recording::judge::{Judgement, KernelLimit, limit_reached};
use leakbench_recording::ledger::Ledger;
use leakbench_recording::observation::Diagnosis;
use leakbench_recording::recording::{ExitKind, Start};

/// Factor of a longer timeout.
const TIMES_LONGER: NonZeroU64 = NonZeroU64::new(10).unwrap();

/// Something to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextStep {
    /// The means.
    pub means: Means,
    /// Its effect, as the rest of a sentence: `waits longer at barriers`.
    pub effect: String,
}

/// The means of a [`NextStep`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Means {
    /// Another choice for the run.
    Choice {
        /// The flag, a setting of the kernel, or words: `--on-drop purge`.
        words: String,
        /// The whole command with that choice, if it is known.
        command: Option<String>,
    },
    /// A command of leakbench by name: `doctor`.
    Command(&'static str),
    /// A command of leakbench, by name, that reads the recording: `gate`.
    OnRecording(&'static str),
    /// A whole command.
    Whole(String),
}

impl NextStep {
    /// Draws the report.
    fn draw(shows: &str) -> NextStep {
        NextStep { means: Means::OnRecording("report"), effect: format!("draws {shows}") }
    }

    fn gate() -> NextStep {
        let effect = "judges it by a budget".to_owned();
        NextStep { means: Means::OnRecording("gate"), effect }
    }

    fn doctor() -> NextStep {
        let effect = "shows what this machine can measure, and what to change".to_owned();
        NextStep { means: Means::Command("doctor"), effect }
    }
}

/// Next steps after a run, the most helpful first.
pub(crate) fn of_run(ledger: &Ledger, judgement: &Judgement) -> Vec<NextStep> {
    // A runtime without images is judged by the growth of its process.
    let draw = NextStep::draw(if ledger.images.made > 0 {
        "which slot held which image, and when"
    } else {
        "the growth of its mappings, descriptors and memory"
    });
    let steps = match judgement.verdict {
        Verdict::Clean => vec![Some(NextStep::gate())],
        Verdict::Leak => vec![remedy(ledger), Some(draw), Some(NextStep::gate())],
        Verdict::SubjectDied => {
            // What lingered may be what the limit counts.
            let step = slots_remedy(ledger).or_else(|| way_past(ledger)).or_else(|| closer(ledger));
            vec![step, Some(NextStep::draw("its resources until then"))]
        }
        Verdict::Inconclusive => vec![witness_failed(ledger).then(NextStep::doctor)],
        Verdict::Interrupted => Vec::new(),
    };
    steps.into_iter().flatten().collect()
}

/// Next steps after an observation.
pub(crate) fn of_observation(diagnosis: &Diagnosis) -> Vec<NextStep> {
    match diagnosis.judgement.verdict {
        Verdict::Clean => vec![NextStep::gate()],
        Verdict::Leak => {
            let draw = NextStep::draw("the growth, and the limit that it approaches");
            vec![draw, NextStep::gate()]
        }
        Verdict::SubjectDied => vec![NextStep::draw("its resources until then")],
        Verdict::Inconclusive => {
            let mut remarks = diagnosis.ledger.remarks.iter();
            let is_blind = remarks.any(|remark| remark.prevents_clean);
            is_blind.then(NextStep::doctor).into_iter().collect()
        }
        Verdict::Interrupted => Vec::new(),
    }
}

/// Next steps after a comparison.
pub(crate) fn of_comparison(comparison: &Comparison) -> Vec<NextStep> {
    match comparison.verdict() {
        Some(Verdict::Clean) => vec![NextStep::gate()],
        Some(verdict @ (Verdict::Leak | Verdict::SubjectDied)) => {
            let draw = NextStep::draw("the runs side by side");
            [Some(draw), worst_alone(comparison, verdict), Some(NextStep::gate())]
                .into_iter()
                .flatten()
                .collect()
        }
        Some(Verdict::Inconclusive | Verdict::Interrupted) | None => Vec::new(),
    }
}

/// The command of the run with this verdict that has most lingering images, the first of equals.
fn worst_alone(comparison: &Comparison, verdict: Verdict) -> Option<NextStep> {
    let worst = comparison.rows.iter().rev().filter_map(|row| Some((row, row.worst()?)));
    let of_verdict = worst.filter(|(_, run)| run.verdict == verdict);
    let (row, run) = of_verdict.max_by_key(|(_, run)| run.images.lingering)?;
    let effect = match verdict {
        Verdict::Leak => format!("runs {} alone and names what holds its images", row.name),
        _ => format!("runs {} alone and names what to change", row.name),
    };
    Some(NextStep { means: Means::Whole(run.command.clone()), effect })
}

/// Another choice for the run, and the command of the run with it.
fn choice(
    start: &Start,
    flag: &str,
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
        if !command.contains(flag) {
            command += &format!(" {flag}");
        }
        Some(command + rest)
    };
    NextStep {
        means: Means::Choice { words: flag.to_owned(), command: command() },
        effect: effect.into(),
    }
}

/// A means outside leakbench.
fn other(words: impl Into<String>, effect: impl Into<String>) -> NextStep {
    let means = Means::Choice { words: words.into(), command: None };
    NextStep { means, effect: effect.into() }
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
            "--on-drop purge",
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
                "--flush-on-drop=on",
                |scenario| scenario.flush_on_drop = Some(true),
                format!("empties the queue before a drop searches slots; {no_queue} has no queue"),
            ),
            None => choice(
                &ledger.start,
                no_queue,
                |scenario| scenario.decommit_batch = Some(NonZeroU32::MIN),
                "has no queue",
            ),
        };
        return Some(step);
    }
    None
}

/// A longer wait, if images lingered at a barrier and are gone at the end: they may only be slow.
fn longer_settling(ledger: &Ledger) -> Option<NextStep> {
    let mut worst = ledger.subjects.iter().filter_map(|subject| subject.worst.as_ref());
    let lingered = worst.any(|barrier| barrier.lingering > 0);
    (lingered && ledger.images.lingering == 0).then(|| {
        let settle_ms = ledger.start.scenario.settle_ms.0;
        let longer_ms = settle_ms.max(100).saturating_mul(10);
        choice(
            &ledger.start,
            &format!("--settle-ms {longer_ms}"),
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
        return Some(match in_use(&ledger.start.scenario) {
            None => other(words, effect),
            Some(flags) => other(words, format!("{effect}; fewer {flags} need less")),
        });
    }
    ledger.deaths().into_iter().map(|(_, exit)| &exit.how).find_map(|how| match how {
        ExitKind::Signaled { signal: 9 } => {
            let less = match fewer(&ledger.start.scenario) {
                None => String::new(),
                Some(flags) => format!("; fewer {flags} need less"),
            };
            Some(other("dmesg", format!("shows whether memory ran out{less}")))
        }
        ExitKind::Hung { .. } => {
            let timeout_s = ledger.start.scenario.timeout.0.saturating_mul(TIMES_LONGER);
            Some(choice(
                &ledger.start,
                &format!("--timeout {timeout_s}"),
                |scenario| scenario.timeout = Seconds(timeout_s),
                "allows more time, if it was only slow",
            ))
        }
        _ => None,
    })
}

/// A short run that ends in the step at which the subject died; or a file that shows where.
fn closer(ledger: &Ledger) -> Option<NextStep> {
    let scenario = &ledger.start.scenario;
    let (subject, exit) = ledger.deaths().into_iter().next()?;
    if let ExitKind::Signaled { .. } = exit.how {
        return Some(other(
            "ulimit -c unlimited",
            "keeps a core file, which shows where it crashed",
        ));
    }
    // Of several, each has its own cycles.
    let is_alone = scenario.processes.get() == 1 && scenario.threads.get() == 1;
    let cycles = NonZeroU64::MIN.saturating_add(subject.counts.cycles);
    (is_alone && cycles < scenario.cycles).then(|| {
        choice(
            &ledger.start,
            &format!("--cycles {cycles}"),
            |scenario| scenario.cycles = cycles,
            "ends with the cycle that failed",
        )
    })
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
