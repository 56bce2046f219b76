//! What could not be measured in a run, a sentence each.

use std::collections::BTreeMap;

use super::facts::unread;
use super::marks::witness;
use super::timeline::looks_of;
use leakbench_model::text::{counted, grouped};
use leakbench_recording::ledger::Ledger;
use leakbench_recording::recording::Footprint;

/// A part of a footprint, and what it is called.
type Part = (&'static str, fn(&Footprint) -> Option<u64>);

/// What is read of a process at each look.
const PARTS: [Part; 6] = [
    ("mappings", |of| of.mappings),
    ("memfd mappings", |of| of.memfd_mappings),
    ("descriptors", |of| of.fds),
    ("resident memory", |of| of.rss_bytes),
    ("shared memory", |of| of.shmem_bytes),
    ("page tables", |of| of.page_tables_bytes),
];

/// All that there is to say.
pub(super) fn of_run(ledger: &Ledger) -> Vec<String> {
    let mut told = but_the_machine(ledger);
    told.extend(machine(&ledger.start.fingerprint));
    told
}

/// What this run's witnesses did not see.
pub(super) fn but_the_machine(ledger: &Ledger) -> Vec<String> {
    let mut told = troubles(ledger);
    if ledger.images.made == 0 {
        let nothing = "No image was seen, so none could linger, and no release was timed.";
        told.push(nothing.to_owned());
    }
    if ledger.images.unknown > 0 {
        let unknown = ledger.images.unknown;
        told.push(format!(
            "What became of {} is not known: {}.",
            counted(unknown, "image"),
            "their witness failed, or they were last seen before they could be judged",
        ));
    }
    told.extend(never_seen(ledger));
    told.extend(parts(ledger));
    told.extend(at_barriers(ledger));
    if ledger.release.count < ledger.images.released() {
        let (timed, released) = (ledger.release.count, ledger.images.released());
        told.push(format!(
            "Of {} that were released the time is known of {}: those after the last barrier, and \
             those before their drop began, have none.",
            counted(released, "image"),
            grouped(timed),
        ));
    }
    if ledger.end.is_none() {
        told.push("The recording ends before the run does: what came after is not known.".into());
    }
    told
}

/// What the fingerprint lacks.
pub(super) fn machine(fingerprint: &serde_json::Map<String, serde_json::Value>) -> Vec<String> {
    let mut told = Vec::new();
    let unread = unread(fingerprint);
    if !unread.is_empty() {
        told.push(format!("Of the machine could not be read: {}.", unread.join(", ")));
    }
    if fingerprint.get("procmap_query").and_then(serde_json::Value::as_bool) == Some(false) {
        told.push(
            "This kernel has no PROCMAP_QUERY (Linux 6.11 and later): mappings were read as text, \
             which takes longer and says the same."
                .to_owned(),
        );
    }
    told
}

fn troubles(ledger: &Ledger) -> Vec<String> {
    let troubles = ledger.witness_failures.iter();
    troubles
        .map(|trouble| {
            let who = witness(trouble.witness);
            format!("In subject {}, {who} failed: {}.", trouble.subject, trouble.what)
        })
        .collect()
}

fn never_seen(ledger: &Ledger) -> Vec<String> {
    let subjects = ledger.subjects.iter();
    let unseen = subjects.filter_map(|subject| {
        let number = subject.number;
        if subject.samples.is_empty() {
            return Some(format!("Subject {number} was never looked at: no sum has its part."));
        }
        subject
            .barriers
            .is_empty()
            .then(|| format!("Subject {number} came to no barrier: nothing was proved of it."))
    });
    unseen.collect()
}

/// What of a footprint could not be read, those together that were absent equally often.
fn parts(ledger: &Ledger) -> Vec<String> {
    let looks = || ledger.subjects.iter().flat_map(looks_of);
    let total = looks().count() as u64;
    let mut absent: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for (name, amount) in PARTS {
        let times = looks().filter(|look| amount(&look.footprint).is_none()).count() as u64;
        absent.entry(times).or_default().push(name);
    }
    absent.remove(&0);
    let told = absent.into_iter().map(|(times, names)| {
        let (times, of) = (grouped(times), counted(total, "look"));
        format!("At {times} of {of} could not be read: {}.", names.join(", "))
    });
    told.collect()
}

/// What only some kernels and some runtimes tell.
fn at_barriers(ledger: &Ledger) -> Vec<String> {
    let barriers = || ledger.subjects.iter().flat_map(|subject| &subject.barriers);
    let mut told = Vec::new();
    if barriers().next().is_none() {
        return told;
    }
    if barriers().all(|barrier| barrier.memory.is_none()) {
        told.push(
            "Memory to the page (PSS, private dirty) was not read: the kernel has no smaps_rollup, \
             or does not let this user read it, or the recording is of an earlier leakbench."
                .to_owned(),
        );
    }
    if barriers().all(|barrier| barrier.slot_map.is_none()) {
        told.push(
            "What each slot did is not known: the runtime has no slots to tell of, or the \
             recording is of an earlier leakbench."
                .to_owned(),
        );
    } else if barriers().all(|barrier| barrier.slots.is_none()) {
        told.push(
            "The runtime does not tell what its slots do: the slot map has what each of them maps."
                .to_owned(),
        );
    }
    told
}
