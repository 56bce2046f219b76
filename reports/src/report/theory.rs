//! The lingering images that a theory expects.

use super::timeline::at_samples;
use super::{Point, Series, Style, Tone};
use leakbench_model::text::grouped;
use leakbench_recording::ledger::Ledger;
use leakbench_scenarios::{ImageKind, OnDrop, Strategy};

/// Points of the curve.
const POINTS: u64 = 64;

/// Slots of each pool, of a run in which an image lingers exactly until another instance takes its
/// slot: each cycle takes one free slot of all, at random, and a drop leaves the image in it. `None` for
/// other runs.
pub(super) fn random_slots(ledger: &Ledger) -> Option<u32> {
    let it = &ledger.start.scenario;
    let one_at_a_time = it.threads.get() == 1
        && it.instances.get() == 1
        && it.live_modules.get() == 1
        && it.long_lived == 0;
    let at_random = it.strategy == Some(Strategy::Random)
        && it.on_drop == Some(OnDrop::Keep)
        && it.decommit_batch.is_none_or(|batch| batch.get() == 1)
        && it.has_pool()
        && it.image.is_none_or(|image| image == ImageKind::Memfd);
    let plain = it.mode.is_empty() && it.feature.is_empty() && it.plant.is_empty();
    let one_image = it.wasm.is_empty() && ledger.images.made == ledger.cycles;
    let slots = it.slots.map(|slots| slots.get());
    slots.filter(|_| one_at_a_time && plain && at_random && one_image)
}

/// `S(1 − (1 − 1/S)^n)` of the `S` slots of each process after its `n` cycles; `None` where it does not
/// hold.
pub(super) fn lingering(ledger: &Ledger) -> Option<Series> {
    let slots = random_slots(ledger)?;
    let processes = ledger.subjects.len() as f64;
    let share = 1.0 - 1.0 / f64::from(slots);
    let expected = |cycles: u64| {
        // Processes have equal shares of the cycles.
        let of_each = cycles as f64 / processes;
        (processes * f64::from(slots) * (1.0 - share.powf(of_each))).round()
    };
    let done = at_samples(ledger, |moment| Some(moment.counts.cycles));
    let last = done.last()?.cycles?;
    let points = (0..=POINTS).map(|index| {
        let cycles = (u128::from(last) * u128::from(index) / u128::from(POINTS)) as u64;
        let after = done.partition_point(|point| point.cycles < Some(cycles)).min(done.len() - 1);
        let before = after.checked_sub(1).map_or((0.0, 0), |at| place(&done[at]));
        let after = place(&done[after]);
        let part =
            cycles.saturating_sub(before.1) as f64 / after.1.saturating_sub(before.1).max(1) as f64;
        let at_s = before.0 + (after.0 - before.0) * part.clamp(0.0, 1.0);
        Point { at_s, cycles: Some(cycles), value: expected(cycles), line: 1 }
    });
    let each = if processes > 1.0 { " in each process" } else { "" };
    let name = format!("expected: S(1 − (1 − 1/S)^n), S = {} slots{each}", grouped(slots.into()));
    Some(Series { name, tone: Tone::Neutral, style: Style::Expected, points: points.collect() })
}

fn place(point: &Point) -> (f64, u64) {
    (point.at_s, point.cycles.unwrap_or(0))
}
