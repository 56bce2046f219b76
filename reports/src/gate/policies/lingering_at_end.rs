//! `lingering-at-end`: images of dropped modules that the kernel still has after the last drop.
//! Inconclusive if images of unknown fate could exceed the limit.

use leakbench_model::text::grouped;

use super::images::{at_end, listed, reading, with_end, with_images, with_unknown};
use crate::gate::PolicyLevel;
use crate::gate::budget::{PolicySetting, Suggestion};
use crate::gate::measurement::{Measurement, NotMeasured};
use crate::gate::policy::{Key, Policy, Unit};
use crate::gate::runs::Run;

pub(super) const POLICY: Policy = Policy {
    name: "lingering-at-end",
    about: "images of dropped modules that the kernel still has at the end",
    unit: Unit::Count,
    level: PolicyLevel::Error,
    keys: &[Key::max(Some(0.0)), Key::over_baseline()],
    exempts_resources: false,
    needs_baseline_runs: false,
    sentence: "{value} lingering at the end, budget {limit}",
    measure,
    suggest: Suggestion::none_allowed,
};

fn measure(_: &PolicySetting, run: &Run<'_>, _: &[Run<'_>]) -> Result<Measurement, NotMeasured> {
    let recorded = with_images(run)?;
    with_end(recorded)?;
    let (lingering, unknown) = (recorded.ledger.images.lingering, recorded.ledger.images.unknown);
    Ok(Measurement {
        value: Some(lingering as f64),
        text: grouped(lingering),
        readings: vec![reading(lingering, unknown, with_unknown(lingering, unknown))],
        details: listed(recorded, recorded.ledger.lingering(), lingering),
        evidence: at_end(run, recorded),
    })
}
