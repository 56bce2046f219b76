//! Charts, as data.

use super::{Peaks, Proof, Spreads, Survival, Tone};
use leakbench_model::{Estimate, SlotState, Unit};
use leakbench_recording::recording::SlotMap;

/// A chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Its file name and its anchor, unique in the report: lower-case letters, digits and dashes.
    pub id: String,
    /// The title: `Images lingering`.
    pub title: String,
    /// The caption, which explains how to read the chart.
    pub reads: String,
    /// The marks.
    pub plot: Plot,
}

impl Chart {
    /// True if it has nothing to show but that nothing lingers: all amounts proved at barriers are 0,
    /// or no slot maps an image. Pages and main pictures with a [`Proof`] leave it out.
    pub fn is_quiet(&self) -> bool {
        match &self.plot {
            Plot::Lines(lines) => {
                let mut proved = lines.series.iter().filter(|it| it.style == Style::Dots);
                proved.clone().next().is_some()
                    && proved.all(|it| {
                        it.tone == Tone::Bad && it.points.iter().all(|point| point.value == 0.0)
                    })
            }
            Plot::Slots(maps) => {
                let quiet = [SlotState::Empty, SlotState::Cold, SlotState::Warm];
                maps.states().iter().all(|state| quiet.contains(state))
            }
            _ => false,
        }
    }
}

/// The marks of a chart.
#[derive(Clone, Debug, PartialEq)]
pub enum Plot {
    /// Amounts over time.
    Lines(Lines),
    /// Verified releases.
    Proof(Proof),
    /// Peaks beside their limits.
    Peaks(Peaks),
    /// The states of slots, over time.
    Slots(SlotMaps),
    /// The distribution of times.
    Times(Times),
    /// The survival of dropped images.
    Survival(Survival),
    /// One number by swept flags.
    Heat(Heat),
    /// One chart for each of several runs, on one scale.
    Panels(Panels),
    /// Numbers of several rows with their spread over rounds.
    Spreads(Spreads),
}

/// Amounts over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lines {
    /// The unit of all amounts.
    pub unit: Option<Unit>,
    /// The series.
    pub series: Vec<Series>,
    /// Limits of the amounts. A limit far above every amount is named in words and not drawn.
    pub limits: Vec<LimitLine>,
    /// Marks on the time axis.
    pub marks: Vec<Mark>,
    /// Lines fitted to series that grow.
    pub fits: Vec<Fit>,
}

impl Lines {
    /// The last time of points and marks, in seconds since the run began.
    pub fn end_s(&self) -> f64 {
        let points = self.series.iter().filter_map(|series| series.points.last());
        let marks = self.marks.iter().map(|mark| mark.to_s);
        points.map(|point| point.at_s).chain(marks).fold(0.0, f64::max)
    }
}

/// The line fitted to an amount that grows, which goes on after its last point.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The meaning of the colour of its series.
    pub tone: Tone,
    /// The first time that it was fitted to, in seconds since the observation began.
    pub from_s: f64,
    /// The last one.
    pub to_s: f64,
    /// A time on it. All lines of its confidence band meet there.
    pub at_s: f64,
    /// The amount at that time.
    pub value: f64,
    /// Growth in a second.
    pub per_s: Estimate,
    /// The limit that it reaches.
    pub limit: Option<FitLimit>,
}

/// The limit that a [`Fit`] reaches.
#[derive(Clone, Debug, PartialEq)]
pub struct FitLimit {
    /// The largest allowed amount.
    pub value: f64,
    /// Its name, and the time until then: `RLIMIT_NOFILE 1,024 in 80 s`.
    pub text: String,
}

impl Fit {
    /// The amounts at a time: on the line, and the ends of its confidence band.
    pub fn at(&self, at_s: f64) -> Estimate {
        let on = |per_s: f64| self.value + per_s * (at_s - self.at_s);
        let (a, b) = (on(self.per_s.low), on(self.per_s.high));
        Estimate { value: on(self.per_s.value), low: a.min(b), high: a.max(b) }
    }

    /// The time at which it reaches its limit, in seconds since the observation began.
    pub fn reaches_s(&self) -> Option<f64> {
        let limit = self.limit.as_ref()?;
        let at_s = self.at_s + (limit.value - self.value) / self.per_s.value;
        (at_s.is_finite() && at_s > self.to_s).then_some(at_s)
    }

    /// The end of an axis of time on which its projection can be seen: at the limit if that is not
    /// far away. `end_s` is the end of the observation.
    pub fn until_s(&self, end_s: f64) -> f64 {
        let near = self.reaches_s().filter(|&at_s| at_s <= end_s * Self::NEAR);
        near.map_or(end_s * Self::BEYOND, |at_s| (at_s * 1.04).max(end_s))
    }

    /// A limit is near if it is reached within this multiple of the time observed.
    const NEAR: f64 = 2.5;
    /// The part of a projection that is shown if its limit is far, as a multiple of the time observed.
    const BEYOND: f64 = 1.25;
}

/// One amount over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// The meaning of its colour.
    pub tone: Tone,
    /// The style of the line.
    pub style: Style,
    /// Points at rising times; at most [`Series::POINTS_MAX`].
    pub points: Vec<Point>,
}

impl Series {
    /// Points of a series at most. Longer series keep the extremes of each stretch.
    pub const POINTS_MAX: usize = 1_000;
}

/// The style of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A line from point to point.
    Line,
    /// A thin line, for approximate amounts.
    Faint,
    /// A line with a dot at each point, for amounts that were proved there.
    Dots,
    /// A filled band on top of the series before it, as a stack.
    Stacked,
    /// A dashed line, for amounts that a theory expects.
    Expected,
}

/// An amount at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// In seconds since the run began.
    pub at_s: f64,
    /// Cycles done by then, over all processes; `None` if nothing counts cycles.
    pub cycles: Option<u64>,
    /// The amount.
    pub value: f64,
    /// The line of the recording that has it, from 1. A sum over processes has the last of theirs.
    pub line: usize,
}

/// A limit of an amount.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitLine {
    /// The setting: `vm.max_map_count`.
    pub name: String,
    /// The largest allowed amount.
    pub value: f64,
}

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

/// The states of the slots of the pools of all processes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SlotMaps {
    /// The pool of each process, at most [`SlotMaps::MAPS_MAX`].
    pub maps: Vec<SlotRows>,
    /// The number of processes that are not shown.
    pub rest: u64,
}

impl SlotMaps {
    /// Processes at most.
    pub const MAPS_MAX: usize = 64;
    /// Bins of all rows of all maps at most, which bounds the size of a page.
    const BINS_MAX: usize = 4 * SlotRows::ROWS_MAX * SlotMap::SLOTS_MAX;

    /// The states that occur, in their order.
    pub fn states(&self) -> Vec<SlotState> {
        let rows = || self.maps.iter().flat_map(|pool| &pool.rows);
        let occurs = |state: &SlotState| rows().any(|row| row.map.count(*state) > 0);
        SlotState::ALL.into_iter().filter(occurs).collect()
    }

    /// The number of slots in a state at the last barriers.
    pub fn at_end(&self, state: SlotState) -> u64 {
        let last = self.maps.iter().filter_map(|pool| pool.rows.last());
        last.map(|row| row.map.count(state)).sum()
    }

    /// Rows of each of so many maps at most, with so many bins in a row.
    pub fn rows_max(maps: usize, bins: usize) -> usize {
        (Self::BINS_MAX / (maps * bins).max(1)).clamp(SlotRows::ROWS_MIN, SlotRows::ROWS_MAX)
    }
}

/// The states of the slots of one process's pool, a row for each barrier.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SlotRows {
    /// The number of the process in the run.
    pub subject: u32,
    /// Slots in the pool.
    pub slots: u32,
    /// Rows in the order of time; at most [`SlotRows::ROWS_MAX`].
    pub rows: Vec<SlotRow>,
}

impl SlotRows {
    /// Rows at most.
    pub const ROWS_MAX: usize = 200;
    /// Rows at most where there are many processes.
    pub const ROWS_MIN: usize = 12;

    /// Slots of a bin of its coarsest map.
    pub fn slots_per_bin(&self) -> u32 {
        self.rows.iter().map(|row| row.map.slots_per_bin()).max().unwrap_or(1)
    }
}

/// The states of a pool's slots at one barrier.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotRow {
    /// In seconds since the run began.
    pub at_s: f64,
    /// Cycles that this process had done.
    pub cycles: u64,
    /// The states.
    pub map: SlotMap,
    /// The line of the recording, from 1.
    pub line: usize,
}

/// A distribution of times, for a logarithmic axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Times {
    /// Bins from short to long without gaps; empty ones have a count of 0.
    pub bins: Vec<TimeBin>,
    /// The number of times.
    pub count: u64,
    /// The median.
    pub p50_ns: Option<u64>,
    /// The 99th percentile.
    pub p99_ns: Option<u64>,
    /// The maximum.
    pub max_ns: Option<u64>,
}

/// A bin of times of about the same length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimeBin {
    /// The lower bound, exclusive.
    pub from_ns: f64,
    /// The upper bound, inclusive.
    pub to_ns: f64,
    /// The number of times in the bin.
    pub count: u64,
}

/// One number by the values of swept flags.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heat {
    /// The number's name: `images lingering at the end`.
    pub what: String,
    /// The flags of the columns.
    pub across: Axis,
    /// The flags of the rows. A sweep of one flag has none here, and one row.
    pub down: Axis,
    /// Rows of cells, `down` by `across`.
    pub cells: Vec<Vec<HeatCell>>,
}

impl Heat {
    /// The strength of a cell's colour, from 0 to 1; `None` if it was not measured. Of counts that
    /// should be 0, its square root distinguishes small ones from 0. Other numbers are between the
    /// least and the greatest.
    pub fn share(&self, cell: &HeatCell) -> Option<f64> {
        let value = cell.value.filter(|value| value.is_finite())?;
        let values = self.cells.iter().flatten().filter_map(|cell| cell.value);
        let (min, max) = values
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), value| {
                (min.min(value), max.max(value))
            });
        let share = match cell.tone {
            Tone::Series(_) => (value - min) / (max - min),
            _ => (value / max).max(0.0).sqrt(),
        };
        Some(if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 })
    }
}

/// Flags of one side of a grid, and the combinations of their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Axis {
    /// Names without dashes, the outermost first.
    pub flags: Vec<String>,
    /// A value for each flag, as given on the command line. The last flag changes fastest.
    pub values: Vec<Vec<String>>,
}

impl Axis {
    /// The headings of a flag: each value with the number of combinations that it spans.
    pub fn headings(&self, flag: usize) -> Vec<(&str, usize)> {
        let runs = self.values.chunk_by(|a, b| a.iter().zip(b).take(flag + 1).all(|(a, b)| a == b));
        runs.map(|run| (run[0].get(flag).map_or("", String::as_str), run.len())).collect()
    }

    /// The heading of a flag that begins at a combination, with its span; `None` if it began before.
    pub fn heading_at(&self, flag: usize, combination: usize) -> Option<(&str, usize)> {
        let mut begin = 0;
        for (value, span) in self.headings(flag) {
            if begin == combination {
                return Some((value, span));
            }
            begin += span;
        }
        None
    }
}

/// The cell of a combination of values.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatCell {
    /// The number; `None` if it was not measured.
    pub value: Option<f64>,
    /// The text of the cell: `942`, `refused`.
    pub text: String,
    /// The meaning of its colour.
    pub tone: Tone,
    /// The name of the row.
    pub name: String,
}

/// One chart for each of several runs, on one scale.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panels {
    /// The panels, which share both scales.
    pub panels: Vec<Panel>,
    /// The flags of the rows and of the columns of a grid, which has a panel for each combination, row
    /// by row. None if they stand in the order of runs.
    pub grid: Option<(Axis, Axis)>,
    /// The number of those that are not shown.
    pub rest: u64,
}

impl Panels {
    /// Panels at most.
    pub const PANELS_MAX: usize = 24;
}

/// The chart of one run of several.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// The row: `wasmtime@3`.
    pub name: String,
    /// Its result: `942 of 3,000 linger`.
    pub note: String,
    /// The meaning of its colour.
    pub tone: Tone,
    /// Its lines. All panels have the same series in the same order.
    pub lines: Lines,
}
