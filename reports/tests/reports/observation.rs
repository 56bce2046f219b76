//! Observations: what is recorded, judged and drawn of a process that knows nothing of leakbench.

use std::collections::BTreeMap;
use std::path::Path;

use leakbench_model::Verdict;
use leakbench_recording::observation::*;
use leakbench_recording::recording::{
    Line, RECORDING_FILE, Record, Recorder, Recording, RecordingError,
};
use leakbench_reports::headline;
use leakbench_reports::render::{
    Closing, ObservationJson, ObservationProgress, Progress, Summary, SummaryStyle,
};
use leakbench_scenarios::Options;
use proptest::prelude::*;

use crate::common;
use crate::common::golden;

const MIB: u64 = 1 << 20;

fn observe(started_here: bool) -> ObservationStart {
    let mut fingerprint = serde_json::Map::new();
    fingerprint.insert("kernel".to_owned(), "Linux 6.18.0".into());
    let limit = |resource, most, name: &str| Limit { resource, max: most, name: name.to_owned() };
    ObservationStart {
        version: OBSERVATION_VERSION,
        command: "leakbench attach 4242 --duration 60s".to_owned(),
        pid: 4242,
        start_time_ticks: 123_456,
        process: "server --port 80".to_owned(),
        started_here,
        tree: false,
        interval_ms: 1_000,
        started_unix_s: 1_750_000_000,
        limits: vec![
            limit(Resource::Fds, 1_024, "RLIMIT_NOFILE"),
            limit(Resource::Mappings, 65_530, "vm.max_map_count"),
            limit(Resource::AddressSpaceBytes, 1 << 47, "47 bits of address"),
            limit(Resource::ResidentBytes, 512 * MIB, "memory.max of /system.slice/x"),
        ],
        fingerprint,
    }
}

/// What a quiet process has, at each look.
fn quiet() -> BTreeMap<Resource, u64> {
    BTreeMap::from([
        (Resource::Fds, 12),
        (Resource::FileFds, 8),
        (Resource::SocketFds, 4),
        (Resource::Mappings, 120),
        (Resource::AnonymousMappings, 40),
        (Resource::AddressSpaceBytes, 900 * MIB),
        (Resource::ResidentBytes, 30 * MIB),
        (Resource::AnonymousBytes, 20 * MIB),
        (Resource::FileBytes, 9 * MIB),
        (Resource::SharedBytes, MIB),
        (Resource::Threads, 4),
    ])
}

/// A process that was observed for a minute, with `more` of some resources at each second.
fn attached(more: impl Fn(u64) -> Vec<(Resource, u64)>) -> ObservationRecording {
    looked(60, more)
}

fn looked(looks: u64, more: impl Fn(u64) -> Vec<(Resource, u64)>) -> ObservationRecording {
    let mut records = vec![ObservationRecord::Start(Box::new(observe(false)))];
    for second in 0..looks {
        let mut amounts = quiet();
        for (resource, more) in more(second) {
            *amounts.entry(resource).or_default() += more;
        }
        let at_ms = second * 1_000;
        records.push(ObservationRecord::Sample(ObservationSample { at_ms, amounts, processes: 1 }));
    }
    records.push(ObservationRecord::End(ObservationEnd {
        at_ms: looks * 1_000,
        interrupted: false,
        observer_cpu_ms: Some(12),
    }));
    ObservationRecording { records }
}

pub(crate) fn with(
    mut recording: ObservationRecording,
    record: ObservationRecord,
) -> ObservationRecording {
    let end = recording.records.len() - 1;
    recording.records.insert(end, record);
    recording
}

pub(crate) fn gone(
    recording: ObservationRecording,
    how: ProcessExitKind,
    here: bool,
) -> ObservationRecording {
    let mut recording =
        with(recording, ObservationRecord::Exit(ProcessExit { at_ms: 59_500, how }));
    if let Some(ObservationRecord::Start(observe)) = recording.records.first_mut() {
        observe.started_here = here;
    }
    recording
}

fn examples(resource: Resource, what: &[&str]) -> ObservationRecord {
    let example = |(index, what): (usize, &&str)| Example {
        what: (*what).to_owned(),
        holders: vec![format!("fd {}", 17 + index)],
        first_seen_ms: 3_000 * (1 + index as u64),
    };
    let listed = what.iter().enumerate().map(example).collect();
    let objects = BTreeMap::from([(resource, listed)]);
    ObservationRecord::Examples(Examples { at_ms: 59_000, objects })
}

fn interrupted(mut recording: ObservationRecording) -> ObservationRecording {
    if let Some(ObservationRecord::End(end)) = recording.records.last_mut() {
        end.interrupted = true;
    }
    recording
}

pub(crate) fn socket_leak() -> ObservationRecording {
    let recording = attached(|s| vec![(Resource::Fds, 12 * s), (Resource::SocketFds, 12 * s)]);
    with(recording, examples(Resource::SocketFds, &["socket:[4711]", "socket:[4712]"]))
}

pub(crate) fn memfd_leak() -> ObservationRecording {
    let recording = attached(|s| {
        vec![
            (Resource::Memfds, 2 * s),
            (Resource::MemfdFds, 2 * s),
            (Resource::Fds, 2 * s),
            (Resource::MemfdMappings, 4 * s),
            (Resource::Mappings, 4 * s),
            (Resource::SharedBytes, s * MIB),
            (Resource::ResidentBytes, s * MIB),
        ]
    });
    let image = "inode 4711 on 0:1, /memfd:wasm-memory-image (deleted)";
    with(recording, examples(Resource::Memfds, &[image]))
}

/// Every kind of growth at once, but for a leak.
pub(crate) fn healthy() -> ObservationRecording {
    attached(|s| {
        vec![
            (Resource::Fds, s % 10 * 5),
            (Resource::PipeFds, s % 10 * 5),
            (Resource::ResidentBytes, s.min(25) * MIB),
            (Resource::AnonymousBytes, s.min(25) * MIB),
            (Resource::AddressSpaceBytes, s * 64 * MIB),
        ]
    })
}

pub(crate) fn remark(spoils: bool, what: &str) -> ObservationRecord {
    ObservationRecord::Remark(Remark { at_ms: 100, prevents_clean: spoils, what: what.to_owned() })
}

pub(crate) fn cases() -> Vec<(&'static str, ObservationRecording, Verdict)> {
    let unreadable = "cannot read /proc/4242/fd: permission denied";
    vec![
        ("observed-clean", attached(|_| Vec::new()), Verdict::Clean),
        ("observed-healthy", healthy(), Verdict::Clean),
        ("observed-sockets", socket_leak(), Verdict::Leak),
        ("observed-memfds", memfd_leak(), Verdict::Leak),
        (
            "observed-many",
            attached(|s| {
                let all = Resource::ALL.into_iter();
                all.map(|r| (r, if r.as_str().ends_with("bytes") { s * MIB } else { s })).collect()
            }),
            Verdict::Leak,
        ),
        (
            "observed-spoilt",
            with(attached(|_| Vec::new()), remark(true, unreadable)),
            Verdict::Inconclusive,
        ),
        ("observed-spoilt-leak", with(socket_leak(), remark(true, unreadable)), Verdict::Leak),
        ("observed-shortly", looked(7, |_| Vec::new()), Verdict::Inconclusive),
        (
            "observed-killed",
            gone(healthy(), ProcessExitKind::Signaled { signal: 11 }, true),
            Verdict::SubjectDied,
        ),
        (
            "observed-leaked-and-killed",
            gone(socket_leak(), ProcessExitKind::Signaled { signal: 11 }, true),
            Verdict::Leak,
        ),
        (
            "observed-exited",
            gone(healthy(), ProcessExitKind::Exited { code: 0 }, true),
            Verdict::Clean,
        ),
        ("observed-vanished", gone(socket_leak(), ProcessExitKind::Vanished, false), Verdict::Leak),
        ("observed-interrupted", interrupted(socket_leak()), Verdict::Leak),
    ]
}

fn draw(diagnosis: &Diagnosis, width: usize) -> String {
    let style = SummaryStyle { width: Some(width), ..SummaryStyle::default() };
    Summary::of_observation(diagnosis).draw(&style, &Closing::default())
}

fn diagnosed(recording: &ObservationRecording) -> Diagnosis {
    Diagnosis::of(recording).expect("it says what was observed")
}

fn class(diagnosis: &Diagnosis, resource: Resource) -> Option<ResourceClass> {
    diagnosis.account(resource).and_then(|account| account.class)
}

#[test]
fn both_formats_are_as_they_were() {
    let mut wrong = Vec::new();
    for (name, recording, verdict) in cases() {
        let diagnosis = diagnosed(&recording);
        assert_eq!(diagnosis.judgement.verdict, verdict, "{name}:\n{}", draw(&diagnosis, 100));
        wrong.extend(golden(&format!("{name}.txt"), &draw(&diagnosis, 100)).err());
        if ["observed-sockets", "observed-spoilt"].contains(&name) {
            let result = ObservationJson::new(&diagnosis).to_text().expect("it has a form");
            wrong.extend(golden(&format!("{name}.json"), &result).err());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn summaries_keep_to_25_lines_of_their_width_and_end_in_the_verdict() {
    for (name, mut recording, _) in cases() {
        for remarks in [0, 40] {
            for _ in 0..remarks {
                let what = "child 4243 came, and was gone before it was looked at ".repeat(5);
                recording = with(recording, remark(false, &what));
            }
            let diagnosis = diagnosed(&recording);
            for width in [0, 80, 500] {
                let drawn = draw(&diagnosis, width);
                let lines: Vec<&str> = drawn.lines().collect();
                assert!(lines.len() <= Summary::LINES_MAX, "{name}:\n{drawn}");
                assert!(lines.last().is_some_and(|last| last.starts_with("verdict: ")));
                for line in &lines[1..] {
                    let whole = ["verdict: ", "reproduce"].iter().any(|s| line.starts_with(s));
                    let fits = line.chars().count() <= width.clamp(60, 100);
                    assert!(whole || fits, "{name} at {width}: {line}");
                }
            }
        }
    }
}

#[test]
fn a_kind_is_the_suspect_and_its_total_has_the_limit() {
    let diagnosis = diagnosed(&socket_leak());
    let [suspect] = diagnosis.suspects.as_slice() else {
        panic!("one leak: {:?}", diagnosis.suspects);
    };
    assert_eq!(suspect.resource, Resource::SocketFds);
    assert_eq!(suspect.evidence, [Resource::Fds]);
    let meets = suspect.forecast.as_ref().expect("a limit of descriptors");
    assert_eq!(meets.limit.name, "RLIMIT_NOFILE");
    // 12 and 59 × 12 of 1,024 are there at the last look.
    assert!((meets.seconds - (1_024.0 - 12.0 - 59.0 * 12.0) / 12.0).abs() < 0.1, "{meets:?}");
    let headline = headline::of_observation(&diagnosis);
    assert_eq!(
        headline,
        "LEAK — socket descriptors grow by 12.0 a second (95 % 12.0 to 12.0); RLIMIT_NOFILE of \
         1,024 is met in 25 s"
    );
}

#[test]
fn a_memfd_leak_is_one_suspect_however_many_ways_it_shows() {
    let diagnosis = diagnosed(&memfd_leak());
    let [suspect] = diagnosis.suspects.as_slice() else {
        panic!("one leak: {:?}", diagnosis.suspects);
    };
    assert_eq!(suspect.resource, Resource::Memfds);
    for shown in [Resource::MemfdFds, Resource::MemfdMappings, Resource::SharedBytes] {
        assert!(suspect.evidence.contains(&shown), "{:?}", suspect.evidence);
    }
    let meets = suspect.forecast.as_ref().expect("limits");
    // 432 of 512 MiB are left at one a second, 894 of 1,024 descriptors at two.
    assert_eq!(meets.limit.resource, Resource::ResidentBytes, "{meets:?}");
    assert!((meets.seconds - 432.0).abs() < 0.1, "{meets:?}");
}

#[test]
fn two_leaks_are_two_suspects_and_the_one_that_ends_sooner_is_first() {
    let diagnosis = diagnosed(&attached(|s| {
        vec![
            (Resource::Fds, 2 * s),
            (Resource::EventFds, 2 * s),
            (Resource::AnonymousBytes, 8 * s * MIB),
            (Resource::ResidentBytes, 8 * s * MIB),
            (Resource::AddressSpaceBytes, 8 * s * MIB),
            (Resource::Zombies, s / 2),
        ]
    }));
    let suspects: Vec<Resource> =
        diagnosis.suspects.iter().map(|suspect| suspect.resource).collect();
    // 472 MiB of 512 are there; descriptors last seven minutes; nothing limits zombies.
    assert_eq!(suspects, [Resource::AnonymousBytes, Resource::EventFds, Resource::Zombies]);
    let memory = diagnosis.suspects[0].forecast.as_ref().expect("a limit of memory");
    // Pages of files do not count.
    assert!((memory.seconds - (512.0 - 21.0 - 8.0 * 59.0) / 8.0).abs() < 0.1, "{memory:?}");
    // The address space is filled: it is no reservation.
    assert_eq!(class(&diagnosis, Resource::AddressSpaceBytes), Some(ResourceClass::Leak));
}

#[test]
fn what_is_no_leak_has_its_class() {
    let diagnosis = diagnosed(&healthy());
    for (resource, expected) in [
        (Resource::PipeFds, ResourceClass::Sawtooth),
        (Resource::AnonymousBytes, ResourceClass::Bounded),
        (Resource::AddressSpaceBytes, ResourceClass::Reservation),
        (Resource::Threads, ResourceClass::Flat),
    ] {
        assert_eq!(class(&diagnosis, resource), Some(expected), "{resource:?}");
    }
    let space = diagnosis.account(Resource::AddressSpaceBytes).expect("it was seen");
    assert!(space.seconds_to_limit.is_some(), "a reservation has a forecast");
    assert!(diagnosis.suspects.is_empty());

    // Reserved mappings without end are a leak of mappings.
    let reserved =
        diagnosed(&attached(|s| vec![(Resource::ReservedMappings, s), (Resource::Mappings, s)]));
    assert_eq!(reserved.suspects[0].resource, Resource::ReservedMappings);
}

#[test]
fn memory_that_the_kernel_takes_back_or_moves_is_no_leak() {
    let files = diagnosed(&attached(|s| {
        vec![(Resource::FileBytes, s * MIB), (Resource::ResidentBytes, s * MIB)]
    }));
    assert_eq!(files.judgement.verdict, Verdict::Clean);
    assert_eq!(class(&files, Resource::FileBytes), Some(ResourceClass::Bounded));

    // Of 1,000 MiB more and more is swapped out.
    let swapped = diagnosed(&attached(|s| {
        let out = 10 * s * MIB;
        let resident = 1_000 * MIB - out;
        vec![
            (Resource::SwapBytes, out),
            (Resource::ResidentBytes, resident),
            (Resource::AnonymousBytes, resident),
        ]
    }));
    assert_eq!(swapped.judgement.verdict, Verdict::Clean);

    // What grows and is swapped out at once does leak.
    let swapping = diagnosed(&attached(|s| vec![(Resource::SwapBytes, 10 * s * MIB)]));
    assert_eq!(swapping.suspects[0].resource, Resource::SwapBytes);

    // Less than a MiB of growth is not told from the allocator's steps.
    let little = diagnosed(&attached(|s| {
        vec![(Resource::AnonymousBytes, s * 16_384), (Resource::ResidentBytes, s * 16_384)]
    }));
    assert_eq!(little.judgement.verdict, Verdict::Clean);
}

#[test]
fn limits_of_each_process_say_nothing_of_the_sum_over_a_tree() {
    let mut recording = socket_leak();
    for record in &mut recording.records {
        if let ObservationRecord::Sample(look) = record {
            look.processes = 3;
        }
    }
    let diagnosis = diagnosed(&recording);
    assert_eq!(diagnosis.judgement.verdict, Verdict::Leak);
    assert_eq!(diagnosis.suspects[0].forecast, None);
}

/// The last look may see a process that has closed what it had.
#[test]
fn what_a_leaving_process_gives_back_is_not_judged() {
    let mut recording = gone(socket_leak(), ProcessExitKind::Exited { code: 0 }, true);
    let last = recording.records.iter_mut().rev().find_map(|record| match record {
        ObservationRecord::Sample(look) => Some(look),
        _ => None,
    });
    last.expect("there are looks").amounts.values_mut().for_each(|amount| *amount = 0);
    assert_eq!(diagnosed(&recording).judgement.verdict, Verdict::Leak);
}

#[test]
fn nothing_read_or_no_end_is_not_clean() {
    let mut blind = attached(|_| Vec::new());
    for record in &mut blind.records {
        if let ObservationRecord::Sample(look) = record {
            look.amounts.clear();
        }
    }
    assert_eq!(diagnosed(&blind).judgement.verdict, Verdict::Inconclusive);

    let mut cut = attached(|_| Vec::new());
    cut.records.pop();
    assert_eq!(diagnosed(&cut).judgement.verdict, Verdict::Inconclusive);
    assert!(Diagnosis::of(&ObservationRecording::default()).is_err());

    // One resource that was seen for a moment is said, and the others are judged.
    let mut once = attached(|_| Vec::new());
    if let Some(ObservationRecord::Sample(look)) = once.records.get_mut(5) {
        look.amounts.insert(Resource::Zombies, 0);
    }
    let diagnosis = diagnosed(&once);
    assert_eq!(diagnosis.judgement.verdict, Verdict::Clean);
    let told = &diagnosis.judgement.findings[0].message;
    assert_eq!(told, "zombies could be read in only 1 of 60 looks");
}

/// Who attaches ends it when enough was seen; a command did not come to its end. A leak that is
/// seen is proved either way.
#[test]
fn an_interruption_is_an_end_of_attach_but_not_of_a_command() {
    let quiet = |looks| looked(looks, |_| Vec::new());
    for (recording, here, verdict) in [
        (quiet(60), false, Verdict::Clean),
        (quiet(7), false, Verdict::Interrupted),
        (socket_leak(), false, Verdict::Leak),
        (quiet(60), true, Verdict::Interrupted),
        (socket_leak(), true, Verdict::Leak),
    ] {
        let diagnosis = diagnosed(&gone(interrupted(recording), ProcessExitKind::Stopped, here));
        assert_eq!(diagnosis.judgement.verdict, verdict, "started here: {here}");
        let mut findings = diagnosis.judgement.findings.iter();
        assert!(findings.any(|finding| finding.rule == "interruption"), "it stays listed");
    }
}

#[test]
fn an_object_without_a_known_holder_is_told_without_one() {
    let mut recording = socket_leak();
    for record in &mut recording.records {
        if let ObservationRecord::Examples(examples) = record {
            examples.objects.values_mut().flatten().for_each(|object| object.holders.clear());
        }
    }
    let drawn = draw(&diagnosed(&recording), 100);
    assert!(drawn.contains("- socket:[4711], for 56 s"), "{drawn}");
}

/// What a limit stops is as flat as what does not leak.
#[test]
fn what_came_to_its_limit_and_stays_there_is_a_leak() {
    let filled = |to: u64| attached(move |s| vec![(Resource::Fds, (100 * s).min(to - 12))]);
    let full = diagnosed(&filled(1_024));
    assert_eq!(full.judgement.verdict, Verdict::Leak);
    assert_eq!(
        headline::of_observation(&full),
        "LEAK — descriptors came to 1,024 of 1,024 (RLIMIT_NOFILE) and stay there"
    );
    assert_eq!(diagnosed(&filled(900)).judgement.verdict, Verdict::Clean);
    // All address space may be reserved by design.
    let space = diagnosed(&attached(|_| vec![(Resource::AddressSpaceBytes, 1 << 47)]));
    assert_eq!(space.judgement.verdict, Verdict::Clean);
}

#[test]
fn looks_that_are_bunched_in_time_are_not_called_unreadable() {
    let mut recording = attached(|_| Vec::new());
    for record in &mut recording.records {
        if let ObservationRecord::Sample(look) = record {
            look.at_ms /= 30_000;
        }
    }
    let headline = headline::of_observation(&diagnosed(&recording));
    assert!(headline.contains("the 60 looks are bunched in time, so no trend"), "{headline}");
}

#[test]
fn children_that_were_not_looked_at_are_said() {
    let children = |most| attached(move |s| vec![(Resource::Children, u64::from(s == 30) * most)]);
    let in_tree = |mut recording: ObservationRecording| {
        if let Some(ObservationRecord::Start(observe)) = recording.records.first_mut() {
            observe.tree = true;
        }
        recording
    };
    let said = |recording| {
        let diagnosis = diagnosed(&recording);
        assert_eq!(diagnosis.judgement.verdict, Verdict::Clean);
        let messages = diagnosis.judgement.findings.iter().map(|found| found.message.clone());
        (messages.collect::<Vec<String>>(), headline::of_observation(&diagnosis))
    };
    let (found, headline) = said(children(3));
    assert_eq!(found, ["up to 3 child processes were not looked at: --tree observes them too"]);
    assert!(headline.ends_with("; 3 child processes were not looked at"), "{headline}");
    let (_, headline) = said(children(1));
    assert!(headline.ends_with("; 1 child process was not looked at"), "{headline}");
    for seen in [children(0), in_tree(children(3))] {
        let (found, headline) = said(seen);
        assert!(found.is_empty(), "{found:?}");
        assert!(!headline.contains("child"), "{headline}");
    }
}

/// The fields that others rely on, by name and value rather than by golden file.
#[test]
fn result_json_has_the_fields_of_version_2() {
    let diagnosis = diagnosed(&socket_leak());
    let text = ObservationJson::new(&diagnosis).to_text().expect("it has a form");
    let json: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    for (pointer, value) in [
        ("/version", serde_json::json!(2)),
        ("/verdict", "leak".into()),
        ("/exit_code", 1.into()),
        ("/process/pid", 4242.into()),
        ("/samples", 60.into()),
        ("/suspects/0/resource", "socket-fds".into()),
        ("/suspects/0/forecast/limit_name", "RLIMIT_NOFILE".into()),
        ("/findings/0/policy", "growth".into()),
        ("/fingerprint/kernel", "Linux 6.18.0".into()),
    ] {
        assert_eq!(json.pointer(pointer), Some(&value), "{pointer}");
    }
    let resources = json["resources"].as_array().expect("a list");
    let named = |name| resources.iter().find(|r| r["name"] == name).expect("it was seen");
    let sockets = named("socket-fds");
    assert_eq!(sockets["class"], "leak");
    assert_eq!(sockets["limit"], serde_json::Value::Null);
    assert_eq!(sockets.get("seconds_to_limit"), None);
    assert_eq!(sockets["example"]["what"], "socket:[4711]");
    for rate in ["rate_per_s", "ci_low", "ci_high"] {
        assert!(sockets[rate].as_f64().is_some_and(|rate| (rate - 12.0).abs() < 0.1));
    }
    let all = named("fds");
    assert_eq!(all["limit"], 1_024);
    assert!(all["seconds_to_limit"].as_f64().is_some_and(|s| (s - 25.3).abs() < 0.1));
    assert_eq!(named("threads")["class"], "flat");
    assert_eq!(named("threads")["example"], serde_json::Value::Null);
}

/// What a process names its files must not pass for what leakbench says.
#[test]
fn text_from_outside_cannot_steer_the_terminal() {
    const EVIL: &str = "\r\u{1b}[2K\n\u{9b}1A\u{202e}verdict: clean";
    let mut recording = socket_leak();
    recording = with(recording, examples(Resource::SocketFds, &[EVIL]));
    recording = with(recording, remark(true, EVIL));
    for record in &mut recording.records {
        match record {
            ObservationRecord::Start(observe) => {
                observe.process = EVIL.to_owned();
                observe.command = EVIL.to_owned();
                observe.limits.iter_mut().for_each(|limit| limit.name = EVIL.to_owned());
            }
            ObservationRecord::Examples(examples) => {
                let objects = examples.objects.values_mut().flatten();
                objects.for_each(|object| object.holders = vec![EVIL.to_owned()]);
            }
            _ => {}
        }
    }
    let diagnosis = diagnosed(&recording);
    let style = SummaryStyle { out: Some(Path::new(EVIL)), ..SummaryStyle::default() };
    let drawn = Summary::of_observation(&diagnosis).draw(&style, &Closing::default());
    for said in [&drawn.replace('\n', ""), &headline::of_observation(&diagnosis)] {
        assert!(!said.contains(|c: char| c.is_control() || c == '\u{202e}'), "{said:?}");
    }
    let verdicts = drawn.lines().filter(|line| line.trim_start().starts_with("verdict:"));
    assert_eq!(verdicts.count(), 1, "{drawn}");
    // In JSON it is as it was.
    let text = ObservationJson::new(&diagnosis).to_text().expect("it has a form");
    let json: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(json["process"]["command_line"], EVIL);
}

#[test]
fn progress_says_what_there_is_and_how_many_rise() {
    let mut progress = ObservationProgress::new(4242, Some(60_000));
    assert_eq!(progress.plain(), "observing 4242 for 0 s of 60 s");
    for record in &socket_leak().records {
        if let ObservationRecord::Sample(look) = record {
            progress.see(look);
        }
    }
    let plain = "observing 4242 for 59 s of 60 s, 720 fds, 120 mappings, 30.0 MiB resident, 2 resources rise";
    assert_eq!(progress.plain(), plain);
    for width in 0..100 {
        let line = progress.line(width);
        assert!(
            line.chars().count() <= width && plain.replace(", ", "  ").starts_with(&line),
            "{line}"
        );
    }
    // A day of looks costs no more than a minute of them.
    for second in 60..86_400 {
        progress.see(&ObservationSample { at_ms: second * 1_000, amounts: quiet(), processes: 1 });
    }
    assert!(progress.plain().starts_with("observing 4242 for 24 h of 60 s, 12 fds"));
}

#[test]
fn a_day_of_looks_stays_below_two_megabytes_and_is_judged_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut recorder = ObservationRecorder::create(folder.path()).expect("it is writable");
    recorder.record(ObservationRecord::Start(Box::new(observe(false)))).expect("writable");
    for second in 0..86_400u64 {
        let mut amounts: BTreeMap<Resource, u64> =
            Resource::ALL.into_iter().map(|resource| (resource, 1 << 40)).collect();
        amounts.insert(Resource::SocketFds, 4 + second / 60);
        let look = ObservationSample { at_ms: second * 1_000, amounts, processes: 1 };
        recorder.record(ObservationRecord::Sample(look)).expect("writable");
        if second % 600 == 0 {
            let long = "x".repeat(4_096);
            let record = examples(Resource::SocketFds, &[&long]);
            recorder.record(record).expect("writable");
        }
    }
    for index in 0..1_000 {
        recorder.record(remark(false, &format!("child {index} came"))).expect("writable");
    }
    let end = ObservationEnd { at_ms: 86_400_000, interrupted: false, observer_cpu_ms: None };
    recorder.record(ObservationRecord::End(end)).expect("writable");
    let size = std::fs::metadata(folder.path().join(RECORDING_FILE)).expect("a file").len();
    assert!(size < 2_000_000, "{size} bytes");
    let kept = ObservationRecording::read(folder.path()).expect("it reads");
    assert_eq!(&kept, recorder.recording());

    let diagnosis = diagnosed(&kept);
    let looks = &diagnosis.ledger.samples;
    assert!((800..=1_600).contains(&looks.len()), "{}", looks.len());
    assert_eq!((looks[0].at_ms, diagnosis.ledger.observed_ms()), (0, 86_399_000));
    let widest = looks.windows(2).map(|pair| pair[1].at_ms - pair[0].at_ms).max();
    assert!(widest.is_some_and(|ms| ms <= 256_000), "a hole of {widest:?} ms");
    assert_eq!(diagnosis.suspects[0].resource, Resource::SocketFds);
    let rate = diagnosis.account(Resource::SocketFds).and_then(Account::rate_per_s);
    assert!(rate.is_some_and(|rate| (rate * 60.0 - 1.0).abs() < 0.01), "{rate:?}");
    let told = &diagnosis.ledger.remarks;
    assert_eq!(told.len(), <ObservationRecord as Line>::REPEATS_MAX + 1);
    assert_eq!(told[told.len() - 1].what, "950 more remarks, not listed");
}

#[test]
fn recordings_of_the_two_kinds_are_not_taken_for_each_other() {
    let (run, observation) = (tempfile::tempdir(), tempfile::tempdir());
    let (run, observation) = (run.expect("a folder"), observation.expect("a folder"));
    let mut recorder = Recorder::create(run.path()).expect("it is writable");
    recorder.record(common::start(1, 1, Options::default())).expect("it is writable");
    let mut recorder = ObservationRecorder::create(observation.path()).expect("it is writable");
    for record in socket_leak().records {
        recorder.record(record).expect("it is writable");
    }
    let error = ObservationRecording::read(run.path()).expect_err("another kind");
    assert!(matches!(error, RecordingError::OtherKind { .. }));
    assert!(error.to_string().ends_with("of a run of modules, and not of an observed process"));
    let error = Recording::<Record>::read(observation.path()).expect_err("another kind");
    assert!(error.to_string().ends_with("of an observed process, and not of a run of modules"));
    let read = ObservationRecording::read(observation.path()).expect("its own kind");
    assert_eq!(read, socket_leak());
}

#[test]
fn an_observation_cut_at_any_byte_reads_as_a_prefix() {
    let whole = with(memfd_leak(), remark(true, "größe")).records;
    let lines: Vec<String> =
        whole.iter().map(|r| serde_json::to_string(r).expect("a line") + "\n").collect();
    let bytes = lines.concat();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cut.jsonl");
    for end in (0..bytes.len()).step_by(61).chain(bytes.len() - 80..=bytes.len()) {
        std::fs::write(&path, &bytes.as_bytes()[..end]).expect("it is writable");
        let read = ObservationRecording::read(&path).expect("a prefix reads");
        let full = bytes.as_bytes()[..end].iter().filter(|&&byte| byte == b'\n').count();
        assert!((full..=full + 1).contains(&read.records.len()), "at {end}");
        assert_eq!(read.records, whole[..read.records.len()]);
    }
}

fn any_record() -> impl Strategy<Value = ObservationRecord> {
    let resource = || (0..Resource::ALL.len()).prop_map(|index| Resource::ALL[index]);
    let at_ms = || prop_oneof![4 => 0..100_000u64, 1 => any::<u64>()];
    let amounts = proptest::collection::btree_map(resource(), any::<u64>(), 0..35);
    let example = (".{0,400}", proptest::collection::vec(".{0,9}", 0..20), at_ms())
        .prop_map(|(what, holders, first_seen_ms)| Example { what, holders, first_seen_ms });
    let objects = proptest::collection::vec(example, 0..8);
    let objects = proptest::collection::btree_map(resource(), objects, 0..5);
    let how = prop_oneof![
        any::<i32>().prop_map(|code| ProcessExitKind::Exited { code }),
        any::<i32>().prop_map(|signal| ProcessExitKind::Signaled { signal }),
        Just(ProcessExitKind::Stopped),
        Just(ProcessExitKind::Vanished),
    ];
    prop_oneof![
        20 => (at_ms(), amounts, any::<u32>()).prop_map(|(at_ms, amounts, processes)| {
            ObservationRecord::Sample(ObservationSample { at_ms, amounts, processes })
        }),
        2 => (at_ms(), objects)
            .prop_map(|(at_ms, objects)| ObservationRecord::Examples(Examples { at_ms, objects })),
        2 => (at_ms(), any::<bool>(), ".{0,400}").prop_map(|(at_ms, spoils, what)| {
            ObservationRecord::Remark(Remark { at_ms, prevents_clean: spoils, what })
        }),
        1 => (at_ms(), how).prop_map(|(at_ms, how)| ObservationRecord::Exit(ProcessExit { at_ms, how })),
        1 => (at_ms(), any::<bool>(), any::<Option<u64>>()).prop_map(
            |(at_ms, interrupted, observer_cpu_ms)| {
                let end = ObservationEnd { at_ms, interrupted, observer_cpu_ms };
                ObservationRecord::End(end)
            }
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever was recorded, also by another program, can be judged and drawn.
    #[test]
    fn any_observation_can_be_drawn(
        records in proptest::collection::vec(any_record(), 0..120),
        in_order in any::<bool>(),
        width in 0..200usize,
    ) {
        let first = ObservationRecord::Start(Box::new(observe(in_order)));
        let mut records: Vec<ObservationRecord> = std::iter::once(first).chain(records).collect();
        let mut at = 0;
        for record in &mut records {
            if let (ObservationRecord::Sample(look), true) = (record, in_order) {
                at += 500;
                look.at_ms = at;
            }
        }
        let mut recorder = ObservationRecorder::in_memory();
        for record in records {
            recorder.record(record).expect("in memory");
        }
        let diagnosis = diagnosed(recorder.recording());
        let drawn = draw(&diagnosis, width);
        prop_assert!(drawn.lines().count() <= Summary::LINES_MAX, "{}", drawn);
        let text = ObservationJson::new(&diagnosis).to_text().expect("it has a form");
        let json: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        prop_assert_eq!(&json["exit_code"], diagnosis.judgement.verdict.exit_code());
        // Each leak is one suspect's, or shown by one.
        let mut told: Vec<Resource> = diagnosis.suspects.iter()
            .flat_map(|suspect| std::iter::once(suspect.resource).chain(suspect.evidence.clone()))
            .collect();
        told.sort();
        let leaks: Vec<Resource> =
            diagnosis.accounts.iter().filter(|a| a.leaks()).map(|a| a.resource).collect();
        prop_assert_eq!(told, leaks);
    }
}
