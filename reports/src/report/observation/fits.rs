//! Lines fitted to the resources that leak.

use crate::report::{Fit, FitLimit, Tone};
use leakbench_model::Resource;
use leakbench_model::text::coarse_s;
use leakbench_recording::observation::{Account, Diagnosis, ResourceClass};

/// The resources with a line: each suspect, and the total whose limit it reaches if that grows too.
pub(super) fn resources(diagnosis: &Diagnosis) -> Vec<Resource> {
    let mut shown: Vec<Resource> = Vec::new();
    for suspect in &diagnosis.suspects {
        let limited = suspect.forecast.as_ref().map(|forecast| forecast.limit.resource);
        for resource in [Some(suspect.resource), limited].into_iter().flatten() {
            if !shown.contains(&resource) {
                shown.push(resource);
            }
        }
    }
    shown
}

/// The line of a resource that grows.
pub(super) fn fit(diagnosis: &Diagnosis, resource: Resource, tone: Tone) -> Option<Fit> {
    let account = diagnosis.account(resource)?;
    let trend = account.trend.filter(|_| account.class.is_some_and(ResourceClass::grows))?;
    Some(Fit {
        tone,
        from_s: trend.line.from,
        to_s: trend.end(),
        at_s: trend.line.time,
        value: trend.line.amount,
        per_s: trend.rate,
        limit: limit(account),
    })
}

/// The limit of the resource itself. Resident memory has one that counts other pages.
fn limit(account: &Account) -> Option<FitLimit> {
    let seconds = account.seconds_to_limit?;
    let limit = account.limit.as_ref().filter(|limit| limit.resource != Resource::RssBytes)?;
    let max = limit.resource.amount(limit.max);
    let text = format!("{} {max} in {}", limit.name, coarse_s(seconds as u64));
    // Where the line of these processes meets it.
    Some(FitLimit { value: limit.room(0) as f64, text })
}
