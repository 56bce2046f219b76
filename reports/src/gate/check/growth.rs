//! Policy `growth`: resources that grow without end, in an observed process, or in a command that
//! keeps no image in a memfd. Those that may are named by `allow`, each with all that are kinds of
//! it.

use super::{Answer, Checked, Told, verdict};
use crate::gate::Evidence;
use crate::gate::budget::Rule;
use crate::gate::policy::MAX;
use crate::gate::runs::{Run, What};
use leakbench_model::text::{counted, grouped};
use leakbench_recording::judge::growth;
use leakbench_recording::ledger::Ledger;
use leakbench_recording::observation::{Diagnosis, Resource};

/// Characters of an example that are told.
const NAME_MAX: usize = 80;

/// A resource that grows without end.
struct Leak {
    resource: Resource,
    message: String,
}

/// How many there are; `None` of a run that is not judged by growth.
pub(in crate::gate) fn number(run: &Run<'_>) -> Option<u64> {
    let leaks = match run.what {
        What::Observation(diagnosis) => observed(diagnosis),
        What::Run(run) if growth::applies(&run.ledger) => of_command(&run.ledger),
        What::Run(_) => return None,
    };
    Some(leaks.len() as u64)
}

pub(super) fn check(rule: &Rule, run: &Run<'_>) -> Checked {
    let (leaks, evidence) = match run.what {
        What::Observation(diagnosis) => (observed(diagnosis), samples(run, diagnosis)),
        What::Run(recorded) if growth::applies(&recorded.ledger) => {
            (of_command(&recorded.ledger), moments(run, &recorded.ledger))
        }
        What::Run(_) => {
            let why = "growth is what observed processes and commands without images are judged by";
            return Err(Answer::other_kind(why));
        }
    };
    let max = rule.bound(MAX).unwrap_or(0.0);
    let (allowed, counted_ones): (Vec<Leak>, Vec<Leak>) =
        leaks.into_iter().partition(|leak| is_allowed(leak.resource, &rule.allow));
    let number = counted_ones.len() as u64;
    let grow = if number == 1 { "grows" } else { "grow" };
    let mut message = format!("{} {grow} without end, budget {}", counted(number, "resource"), max);
    if !counted_ones.is_empty() {
        let told: Vec<String> = counted_ones.into_iter().map(|leak| leak.message).collect();
        message += &format!(": {}", told.join("; "));
    }
    if !allowed.is_empty() {
        let names: Vec<&str> = allowed.iter().map(|leak| leak.resource.as_str()).collect();
        message += &format!(" ({} may)", names.join(", "));
    }
    let may = match rule.allow.is_empty() {
        true => String::new(),
        false => {
            let names: Vec<&str> = rule.allow.iter().map(|resource| resource.as_str()).collect();
            format!(" beside {}", names.join(", "))
        }
    };
    Ok(Answer::Told(Told {
        verdict: verdict(number as f64 > max),
        measured: Some(grouped(number)),
        allowed: format!("at most {max}{may}"),
        message,
        evidence,
    }))
}

/// Whether it, or what it is a kind of, may grow.
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

/// What leaks, and what came to its limit and stays there.
fn observed(diagnosis: &Diagnosis) -> Vec<Leak> {
    let grow = diagnosis.suspects.iter().filter_map(|suspect| {
        let account = diagnosis.account(suspect.resource)?;
        let noun = suspect.resource.noun();
        let amount = |value| suspect.resource.amount(value);
        let (first, last) = (amount(account.first), amount(account.last));
        let mut message = format!("{noun} from {first} to {last}");
        if let Some(example) = account.examples.first() {
            message += &format!(", such as {}", cut(&example.what));
        }
        Some(Leak { resource: suspect.resource, message })
    });
    let exhausted = diagnosis.accounts.exhausted().map(|account| {
        let resource = account.resource;
        let message =
            format!("{} at their limit of {}", resource.noun(), resource.amount(account.peak));
        Leak { resource, message }
    });
    grow.chain(exhausted).collect()
}

/// As much of a name as a sentence has room for: a process may give any.
fn cut(name: &str) -> String {
    match name.char_indices().nth(NAME_MAX) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

fn of_command(ledger: &Ledger) -> Vec<Leak> {
    let leaks = growth::leaks(ledger).into_iter();
    leaks.map(|(resource, message)| Leak { resource, message }).collect()
}

fn samples(run: &Run<'_>, diagnosis: &Diagnosis) -> Vec<Evidence> {
    let ledger = &diagnosis.ledger;
    let told = |look: &leakbench_recording::observation::ObservationSample, line: usize| {
        let of = |resource: &Resource| {
            let amount = look.amounts.get(resource)?;
            Some(format!("{} {}", resource.as_str(), resource.amount(*amount)))
        };
        let suspects = diagnosis.suspects.iter().map(|suspect| suspect.resource);
        let shown: Vec<Resource> = suspects.chain([Resource::Fds, Resource::Mappings]).collect();
        let mut amounts: Vec<String> = shown.iter().filter_map(of).collect();
        amounts.dedup();
        let what = format!("look at {} ms: {}", look.at_ms, amounts.join(", "));
        Evidence { path: run.path.clone(), line, what }
    };
    let mut lines = ledger.samples.iter().zip(&ledger.sample_lines);
    let first = lines.next();
    let told = first.into_iter().chain(lines.next_back()).map(|(look, &line)| told(look, line));
    told.collect()
}

fn moments(run: &Run<'_>, ledger: &Ledger) -> Vec<Evidence> {
    let ends = ledger.subjects.iter().flat_map(|subject| {
        let ends = [subject.samples.first(), subject.samples.last()];
        ends.into_iter().flatten().map(|moment| (subject.number, moment))
    });
    let told = ends.map(|(subject, moment)| Evidence {
        path: run.path.clone(),
        line: moment.line,
        what: format!(
            "{} of subject {subject} after {}",
            if moment.at_barrier { "barrier" } else { "sample" },
            counted(moment.counts.cycles, "cycle"),
        ),
    });
    told.collect()
}
