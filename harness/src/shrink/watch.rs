//! The progress of a search, in words.

use std::time::{Duration, Instant};

use leakbench_model::text::{counted, grouped};
use leakbench_reports::render::Progress;

use super::candidate::Candidate;
use crate::output::{ProgressDisplay, Verbosity};

/// The options of a candidate that differ from those of another one: `slots 1, plant by default`.
pub(super) fn changes(from: &Candidate, to: &Candidate) -> String {
    let value = |candidate: &Candidate, flag: &str| {
        let setting = candidate.settings.iter().find(|(name, _)| name == flag);
        setting.map(|(_, values)| values.join(","))
    };
    let flags = from.settings.iter().chain(&to.settings).map(|(flag, _)| flag.as_str());
    let mut changes: Vec<String> = Vec::new();
    for flag in flags.filter(|flag| value(from, flag) != value(to, flag)) {
        let change = value(to, flag)
            .map_or_else(|| format!("{flag} by default"), |value| format!("{flag} {value}"));
        if !changes.contains(&change) {
            changes.push(change);
        }
    }
    changes.join(", ")
}

/// The size of a candidate: `5 steps`.
pub(super) fn size(candidate: &Candidate) -> String {
    match candidate.steps() {
        Some(steps) => counted(steps as u64, "step"),
        None => counted(candidate.scenario.cycles.get(), "cycle"),
    }
}

/// The progress of a search.
pub(super) struct Watch {
    display: ProgressDisplay,
    started: Instant,
    budget: Duration,
    /// The size of the smallest candidate.
    pub(super) smallest: String,
    /// The trial in words.
    pub(super) trial: String,
}

impl Watch {
    pub(super) fn new(
        verbosity: Verbosity,
        started: Instant,
        budget: Duration,
        first: &Candidate,
    ) -> Watch {
        let display = ProgressDisplay::new(verbosity);
        Watch { display, started, budget, smallest: size(first), trial: String::new() }
    }

    /// Clears the line for what is printed next.
    pub(super) fn clear(&mut self) {
        self.display.clear();
    }

    pub(super) fn show(&mut self, runs: u64) {
        self.display.show(&Line([
            format!("{} of {} s", self.started.elapsed().as_secs(), self.budget.as_secs()),
            format!("run {}", grouped(runs + 1)),
            format!("smallest so far: {}", self.smallest),
            format!("trying {}", self.trial),
        ]));
    }
}

/// A line of progress.
struct Line([String; 4]);

impl Progress for Line {
    fn parts(&self) -> Vec<String> {
        self.0.to_vec()
    }
}
