//! The report of an observation.

mod charts;
mod fits;
mod resources;
mod suspects;
pub(super) mod tracing;

use self::charts::seen;
pub(crate) use self::suspects::{example_words, examples};
#[cfg(test)]
pub(crate) use self::{charts::tones_of_series, resources::tone_of_class};
use super::facts::{fact, group, machine, reproduce_command};
use super::figures::figure;
use super::{FactGroup, Figure, Report, Tone, unmeasured};
use crate::headline;
use leakbench_model::Resource;
use leakbench_model::text::{coarse_s, counted, duration_ms, grouped, utc};
use leakbench_recording::observation::{
    Account, Diagnosis, ObservationLedger, Scope, sample_summary, unobserved_children,
};

/// Characters of a command line in a title, at most.
const PROCESS_CHARS: usize = 60;

impl Report {
    /// The report of an observation.
    pub fn of_observation(diagnosis: &Diagnosis) -> Report {
        Report {
            title: title(diagnosis),
            verdict: diagnosis.judgement.verdict,
            headline: headline::of_observation(diagnosis),
            figures: figures(diagnosis),
            suspects: suspects::cards(diagnosis),
            charts: charts::charts(diagnosis),
            next: super::next_steps::of_observation(diagnosis),
            findings: diagnosis.judgement.findings.clone(),
            lingering: None,
            tables: resources::tables(diagnosis),
            facts: facts(&diagnosis.ledger),
            unmeasured: unmeasured(diagnosis),
            recording: None,
        }
    }
}

/// The process, how long it was observed, and how often.
pub(crate) fn title(diagnosis: &Diagnosis) -> String {
    let ledger = &diagnosis.ledger;
    let others = match ledger.processes_max() {
        0 | 1 => String::new(),
        processes => format!(", up to {processes} processes"),
    };
    let observe = &ledger.start;
    // The facts have the whole command line.
    let process = match observe.process.char_indices().nth(PROCESS_CHARS) {
        Some((end, _)) => format!("{}…", &observe.process[..end]),
        None => observe.process.clone(),
    };
    format!("process {} ({process}), {}{others}", observe.pid, sample_summary(ledger))
}

fn figures(diagnosis: &Diagnosis) -> Vec<Figure> {
    let ledger = &diagnosis.ledger;
    let processes = match ledger.processes_max() {
        0 | 1 => String::new(),
        processes => format!(", up to {} processes", grouped(processes.into())),
    };
    let beside = format!("in {}{processes}", duration_ms(ledger.observed_ms()));
    let observed = figure("samples", grouped(ledger.samples.len() as u64), beside);
    let classified =
        diagnosis.accounts.iter().filter(|account| account.class.is_some()).count() as u64;
    let Some((suspect, account)) = diagnosis
        .suspects
        .first()
        .and_then(|suspect| Some((suspect, diagnosis.account(suspect.resource)?)))
    else {
        let tone = if classified > 0 { Tone::Good } else { Tone::Warning };
        let leaks =
            figure("leaks", "0".to_owned(), format!("of {}", counted(classified, "resource")));
        return vec![Figure { tone, ..leaks }, resident(diagnosis), observed];
    };
    let amount = |number| account.resource.amount(number);
    let grows = Figure {
        label: format!("{} grow", account.resource.noun()),
        value: account.growth_in_short().unwrap_or_default(),
        beside: format!("from {} to {}", amount(account.first), amount(account.last)),
        tone: Tone::Bad,
    };
    let grows = match account.resource.is_singular() {
        true => Figure { label: grows.label + "s", ..grows },
        false => grows,
    };
    let forecast = match &suspect.forecast {
        Some(meeting) => {
            let max = meeting.limit.resource.amount(meeting.limit.max);
            Figure {
                label: "to the limit".to_owned(),
                value: coarse_s(meeting.seconds as u64),
                beside: format!("{max} ({})", meeting.limit.name),
                tone: Tone::Bad,
            }
        }
        None => figure("leaks", grouped(diagnosis.suspects.len() as u64), "no known limit".into()),
    };
    vec![grows, forecast, observed]
}

fn resident(diagnosis: &Diagnosis) -> Figure {
    let account = diagnosis.account(Resource::RssBytes);
    let words = |amount: fn(&Account) -> u64| {
        let amount = account.map(|account| Resource::RssBytes.amount(amount(account)));
        amount.unwrap_or_else(|| "unknown".to_owned())
    };
    let beside = format!("peak {}", words(|account| account.peak));
    figure("resident at the end", words(|account| account.last), beside)
}

fn facts(ledger: &ObservationLedger) -> Vec<FactGroup> {
    let observe = &ledger.start;
    let yes_or_no = |is: bool| if is { "yes" } else { "no" };
    let reproduce = vec![
        fact("command", reproduce_command(&observe.command)),
        fact("recorded", &utc(observe.started_unix_s)),
        fact("took", &duration_ms(ledger.last_seen_ms)),
    ];
    let process = vec![
        fact("process", &observe.pid.to_string()),
        fact("command line", &observe.process),
        fact("started by leakbench", yes_or_no(observe.started_here)),
        fact("with its descendants", yes_or_no(observe.scope == Scope::Family)),
        fact("interval", &duration_ms(observe.interval_ms)),
    ];
    let mut groups = vec![
        group("reproduce", reproduce),
        group("process", process),
        group("machine", machine(&observe.fingerprint)),
    ];
    if let Some(cpu_ms) = ledger.end.and_then(|end| end.observer_cpu_ms) {
        let took = vec![fact("processor time", &duration_ms(cpu_ms))];
        groups.push(group("cost of measuring", took));
    }
    groups
}

fn unmeasured(diagnosis: &Diagnosis) -> Vec<String> {
    let ledger = &diagnosis.ledger;
    let remarks = ledger.remarks.iter().filter(|remark| remark.prevents_clean);
    let mut sentences: Vec<String> = remarks
        .map(|remark| format!("After {}: {}.", duration_ms(remark.at_ms), remark.what))
        .collect();
    let judged = |account: &&Account| account.class.is_none();
    sentences.extend(diagnosis.accounts.iter().filter(judged).map(|account| {
        let (noun, samples) = (account.resource.noun(), counted(account.samples as u64, "sample"));
        format!("Too few samples to classify {noun} ({samples}).")
    }));
    let never: Vec<&str> = Resource::ALL
        .into_iter()
        .filter(|&resource| !seen(ledger, resource))
        .map(Resource::noun)
        .collect();
    if !never.is_empty() {
        sentences.push(format!("Resources that could never be read: {}.", never.join(", ")));
    }
    match ledger.unobserved_children_max() {
        0 => {}
        children => sentences.push(format!("Up to {}.", unobserved_children(children))),
    }
    sentences.extend(unmeasured::machine(&ledger.start.fingerprint));
    if ledger.end.is_none() {
        let cut = "The recording ends before the observation does: later events are unknown.";
        sentences.push(cut.to_owned());
    }
    sentences
}
