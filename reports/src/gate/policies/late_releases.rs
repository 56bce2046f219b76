//! `late-releases`: images released after the drop of their module returned. By default it bounds
//! their share, since a sample that reads `maps` sometimes delays a release, and a longer run has
//! more samples.

use leakbench_model::text::{counted, grouped};

use super::images::with_images;
use crate::gate::budget::{MeasuredRuns, PolicySetting, Suggestion};
use crate::gate::measurement::{Measurement, NotMeasured, Reading};
use crate::gate::numbers::percent;
use crate::gate::policy::{Key, LimitKind, MAX, Numbers, Policy, Unit};
use crate::gate::runs::Run;
use crate::gate::{Evidence, PolicyLevel};

const MAX_SHARE: &str = "max-share";
/// A share that proves nothing.
const SHARE_MAX: f64 = 0.01;

pub(super) const POLICY: Policy = Policy {
    name: "late-releases",
    about: "images released after the drop of their module returned",
    unit: Unit::Count,
    level: PolicyLevel::Warn,
    keys: &[
        Key::max(None),
        Key {
            name: MAX_SHARE,
            limit: LimitKind::Maximum,
            numbers: Numbers::Share,
            default: Some(SHARE_MAX),
            words: "at most {}",
        },
    ],
    exempts_resources: false,
    needs_baseline_runs: false,
    sentence: "{value} released after the drop of their module returned, budget {limit}",
    measure,
    suggest,
};

fn measure(_: &PolicySetting, run: &Run<'_>, _: &[Run<'_>]) -> Result<Measurement, NotMeasured> {
    let ledger = &with_images(run)?.ledger;
    let (late, made) = (ledger.images.late, ledger.images.made);
    let share = late as f64 / made as f64;
    let text = format!("{} of {} ({})", grouped(late), counted(made, "image"), percent(share));
    let evidence = ledger.subjects.iter().filter(|subject| subject.counts_line > 0);
    let evidence = evidence.map(|subject| Evidence {
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
    Ok(Measurement {
        value: Some(share),
        text: format!("{} ({})", grouped(late), percent(share)),
        readings: vec![
            Reading::exact(MAX, late as f64, text.clone()),
            Reading::exact(MAX_SHARE, share, text),
        ],
        details: Vec::new(),
        evidence: evidence.collect(),
    })
}

fn suggest(_: &Policy, runs: &MeasuredRuns<'_>) -> Option<Suggestion> {
    let share = runs.largest()?;
    let few = 2.0 * share <= SHARE_MAX || runs.leaked;
    let allowed = if few { SHARE_MAX } else { ((200.0 * share).ceil() / 100.0).min(1.0) };
    let comment = if runs.leaked {
        "A late release is no leak. Not taken from this run, which leaked."
    } else if few {
        "A late release is no leak: a sample of the process sometimes delays one."
    } else {
        "A late release is no leak: twice the measured share is allowed."
    };
    Some(Suggestion {
        measured: percent(share),
        comments: vec![comment.to_owned()],
        level: PolicyLevel::Warn,
        bounds: vec![(MAX_SHARE, allowed.to_string())],
    })
}
