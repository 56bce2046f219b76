//! Recordings of runs with known verdicts, built line by line.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};

use leakbench_model::{Counts, Histogram, Holder, LastStep, LingeringImage, SlotState};
use leakbench_recording::judge::Judgement;
use leakbench_recording::ledger::Ledger;
use leakbench_recording::recording::*;
use leakbench_reports::render::{Closing, Summary, SummaryStyle};
use leakbench_scenarios::{Offer, Options, Scenario};

pub(crate) const MS: u64 = 1_000_000;

/// A run of `cycles` cycles in `processes` processes, chosen further by `options`.
pub(crate) fn start(cycles: u64, processes: u32, options: Options) -> Record {
    let options = Options {
        cycles: NonZeroU64::new(cycles),
        processes: NonZeroU32::new(processes),
        ..options
    };
    let offer = match options.subject {
        None => Offer::builtin(),
        Some(_) => Offer::none("some runtime 1.0"),
    };
    let scenario = Scenario::new(options, &offer, NonZeroU32::MIN).expect("a valid scenario");
    let mut fingerprint = serde_json::Map::new();
    fingerprint.insert("kernel".to_owned(), "Linux 6.18.0".into());
    fingerprint.insert("cpus".to_owned(), 2.into());
    Record::Start(Box::new(Start {
        version: RECORDING_VERSION,
        subject: scenario.subject.to_string(),
        runtime: Some(offer.runtime),
        command: scenario.command_line(),
        scenario,
        started_unix_s: 1_750_000_000,
        fingerprint,
    }))
}

pub(crate) fn up(subject: u32, cycles: u64) -> Record {
    Record::Subject(SubjectUp {
        at_ms: 20,
        subject,
        pid: 4711 + subject,
        runtime: None,
        cycles,
        at_rest: footprint(60, 11, 9 << 20),
    })
}

pub(crate) fn footprint(mappings: u64, fds: u64, rss_bytes: u64) -> Footprint {
    Footprint {
        mappings: Some(mappings),
        memfd_mappings: Some(0),
        fds: Some(fds),
        rss_bytes: Some(rss_bytes),
        shmem_bytes: Some(0),
        page_tables_bytes: Some(rss_bytes / 100),
    }
}

pub(crate) fn sample(subject: u32, at_ms: u64, counts: Counts, footprint: Footprint) -> Record {
    Record::Sample(Sample { at_ms, subject, counts, footprint })
}

/// A barrier at which both witnesses agree.
pub(crate) fn barrier(subject: u32, at_ms: u64, counts: Counts) -> Barrier {
    Barrier {
        at_ms,
        subject,
        last: false,
        counts,
        footprint: footprint(1_060, 11, 21 << 20),
        slots: None,
        slot_map: None,
        lingering: Vec::new(),
        disagreements: Vec::new(),
        disagreements_total: 0,
        release: Histogram(vec![(1_200, counts.synchronous), (3 * MS, counts.late)]),
        memory: None,
        reset_failures: 0,
    }
}

/// Counts after which all but `lingering` of `cycles` images were released in their drops.
pub(crate) fn counts(cycles: u64, lingering: u64) -> Counts {
    Counts { cycles, made: cycles, synchronous: cycles - lingering, lingering, ..Counts::default() }
}

pub(crate) fn image(number: u64, holders: Vec<Holder>) -> LingeringImage {
    LingeringImage {
        dev: 1,
        inode: 4_623 + number,
        module: number,
        dropped_at_cycle: number,
        lingering_ms: 900 - number.min(800),
        holders_total: holders.len() as u64,
        holders,
    }
}

pub(crate) fn slot(slot: u32, state: SlotState) -> Holder {
    Holder::Slot { slot, state }
}

pub(crate) fn exit(subject: u32, at_ms: u64, how: ExitKind, last_steps: &[(u64, &str)]) -> Record {
    let steps = last_steps.iter().enumerate();
    Record::Exit(Exit {
        at_ms,
        subject,
        how,
        last_steps: steps
            .map(|(thread, &(cycle, step))| LastStep {
                thread: thread as u32,
                cycle,
                step: step.to_owned(),
            })
            .collect(),
    })
}

pub(crate) fn end(at_ms: u64) -> Record {
    Record::End(End {
        at_ms,
        running_ms: at_ms - 50,
        supervisor_cpu_ms: Some(at_ms / 100),
        supervisor_peak_rss_bytes: Some(12 << 20),
    })
}

pub(crate) fn recording(records: impl IntoIterator<Item = Record>) -> Recording {
    Recording { records: records.into_iter().collect() }
}

fn last(barrier: Barrier) -> Record {
    Record::Barrier(Box::new(Barrier { last: true, ..barrier }))
}

fn mid(barrier: Barrier) -> Record {
    Record::Barrier(Box::new(barrier))
}

/// A million cycles over two processes, every image released, 1,200 of them late.
pub(crate) fn clean() -> Recording {
    let mut records = vec![start(1_000_000, 2, Options::default())];
    for subject in 0..2 {
        records.push(up(subject, 500_000));
    }
    for subject in 0..2 {
        let looks = footprint(1_506, 14, 20 << 20);
        records.push(sample(subject, 1_000, counts(30_000, 0), looks));
        let half = barrier(subject, 15_000, counts(250_000, 0));
        records.push(mid(half));
        let counts = Counts { synchronous: 499_400, late: 600, ..counts(500_000, 0) };
        records.push(last(barrier(subject, 31_000, counts)));
        records.push(exit(subject, 31_010, ExitKind::Done, &[]));
    }
    records.push(end(31_050));
    recording(records)
}

/// Dropped images stay in affine slots.
pub(crate) fn leak_keep() -> Recording {
    let options =
        Options { on_drop: Some(leakbench_scenarios::OnDrop::Keep), ..Options::default() };
    let images: Vec<LingeringImage> = (0..951)
        .map(|n| {
            let holders =
                vec![slot(n as u32 + 17, SlotState::Affine), Holder::Fd { fd: n as i32 + 9 }];
            image(n * 3 + 88, holders)
        })
        .collect();
    let mut half = barrier(0, 100, counts(1_500, 777));
    half.lingering = images[..777].to_vec();
    let mut whole = barrier(0, 210, counts(3_000, 951));
    whole.lingering = images;
    whole.footprint = Footprint { memfd_mappings: Some(951), ..footprint(2_913, 962, 26 << 20) };
    whole.slots =
        Some([(SlotState::Cold, 49), (SlotState::AffineDropped, 951)].into_iter().collect());
    recording([
        start(3_000, 1, options),
        up(0, 3_000),
        mid(half),
        last(whole),
        exit(0, 215, ExitKind::Done, &[]),
        end(220),
    ])
}

/// The decommit queue hides slots; every kind of holder is among them.
pub(crate) fn leak_queue() -> Recording {
    let options = Options {
        strategy: Some(leakbench_scenarios::Strategy::WarmLru),
        decommit_batch: NonZeroU32::new(16),
        ..Options::default()
    };
    let mut images: Vec<LingeringImage> =
        (0..15).map(|n| image(2_985 + n, vec![slot(n as u32, SlotState::Queued)])).collect();
    let held_often = (0..16).map(|n| slot(100 + n, SlotState::Affine)).collect();
    images.push(LingeringImage { holders_total: 20, ..image(7, held_often) });
    images.push(image(8, vec![Holder::Fd { fd: 77 }]));
    let (start_at, end_at) = (0x7f00_0000_0000, 0x7f00_0000_1000);
    images.push(image(9, vec![Holder::Mapping { start: start_at, end: end_at }]));
    images.push(image(10, vec![]));
    images.push(image(11, vec![slot(500, SlotState::InUse)]));
    images.push(image(12, vec![slot(501, SlotState::Cold)]));
    let mut whole = barrier(0, 300, counts(3_000, images.len() as u64));
    whole.lingering = images;
    recording([
        start(3_000, 1, options),
        up(0, 3_000),
        mid(barrier(0, 150, counts(1_500, 0))),
        last(whole),
        exit(0, 310, ExitKind::Done, &[]),
        end(320),
    ])
}

/// Images lingered in mid-run, and were released before the end.
pub(crate) fn leak_earlier() -> Recording {
    let mut half = barrier(0, 100, counts(1_500, 12));
    half.lingering = (0..12).map(|n| image(n, vec![Holder::Fd { fd: 20 }])).collect();
    recording([
        start(3_000, 1, Options::default()),
        up(0, 3_000),
        mid(half),
        last(barrier(0, 210, counts(3_000, 0))),
        exit(0, 215, ExitKind::Done, &[]),
        end(220),
    ])
}

/// One of two subjects ends as `how`; the other is stopped for it.
pub(crate) fn died(how: ExitKind) -> Recording {
    let running = |cycles: u64| Counts {
        cycles,
        made: cycles,
        synchronous: cycles - 2,
        late: 1,
        live: 1,
        ..Counts::default()
    };
    let looks = footprint(1_062, 12, 20 << 20);
    let options = Options { threads: NonZeroU32::new(2), ..Options::default() };
    recording([
        start(1_000_000, 2, options),
        up(0, 500_000),
        up(1, 500_000),
        mid(barrier(0, 3_000, counts(50_000, 0))),
        mid(barrier(1, 3_010, counts(50_000, 0))),
        sample(0, 3_100, running(51_200), looks),
        sample(1, 3_100, running(51_300), looks),
        exit(0, 3_177, how, &[(25_712, "instantiate module 51424"), (25_700, "drop module 51401")]),
        exit(1, 3_200, ExitKind::Stopped, &[(25_650, "call"), (25_651, "call")]),
        end(3_300),
    ])
}

/// The witnesses failed and disagreed.
pub(crate) fn inconclusive() -> Recording {
    let mut whole =
        barrier(0, 210, Counts { synchronous: 2_900, unknown: 100, ..counts(3_000, 0) });
    whole.disagreements_total = 31;
    whole.disagreements = vec![
        "inode 4711 was reported released, and fd 9 still refers to it".to_owned(),
        "inode 4712 is open as fd 10 and was never watched".to_owned(),
    ];
    whole.reset_failures = 3;
    let trouble = |witness, what: &str| {
        Record::WitnessFailure(WitnessFailure {
            at_ms: 150,
            subject: 0,
            witness,
            what: what.to_owned(),
        })
    };
    recording([
        start(3_000, 1, Options::default()),
        up(0, 3_000),
        trouble(
            Witness::DeathWatch,
            "the event queue overflowed (fs.inotify.max_queued_events is 16384): 100 images are unknown",
        ),
        trouble(Witness::ProcScan, "cannot read /proc/4711/maps: permission denied"),
        last(whole),
        exit(0, 215, ExitKind::Done, &[]),
        end(220),
    ])
}

/// Ctrl-C in mid-run, after which subjects dropped what was live.
pub(crate) fn interrupted() -> Recording {
    recording([
        start(1_000_000, 1, Options::default()),
        up(0, 1_000_000),
        sample(0, 5_000, counts(150_000, 0), footprint(1_060, 11, 20 << 20)),
        Record::Interrupted(Interrupted { at_ms: 12_345 }),
        last(barrier(0, 12_600, counts(377_012, 0))),
        exit(0, 12_610, ExitKind::Done, &[]),
        end(12_650),
    ])
}

/// How many findings a summary shows or says that it leaves out.
pub(crate) fn findings_told(summary: &str) -> usize {
    let levels = ["error      ", "warn       ", "note       "];
    let starts = |line: &&str| levels.iter().any(|level| line.starts_with(level));
    let shown = summary.lines().filter(starts).count();
    let left_out = summary.lines().filter_map(|line| {
        let count = line.strip_prefix("           … and ").or(line.strip_prefix("findings   "))?;
        let (count, what) = count.split_once(' ')?;
        what.trim_start_matches("more ").starts_with("finding").then_some(count)
    });
    let left_out = left_out.map(|count| count.parse::<usize>().expect("a small number"));
    shown + left_out.sum::<usize>()
}

/// Images are copied: the kernel holds nothing, and there is nothing to prove.
pub(crate) fn copy() -> Recording {
    let options =
        Options { image: Some(leakbench_scenarios::ImageKind::Copy), ..Options::default() };
    let counts = Counts { cycles: 3_000, ..Counts::default() };
    recording([
        start(3_000, 1, options),
        up(0, 3_000),
        last(barrier(0, 210, counts)),
        exit(0, 215, ExitKind::Done, &[]),
        end(220),
    ])
}

/// Compares `drawn` with the golden file of that name, or with `LEAKBENCH_BLESS` writes it.
pub(crate) fn golden(name: &str, drawn: &str) -> Result<(), String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("LEAKBENCH_BLESS").is_some() {
        std::fs::write(&path, drawn).expect("golden file can be written");
        return Ok(());
    }
    let kept = std::fs::read_to_string(&path).map_err(|error| format!("{name}: {error}"))?;
    if kept == drawn {
        return Ok(());
    }
    let first = kept.lines().zip(drawn.lines()).find(|(a, b)| a != b);
    Err(format!("{name} differs, first in (kept, drawn): {first:#?}"))
}

/// A run's summary as a terminal without colours shows it.
pub(crate) fn summary(
    ledger: &Ledger,
    judgement: &Judgement,
    width: usize,
    out: Option<&Path>,
) -> String {
    let style = SummaryStyle { width: Some(width), out, ..SummaryStyle::default() };
    Summary::of_run(ledger, judgement).draw(&style, &Closing::default())
}
