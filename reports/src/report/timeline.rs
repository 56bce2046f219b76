//! Amounts over time, of one process or of several together, with the line that each is on.

use super::{Point, Series, Style, Tone};
use leakbench_model::text::sum;
use leakbench_recording::ledger::{BarrierSample, Ledger, SubjectLedger, SubjectSample};
use leakbench_recording::recording::{ExactMemory, Footprint};

/// An amount that one process had at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// When, in ms since the run began.
    pub(super) at_ms: u64,
    /// The line of the recording that has it.
    pub(super) line: usize,
    /// Cycles that the process had done.
    pub(super) cycles: u64,
    /// The amount; `None` where it could not be read.
    pub(super) amount: Option<u64>,
}

/// What was seen of one process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Process {
    /// In the order of the recording.
    pub(super) looks: Vec<Look>,
    /// When it was gone, in ms since the run began, if it left before its last barrier: what it
    /// had is the kernel's again. One that came to its end counts as it was then.
    pub(super) gone_ms: Option<u64>,
}

impl Process {
    fn new(subject: &SubjectLedger, looks: Vec<Look>) -> Process {
        let exit = subject.exit.as_ref().filter(|_| !subject.reached_last_barrier());
        Process { looks, gone_ms: exit.map(|exit| exit.at_ms) }
    }
}

/// What all processes had together: at each moment at which one was looked at, the latest that is
/// known of each. There is no point before each was looked at, and none while what is known of one
/// is that it could not be read. A process that was never looked at counts for nothing, and one
/// that is gone for its cycles alone.
pub(super) fn summed(processes: &[Process]) -> Vec<Point> {
    let processes: Vec<&Process> = processes.iter().filter(|its| !its.looks.is_empty()).collect();
    let mut looks: Vec<(usize, &Look)> = Vec::new();
    for (process, its) in processes.iter().enumerate() {
        looks.extend(its.looks.iter().map(|look| (process, look)));
    }
    looks.sort_by_key(|(_, look)| (look.at_ms, look.line));
    let mut latest: Vec<Option<Look>> = vec![None; processes.len()];
    let mut points = Vec::new();
    for together in looks.chunk_by(|(_, a), (_, b)| a.at_ms == b.at_ms) {
        for &(process, look) in together {
            latest[process] = Some(*look);
        }
        let at_ms = together[0].1.at_ms;
        for (process, latest) in processes.iter().zip(&mut latest) {
            if process.gone_ms.is_some_and(|gone_ms| gone_ms < at_ms)
                && let Some(look) = latest
            {
                look.amount = Some(0);
            }
        }
        points.extend(point(at_ms, &latest));
    }
    points
}

fn point(at_ms: u64, latest: &[Option<Look>]) -> Option<Point> {
    let latest: Vec<Look> = latest.iter().copied().collect::<Option<_>>()?;
    let amounts: Vec<u64> = latest.iter().map(|look| look.amount).collect::<Option<_>>()?;
    Some(Point {
        at_s: seconds(at_ms),
        cycles: Some(sum(latest.iter().map(|look| look.cycles))),
        value: sum(amounts) as f64,
        line: latest.iter().map(|look| look.line).max()?,
    })
}

/// What was seen of each process at every look, whatever it was doing.
pub(super) fn at_looks(
    ledger: &Ledger,
    amount: impl Fn(&SubjectSample) -> Option<u64>,
) -> Vec<Point> {
    let process = |subject: &SubjectLedger| {
        let looks = looks_of(subject).iter().map(|moment| Look {
            at_ms: moment.at_ms,
            line: moment.line,
            cycles: moment.counts.cycles,
            amount: amount(moment),
        });
        Process::new(subject, looks.collect())
    };
    summed(&ledger.subjects.iter().map(process).collect::<Vec<_>>())
}

/// The looks at a subject until its last barrier, after which it says nothing new; of one that left
/// before, until nothing of it could be read any more. What is seen after that is how it leaves.
pub(super) fn looks_of(subject: &SubjectLedger) -> &[SubjectSample] {
    let moments = subject.samples.as_slice();
    let until = if subject.reached_last_barrier() {
        moments.partition_point(|moment| moment.line <= subject.counts_line)
    } else if subject.exit.is_some() {
        let readable = |moment: &SubjectSample| moment.footprint != Footprint::default();
        // Where nothing was ever read, that is not because it left.
        moments.iter().rposition(readable).map_or(moments.len(), |last| last + 1)
    } else {
        moments.len()
    };
    &moments[..until]
}

/// A part of what each process had.
pub(super) fn footprints(ledger: &Ledger, amount: fn(&Footprint) -> Option<u64>) -> Vec<Point> {
    at_looks(ledger, |moment| amount(&moment.footprint))
}

/// What was seen of each process at its barriers.
pub(super) fn at_barriers(
    ledger: &Ledger,
    amount: impl Fn(&BarrierSample) -> Option<u64>,
) -> Vec<Point> {
    let process = |subject: &SubjectLedger| {
        let looks = subject.barriers.iter().map(|barrier| Look {
            at_ms: barrier.at_ms,
            line: barrier.line,
            cycles: barrier.cycles,
            amount: amount(barrier),
        });
        Process::new(subject, looks.collect())
    };
    summed(&ledger.subjects.iter().map(process).collect::<Vec<_>>())
}

/// A part of each process's memory to the page.
pub(super) fn exact_memory(ledger: &Ledger, amount: fn(&ExactMemory) -> Option<u64>) -> Vec<Point> {
    at_barriers(ledger, |barrier| barrier.memory.as_ref().and_then(amount))
}

/// A series of at most [`Series::POINTS_MAX`] points; `None` without any.
pub(super) fn series(name: &str, tone: Tone, style: Style, points: Vec<Point>) -> Option<Series> {
    let points = capped(points, Series::POINTS_MAX);
    (!points.is_empty()).then(|| Series { name: name.to_owned(), tone, style, points })
}

/// At most `most` (at least four) of the points: the first, the last, and the lowest and the
/// highest of each of as many equal stretches as that leaves room for.
pub(super) fn capped(points: Vec<Point>, most: usize) -> Vec<Point> {
    if points.len() <= most {
        return points;
    }
    let [first, inner @ .., last] = points.as_slice() else { return points };
    let stretches = (most.saturating_sub(2) / 2).max(1);
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

/// The indices of at most `most` of `count` things, evenly spread: the first and the last among
/// them, where there is room.
pub(super) fn spread(count: usize, most: usize) -> Vec<usize> {
    if count <= most {
        return (0..count).collect();
    }
    match most {
        0 => Vec::new(),
        1 => vec![0],
        _ => (0..most).map(|index| index * (count - 1) / (most - 1)).collect(),
    }
}
