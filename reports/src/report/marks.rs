//! Marks of a run on the time axis.

use super::holders::lingering_image;
use super::timeline::{seconds, spread};
use leakbench_model::LingeringImage;
use leakbench_model::text::{counted, duration_ms, grouped, third_person};
use leakbench_recording::judge::ending;
use leakbench_recording::ledger::{Ledger, SubjectLedger};
use leakbench_recording::recording::ExitKind;

/// A marked time or stretch of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// The kind of mark.
    pub kind: MarkKind,
    /// In seconds since the run began.
    pub from_s: f64,
    /// Its end; equal to `from_s` if it is a single time.
    pub to_s: f64,
    /// The event in words.
    pub text: String,
    /// Cycles done by then, if they are known more exactly than by the time.
    pub cycles: Option<u64>,
    /// The same in few words, to stand beside the mark; empty if the text is not shown there.
    pub label: String,
}

impl Mark {
    /// Returns whether pictures write its text or its label.
    pub(crate) fn is_worded(&self) -> bool {
        matches!(self.kind, MarkKind::Event | MarkKind::Incident)
    }
}

leakbench_model::names! {
    /// Kinds of marks.
    #[derive(PartialOrd, Ord)]
    MarkKind ("kind of mark") {
        /// The subject stood still, and both witnesses counted.
        Barrier = "barrier",
        /// A barrier waited for late releases.
        Settle = "settle",
        /// A module was dropped whose image lingers.
        Drop = "drop",
        /// The first drop whose image lingered at a barrier.
        Onset = "onset",
        /// A process runs another program, begins or ends.
        Event = "event",
        /// A subject died, a witness failed, or the user interrupted the run.
        Incident = "incident",
    }
}

impl MarkKind {
    /// Its words in a legend.
    pub fn words(self) -> &'static str {
        match self {
            MarkKind::Barrier => "barrier",
            MarkKind::Settle => "settle time",
            MarkKind::Drop => "drop of a module whose image lingers",
            MarkKind::Onset => "first drop whose image lingered",
            MarkKind::Event => "event of a process",
            MarkKind::Incident => "incident",
        }
    }
}

/// Marks of one kind at most.
const OF_A_KIND_MAX: usize = 300;

/// All marks of a run by kind, each kind in the order of time.
pub(super) fn of_run(ledger: &Ledger) -> Vec<Mark> {
    let mut marks = thinned(barriers(ledger));
    marks.extend(thinned(settling(ledger)));
    marks.extend(thinned(drops(ledger)));
    marks.extend(onset(ledger));
    marks.extend(incidents(ledger));
    marks
}

/// Deaths, failures of witnesses and interruptions.
pub(super) fn incidents(ledger: &Ledger) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    for subject in &ledger.subjects {
        let Some(exit) = subject.exit.as_ref().filter(|exit| exit.how != ExitKind::Done) else {
            continue;
        };
        let text = format!("subject {} {}", subject.number, ending(exit));
        marks.push(moment(MarkKind::Incident, exit.at_ms, text));
    }
    for failure in &ledger.witness_failures {
        let text =
            format!("{} of subject {}: {}", failure.witness.words(), failure.subject, failure.what);
        marks.push(moment(MarkKind::Incident, failure.at_ms, text));
    }
    if let Some(at_ms) = ledger.interrupted_at_ms {
        marks.push(moment(MarkKind::Incident, at_ms, "interrupted by the user".to_owned()));
    }
    thinned(marks)
}

/// A mark at a single time.
pub(super) fn moment(kind: MarkKind, at_ms: u64, text: String) -> Mark {
    let at_s = seconds(at_ms);
    Mark { kind, from_s: at_s, to_s: at_s, text, cycles: None, label: String::new() }
}

fn barriers(ledger: &Ledger) -> Vec<Mark> {
    let of_subject = |subject: &SubjectLedger| -> Vec<Mark> {
        let whose = whose(ledger, subject);
        let barriers = subject.barriers.iter();
        barriers
            .map(|barrier| {
                let text = format!(
                    "barrier{whose} after {}: {} {}",
                    counted(barrier.cycles, "cycle"),
                    counted(barrier.lingering, "image"),
                    third_person(barrier.lingering, "linger"),
                );
                moment(MarkKind::Barrier, barrier.at_ms, text)
            })
            .collect()
    };
    ledger.subjects.iter().flat_map(of_subject).collect()
}

/// Settle times that passed in full. A settle time ends as soon as nothing lingers, and a recording
/// does not have that time.
fn settling(ledger: &Ledger) -> Vec<Mark> {
    let settle_ms = ledger.start.scenario.settle_ms.0;
    let of_subject = |subject: &SubjectLedger| -> Vec<Mark> {
        let whose = whose(ledger, subject);
        let waited = subject.barriers.iter().filter(|barrier| barrier.lingering > 0);
        waited
            .map(|barrier| Mark {
                kind: MarkKind::Settle,
                from_s: seconds(barrier.at_ms.saturating_sub(settle_ms)),
                to_s: seconds(barrier.at_ms),
                text: format!(
                    "waited {} for late releases before the barrier{whose} after {}",
                    duration_ms(settle_ms),
                    counted(barrier.cycles, "cycle"),
                ),
                cycles: None,
                label: String::new(),
            })
            .collect()
    };
    let subjects = ledger.subjects.iter().filter(|_| settle_ms > 0);
    subjects.flat_map(of_subject).collect()
}

/// Drops of the modules of listed images.
fn drops(ledger: &Ledger) -> Vec<Mark> {
    let of_subject = |subject: &SubjectLedger| -> Vec<Mark> {
        let last_ms = subject.barriers.last().map_or(0, |barrier| barrier.at_ms);
        let listed = subject.last_listed().iter();
        listed.map(|image| drop_of(ledger, subject, image, last_ms, MarkKind::Drop)).collect()
    };
    ledger.subjects.iter().flat_map(of_subject).collect()
}

/// The first drop whose image lingered at a barrier.
fn onset(ledger: &Ledger) -> Option<Mark> {
    let first = ledger.subjects.iter().filter_map(|subject| {
        let began = subject.began.as_ref()?;
        let barrier = subject.barriers.iter().find(|barrier| barrier.line == began.line)?;
        Some(drop_of(ledger, subject, began.listed.first()?, barrier.at_ms, MarkKind::Onset))
    });
    first.min_by(|a, b| a.from_s.total_cmp(&b.from_s))
}

/// The drop of the module of an image that lingered at a barrier.
fn drop_of(
    ledger: &Ledger,
    subject: &SubjectLedger,
    image: &LingeringImage,
    barrier_ms: u64,
    kind: MarkKind,
) -> Mark {
    let at_ms = barrier_ms.saturating_sub(image.lingering_ms);
    let scenario = &ledger.start.scenario;
    // All threads of all processes have equal shares.
    let threads = u64::from(scenario.processes.get()) * u64::from(scenario.threads.get());
    let of_thread = ledger.cycle_of_thread(subject.number, image);
    let cycles = of_thread.checked_mul(threads).filter(|it| *it <= ledger.cycles);
    let mut text = lingering_image(image);
    // The number of a cycle does not say when it ran, since each thread begins at a number of its own.
    if threads > 1 {
        text += &format!("; cycle {} of its thread", grouped(of_thread));
    }
    Mark { cycles, ..moment(kind, at_ms, text) }
}

/// ` of subject 1`, if there are several subjects.
pub(super) fn whose(ledger: &Ledger, subject: &SubjectLedger) -> String {
    match ledger.subjects.len() {
        0 | 1 => String::new(),
        _ => format!(" of subject {}", grouped(subject.number.into())),
    }
}

/// Marks in the order of time, evenly thinned.
pub(super) fn thinned(mut marks: Vec<Mark>) -> Vec<Mark> {
    marks.sort_by(|a, b| a.from_s.total_cmp(&b.from_s));
    let kept = spread(marks.len(), OF_A_KIND_MAX);
    kept.into_iter().map(|index| marks[index].clone()).collect()
}
