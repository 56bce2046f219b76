//! The summary of a run.

use leakbench_model::text::{bytes, counted, duration_ns, duration_us, grouped, sum};
use leakbench_model::{LingeringImage, Reason, Resource};
use leakbench_recording::judge::Judgement;
use leakbench_recording::ledger::{Ledger, SubjectLedger};

use super::{Entry, List, Summary};
use crate::headline;
use crate::render::RESULT_FILE;
use crate::report::{lingering_image, reproduce_command, title_of_run};

/// Lines of an entry above the lists: the largest numbers still leave room for those.
const ENTRY_LINES: usize = 3;
const HELD_LINES: usize = 5;
const IMAGES_SHOWN: usize = 4;
const IMAGE_LINES: usize = 2;
const STEPS_SHOWN: usize = 3;

impl Summary {
    /// The summary of a run, of at most [`Summary::LINES_MAX`] lines.
    pub fn of_run(ledger: &Ledger, judgement: &Judgement) -> Summary {
        let entries = [
            ("cycles", Some(cycles(ledger)), ENTRY_LINES),
            ("images", Some(images(ledger)), ENTRY_LINES),
            ("released", released(ledger), ENTRY_LINES),
            ("peak", peak(ledger), ENTRY_LINES),
            ("held", held(ledger), HELD_LINES),
        ];
        let entries = entries.into_iter();
        let entries = entries.filter_map(|(label, text, max)| Some(Entry::new(label, text?, max)));
        Summary {
            title: Some(title_of_run(ledger)),
            tables: Vec::new(),
            entries: entries.collect(),
            lists: vec![lingering(ledger), lingered(ledger), last_steps(ledger)],
            findings: List::of_findings(judgement, usize::MAX, |_| true),
            command: Some(reproduce_command(&ledger.start.command).to_owned()),
            file: RESULT_FILE,
            lines_max: Some(Summary::LINES_MAX),
            verdict: judgement.verdict,
            headline: headline::of_run(ledger, judgement),
        }
    }
}

/// A few lingering images.
fn lingering(ledger: &Ledger) -> List {
    let items = items("lingering", ledger, examples(ledger).into_iter());
    // The recording may list more than its counts have.
    let total = ledger.images.lingering.max(items.len() as u64);
    // One image, and the line that counts the others.
    List {
        label: "lingering",
        noun: "image",
        items,
        shown_max: IMAGES_SHOWN,
        total,
        reserve: IMAGE_LINES + 1,
    }
}

/// Entries for images with their subjects.
fn items<'a>(
    label: &'static str,
    ledger: &Ledger,
    images: impl Iterator<Item = (u32, &'a LingeringImage)>,
) -> Vec<Vec<Entry>> {
    let several = ledger.subjects.len() > 1;
    let items = images.enumerate().map(|(index, (subject, image))| {
        let label = if index == 0 { label } else { "" };
        let of = if several { format!("subject {subject}, ") } else { String::new() };
        vec![Entry::new(label, of + &lingering_image(image), IMAGE_LINES)]
    });
    items.collect()
}

/// A few images that lingered at the worst barrier of their subject, if fewer do at the end.
fn lingered(ledger: &Ledger) -> List {
    let worst = ledger.subjects.iter().filter_map(|subject| {
        let worst = subject.worst.as_ref()?;
        // Those at the latest barrier are listed as lingering.
        (worst.lingering > subject.images.lingering).then_some((subject, worst))
    });
    let worst: Vec<_> = worst.collect();
    let images = worst.iter().flat_map(|&(subject, barrier)| {
        barrier.listed.iter().map(move |image| (subject.number, image))
    });
    List {
        label: "lingered",
        noun: "image",
        items: items("lingered", ledger, images),
        shown_max: IMAGES_SHOWN,
        total: sum(worst.iter().map(|(_, barrier)| barrier.lingering)),
        reserve: IMAGE_LINES + 1,
    }
}

/// One lingering image for each reason, then those that lingered longest.
fn examples(ledger: &Ledger) -> Vec<(u32, &LingeringImage)> {
    let mut shown: Vec<(u32, &LingeringImage)> = Vec::new();
    for group in &ledger.held_by {
        shown.extend(ledger.lingering().find(|(_, image)| Reason::of(image) == group.reason));
    }
    let first: Vec<*const LingeringImage> =
        shown.iter().map(|&(_, image)| std::ptr::from_ref(image)).collect();
    let others = ledger.lingering();
    shown.extend(others.filter(|&(_, image)| !first.contains(&std::ptr::from_ref(image))));
    shown
}

/// The last step of each of several threads when a subject died. The headline has that of a single
/// one.
fn last_steps(ledger: &Ledger) -> List {
    let deaths = ledger.deaths().into_iter();
    let several = deaths.filter(|(_, exit)| exit.last_steps.len() > 1);
    let steps: Vec<_> = several
        .flat_map(|(subject, exit)| exit.last_steps.iter().map(move |last| (subject.number, last)))
        .collect();
    let items = steps.iter().enumerate().map(|(index, (number, last))| {
        let label = if index == 0 { "last step" } else { "" };
        let (thread, cycle) = (last.thread, grouped(last.cycle));
        let text = format!("subject {number}, thread {thread}, cycle {cycle}: {}", last.step);
        vec![Entry::new(label, text, 1)]
    });
    List {
        label: "last step",
        noun: "thread",
        items: items.collect(),
        shown_max: STEPS_SHOWN,
        total: steps.len() as u64,
        reserve: usize::MAX,
    }
}

fn cycles(ledger: &Ledger) -> String {
    let mut text = format!(
        "{} of {} in {}",
        grouped(ledger.cycles),
        grouped(ledger.start.scenario.cycles.get()),
        duration_us(ledger.running_us()),
    );
    if let Some(rate) = ledger.rate_per_s() {
        text += &format!(", {} a second", grouped(rate.round() as u64));
    }
    text
}

fn images(ledger: &Ledger) -> String {
    let images = &ledger.images;
    let text = format!(
        "{} of {} released: {} synchronous, {} late",
        grouped(images.released()),
        grouped(images.made),
        grouped(images.synchronous),
        grouped(images.late),
    );
    let unknown = format!("{} unknown", grouped(images.unknown));
    let lingering = format!("{} lingering", grouped(images.lingering));
    let lingered = sum(ledger.subjects.iter().map(SubjectLedger::lingered_before));
    match (images.lingering, images.unknown, lingered) {
        (_, 0, _) => format!("{text}; {lingering}"),
        // No line shows whether those that lingered were released.
        (0, _, 1..) => {
            format!("{text}; {unknown}, {} of them lingering when last seen", grouped(lingered))
        }
        _ => format!("{text}; {lingering}, {unknown}"),
    }
}

fn released(ledger: &Ledger) -> Option<String> {
    let times = &ledger.release;
    Some(format!(
        "after the drop began: median {}, p99 {}, max {}{}",
        duration_ns(times.p50_ns?),
        duration_ns(times.p99_ns?),
        duration_ns(times.max_ns?),
        if times.count < ledger.images.released() {
            format!(" (of {})", grouped(times.count))
        } else {
            String::new()
        },
    ))
}

fn peak(ledger: &Ledger) -> Option<String> {
    let peak = &ledger.peak;
    let parts: Vec<String> = [
        peak.of(Resource::Mappings).map(|mappings| counted(mappings, "mapping")),
        peak.of(Resource::Fds).map(|fds| counted(fds, "fd")),
        peak.of(Resource::RssBytes).map(|rss| format!("{} resident", bytes(rss))),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() {
        return None;
    }
    let added = match ledger.subjects.len() {
        0 | 1 => String::new(),
        subjects => format!(" ({subjects} subjects added)"),
    };
    Some(parts.join(", ") + &added)
}

/// `951 by affine slots`; if the recording lists only some of the images, how many.
fn held(ledger: &Ledger) -> Option<String> {
    let groups = ledger.held_by.iter();
    let groups =
        groups.map(|group| format!("{} by {}", grouped(group.images), group.reason.plural()));
    let groups = groups.collect::<Vec<String>>().join(", ");
    let (listed, lingering) = (ledger.lingering_listed(), ledger.images.lingering);
    match listed {
        0 => None,
        _ if listed < lingering => Some(format!("of {} listed: {groups}", grouped(listed))),
        _ => Some(groups),
    }
}
