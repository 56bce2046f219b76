//! Next steps for the end of a summary: a line or two that fit the run and its verdict. Formats for
//! programs have none.

use std::ffi::OsStr;
use std::path::Path;

use leakbench_scenarios::{OnDrop, Scenario, shell};

use crate::comparison::Comparison;
use leakbench_model::{Reason, Verdict};
use leakbench_recording::judge::{Judgement, KernelLimit, limit_reached};
use leakbench_recording::ledger::Ledger;
use leakbench_recording::observation::Diagnosis;
use leakbench_recording::recording::ExitKind;

/// Hints at most.
const HINTS_MAX: usize = 2;

/// Files that already exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept<'a> {
    /// The folder that has the recording, if there is one.
    pub folder: Option<&'a Path>,
    /// True if the page was drawn.
    pub is_drawn: bool,
}

impl Kept<'_> {
    fn command(&self, name: &str) -> Option<String> {
        let folder = self.folder?.as_os_str();
        Some(shell::command([OsStr::new("leakbench"), OsStr::new(name), folder]))
    }

    /// The command that draws the report, if it is not drawn.
    fn draw(&self, shows: &str) -> Option<String> {
        match self.command("report") {
            _ if self.is_drawn => None,
            Some(command) => Some(format!("{command} draws {shows}")),
            None => Some(format!("the same command with --report html draws {shows}")),
        }
    }

    fn gate(&self) -> Option<String> {
        Some(self.command("gate")? + " judges it by a budget")
    }
}

/// Next steps after a run.
pub fn run_hints(ledger: &Ledger, judgement: &Judgement, kept: Kept<'_>) -> Vec<String> {
    let shows = "which slot held which image, and when";
    let hints = match judgement.verdict {
        Verdict::Clean => vec![kept.gate()],
        Verdict::Leak => vec![remedy(ledger), kept.draw(shows), kept.gate()],
        Verdict::SubjectDied => vec![way_past(ledger), kept.draw("its resources until then")],
        Verdict::Inconclusive => vec![witness_failed(ledger).then(doctor)],
        Verdict::Interrupted => Vec::new(),
    };
    hints.into_iter().flatten().take(HINTS_MAX).collect()
}

/// Next steps after an observation.
pub fn observation_hints(diagnosis: &Diagnosis, kept: Kept<'_>) -> Vec<String> {
    let shows = "the growth, and the limit that it approaches";
    let hints = match diagnosis.judgement.verdict {
        Verdict::Clean => vec![kept.gate()],
        Verdict::Leak => vec![kept.draw(shows), kept.gate()],
        Verdict::SubjectDied => vec![kept.draw("its resources until then")],
        Verdict::Inconclusive => {
            vec![diagnosis.ledger.remarks.iter().any(|remark| remark.prevents_clean).then(doctor)]
        }
        Verdict::Interrupted => Vec::new(),
    };
    hints.into_iter().flatten().take(HINTS_MAX).collect()
}

/// Next steps after a comparison.
pub fn comparison_hints(comparison: &Comparison, kept: Kept<'_>) -> Vec<String> {
    let hints = match comparison.verdict() {
        Some(Verdict::Clean) => vec![kept.gate()],
        Some(Verdict::Leak | Verdict::SubjectDied) => {
            vec![kept.draw("the runs side by side"), kept.gate()]
        }
        Some(Verdict::Inconclusive | Verdict::Interrupted) | None => Vec::new(),
    };
    hints.into_iter().flatten().take(1).collect()
}

/// The flags that would release the lingering images. Flags that the runtime lacks are not named.
fn remedy(ledger: &Ledger) -> Option<String> {
    let scenario = &ledger.start.scenario;
    let held_by = |reason| ledger.held_by.iter().any(|group| group.reason == reason);
    let by_free_slots =
        held_by(Reason::AffineSlot) || held_by(Reason::ColdSlot) || held_by(Reason::QueuedSlot);
    if let (true, Some(on_drop @ (OnDrop::Keep | OnDrop::Truncate))) =
        (by_free_slots, scenario.on_drop)
    {
        return Some(format!(
            "--on-drop purge removes a dropped module's images from its slots; {on_drop} leaves \
             them there"
        ));
    }
    if by_free_slots && misses_the_queue(scenario) {
        let flush = match scenario.flush_on_drop {
            Some(_) => "--flush-on-drop on empties the queue before a drop searches slots; ",
            None => "",
        };
        return Some(format!("{flush}--decommit-batch 1 has no queue"));
    }
    // Images that lingered at a barrier and are gone at the end may only be slow.
    (ledger.images.lingering == 0).then(|| {
        let settle_ms = scenario.settle_ms;
        format!(
            "--settle-ms {} waits longer at barriers than {settle_ms} ms and shows late releases",
            settle_ms.max(100).saturating_mul(10)
        )
    })
}

/// Returns whether slots can wait in a queue that a drop does not search.
fn misses_the_queue(scenario: &Scenario) -> bool {
    let batch = scenario.decommit_batch.map_or(1, std::num::NonZeroU32::get);
    batch > 1 && scenario.flush_on_drop != Some(true)
}

/// A setting that lets a subject that died run longer.
fn way_past(ledger: &Ledger) -> Option<String> {
    if let Some(KernelLimit { name, max }) = limit_reached(ledger) {
        let more = max.saturating_mul(4);
        let command = match name {
            "RLIMIT_NOFILE" => format!("ulimit -n {more}"),
            name => format!("sysctl -w {name}={more}"),
        };
        return Some(format!("{command} lets it run longer, if it is no leak"));
    }
    let exits = ledger.subjects.iter().filter_map(|subject| subject.exit.as_ref());
    exits.map(|exit| &exit.how).find_map(|how| match how {
        ExitKind::Signaled { signal: 9 } => Some(
            "dmesg shows whether memory ran out; fewer --slots and --processes need less"
                .to_owned(),
        ),
        ExitKind::Hung { .. } => {
            let timeout_s = ledger.start.scenario.timeout.get().saturating_mul(10);
            Some(format!("--timeout {timeout_s} allows more time, if it was only slow"))
        }
        _ => None,
    })
}

/// Returns whether a witness failed, in contrast to nothing to measure.
fn witness_failed(ledger: &Ledger) -> bool {
    let disagree = ledger.subjects.iter().any(|subject| subject.disagreeing.is_some());
    disagree || !ledger.witness_failures.is_empty() || ledger.images.unknown > 0
}

fn doctor() -> String {
    "leakbench doctor shows what this machine can measure, and what to change".to_owned()
}
