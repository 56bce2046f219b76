//! Missing measurements of a run, a sentence each.

use std::collections::BTreeMap;

use super::facts::unread;
use super::timeline::samples_of;
use leakbench_model::Resource;
use leakbench_model::text::{counted, grouped};
use leakbench_recording::ledger::Ledger;

/// All missing measurements.
pub(super) fn of_run(ledger: &Ledger) -> Vec<String> {
    let mut sentences = but_the_machine(ledger);
    sentences.extend(machine(&ledger.start.fingerprint));
    sentences
}

/// Missing measurements of the run itself.
pub(super) fn but_the_machine(ledger: &Ledger) -> Vec<String> {
    let mut sentences = witness_failures(ledger);
    if ledger.images.made == 0 {
        let nothing = "No image was seen: none could linger, and no release was timed.";
        sentences.push(nothing.to_owned());
    }
    if ledger.images.unknown > 0 {
        let unknown = ledger.images.unknown;
        sentences.push(format!(
            "The fate of {} is unknown: {}.",
            counted(unknown, "image"),
            "their witness failed, or the last barrier came too early to judge them",
        ));
    }
    sentences.extend(never_seen(ledger));
    sentences.extend(parts(ledger));
    sentences.extend(at_barriers(ledger));
    if ledger.release.count < ledger.images.released() {
        let (timed, released) = (ledger.release.count, ledger.images.released());
        sentences.push(format!(
            "Of {} that were released, {} have a release time: releases after the last barrier or \
             before their drop began have none.",
            counted(released, "image"),
            grouped(timed),
        ));
    }
    if ledger.cycles > 0 && ledger.cycle_time_us().is_none() {
        let older = "The time of barriers was not recorded: rates include it.";
        sentences.push(older.to_owned());
    }
    if ledger.end.is_none() {
        sentences.push("The recording ends before the run does: later events are unknown.".into());
    }
    sentences
}

/// Missing facts of the machine.
pub(super) fn machine(fingerprint: &serde_json::Map<String, serde_json::Value>) -> Vec<String> {
    let mut sentences = Vec::new();
    let unread = unread(fingerprint);
    if !unread.is_empty() {
        sentences
            .push(format!("Facts of the machine that could not be read: {}.", unread.join(", ")));
    }
    if fingerprint.get("procmap_query").and_then(serde_json::Value::as_bool) == Some(false) {
        sentences.push(
            "This kernel has no PROCMAP_QUERY (Linux 6.11 and later): mappings were read as text, \
             which is slower and equally exact."
                .to_owned(),
        );
    }
    sentences
}

fn witness_failures(ledger: &Ledger) -> Vec<String> {
    let witness_failures = ledger.witness_failures.iter();
    witness_failures
        .map(|failure| {
            let who = failure.witness.words();
            format!("In subject {}, {who} failed: {}.", failure.subject, failure.what)
        })
        .collect()
}

fn never_seen(ledger: &Ledger) -> Vec<String> {
    let subjects = ledger.subjects.iter();
    let unseen = subjects.filter_map(|subject| {
        let number = subject.number;
        if subject.samples.is_empty() {
            return Some(format!("Subject {number} has no sample: no sum includes it."));
        }
        subject
            .barriers
            .is_empty()
            .then(|| format!("Subject {number} reached no barrier: nothing was proved of it."))
    });
    unseen.collect()
}

/// Parts of a footprint that could not be read, grouped by how often.
fn parts(ledger: &Ledger) -> Vec<String> {
    let samples = || ledger.subjects.iter().flat_map(samples_of);
    let total = samples().count() as u64;
    let mut absent: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for resource in Resource::OF_A_RUN {
        let unread = samples().filter(|sample| sample.footprint.of(resource).is_none());
        absent.entry(unread.count() as u64).or_default().push(resource.noun());
    }
    absent.remove(&0);
    let sentences = absent.into_iter().map(|(times, names)| {
        let (times, of) = (grouped(times), counted(total, "sample"));
        format!("In {times} of {of} these could not be read: {}.", names.join(", "))
    });
    sentences.collect()
}

/// Measurements that only some kernels and some runtimes offer.
fn at_barriers(ledger: &Ledger) -> Vec<String> {
    let barriers = || ledger.subjects.iter().flat_map(|subject| &subject.barriers);
    let mut sentences = Vec::new();
    if barriers().next().is_none() {
        return sentences;
    }
    if barriers().all(|barrier| barrier.memory.is_none()) {
        sentences.push(
            "Exact memory (PSS, private dirty) was not read: the kernel has no smaps_rollup, or this \
             user may not read it."
                .to_owned(),
        );
    }
    if barriers().all(|barrier| barrier.slot_map.is_none()) {
        sentences.push("The states of slots are unknown: the runtime reports no slots.".to_owned());
    } else if barriers().all(|barrier| barrier.slots.is_none()) {
        sentences.push(
            "The runtime does not report the states of its slots: the slot map shows what each slot \
             maps."
                .to_owned(),
        );
    }
    sentences
}
