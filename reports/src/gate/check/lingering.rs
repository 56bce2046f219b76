//! Policies `lingering-at-end`, `lingering-peak` and `lingering-by-reason`.

use super::{Against, Answer, Checked, Most, Told, figure};
use crate::gate::Evidence;
use crate::gate::budget::Rule;
use crate::gate::policy::Policy;
use crate::gate::runs::{Run, What};
use crate::recorded::RecordedRun;
use leakbench_model::text::{counted, grouped, sum};
use leakbench_model::{Holder, LingeringImage, SlotState, Verdict};
use leakbench_recording::ledger::{LingeringBarrier, SubjectLedger};

/// Images that a message names.
const NAMED: usize = 3;
/// Holders of an image that a message names.
const HOLDERS_NAMED: usize = 2;

/// The run, if it made images.
pub(super) fn with_images<'a>(run: &Run<'a>) -> Result<&'a RecordedRun, Answer> {
    match run.what {
        What::Observation(_) => Err(Answer::other_kind("an observed process has no images")),
        What::Run(run) if run.ledger.images.made == 0 => {
            Err(Answer::missing("no image was made in it"))
        }
        What::Run(run) => Ok(run),
    }
}

/// Why nobody knows what there is after the last drop.
pub(super) fn unseen_end(run: &RecordedRun) -> Option<String> {
    let subject = run.ledger.subjects.iter().find(|subject| !subject.reached_last_barrier())?;
    Some(format!(
        "subject {} was last seen after {}, before its last barrier",
        subject.number,
        counted(subject.counts.cycles, "cycle"),
    ))
}

/// Images that linger at the end; `None` where the end was not seen or there are no images.
pub(in crate::gate) fn at_end_count(run: &Run<'_>) -> Option<u64> {
    let recorded = with_images(run).ok()?;
    unseen_end(recorded).is_none().then_some(recorded.ledger.images.lingering)
}

/// The most images that lingered, each subject at its worst barrier; `None` without barriers or
/// images.
pub(in crate::gate) fn peak_count(run: &Run<'_>) -> Option<u64> {
    let recorded = with_images(run).ok()?;
    let subjects = &recorded.ledger.subjects;
    let seen = subjects.iter().any(|subject| !subject.barriers.is_empty());
    seen.then(|| sum(subjects.iter().filter_map(|s| Some(s.worst.as_ref()?.lingering))))
}

pub(super) fn at_end(rule: &Rule, run: &Run<'_>, against: Against<'_>) -> Checked {
    let recorded = with_images(run)?;
    let most = Most::of(Policy::LingeringAtEnd, rule, run, against, grouped)?;
    if let Some(why) = unseen_end(recorded) {
        return Ok(Answer::untold(rule, why));
    }
    let lingering = recorded.ledger.images.lingering;
    let several = recorded.ledger.subjects.len() > 1;
    let named = recorded.ledger.lingering().take(NAMED);
    let named: Vec<String> = named.map(|(of, image)| told(image, several.then_some(of))).collect();
    let unknown = recorded.ledger.images.unknown;
    let message = format!(
        "{}{} lingering at the end, budget {}{}",
        counted(lingering, "image"),
        and_unknown(unknown),
        most.budget,
        listed(named, lingering),
    );
    Ok(Answer::Told(Told {
        verdict: verdict_of(&most, lingering, unknown),
        measured: Some(grouped(lingering)),
        allowed: most.allowed(),
        message,
        evidence: recorded.ledger.subjects.iter().map(|subject| end_of(run, subject)).collect(),
    }))
}

pub(super) fn peak(rule: &Rule, run: &Run<'_>, against: Against<'_>) -> Checked {
    let recorded = with_images(run)?;
    let most = Most::of(Policy::LingeringPeak, rule, run, against, grouped)?;
    let subjects = &recorded.ledger.subjects;
    let Some(peak) = peak_count(run) else {
        return Ok(Answer::untold(rule, "no barrier was seen"));
    };
    let worst: Vec<(u32, &LingeringBarrier)> =
        subjects.iter().filter_map(|s| Some((s.number, s.worst.as_ref()?))).collect();
    let mut message = match worst.as_slice() {
        [] => "no image lingering at any barrier".to_owned(),
        [(subject, barrier)] => format!(
            "{} lingering at the barrier of subject {subject} after {}",
            counted(peak, "image"),
            counted(barrier.after_cycle, "cycle"),
        ),
        several => format!(
            "{} lingering at the worst barriers of {} subjects together",
            counted(peak, "image"),
            several.len(),
        ),
    };
    let unknown = recorded.ledger.images.unknown;
    message += &format!("{}, budget {}", and_unknown(unknown), most.budget);
    let several = subjects.len() > 1;
    let examples = subjects.iter().flat_map(|subject| {
        examples(subject).into_iter().map(move |image| (subject.number, image))
    });
    let named = examples.take(NAMED).map(|(of, image)| told(image, several.then_some(of)));
    message += &listed(named.collect(), peak);
    let evidence = if worst.is_empty() {
        let lasts = subjects.iter().filter_map(|subject| {
            let last = subject.barriers.last()?;
            Some(barrier_line(run, last.line, subject.number, last.cycles, last.lingering))
        });
        lasts.collect()
    } else {
        let told = worst.iter().map(|(subject, barrier)| {
            barrier_line(run, barrier.line, *subject, barrier.after_cycle, barrier.lingering)
        });
        told.collect()
    };
    Ok(Answer::Told(Told {
        verdict: verdict_of(&most, peak, unknown),
        measured: Some(grouped(peak)),
        allowed: most.allowed(),
        message,
        evidence,
    }))
}

pub(super) fn by_reason(rule: &Rule, run: &Run<'_>) -> Checked {
    let recorded = with_images(run)?;
    let ledger = &recorded.ledger;
    for bound in &rule.bounds {
        let of_slots = bound.key.ends_with("-slot") && bound.key != "unknown-slot";
        if of_slots && !tells_slots(recorded) {
            let why = "its subject does not tell what its slots are doing".to_owned();
            return Err(Answer::Missing { key: Some(bound.key), why });
        }
    }
    if let Some(why) = unseen_end(recorded) {
        return Ok(Answer::untold(rule, why));
    }
    let unlisted = ledger.images.lingering.saturating_sub(ledger.lingering_listed());
    let unheld = unlisted.saturating_add(ledger.images.unknown);
    let held = |key: &str| {
        let groups = ledger.held_by.iter().filter(|group| group.reason.as_str() == key);
        sum(groups.map(|group| group.images))
    };
    let (mut beyond, mut untold, mut within) = (Vec::new(), Vec::new(), Vec::new());
    for bound in &rule.bounds {
        let count = held(bound.key);
        let text = format!("{} by {}, budget {}", grouped(count), bound.key, figure(bound.value));
        if count as f64 > bound.value {
            beyond.push(text);
        } else if count.saturating_add(unheld) as f64 > bound.value {
            untold.push(text);
        } else {
            within.push(text);
        }
    }
    let (verdict, mut parts) = match (beyond.is_empty(), untold.is_empty()) {
        (false, _) => (Verdict::Leak, beyond),
        (true, false) => (Verdict::Inconclusive, untold),
        (true, true) => (Verdict::Clean, within),
    };
    if unheld > 0 {
        parts.push(format!("what holds {} is not known", counted(unheld, "more image")));
    }
    let measured = ledger.held_by.iter();
    let measured = measured.map(|group| format!("{} {}", group.reason, grouped(group.images)));
    let measured: Vec<String> = measured.collect();
    Ok(Answer::Told(Told {
        verdict,
        measured: Some(if measured.is_empty() { "none".to_owned() } else { measured.join(", ") }),
        allowed: rule.allowed(),
        message: format!("images lingering at the end: {}", parts.join("; ")),
        evidence: ledger.subjects.iter().map(|subject| end_of(run, subject)).collect(),
    }))
}

/// A leak beyond what is allowed; and untold where images of which nobody knows may be beyond it.
fn verdict_of(most: &Most, lingering: u64, unknown: u64) -> Verdict {
    if most.exceeded_by(lingering) {
        Verdict::Leak
    } else if most.exceeded_by(lingering.saturating_add(unknown)) {
        Verdict::Inconclusive
    } else {
        Verdict::Clean
    }
}

fn and_unknown(unknown: u64) -> String {
    match unknown {
        0 => String::new(),
        unknown => format!(" (and {} of which nobody knows)", grouped(unknown)),
    }
}

/// Images that lingered at a subject's worst barrier: where that is the one that its images are
/// read off, all that are listed, and of an earlier one the one that was kept.
fn examples(subject: &SubjectLedger) -> Vec<&LingeringImage> {
    match &subject.worst {
        Some(worst) if worst.line == subject.counts_line => subject.lingering.iter().collect(),
        Some(worst) => worst.example.iter().collect(),
        None => Vec::new(),
    }
}

/// Whether it is known of any slot what it is doing.
fn tells_slots(run: &RecordedRun) -> bool {
    let known = |image: &LingeringImage| {
        image.holders.iter().any(
            |holder| matches!(holder, Holder::Slot { state, .. } if *state != SlotState::Unknown),
        )
    };
    run.ledger.subjects.iter().any(|subject| {
        subject.barriers.iter().any(|barrier| barrier.slots.is_some())
            || subject.lingering.iter().any(known)
    })
}

/// `inode 4711 of module 88, held by slot 17 (affine) and fd 9`.
fn told(image: &LingeringImage, subject: Option<u32>) -> String {
    let mut text = format!("inode {} of module {}", image.inode, image.module);
    if let Some(subject) = subject {
        text += &format!(" in subject {subject}");
    }
    let mut holders: Vec<String> =
        image.holders.iter().take(HOLDERS_NAMED).map(ToString::to_string).collect();
    let more = image.holders_total.saturating_sub(holders.len() as u64);
    if more > 0 {
        holders.push(format!("{} more", grouped(more)));
    }
    match holders.split_last() {
        None => text + ", held by nothing that shows in the subject",
        Some((only, [])) => text + &format!(", held by {only}"),
        Some((last, first)) => text + &format!(", held by {} and {last}", first.join(", ")),
    }
}

/// `: A; B; C; and 9 more`, of `total`.
fn listed(mut named: Vec<String>, total: u64) -> String {
    if named.is_empty() {
        return String::new();
    }
    let more = total.saturating_sub(named.len() as u64);
    if more > 0 {
        named.push(format!("and {} more", grouped(more)));
    }
    format!(": {}", named.join("; "))
}

/// Where a subject's images at the end are read off.
fn end_of(run: &Run<'_>, subject: &SubjectLedger) -> Evidence {
    let (cycles, lingering) = (subject.counts.cycles, subject.images.lingering);
    barrier_line(run, subject.counts_line, subject.number, cycles, lingering)
}

fn barrier_line(run: &Run<'_>, line: usize, subject: u32, cycles: u64, lingering: u64) -> Evidence {
    let (cycles, lingering) = (counted(cycles, "cycle"), grouped(lingering));
    let what = format!("barrier of subject {subject} after {cycles}: {lingering} lingering");
    Evidence { path: run.path.clone(), line, what }
}
