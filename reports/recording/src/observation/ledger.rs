//! The ledger of an observation: a pure fold over a recording, without conclusions.

use leakbench_model::Resource;

use super::teardown;
use super::{
    Example, Examples, Limit, ObservationEnd, ObservationRecord, ObservationRecording,
    ObservationSample, ObservationStart, ProcessExit, ProcessExitKind, Remark,
};
use crate::ledger::NoStart;
use crate::trend::Trend;

/// All that the judge and the renderers read of an observation.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservationLedger {
    /// The observed process and the machine.
    pub start: ObservationStart,
    /// All recorded samples, in order.
    pub samples: Vec<ObservationSample>,
    /// Number of each sample's line in the recording, from 1.
    pub sample_lines: Vec<usize>,
    /// The latest examples of growth.
    pub examples: Examples,
    /// The observer's remarks.
    pub remarks: Vec<Remark>,
    /// The end of the process, if it ended.
    pub exit: Option<ProcessExit>,
    /// The end; `None` if the observer did not complete the observation.
    pub end: Option<ObservationEnd>,
    /// Time of the latest line, in ms since the observation began.
    pub last_seen_ms: u64,
}

impl ObservationLedger {
    /// Folds a recording.
    ///
    /// # Errors
    /// The recording was cut before its first line.
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
                ObservationRecord::Sample(sample) => {
                    ledger.samples.push((**sample).clone());
                    ledger.sample_lines.push(line);
                    sample.at_ms
                }
                ObservationRecord::Examples(examples) => {
                    ledger.examples = examples.clone();
                    examples.at_ms
                }
                ObservationRecord::Remark(remark) => {
                    ledger.remarks.push(remark.clone());
                    remark.at_ms
                }
                ObservationRecord::Exit(exit) => {
                    ledger.exit = Some(exit.clone());
                    exit.at_ms
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

    /// Time from the first sample to the last, in ms.
    pub fn observed_ms(&self) -> u64 {
        match (self.samples.first(), self.samples.last()) {
            (Some(first), Some(last)) => last.at_ms.saturating_sub(first.at_ms),
            _ => 0,
        }
    }

    /// Maximum number of processes in a sample.
    pub fn processes_max(&self) -> u32 {
        self.samples.iter().map(|sample| sample.processes).max().unwrap_or(0)
    }

    /// Maximum number of children that were not observed; 0 with `--tree`.
    pub fn unobserved_children_max(&self) -> u64 {
        if self.start.tree {
            return 0;
        }
        let children =
            self.samples.iter().filter_map(|sample| sample.amounts.of(Resource::Children));
        children.max().unwrap_or(0)
    }

    /// Time from the first sample that has the object to the last sample, in ms.
    pub fn age_ms(&self, example: &Example) -> u64 {
        let last_ms = self.samples.last().map_or(self.examples.at_ms, |sample| sample.at_ms);
        last_ms.saturating_sub(example.first_seen_ms)
    }

    /// True if the process ended by itself.
    pub(super) fn exited(&self) -> bool {
        self.exit.as_ref().is_some_and(|exit| exit.how != ProcessExitKind::Stopped)
    }

    /// The samples of the running process. The last samples before an exit may be of a process that
    /// already closed and unmapped its objects.
    pub(super) fn judged(&self) -> &[ObservationSample] {
        let exiting = if self.exited() { (self.samples.len() / 50).max(1) } else { 0 };
        &self.samples[..self.samples.len().saturating_sub(exiting)]
    }

    /// Times in seconds and amounts of one resource, at rising times.
    pub(super) fn series(&self, resource: Resource) -> Vec<(f64, f64)> {
        let amounts = self.judged().iter();
        let amounts =
            amounts.filter_map(|sample| Some((sample.at_ms, sample.amounts.of(resource)?)));
        let mut series: Vec<(f64, f64)> =
            amounts.map(|(at_ms, amount)| (at_ms as f64 / 1e3, amount as f64)).collect();
        series.dedup_by(|later, before| later.0 <= before.0);
        series
    }

    /// The [series](Self::series) of one resource until the process began to give it back for its
    /// exit, and true if it did so.
    pub(super) fn series_until_teardown(&self, resource: Resource) -> (Vec<(f64, f64)>, bool) {
        let mut series = self.series(resource);
        let begin = if self.exited() { teardown::begin(&series) } else { series.len() };
        // What is left must suffice for a trend.
        let freed = (Trend::POINTS_MIN..series.len()).contains(&begin);
        let begin = if freed { begin } else { series.len() };
        series.truncate(begin);
        (series, freed)
    }

    /// The lowest limit of a resource. Most limits are those of one process, and do not apply to the
    /// sum over several.
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
