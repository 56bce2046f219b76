//! The next steps of a summary, by the outcome of a run.

use std::num::NonZeroU32;
use std::path::Path;

use leakbench_model::{Counts, Resource, Verdict};
use leakbench_recording::judge::Judgement;
use leakbench_recording::ledger::Ledger;
use leakbench_recording::observation::{Diagnosis, ObservationRecord, ProcessExitKind};
use leakbench_recording::recording::*;
use leakbench_reports::render::{
    Closing, Kept, Summary, SummaryStyle, comparison_hints, observation_hints, run_hints,
};
use leakbench_reports::report::{Means, Report};
use leakbench_scenarios::{ImageKind, OnDrop, Options};

use crate::common::{self, golden};
use crate::comparison;
use crate::fixtures::{growth, observation};

const NOTHING: Kept<'_> = Kept { folder: None, is_drawn: false };

fn hints(recording: &Recording, kept: Kept<'_>) -> Vec<String> {
    let ledger = Ledger::of(recording).expect("it has a start");
    run_hints(&ledger, &Judgement::of(&ledger), kept)
}

/// The recording with other choices.
fn chosen(mut recording: Recording, change: impl FnOnce(&mut Start)) -> Recording {
    let Some(Record::Start(start)) = recording.records.first_mut() else {
        panic!("the first line is the start");
    };
    change(start);
    recording
}

/// A run that ends as `how` after 5,460 cycles, each of which leaves three mappings and a descriptor.
fn died_growing(how: ExitKind) -> Recording {
    let counts = Counts { live: 0, ..common::counts(5_460, 0) };
    let seen = common::footprint(60 + 3 * 5_460, 11 + 5_460, 20 << 20);
    let recording = common::recording([
        common::start(100_000, 1, Options::default()),
        common::up(0, 100_000),
        common::sample(0, 3_000, counts, seen),
        common::exit(0, 3_001, how, &[(5_460, "call")]),
        common::end(3_010),
    ]);
    chosen(recording, |start| {
        start.fingerprint.insert("max_map_count".to_owned(), (60 + 3 * 5_460).into());
    })
}

#[test]
fn each_end_has_the_hints_that_help() {
    let folder = Some(Path::new("out"));
    let kept = Kept { folder, is_drawn: false };
    let drawn = Kept { folder, is_drawn: true };
    let flushed = chosen(common::leak_queue(), |start| start.scenario.flush_on_drop = Some(true));
    let truncated = chosen(common::leak_keep(), |start| {
        start.scenario.on_drop = Some(OnDrop::Truncate);
    });
    let unflushable = chosen(common::leak_queue(), |start| start.scenario.flush_on_drop = None);
    let both = chosen(common::leak_keep(), |start| {
        start.scenario.decommit_batch = NonZeroU32::new(16);
    });
    // A runtime behind a pipe, whose images neither witness sees.
    let growing = growth::run(growth::behind_a_pipe(), 60, |cycles| {
        growth::steady(cycles).with(Resource::Mappings, 400 + 3 * cycles)
    });
    let grown = "the same command with --report html draws what grows, \
                 over the cycles";
    let killed = common::died(ExitKind::Signaled { signal: 9 });
    let killed_alone = chosen(killed.clone(), |start| {
        start.scenario.processes = NonZeroU32::MIN;
    });
    let killed_without_slots = chosen(killed, |start| {
        start.scenario.processes = NonZeroU32::MIN;
        start.scenario.slots = None;
    });
    let fewer_slots = "dmesg shows whether memory ran out; fewer --slots need less";
    let no_memory = ExitKind::Failed { error: "mmap: Cannot allocate memory".to_owned() };
    let mut died_keeping = common::leak_keep();
    // It ends between the barrier in mid-run and the last one.
    died_keeping.records.truncate(3);
    let seen = common::footprint(2_913, 962, 26 << 20);
    died_keeping.records.push(common::sample(0, 213, common::counts(2_000, 800), seen));
    let no_mappings = ExitKind::Failed { error: "mmap: Cannot allocate memory".to_owned() };
    died_keeping.records.push(common::exit(0, 215, no_mappings, &[(2_000, "call")]));
    died_keeping.records.push(common::end(220));
    let mut cut = common::clean();
    cut.records.pop();
    let unknown = || ExitKind::Failed { error: "trap: unreachable".to_owned() };
    let failed_at = |cycles: u64| {
        common::recording([
            common::start(100_000, 1, Options::default()),
            common::up(0, 100_000),
            common::mid(common::barrier(0, 210, common::counts(cycles, 0))),
            common::exit(0, 3_001, unknown(), &[(cycles, "call")]),
            common::end(3_010),
        ])
    };
    let undecided = growth::run(growth::behind_a_pipe(), 60, |cycles| {
        growth::steady(cycles).with(Resource::Mappings, 400 + cycles / 3_000 * 40)
    });
    let mut leaving = chosen(common::clean(), |start| {
        start.scenario.wasm = vec!["app.wasm".into()];
    });
    for record in &mut leaving.records {
        if let Record::Barrier(barrier) = record
            && barrier.last
        {
            barrier.footprint.set(Resource::Fds, Some(3_000));
        }
    }
    let too_few = growth::run(growth::behind_a_pipe(), 3, growth::steady);
    let auto = chosen(common::copy(), |start| start.scenario.image = Some(ImageKind::Auto));
    let page = "the same command with --report html draws which slot held which image, and when";
    let dead = "the same command with --report html draws its resources until then";
    let remedy = "--on-drop purge removes a dropped module's images from its slots;";
    let longer = "--settle-ms 2000 waits longer at barriers than 200 ms and shows late releases";
    let purge = [
        format!("{remedy} keep leaves them there"),
        format!("{remedy} truncate leaves them there"),
    ];
    let [purge, purge_truncated] = purge.each_ref().map(String::as_str);
    let queue = "--flush-on-drop=on empties the queue before a drop searches slots; \
                 --decommit-batch 1 has no queue";
    let gate = "leakbench gate out judges it by a budget";
    let report = "leakbench report out draws which slot held which image, and when";
    for (name, recording, kept, expected) in [
        ("clean", common::clean(), NOTHING, &[][..]),
        ("clean, kept", common::clean(), kept, &[gate]),
        ("keep", common::leak_keep(), NOTHING, &[purge, page]),
        ("keep, kept", common::leak_keep(), kept, &[purge, report]),
        ("keep, drawn", common::leak_keep(), drawn, &[purge, gate]),
        ("truncate", truncated, NOTHING, &[purge_truncated, page]),
        ("keep and a queue", both, NOTHING, &[purge, page]),
        ("queue", common::leak_queue(), NOTHING, &[queue, page]),
        ("queue, no flush", unflushable, NOTHING, &["--decommit-batch 1 has no queue", page]),
        ("queue, flushed", flushed, kept, &[report, gate]),
        ("earlier", common::leak_earlier(), NOTHING, &[longer, page]),
        (
            "out of mappings",
            died_growing(no_memory),
            NOTHING,
            &["sysctl -w vm.max_map_count=65760 lets it run longer, if it is no leak", dead],
        ),
        ("out of mappings, with images in free slots", died_keeping, NOTHING, &[purge, dead]),
        (
            "killed",
            common::died(ExitKind::Signaled { signal: 9 }),
            NOTHING,
            &["dmesg shows whether memory ran out; fewer --slots and --processes need less", dead],
        ),
        (
            "hung",
            common::died(ExitKind::Hung { silent_ms: 60_000 }),
            drawn,
            &["--timeout 600 allows more time, if it was only slow"],
        ),
        (
            "inconclusive",
            common::inconclusive(),
            kept,
            &["leakbench doctor shows what this machine can measure, and what to change"],
        ),
        (
            "interrupted",
            common::interrupted(),
            kept,
            &["the same command runs it again, to its end"],
        ),
        ("cut", cut, kept, &["the same command runs it again, to its end"]),
        (
            "failed beside others",
            common::died(unknown()),
            NOTHING,
            &[
                "--processes 1 --threads 1 takes the same steps in each run, so that a failure comes \
                 again",
                dead,
            ],
        ),
        (
            "failed in the last cycle",
            failed_at(99_999),
            NOTHING,
            &["the same command takes the same steps again, up to the failure", dead],
        ),
        (
            "failed before it",
            failed_at(5_460),
            NOTHING,
            &["--cycles 5461 ends with the cycle that failed", dead],
        ),
        ("grows, undecided", undecided, NOTHING, &["--cycles 30000 is long enough to decide"]),
        ("too few samples", too_few, NOTHING, &["--cycles 100000 is long enough to decide"]),
        ("no memfds", auto, NOTHING, &["--image memfd makes images that the witnesses see"]),
        ("copied", common::copy(), NOTHING, &[]),
        ("grows without images", growing, NOTHING, &[grown]),
        ("guests leave descriptors", leaving, NOTHING, &[grown]),
        ("killed, one process", killed_alone, NOTHING, &[fewer_slots, dead]),
        (
            "killed, no slots",
            killed_without_slots,
            NOTHING,
            &["dmesg shows whether memory ran out", dead],
        ),
    ] {
        assert_eq!(hints(&recording, kept), expected, "{name}");
    }
}

/// The page copies the whole command: that of the run, with one choice changed.
#[test]
fn a_step_has_the_command_with_its_choice() {
    let command = |recording: &Recording| {
        let ledger = Ledger::of(recording).expect("it has a start");
        let report = Report::of_run(&ledger, &Judgement::of(&ledger));
        report.next.into_iter().find_map(|step| match step.means {
            Means::Choice { command, .. } => command,
            _ => None,
        })
    };
    let of = |recording: Recording, rest: &str| {
        chosen(recording, |start| start.command = start.scenario.command_line() + rest)
    };
    let keep = "leakbench --cycles 3000 --processes 1 --on-drop purge --driver-dir target";
    assert_eq!(command(&of(common::leak_keep(), " --driver-dir target")).as_deref(), Some(keep));
    let queue = of(common::leak_queue(), "");
    let said = command(&queue).expect("a command");
    assert!(said.contains("--decommit-batch 16") && said.contains("--flush-on-drop=on"), "{said}");
    // A default has no flag in a command. With several threads there were more barriers.
    let failed = common::died(ExitKind::Failed { error: "trap: unreachable".to_owned() });
    let alone = "leakbench --processes 1 --barriers 100 --threads 1";
    assert_eq!(command(&of(failed, "")).as_deref(), Some(alone));
    let other = chosen(common::leak_keep(), |start| start.command = "sh run.sh".to_owned());
    assert_eq!(command(&other), None);
}

#[test]
fn an_observation_has_hints_of_its_own() {
    let kept = Kept { folder: Some(Path::new("out")), is_drawn: false };
    let draw = "draws the growth, and the limit that it approaches";
    let left =
        |code| observation::gone(observation::healthy(), ProcessExitKind::Exited { code }, true);
    let exited = || ProcessExitKind::Exited { code: 0 };
    let mut interrupted = observation::interrupted(observation::healthy());
    if let Some(ObservationRecord::Start(start)) = interrupted.records.first_mut() {
        start.started_here = true;
    }
    let undecided = observation::attached(|second| vec![(Resource::Fds, second / 12)]);
    let mut shortest = observation::sampled(3, |_| Vec::new());
    for record in &mut shortest.records {
        if let ObservationRecord::Sample(sample) = record {
            sample.at_ms /= 25;
        }
    }
    let children = observation::attached(|_| vec![(Resource::Children, 3)]);
    let blind = observation::with(observation::healthy(), observation::remark(true, "denied"));
    let doctor = "leakbench doctor shows what this machine can measure, and what to change";
    let gate = "leakbench gate out judges it by a budget";
    for (name, recording, kept, expected) in [
        ("healthy", observation::healthy(), NOTHING, vec![]),
        ("healthy, kept", observation::healthy(), kept, vec![gate.to_owned()]),
        (
            "leak",
            observation::socket_leak(),
            NOTHING,
            vec![format!("the same command with --report html {draw}")],
        ),
        (
            "leak, kept",
            observation::socket_leak(),
            kept,
            vec![format!("leakbench report out {draw}"), gate.to_owned()],
        ),
        ("left", left(0), kept, vec![gate.to_owned()]),
        (
            "failed",
            left(3),
            kept,
            vec![
                "strace -f prints its last system calls before the end".to_owned(),
                "leakbench report out draws its resources until then".to_owned(),
            ],
        ),
        (
            "crashed",
            observation::gone(
                observation::healthy(),
                ProcessExitKind::Signaled { signal: 11 },
                true,
            ),
            NOTHING,
            vec![
                "ulimit -c unlimited keeps a core file, which shows where it crashed".to_owned(),
                "the same command with --report html draws its resources until then".to_owned(),
            ],
        ),
        (
            "interrupted",
            interrupted,
            NOTHING,
            vec!["the same command observes it again".to_owned()],
        ),
        (
            "short",
            observation::sampled(7, |_| Vec::new()),
            NOTHING,
            vec!["--duration 40s is long enough for a trend".to_owned()],
        ),
        (
            "short, ended",
            observation::gone(observation::sampled(7, |_| Vec::new()), exited(), true),
            NOTHING,
            vec!["--interval 150ms takes enough samples of so short a run".to_owned()],
        ),
        (
            "very short, ended",
            observation::gone(shortest, exited(), true),
            NOTHING,
            vec!["A run of 2 s is long enough for a trend".to_owned()],
        ),
        (
            "undecided",
            undecided.clone(),
            NOTHING,
            vec!["--duration 120s is long enough to decide".to_owned()],
        ),
        (
            "undecided, ended",
            observation::gone(undecided, exited(), true),
            NOTHING,
            vec!["A run of 2 min is long enough to decide".to_owned()],
        ),
        (
            "children",
            children,
            NOTHING,
            vec![
                "--tree observes its child processes too; --no-tree judges the process alone"
                    .to_owned(),
            ],
        ),
        ("blind", blind, NOTHING, vec![doctor.to_owned()]),
    ] {
        let diagnosis = Diagnosis::of(&recording).expect("it has a start");
        assert_eq!(observation_hints(&diagnosis, kept), expected, "{name}");
    }
}

#[test]
fn a_comparison_has_the_command_of_its_worst_run() {
    let kept = Kept { folder: Some(Path::new("out")), is_drawn: false };
    let drawn = Kept { is_drawn: true, ..kept };
    let mut comparison = comparison::swept();
    // Of two leaks that with most images.
    let alone = "leakbench --cycles 3000 --on-drop keep --processes 1 runs \
                 subject=builtin,strategy=next-available alone and names what holds its images";
    let gate = "leakbench gate out judges it by a budget";
    assert_eq!(comparison_hints(&comparison, drawn), [alone, gate]);
    let draw = "leakbench report out draws the runs side by side";
    assert_eq!(comparison_hints(&comparison, kept), [draw, alone]);
    for row in &mut comparison.rows {
        row.runs.iter_mut().for_each(|run| run.verdict = Verdict::Clean);
    }
    assert_eq!(comparison_hints(&comparison, kept), [gate]);
    for run in &mut comparison.rows[0].runs {
        run.verdict = Verdict::Inconclusive;
    }
    let doubtful = comparison_hints(&comparison, kept);
    assert!(doubtful[0].ends_with(" alone and names what to change"), "{doubtful:?}");
    comparison.interrupted = true;
    assert_eq!(comparison_hints(&comparison, kept), ["the same command runs all of it"]);
}

/// A folder's name is quoted for a shell.
#[test]
fn commands_can_be_copied_whole() {
    let kept = Kept { folder: Some(Path::new("my runs/it's")), is_drawn: true };
    let hints = hints(&common::clean(), kept);
    assert_eq!(hints, [r#"leakbench gate "my runs/it's" judges it by a budget"#]);
}

#[test]
fn a_summary_has_hints_above_the_report_and_the_verdict_last() {
    let recording = common::leak_queue();
    let ledger = Ledger::of(&recording).expect("it has a start");
    let judgement = Judgement::of(&ledger);
    let out = Some(Path::new("out"));
    let hints = run_hints(&ledger, &judgement, Kept { folder: out, is_drawn: true });
    let report = Some(Path::new("out/report.html"));
    let closing = Closing { report, link: None, hints: &hints };
    for width in [0, 90] {
        let style = SummaryStyle { width: Some(width), out, ..SummaryStyle::default() };
        let drawn = Summary::of_run(&ledger, &judgement).draw(&style, &closing);
        assert!(drawn.lines().count() <= 25, "at {width}:\n{drawn}");
        let last: Vec<&str> = drawn.lines().rev().take(2).collect();
        assert!(last[0].starts_with("verdict: LEAK"), "{drawn}");
        assert_eq!(last[1], "report     out/report.html");
        if width == 90 {
            golden("leak-queue-drawn.txt", &drawn).expect("as it was");
        }
    }
    // A terminal with links has the same text.
    let linked = Closing { link: Some("file://host/out/report.html"), ..closing };
    let style = SummaryStyle::default();
    let drawn = Summary::of_run(&ledger, &judgement).draw(&style, &linked);
    let link = "\x1b]8;;file://host/out/report.html\x1b\\out/report.html\x1b]8;;\x1b\\";
    assert!(drawn.contains(&format!("report     {link}\n")), "{drawn:?}");
    let plain = Summary::of_run(&ledger, &judgement).draw(&style, &closing);
    assert_eq!(drawn.replace(link, "out/report.html"), plain);
}
