//! `growth`: resources that grow to the end, in an observed process, or in a command that keeps no
//! image in a memfd. The key `allow` names resources that may, each with all that are kinds of it.

use leakbench_model::Resource;
use leakbench_model::text::{counted, grouped};
use leakbench_recording::judge::growth::{self, Growth};
use leakbench_recording::ledger::Ledger;
use leakbench_recording::observation::{Diagnosis, ObservationSample};

use super::samples;
use crate::gate::budget::{PolicySetting, Suggestion};
use crate::gate::measurement::{Measurement, NotMeasured, Reading};
use crate::gate::policy::{Key, MAX, Policy, Unit};
use crate::gate::runs::{Run, Source};
use crate::gate::{Evidence, PolicyLevel};

/// Characters of an example's name that a message shows.
const NAME_MAX: usize = 80;

pub(super) const POLICY: Policy = Policy {
    name: "growth",
    about: "resources that still grow at the end",
    unit: Unit::Count,
    level: PolicyLevel::Error,
    keys: &[Key::max(Some(0.0))],
    exempts_resources: true,
    needs_baseline_runs: false,
    sentence: "{value}, budget {limit}",
    measure,
    suggest: Suggestion::none_allowed,
};

/// A resource that still grows at the end.
struct Growing {
    resource: Resource,
    message: String,
}

fn measure(
    setting: &PolicySetting,
    run: &Run<'_>,
    _: &[Run<'_>],
) -> Result<Measurement, NotMeasured> {
    let (growing, evidence) = match run.source {
        Source::Observation(diagnosis) => (observed(diagnosis), of_observation(run, diagnosis)),
        Source::Run(recorded) if growth::applies(&recorded.ledger) => {
            (of_command(&recorded.ledger), of_run(run, &recorded.ledger))
        }
        Source::Run(_) => {
            let why = "it judges observed processes, and commands without images";
            return Err(NotMeasured::other_kind(why));
        }
    };
    let (allowed, counted_ones): (Vec<Growing>, Vec<Growing>) =
        growing.into_iter().partition(|of| is_allowed(of.resource, &setting.allow));
    let number = counted_ones.len() as u64;
    let grows = if number == 1 { "grows" } else { "grow" };
    let text = format!("{} still {grows} at the end", counted(number, "resource"));
    let mut details: Vec<String> = counted_ones.into_iter().map(|of| of.message).collect();
    if !allowed.is_empty() {
        let names: Vec<String> = allowed.iter().map(|of| of.resource.dashed()).collect();
        details.push(format!("allowed to grow: {}", names.join(", ")));
    }
    Ok(Measurement {
        value: Some(number as f64),
        text: grouped(number),
        readings: vec![Reading::exact(MAX, number as f64, text)],
        details,
        evidence,
    })
}

/// The resource, or one that it is a kind of, may grow.
fn is_allowed(resource: Resource, allow: &[Resource]) -> bool {
    let mut of = Some(resource);
    while let Some(resource) = of {
        if allow.contains(&resource) {
            return true;
        }
        of = resource.total();
    }
    false
}

/// The resources that leak, and those that came to their limit and stay there.
fn observed(diagnosis: &Diagnosis) -> Vec<Growing> {
    let grow = diagnosis.suspects.iter().filter_map(|suspect| {
        let account = diagnosis.account(suspect.resource)?;
        let noun = suspect.resource.noun();
        let amount = |value| suspect.resource.amount(value);
        let (first, last) = (amount(account.first), amount(account.last));
        let mut message = format!("{noun} from {first} to {last}");
        if let Some(example) = account.examples.first() {
            message += &format!(", such as {}", cut(&example.to_string()));
        }
        Some(Growing { resource: suspect.resource, message })
    });
    let exhausted = diagnosis.accounts.exhausted().map(|account| {
        let resource = account.resource;
        let message =
            format!("{} at their limit of {}", resource.noun(), resource.amount(account.peak));
        Growing { resource, message }
    });
    grow.chain(exhausted).collect()
}

/// A name cut to the length of a clause: a process may have one of any length.
fn cut(name: &str) -> String {
    match name.char_indices().nth(NAME_MAX) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

fn of_command(ledger: &Ledger) -> Vec<Growing> {
    let leaks = Growth::leaks(ledger).into_iter();
    leaks.map(|leak| Growing { resource: leak.resource, message: leak.sentence() }).collect()
}

/// The first and the last sample of an observed process.
fn of_observation(run: &Run<'_>, diagnosis: &Diagnosis) -> Vec<Evidence> {
    let ledger = &diagnosis.ledger;
    let line = |(sample, &line): (&ObservationSample, &usize)| {
        let suspects = diagnosis.suspects.iter().map(|suspect| suspect.resource);
        let shown = suspects.chain([Resource::Fds, Resource::Mappings]);
        let mut amounts: Vec<String> = shown
            .filter_map(|resource| {
                let amount = sample.amounts.of(resource)?;
                Some(format!("{} {}", resource.as_str(), resource.amount(amount)))
            })
            .collect();
        amounts.dedup();
        let what = format!("sample at {} ms: {}", sample.at_ms, amounts.join(", "));
        Evidence { path: run.path.clone(), line, what }
    };
    let mut samples = ledger.samples.iter().zip(&ledger.sample_lines);
    let first = samples.next();
    first.into_iter().chain(samples.next_back()).map(line).collect()
}

/// The first and the last sample of each subject.
fn of_run(run: &Run<'_>, ledger: &Ledger) -> Vec<Evidence> {
    let ends = ledger.subjects.iter().flat_map(|subject| {
        let ends = [subject.samples.first(), subject.samples.last()];
        ends.into_iter().flatten().map(|sample| (subject.number, sample))
    });
    let lines = ends.map(|(subject, sample)| Evidence {
        path: run.path.clone(),
        line: sample.line,
        what: samples::described(subject, sample),
    });
    lines.collect()
}
