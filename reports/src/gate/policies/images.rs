//! Images of a run, as several policies read and describe them.

use leakbench_model::LingeringImage;
use leakbench_model::text::{counted, grouped};
use leakbench_recording::ledger::SubjectLedger;

use crate::gate::Evidence;
use crate::gate::measurement::{NotMeasured, Reading};
use crate::gate::policy::MAX;
use crate::gate::runs::{Run, Source};
use crate::recorded::RecordedRun;

/// Images that a message names.
const NAMED: usize = 3;
/// Holders of an image that a message names.
const HOLDERS_NAMED: usize = 2;

/// The run, if it made images.
pub(super) fn with_images<'a>(run: &Run<'a>) -> Result<&'a RecordedRun, NotMeasured> {
    match run.source {
        Source::Observation(_) => Err(NotMeasured::other_kind("an observed process has no images")),
        Source::Run(run) if run.ledger.images.made == 0 => {
            Err(NotMeasured::missing("the run made no image"))
        }
        Source::Run(run) => Ok(run),
    }
}

/// Checks that each subject reached its last barrier, at which every module is dropped.
pub(super) fn with_end(run: &RecordedRun) -> Result<(), NotMeasured> {
    let mut subjects = run.ledger.subjects.iter();
    match subjects.find(|subject| !subject.reached_last_barrier()) {
        None => Ok(()),
        Some(subject) => Err(NotMeasured::Inconclusive(format!(
            "subject {} did not reach its last barrier: it was last seen after {}",
            subject.number,
            counted(subject.counts.cycles, "cycle"),
        ))),
    }
}

/// `12 images`, `12 images (and 3 of unknown fate)`.
pub(super) fn with_unknown(images: u64, unknown: u64) -> String {
    let images = counted(images, "image");
    match unknown {
        0 => images,
        unknown => format!("{images} (and {} of unknown fate)", grouped(unknown)),
    }
}

/// The first of `images`, each given with its subject, and the number of the others up to `total`.
pub(super) fn listed<'a>(
    run: &RecordedRun,
    images: impl Iterator<Item = (u32, &'a LingeringImage)>,
    total: u64,
) -> Vec<String> {
    let several = run.ledger.subjects.len() > 1;
    let named = images.take(NAMED);
    let mut listed: Vec<String> =
        named.map(|(of, image)| described(image, several.then_some(of))).collect();
    let more = total.saturating_sub(listed.len() as u64);
    if more > 0 && !listed.is_empty() {
        listed.push(format!("and {} more", grouped(more)));
    }
    listed
}

/// `inode 4711 of module 88, held by slot 17 (affine) and fd 9`.
fn described(image: &LingeringImage, subject: Option<u32>) -> String {
    let mut text = format!("inode {} of module {}", image.object.ino, image.module);
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
        None => text + ", held by nothing visible in the subject",
        Some((only, [])) => text + &format!(", held by {only}"),
        Some((last, first)) => text + &format!(", held by {} and {last}", first.join(", ")),
    }
}

/// The lines that each subject's images at the end are read from.
pub(super) fn at_end(run: &Run<'_>, recorded: &RecordedRun) -> Vec<Evidence> {
    let line = |subject: &SubjectLedger| {
        let (cycles, lingering) = (subject.counts.cycles, subject.images.lingering);
        barrier(run, subject.counts_line, subject.number, cycles, lingering)
    };
    recorded.ledger.subjects.iter().map(line).collect()
}

/// A barrier's line: `barrier of subject 0 after 3,000 cycles: 942 lingering`.
pub(super) fn barrier(
    run: &Run<'_>,
    line: usize,
    subject: u32,
    cycles: u64,
    lingering: u64,
) -> Evidence {
    let (cycles, lingering) = (counted(cycles, "cycle"), grouped(lingering));
    let what = format!("barrier of subject {subject} after {cycles}: {lingering} lingering");
    Evidence { path: run.path.clone(), line, what }
}

/// Lingering images against `max`: images of unknown fate may linger too.
pub(super) fn reading(lingering: u64, unknown: u64, text: String) -> Reading {
    Reading {
        key: MAX,
        proved: lingering as f64,
        possible: lingering.saturating_add(unknown) as f64,
        text,
    }
}
