//! Policy `late-releases`: a share rather than a number by default, since a sample that reads
//! `maps` now and then makes a release late, and the longer a run the more samples.

use super::lingering::with_images;
use super::{Answer, Checked, Told, figure, percent, verdict};
use crate::gate::Evidence;
use crate::gate::budget::Rule;
use crate::gate::policy::{MAX, MAX_SHARE};
use crate::gate::runs::Run;
use leakbench_model::text::{counted, grouped};

/// Of all images, those released late; `None` without images.
pub(in crate::gate) fn share(run: &Run<'_>) -> Option<f64> {
    let images = &with_images(run).ok()?.ledger.images;
    Some(images.late as f64 / images.made as f64)
}

pub(super) fn check(rule: &Rule, run: &Run<'_>) -> Checked {
    let ledger = &with_images(run)?.ledger;
    let (late, made) = (ledger.images.late, ledger.images.made);
    let share = late as f64 / made as f64;
    let (max, max_share) = (rule.bound(MAX), rule.bound(MAX_SHARE));
    let exceeds = max.is_some_and(|max| late as f64 > max)
        || max_share.is_some_and(|max_share| share > max_share);
    let allowed = [max.map(figure), max_share.map(percent)];
    let allowed = allowed.into_iter().flatten().collect::<Vec<String>>().join(" and ");
    let evidence = ledger.subjects.iter().map(|subject| Evidence {
        path: run.path.clone(),
        line: subject.counts_line,
        what: format!(
            "subject {} after {}: {} of {} late",
            subject.number,
            counted(subject.counts.cycles, "cycle"),
            grouped(subject.images.late),
            counted(subject.images.made, "image"),
        ),
    });
    Ok(Answer::Told(Told {
        verdict: verdict(exceeds),
        measured: Some(format!("{} ({})", grouped(late), percent(share))),
        allowed: format!("at most {allowed}"),
        message: format!(
            "{} of {} released after the drop of the module had returned ({}), budget {allowed}",
            grouped(late),
            counted(made, "image"),
            percent(share),
        ),
        evidence: evidence.filter(|evidence| evidence.line > 0).collect(),
    }))
}
