//! Amounts over time of one or several processes, each with its line of the recording.

use super::{Point, Series, Style, Tone};
use leakbench_model::Resource;
use leakbench_model::text::sum;
use leakbench_recording::ledger::{BarrierSample, Ledger, SubjectLedger, SubjectSample};
use leakbench_recording::recording::ExactMemory;

/// An amount of one process at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    /// Time since the run began, in ms.
    pub(super) at_ms: u64,
    /// The line of the recording that has it.
    pub(super) line: usize,
    /// Cycles that the process had done.
    pub(super) cycles: u64,
    /// The amount; `None` if it could not be read.
    pub(super) amount: Option<u64>,
}

/// The samples of one process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Process {
    /// In the order of the recording.
    pub(super) samples: Vec<Sample>,
    /// The end of a process that left before its last barrier, in ms since the run began. It then has
    /// nothing. A process that reached its last barrier keeps the amounts that it had there.
    pub(super) gone_ms: Option<u64>,
}

impl Process {
    fn new(subject: &SubjectLedger, samples: Vec<Sample>) -> Process {
        let exit = subject.exit.as_ref().filter(|_| !subject.reached_last_barrier());
        Process { samples, gone_ms: exit.map(|exit| exit.at_ms) }
    }
}

/// The sum over all processes: at each time of a sample, the latest amount of each. There is no point
/// before every process has a sample, and none while an amount could not be read. A process without
/// samples counts for nothing. A process that is gone counts with its cycles alone.
pub(super) fn summed(processes: &[Process]) -> Vec<Point> {
    let processes: Vec<&Process> = processes.iter().filter(|its| !its.samples.is_empty()).collect();
    let mut samples: Vec<(usize, &Sample)> = Vec::new();
    for (process, its) in processes.iter().enumerate() {
        samples.extend(its.samples.iter().map(|sample| (process, sample)));
    }
    samples.sort_by_key(|(_, sample)| (sample.at_ms, sample.line));
    let mut latest: Vec<Option<Sample>> = vec![None; processes.len()];
    let mut points = Vec::new();
    for together in samples.chunk_by(|(_, a), (_, b)| a.at_ms == b.at_ms) {
        for &(process, sample) in together {
            latest[process] = Some(*sample);
        }
        let at_ms = together[0].1.at_ms;
        for (process, latest) in processes.iter().zip(&mut latest) {
            if process.gone_ms.is_some_and(|gone_ms| gone_ms < at_ms)
                && let Some(sample) = latest
            {
                sample.amount = Some(0);
            }
        }
        points.extend(point(at_ms, &latest));
    }
    points
}

fn point(at_ms: u64, latest: &[Option<Sample>]) -> Option<Point> {
    let latest: Vec<Sample> = latest.iter().copied().collect::<Option<_>>()?;
    let amounts: Vec<u64> = latest.iter().map(|sample| sample.amount).collect::<Option<_>>()?;
    Some(Point {
        at_s: seconds(at_ms),
        cycles: Some(sum(latest.iter().map(|sample| sample.cycles))),
        value: sum(amounts) as f64,
        line: latest.iter().map(|sample| sample.line).max()?,
    })
}

/// The sum over all processes at every sample.
pub(super) fn at_samples(
    ledger: &Ledger,
    amount: impl Fn(&SubjectSample) -> Option<u64>,
) -> Vec<Point> {
    let process = |subject: &SubjectLedger| Process::new(subject, sampled(subject, &amount));
    summed(&ledger.subjects.iter().map(process).collect::<Vec<_>>())
}

/// An amount of a subject at each of its samples.
fn sampled(subject: &SubjectLedger, amount: impl Fn(&SubjectSample) -> Option<u64>) -> Vec<Sample> {
    let sample = |moment: &SubjectSample| Sample {
        at_ms: moment.at_ms,
        line: moment.line,
        cycles: moment.counts.cycles,
        amount: amount(moment),
    };
    samples_of(subject).iter().map(sample).collect()
}

/// The samples of a subject until its last barrier or, if it left earlier, until the last readable
/// one. Later samples show how the process ends.
pub(super) fn samples_of(subject: &SubjectLedger) -> &[SubjectSample] {
    let moments = subject.samples.as_slice();
    let until = if subject.reached_last_barrier() {
        moments.partition_point(|moment| moment.line <= subject.counts_line)
    } else if subject.exit.is_some() {
        // A process that is exiting has no memory any more, and closes its descriptors.
        let readable = |moment: &SubjectSample| moment.footprint.of(Resource::RssBytes).is_some();
        // If nothing was ever readable, the reason is not the exit.
        moments.iter().rposition(readable).map_or(moments.len(), |last| last + 1)
    } else {
        moments.len()
    };
    &moments[..until]
}

/// A part of the footprint from rest on, summed over processes.
pub(super) fn footprints(ledger: &Ledger, resource: Resource) -> Vec<Point> {
    let process = |subject: &SubjectLedger| {
        let mut samples = sampled(subject, |moment| moment.footprint.of(resource));
        if let (Some((line, at_ms)), Some(first)) = (subject.at_rest_from, samples.first())
            && at_ms < first.at_ms
        {
            let amount = subject.at_rest.of(resource);
            samples.insert(0, Sample { at_ms, line, cycles: 0, amount });
        }
        Process::new(subject, samples)
    };
    summed(&ledger.subjects.iter().map(process).collect::<Vec<_>>())
}

/// The sum over all processes at every barrier.
pub(super) fn at_barriers(
    ledger: &Ledger,
    amount: impl Fn(&BarrierSample) -> Option<u64>,
) -> Vec<Point> {
    let process = |subject: &SubjectLedger| {
        let samples = subject.barriers.iter().map(|barrier| Sample {
            at_ms: barrier.at_ms,
            line: barrier.line,
            cycles: barrier.cycles,
            amount: amount(barrier),
        });
        Process::new(subject, samples.collect())
    };
    summed(&ledger.subjects.iter().map(process).collect::<Vec<_>>())
}

/// A part of the exact memory at every barrier, summed over processes.
pub(super) fn exact_memory(ledger: &Ledger, amount: fn(&ExactMemory) -> Option<u64>) -> Vec<Point> {
    at_barriers(ledger, |barrier| barrier.memory.as_ref().and_then(amount))
}

/// A series of at most [`Series::POINTS_MAX`] points; `None` without points.
pub(super) fn series(name: &str, tone: Tone, style: Style, points: Vec<Point>) -> Option<Series> {
    let points = capped(points, Series::POINTS_MAX);
    (!points.is_empty()).then(|| Series { name: name.to_owned(), tone, style, points })
}

/// At most `max` (at least four) of the points: the first, the last, and the extremes of equal
/// stretches in between.
pub(super) fn capped(points: Vec<Point>, max: usize) -> Vec<Point> {
    if points.len() <= max {
        return points;
    }
    let [first, inner @ .., last] = points.as_slice() else { return points };
    let stretches = (max.saturating_sub(2) / 2).max(1);
    let mut kept = vec![*first];
    for stretch in inner.chunks(inner.len().div_ceil(stretches)) {
        let by_value = |a: &&Point, b: &&Point| a.value.total_cmp(&b.value);
        let extremes = [stretch.iter().min_by(by_value), stretch.iter().max_by(by_value)];
        let mut extremes: Vec<&Point> = extremes.into_iter().flatten().collect();
        extremes.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
        extremes.dedup_by(|a, b| a.line == b.line && a.at_s == b.at_s);
        kept.extend(extremes);
    }
    kept.push(*last);
    kept
}

pub(super) fn seconds(ms: u64) -> f64 {
    ms as f64 / 1e3
}

/// At most `max` of `count` indices, evenly spread. From two on they include the first and the last.
pub(super) fn spread(count: usize, max: usize) -> Vec<usize> {
    if count <= max {
        return (0..count).collect();
    }
    match max {
        0 => Vec::new(),
        1 => vec![0],
        _ => (0..max).map(|index| index * (count - 1) / (max - 1)).collect(),
    }
}
