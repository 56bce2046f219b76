//! The ledger of an observation: a pure fold over a recording, without conclusions.

use std::collections::BTreeMap;

use leakbench_model::Resource;

use super::{
    Example, Examples, Limit, LimitReached, Limits, Nearest, ObservationEnd, ObservationRecord,
    ObservationRecording, ObservationSample, ObservationStart, OldObjects, ProcessExit,
    ProcessExitKind, Remark, Scope, own_limit_name,
};
use super::{spacing, teardown};
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
    /// For each resource, those before the latest.
    former_examples: BTreeMap<Resource, Vec<Example>>,
    /// The latest ages of objects.
    pub old_objects: OldObjects,
    /// The observer's remarks.
    pub remarks: Vec<Remark>,
    /// Processes that ended at a limit.
    pub limits_reached: Vec<LimitReached>,
    /// The latest limits: of all processes together, and for limits of single processes those of the
    /// nearest process.
    pub limits: Vec<Limit>,
    /// Time of the latest limits of all processes together, and those before them.
    limits_ms: u64,
    former_limits: Vec<Limit>,
    /// The end of the process, if it ended.
    pub exit: Option<ProcessExit>,
    /// The end; `None` if the observer did not complete the observation.
    pub end: Option<ObservationEnd>,
    /// Time of the latest line, in ms since the observation began.
    pub last_seen_ms: u64,
    /// Indices of the judged samples.
    judged: Vec<usize>,
}

impl ObservationLedger {
    /// Folds a recording.
    ///
    /// # Errors
    /// The recording was cut before its first line.
    pub fn of(recording: &ObservationRecording) -> Result<ObservationLedger, NoStart> {
        let start = recording.start().ok_or(NoStart)?.clone();
        let mut ledger = ObservationLedger {
            limits: start.limits.clone(),
            limits_ms: 0,
            former_limits: Vec::new(),
            start,
            samples: Vec::new(),
            sample_lines: Vec::new(),
            examples: Examples::default(),
            former_examples: BTreeMap::new(),
            old_objects: OldObjects::default(),
            remarks: Vec::new(),
            limits_reached: Vec::new(),
            judged: Vec::new(),
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
                    let former = std::mem::replace(&mut ledger.examples, examples.clone());
                    ledger.former_examples.extend(former.objects);
                    examples.at_ms
                }
                ObservationRecord::Limits(Limits { at_ms, limits }) => {
                    ledger.former_limits = std::mem::replace(&mut ledger.limits, limits.clone());
                    ledger.limits_ms = *at_ms;
                    *at_ms
                }
                ObservationRecord::OldObjects(old_objects) => {
                    ledger.old_objects = old_objects.clone();
                    old_objects.at_ms
                }
                ObservationRecord::Remark(remark) => {
                    ledger.remarks.push(remark.clone());
                    remark.at_ms
                }
                ObservationRecord::LimitReached(reached) => {
                    ledger.limits_reached.push(reached.clone());
                    reached.at_ms
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
        let own = ledger.limits_of_nearest();
        ledger.former_limits.extend(own.iter().cloned());
        ledger.limits.extend(own);
        let times: Vec<u64> = ledger.samples.iter().map(|sample| sample.at_ms).collect();
        ledger.judged = spacing::even(&times);
        // The last samples before an exit may be of a process that already closed and unmapped its
        // objects.
        let exiting = if ledger.exited() { (ledger.judged.len() / 50).max(1) } else { 0 };
        ledger.judged.truncate(ledger.judged.len().saturating_sub(exiting));
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

    /// Maximum number of children that were not observed; 0 if descendants are sampled.
    pub fn unobserved_children_max(&self) -> u64 {
        if self.start.scope == Scope::Family {
            return 0;
        }
        let children =
            self.samples.iter().filter_map(|sample| sample.amounts.of(Resource::Children));
        children.max().unwrap_or(0)
    }

    /// Examples of a resource's growth, as of this time of a judged sample in ms. Those of later samples
    /// of a process that exits are of what it has not given back yet.
    pub(super) fn examples_until(&self, resource: Resource, until_ms: u64) -> &[Example] {
        let latest = self.examples.objects.get(&resource);
        let former = self.former_examples.get(&resource);
        // Examples follow their sample.
        let mut times = self.samples.iter().rev().map(|sample| sample.at_ms);
        let sampled_ms = times.find(|&at_ms| at_ms <= self.examples.at_ms).unwrap_or(0);
        let is_of_exit = self.exited() && sampled_ms > until_ms;
        let examples = if is_of_exit { former.or(latest) } else { latest };
        examples.map_or(&[], Vec::as_slice)
    }

    /// Time from the first sample that has the object to the last sample, in ms.
    pub fn age_ms(&self, example: &Example) -> u64 {
        let last_ms = self.samples.last().map_or(self.examples.at_ms, |sample| sample.at_ms);
        last_ms.saturating_sub(example.first_seen_ms)
    }

    /// True if the observation ended because the process ended by itself. Its descendants may have
    /// been sampled after it.
    pub fn exited(&self) -> bool {
        let last_ms = self.samples.last().map_or(0, |sample| sample.at_ms);
        self.exit
            .as_ref()
            .is_some_and(|exit| exit.how != ProcessExitKind::Stopped && exit.at_ms >= last_ms)
    }

    /// True if it has fewer samples than a trend needs.
    pub fn is_too_short(&self) -> bool {
        self.judged.len() < Trend::POINTS_MIN
    }

    /// The samples of running processes, evenly spaced.
    pub(super) fn judged(&self) -> impl ExactSizeIterator<Item = &ObservationSample> {
        self.judged.iter().map(|&index| &self.samples[index])
    }

    /// Times in seconds and amounts of one resource, at rising times.
    pub(super) fn series(&self, resource: Resource) -> Vec<(f64, f64)> {
        let amounts =
            self.judged().filter_map(|sample| Some((sample.at_ms, sample.amounts.of(resource)?)));
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

    /// The limit of a resource that is met first, as of this time of a judged sample in ms.
    pub(super) fn limit_until(&self, resource: Resource, until_ms: u64) -> Option<&Limit> {
        let is_of_exit = self.exited() && self.limits_ms > until_ms;
        let limits = if is_of_exit { &self.former_limits } else { &self.limits };
        let limits = limits.iter().filter(|limit| limit.resource == resource);
        limits.min_by_key(|limit| limit.room(0))
    }

    /// The process that is nearest to a limit of single processes, at the last judged sample.
    pub(super) fn nearest(&self, resource: Resource) -> Option<&Nearest> {
        self.judged().last()?.nearest.get(&resource)
    }

    /// Descriptors of one process that do not count towards its limit, at the last judged sample.
    pub(super) fn fds_beyond_limit(&self) -> u64 {
        let all = self.judged().last().and_then(|sample| sample.amounts.of(Resource::Fds));
        let counted = self.nearest(Resource::Fds).map(|nearest| nearest.amount);
        all.zip(counted).map_or(0, |(all, counted)| all.saturating_sub(counted))
    }

    /// Times in seconds and amounts of the process that is nearest to a limit at the end, from the
    /// judged samples in which it was the nearest.
    pub(super) fn series_of_nearest(&self, resource: Resource) -> Vec<(f64, f64)> {
        let Some(nearest) = self.nearest(resource) else { return Vec::new() };
        let of_it = self.judged().filter_map(|sample| {
            let it = sample.nearest.get(&resource).filter(|it| it.pid == nearest.pid)?;
            Some((sample.at_ms as f64 / 1e3, it.amount as f64))
        });
        of_it.collect()
    }

    fn limits_of_nearest(&self) -> Vec<Limit> {
        let nearest = self.samples.iter().rev().map(|sample| &sample.nearest);
        let latest = nearest.into_iter().find(|nearest| !nearest.is_empty()).into_iter().flatten();
        let limits = latest.filter_map(|(&resource, nearest)| {
            let name = own_limit_name(resource, nearest.max)?;
            Some(Limit { resource, max: nearest.max, name, others: 0 })
        });
        limits.collect()
    }
}
