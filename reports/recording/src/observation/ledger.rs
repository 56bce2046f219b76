//! What was seen of a process, put together: a fold over a recording that concludes nothing.

use super::{
    Example, Examples, Limit, ObservationEnd, ObservationRecord, ObservationRecording,
    ObservationSample, ObservationStart, ProcessExit, ProcessExitKind, Remark, Resource,
};
use crate::ledger::NoStart;

/// Everything that a diagnosis needs to know of an observation.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservationLedger {
    /// What was observed.
    pub start: ObservationStart,
    /// All looks that were kept, in order.
    pub samples: Vec<ObservationSample>,
    /// The line of the recording that each of them is on, from 1.
    pub sample_lines: Vec<usize>,
    /// What the growth is made of, as seen last.
    pub examples: Examples,
    /// What could not be seen, and what came or went.
    pub remarks: Vec<Remark>,
    /// How the process went, if it did.
    pub exit: Option<ProcessExit>,
    /// The end; `None` of an observation whose observer did not come to it.
    pub end: Option<ObservationEnd>,
    /// When the last line was recorded, in ms since the observation began.
    pub last_seen_ms: u64,
}

impl ObservationLedger {
    /// Folds a recording.
    ///
    /// # Errors
    /// The recording does not say what was observed.
    pub fn of(recording: &ObservationRecording) -> Result<ObservationLedger, NoStart> {
        let mut ledger = ObservationLedger {
            start: recording.start().ok_or(NoStart)?.clone(),
            samples: Vec::new(),
            sample_lines: Vec::new(),
            examples: Examples::default(),
            remarks: Vec::new(),
            exit: None,
            end: None,
            last_seen_ms: 0,
        };
        for (line, record) in (1..).zip(&recording.records) {
            let at_ms = match record {
                ObservationRecord::Start(_) => 0,
                ObservationRecord::Sample(look) => {
                    ledger.samples.push(look.clone());
                    ledger.sample_lines.push(line);
                    look.at_ms
                }
                ObservationRecord::Examples(examples) => {
                    ledger.examples = examples.clone();
                    examples.at_ms
                }
                ObservationRecord::Remark(remark) => {
                    ledger.remarks.push(remark.clone());
                    remark.at_ms
                }
                ObservationRecord::Exit(gone) => {
                    ledger.exit = Some(gone.clone());
                    gone.at_ms
                }
                ObservationRecord::End(end) => {
                    ledger.end = Some(*end);
                    end.at_ms
                }
            };
            ledger.last_seen_ms = ledger.last_seen_ms.max(at_ms);
        }
        Ok(ledger)
    }

    /// Time from the first look to the last.
    pub fn observed_ms(&self) -> u64 {
        match (self.samples.first(), self.samples.last()) {
            (Some(first), Some(last)) => last.at_ms.saturating_sub(first.at_ms),
            _ => 0,
        }
    }

    /// The most processes that were looked at together.
    pub fn processes_max(&self) -> u32 {
        self.samples.iter().map(|look| look.processes).max().unwrap_or(0)
    }

    /// The most children that there were while they were not observed; 0 with the tree.
    pub fn unobserved_children_max(&self) -> u64 {
        if self.start.tree {
            return 0;
        }
        let children = self.samples.iter().filter_map(|look| look.amounts.get(&Resource::Children));
        children.copied().max().unwrap_or(0)
    }

    /// For how long an object had been seen at the last look.
    pub fn age_ms(&self, example: &Example) -> u64 {
        let last_ms = self.samples.last().map_or(self.examples.at_ms, |look| look.at_ms);
        last_ms.saturating_sub(example.first_seen_ms)
    }

    /// The looks that say what the process does while it runs. A process that leaves closes and
    /// unmaps what it has, and one look may see it at that.
    pub(super) fn judged(&self) -> &[ObservationSample] {
        let left = self.exit.as_ref().is_some_and(|gone| gone.how != ProcessExitKind::Stopped);
        let leaving = if left { (self.samples.len() / 50).max(1) } else { 0 };
        &self.samples[..self.samples.len().saturating_sub(leaving)]
    }

    /// Times in seconds and amounts of one resource, at rising times.
    pub(super) fn series(&self, resource: Resource) -> Vec<(f64, f64)> {
        let amounts = self.judged().iter();
        let amounts = amounts.filter_map(|look| Some((look.at_ms, *look.amounts.get(&resource)?)));
        let mut series: Vec<(f64, f64)> =
            amounts.map(|(at_ms, amount)| (at_ms as f64 / 1e3, amount as f64)).collect();
        series.dedup_by(|later, before| later.0 <= before.0);
        series
    }

    /// The least that limits a resource, if what was counted is what it limits: most limits are
    /// each process's own, and say nothing of the sum over several.
    pub(super) fn limit(&self, resource: Resource) -> Option<&Limit> {
        let own = matches!(
            resource,
            Resource::Fds
                | Resource::Mappings
                | Resource::AddressSpaceBytes
                | Resource::LockedBytes
        );
        if own && self.processes_max() > 1 {
            return None;
        }
        let limits = self.start.limits.iter().filter(|limit| limit.resource == resource);
        limits.min_by_key(|limit| limit.max)
    }
}
