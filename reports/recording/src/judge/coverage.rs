//! Policy `coverage`: all that was asked for must have been done, and seen. A run in which
//! nothing was watched proves nothing.

use super::{Finding, Level, Verdict, growth};
use crate::ledger::{Ledger, SubjectLedger};
use leakbench_model::text::{counted, grouped};
use leakbench_scenarios::{ImageKind, SubjectName};

pub(super) const POLICY: &str = "coverage";

pub(super) fn judge(ledger: &Ledger) -> Vec<Finding> {
    let mut gaps = Vec::new();
    let asked = u64::from(ledger.start.scenario.processes.get());
    let up = ledger.subjects.iter().filter(|subject| subject.pid.is_some());
    let up = up.count() as u64;
    if up < asked {
        let asked = counted(asked, "subject");
        gaps.push(format!("only {} of {asked} came up", grouped(up)));
    }
    gaps.extend(ledger.subjects.iter().filter_map(unseen_end));
    if ledger.end.is_none() {
        gaps.push("the recording ends before the run does".to_owned());
    }
    // Where the run was ended early on purpose or by a death, gaps are its consequence.
    let early = ledger.interrupted_at_ms.is_some() || ledger.subjects.iter().any(|s| s.died());
    if !early {
        gaps.extend(ledger.subjects.iter().filter_map(undone));
    }
    let level = if early { Level::Note } else { Level::Error };
    let mut findings: Vec<Finding> = gaps
        .into_iter()
        .map(|message| Finding { level, ..Finding::error(POLICY, Verdict::Inconclusive, message) })
        .collect();
    findings.extend(unwatched(ledger));
    findings
}

fn unseen_end(subject: &SubjectLedger) -> Option<String> {
    (!subject.reached_last_barrier()).then(|| {
        format!(
            "subject {} was last seen after {}, before its last barrier: {} unknown",
            subject.number,
            counted(subject.counts.cycles, "cycle"),
            match subject.images.unknown {
                1 => "1 image is".to_owned(),
                unknown => format!("{} are", counted(unknown, "image")),
            },
        )
    })
}

fn undone(subject: &SubjectLedger) -> Option<String> {
    let (done, asked) = (subject.counts.cycles, subject.cycles_asked?);
    (subject.reached_last_barrier() && done < asked).then(|| {
        format!(
            "subject {} did only {} of its {}",
            subject.number,
            grouped(done),
            counted(asked, "cycle")
        )
    })
}

fn unwatched(ledger: &Ledger) -> Vec<Finding> {
    let scenario = &ledger.start.scenario;
    let generated = scenario.wasm.is_empty();
    let memfds = match (&scenario.subject, scenario.image) {
        (_, Some(image)) => image == ImageKind::Memfd,
        // A driver is written to show its images.
        (SubjectName::Builtin | SubjectName::Driver(_), None) => true,
        // Of a runtime behind a pipe nobody knows whether it has any.
        (SubjectName::Command(_), None) => ledger.images.made > 0,
    };
    // A generated module has one memory with data: one image for each, if they are memfds.
    if memfds && generated {
        let ended = ledger.subjects.iter().filter(|s| s.reached_last_barrier());
        let short = ended.filter(|subject| subject.images.made < subject.counts.cycles);
        return short
            .map(|subject| {
                let message = format!(
                    "{} of subject {} made an image each, but only {} watched",
                    counted(subject.counts.cycles, "cycle"),
                    subject.number,
                    match subject.images.made {
                        1 => "1 was".to_owned(),
                        made => format!("{} were", grouped(made)),
                    },
                );
                Finding::error(POLICY, Verdict::Inconclusive, message)
            })
            .collect();
    }
    if ledger.images.made > 0 || ledger.cycles == 0 || growth::applies(ledger) {
        return Vec::new();
    }
    let nothing = |why| format!("no image was made, so there was nothing to prove: {why}");
    vec![match scenario.image {
        // As it was asked for.
        Some(ImageKind::Copy) => {
            let message = nothing("with --image copy the kernel holds nothing for a module");
            Finding::aside(POLICY, Level::Note, message)
        }
        Some(ImageKind::Auto) if generated => {
            let message = nothing(
                "--image auto copies images this small; watch them with --image memfd, or take \
                 --image copy if that is meant",
            );
            Finding::error(POLICY, Verdict::Inconclusive, message)
        }
        Some(ImageKind::Memfd | ImageKind::Auto) | None => {
            let message = nothing(match scenario.image {
                Some(_) => {
                    "modules without data make none; give modules with an active data segment, or \
                     take --image copy if that is meant"
                }
                None => {
                    "modules without data make none, and a driver shows those that its runtime \
                     makes"
                }
            });
            Finding::error(POLICY, Verdict::Inconclusive, message)
        }
    }]
}
