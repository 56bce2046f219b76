//! Lingering images: their table.

use super::marks::whose;
use super::{LingeringRow, LingeringTable};
use leakbench_model::text::{counted, grouped, sum};
use leakbench_model::{LingeringImage, Reason};
use leakbench_recording::ledger::{CountsSource, Ledger, LingeringBarrier, SubjectLedger};

/// Subjects whose last listing is named at most.
const LISTINGS_MAX: usize = 4;

/// The table of a run that made images.
pub(super) fn table(ledger: &Ledger) -> Option<LingeringTable> {
    let images = longest_first(ledger);
    let total = total(ledger);
    let shown = images.into_iter().take(LingeringTable::ROWS_MAX);
    let rows = shown.map(|(subject, image)| LingeringRow {
        subject: subject.number,
        inode: image.object.ino,
        module: image.module,
        created_at_cycle: ledger.share_of(subject.number, image.module).and_then(|share| {
            // A long-lived module is created before the first cycle.
            share.has(image.module).then_some(image.module)
        }),
        dropped_at_cycle: image.dropped_at_cycle,
        age_ms: image.lingering_ms,
        holders: image.holders.iter().map(ToString::to_string).collect(),
        holders_total: image.holders_total,
        reason: Reason::of(image),
        line: listed_on(subject),
    });
    let rows: Vec<LingeringRow> = rows.collect();
    let caveat = caveat(ledger, total);
    (ledger.images.made > 0).then_some(LingeringTable { rows, total, caveat })
}

/// The number of lingering images at the latest barriers of all subjects. Later ones are unknown.
pub(super) fn total(ledger: &Ledger) -> u64 {
    let latest = ledger.subjects.iter().map(|subject| {
        let counted = subject.barriers.last().map_or(0, |barrier| barrier.lingering);
        counted.max(subject.last_listed().len() as u64)
    });
    sum(latest)
}

/// The line of the record that lists a subject's images.
fn listed_on(subject: &SubjectLedger) -> usize {
    subject.barriers.last().map_or(subject.counts_line, |barrier| barrier.line)
}

/// Facts that the table does not show.
fn caveat(ledger: &Ledger, total: u64) -> Option<String> {
    let mut sentences: Vec<String> = Vec::new();
    let ended = ledger.subjects.iter().all(SubjectLedger::reached_last_barrier);
    let unknown = ledger.images.unknown;
    sentences.extend(listed_earlier(ledger));
    if total == 0 {
        let at_end = if ended && unknown == 0 { "; none does at the end" } else { "" };
        sentences.extend(worst(ledger).map(|(subject, worst)| {
            format!(
                "{} lingered {}{at_end}.",
                counted(worst.lingering, "image"),
                at_barrier(ledger, subject, worst.after_cycle),
            )
        }));
    }
    if unknown > 0 {
        sentences.push(format!("The fate of {} is unknown.", counted(unknown, "image")));
    } else if !ended {
        sentences.push("Not every process reached its last barrier.".to_owned());
    }
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

/// The barriers that listed images, of subjects that ran on after them.
fn listed_earlier(ledger: &Ledger) -> Option<String> {
    let running =
        ledger.subjects.iter().filter(|subject| subject.counts_from == CountsSource::Sample);
    let latest = running.filter_map(|subject| Some((subject, subject.barriers.last()?)));
    let mut listed: Vec<String> = latest
        .filter(|(_, barrier)| barrier.lingering > 0)
        .map(|(subject, barrier)| at_barrier(ledger, subject, barrier.cycles))
        .collect();
    let more = listed.len().saturating_sub(LISTINGS_MAX);
    listed.truncate(LISTINGS_MAX);
    if more > 0 {
        listed.push(format!("and {} more", grouped(more as u64)));
    }
    (!listed.is_empty()).then(|| format!("Listed {}.", listed.join(", ")))
}

/// The barrier at which most images of one subject lingered, and that subject; the first of equals.
pub(super) fn worst(ledger: &Ledger) -> Option<(&SubjectLedger, &LingeringBarrier)> {
    let subjects = ledger.subjects.iter().rev();
    let worst = subjects.filter_map(|subject| Some((subject, subject.worst.as_ref()?)));
    worst.max_by_key(|(_, barrier)| barrier.lingering)
}

/// `at the barrier of subject 1 after cycle 28,000`.
pub(super) fn at_barrier(ledger: &Ledger, subject: &SubjectLedger, cycles: u64) -> String {
    format!("at the barrier{} after cycle {}", whose(ledger, subject), grouped(cycles))
}

/// All listed images with their subjects, the longest-lingering first.
fn longest_first(ledger: &Ledger) -> Vec<(&SubjectLedger, &LingeringImage)> {
    let subjects = ledger.subjects.iter();
    let mut images: Vec<(&SubjectLedger, &LingeringImage)> = subjects
        .flat_map(|subject| subject.last_listed().iter().map(move |image| (subject, image)))
        .collect();
    images.sort_by_key(|(_, image)| std::cmp::Reverse(image.lingering_ms));
    images
}
