//! The suspects of an observation as cards.

use super::{charts, tracing};
use crate::report::{Forecast, SuspectCard};
use leakbench_model::Estimate;
use leakbench_model::text::{coarse_s, duration_ms};
use leakbench_recording::observation::{
    Account, Diagnosis, Example, LimitForecast, ObservationLedger, Suspect,
};

/// Examples of a card at most.
const EXAMPLES_MAX: usize = 2;

/// A card for each suspect, the worst first.
pub(super) fn cards(diagnosis: &Diagnosis) -> Vec<SuspectCard> {
    diagnosis.suspects.iter().filter_map(|suspect| card(diagnosis, suspect)).collect()
}

fn card(diagnosis: &Diagnosis, suspect: &Suspect) -> Option<SuspectCard> {
    let ledger = &diagnosis.ledger;
    let account = diagnosis.account(suspect.resource)?;
    let amount = |number| suspect.resource.amount(number);
    let (first, last) = (amount(account.first), amount(account.last));
    let freed = if account.freed_at_exit { ", freed only at the exit" } else { "" };
    let observed = duration_ms(ledger.observed_ms());
    Some(SuspectCard {
        name: suspect.resource.noun().to_owned(),
        chart: charts::id_of(diagnosis, suspect.resource),
        rate: account.growth_in_short()?,
        grew: format!("from {first} to {last} in {observed}{freed}"),
        evidence: suspect.evidence.iter().map(|other| other.noun().to_owned()).collect(),
        forecast: suspect.forecast.as_ref().map(|it| forecast(diagnosis, account, it)),
        examples: examples(diagnosis, suspect)
            .take(EXAMPLES_MAX)
            .map(|example| example_words(ledger, example))
            .collect(),
        next: tracing::step(&ledger.start, suspect.resource),
    })
}

fn forecast(diagnosis: &Diagnosis, account: &Account, forecast: &LimitForecast) -> Forecast {
    let limit = &forecast.limit;
    // The rate that the forecast has: of the limited resource if that grows, else the suspect's.
    let limited = diagnosis.account(limit.resource);
    let own = limited.filter(|limited| limited.seconds_to_limit.is_some()).unwrap_or(account);
    let rate = own.trend.map_or(Estimate::default(), |trend| trend.rate);
    let at_rate = |per_s: f64| forecast.seconds * rate.value / per_s;
    let seconds = Estimate {
        value: forecast.seconds,
        low: if rate.high > 0.0 { at_rate(rate.high) } else { forecast.seconds },
        high: if rate.low > 0.0 { at_rate(rate.low) } else { forecast.seconds },
    };
    let [soonest, latest] = [seconds.low, seconds.high].map(|at| coarse_s(at as u64));
    let left = forecast.seconds * rate.value;
    let share = (1.0 - left / limit.max.max(1) as f64).clamp(0.0, 1.0);
    let used = match share {
        share if share < 0.001 => "less than 0.1 %".to_owned(),
        share if share < 0.1 => format!("{:.1} %", share * 100.0),
        share => format!("{:.0} %", share * 100.0),
    };
    Forecast {
        limit: limit.name.clone(),
        max: limit.resource.amount(limit.max),
        left: coarse_s(forecast.seconds as u64),
        between: (soonest != latest).then(|| format!("{soonest} to {latest}")),
        used,
        share,
        observed_s: diagnosis.ledger.observed_ms() as f64 / 1e3,
        seconds,
    }
}

/// Objects of a suspect or, if none is known, of its evidence.
pub(crate) fn examples<'a>(
    diagnosis: &'a Diagnosis,
    suspect: &'a Suspect,
) -> impl Iterator<Item = &'a Example> {
    let shown = std::iter::once(&suspect.resource).chain(&suspect.evidence);
    let known = shown.filter_map(|&resource| diagnosis.account(resource));
    let known = known.map(|account| &account.examples).find(|examples| !examples.is_empty());
    known.into_iter().flatten()
}

/// `inode 611 on 254:0, /etc/hostname: fd 19, for 4 s`, `180 x /etc/hostname: such as fd 19, for 4 s`.
pub(crate) fn example_words(ledger: &ObservationLedger, example: &Example) -> String {
    let age = coarse_s(ledger.age_ms(example) / 1_000);
    let such_as = if example.count == 1 { "" } else { "such as " };
    match example.holders.as_slice() {
        [] => format!("{example}, for {age}"),
        holders => format!("{example}: {such_as}{}, for {age}", holders.join(", ")),
    }
}
