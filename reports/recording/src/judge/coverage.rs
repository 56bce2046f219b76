//! Rule `coverage`: the run must have done and observed all that was requested. A run without
//! watched images proves nothing.

use leakbench_model::Verdict;
use leakbench_model::text::{counted, grouped};
use leakbench_scenarios::{ImageKind, SubjectName};

use super::{Finding, Level, Rule, growth};
use crate::ledger::{Ledger, SubjectLedger};

pub(super) const RULE: Rule<Ledger> = Rule { name: "coverage", judge };

fn judge(ledger: &Ledger) -> Vec<Finding> {
    let mut gaps = Vec::new();
    let requested = u64::from(ledger.start.scenario.processes.get());
    let up = ledger.subjects.iter().filter(|subject| subject.pid.is_some());
    let up = up.count() as u64;
    if up < requested {
        let requested = counted(requested, "subject");
        gaps.push(format!("only {} of {requested} started", grouped(up)));
    }
    gaps.extend(ledger.subjects.iter().filter_map(missing_end));
    if ledger.end.is_none() {
        gaps.push("the recording has no end: the supervisor did not complete the run".to_owned());
    }
    // Gaps are the consequence if an interruption or a death ended the run early.
    let early = ledger.interrupted_at_ms.is_some() || ledger.subjects.iter().any(|s| s.died());
    if !early {
        gaps.extend(ledger.subjects.iter().filter_map(incomplete));
    }
    let level = if early { Level::Note } else { Level::Error };
    let mut findings: Vec<Finding> = gaps
        .into_iter()
        .map(|message| Finding {
            level,
            ..Finding::error(RULE.name, Verdict::Inconclusive, message)
        })
        .collect();
    findings.extend(unwatched(ledger));
    findings
}

fn missing_end(subject: &SubjectLedger) -> Option<String> {
    (!subject.reached_last_barrier()).then(|| {
        format!(
            "subject {} did not reach its last barrier: it was last sampled after {}, and {} unknown",
            subject.number,
            counted(subject.counts.cycles, "cycle"),
            match subject.images.unknown {
                0 => "no image is".to_owned(),
                1 => "1 image is".to_owned(),
                unknown => format!("{} are", counted(unknown, "image")),
            },
        )
    })
}

fn incomplete(subject: &SubjectLedger) -> Option<String> {
    let (done, requested) = (subject.counts.cycles, subject.cycles_asked?);
    (subject.reached_last_barrier() && done < requested).then(|| {
        format!(
            "subject {} completed only {} of {}",
            subject.number,
            grouped(done),
            counted(requested, "cycle")
        )
    })
}

fn unwatched(ledger: &Ledger) -> Vec<Finding> {
    let scenario = &ledger.start.scenario;
    let generated = scenario.wasm.is_empty();
    let memfds = match (&scenario.subject, scenario.image) {
        (_, Some(image)) => image == ImageKind::Memfd,
        // A driver reports its images.
        (SubjectName::Builtin | SubjectName::Driver(_), None) => true,
        // A command may have no images.
        (SubjectName::Command(_), None) => ledger.images.made > 0,
    };
    let modes = scenario.modes();
    let of_modes = modes.iter().filter(|mode| mode.makes_image()).count() as u64;
    // A generated module has a memory with data, hence an image if images are memfds.
    if memfds && generated && of_modes > 0 {
        let ended = ledger.subjects.iter().filter(|s| s.reached_last_barrier());
        // Each thread takes the modes in turn, and may end within a turn.
        let cycles_with_image = |subject: &SubjectLedger| match modes.len() as u64 {
            1 => subject.counts.cycles,
            modes => {
                let turns = subject.counts.cycles / modes;
                turns.saturating_sub(scenario.threads.get().into()).saturating_mul(of_modes)
            }
        };
        // A cycle is given up when its first step fails.
        let given_up = |subject: &SubjectLedger| {
            subject.failed_steps.under_faults.saturating_add(subject.failed_steps.later)
        };
        let short = ended.filter(|subject| {
            subject.images.made.saturating_add(given_up(subject)) < cycles_with_image(subject)
        });
        return short
            .map(|subject| {
                let message = format!(
                    "subject {} made an image in each of {}, but only {} watched",
                    subject.number,
                    counted(cycles_with_image(subject), "cycle"),
                    match subject.images.made {
                        1 => "1 was".to_owned(),
                        made => format!("{} were", grouped(made)),
                    },
                );
                Finding::error(RULE.name, Verdict::Inconclusive, message)
            })
            .collect();
    }
    if ledger.images.made > 0 || ledger.cycles == 0 || growth::applies(ledger) {
        return Vec::new();
    }
    let nothing = |why| format!("no image was made, so the run proves nothing: {why}");
    vec![match scenario.image {
        // As requested.
        Some(ImageKind::Copy) => {
            let message = nothing("with --image copy the kernel holds nothing for a module");
            Finding::note(RULE.name, message)
        }
        Some(ImageKind::Auto) if generated => {
            let message = nothing(
                "--image auto copies images of this size; use --image memfd to watch them, or \
                 --image copy if copying is intended",
            );
            Finding::error(RULE.name, Verdict::Inconclusive, message)
        }
        Some(ImageKind::Memfd | ImageKind::Auto) | None => {
            let message = nothing(match scenario.image {
                _ if of_modes == 0 => {
                    "the modes make no image; add a mode that makes one, such as --mode plain"
                }
                Some(_) => {
                    "modules without data have no image; use modules with an active data segment, \
                     or --image copy if copying is intended"
                }
                None => {
                    "modules without data have no image, and a driver reports only images that its \
                     runtime makes"
                }
            });
            Finding::error(RULE.name, Verdict::Inconclusive, message)
        }
    }]
}
