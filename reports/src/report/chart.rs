//! Charts, as data.

use super::Tone;
use leakbench_model::{Reason, SlotCounts, SlotState};
use leakbench_recording::observation::Unit;

/// A chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Its file name and its anchor, unlike those of all others of the report: lower-case letters,
    /// digits and dashes.
    pub id: String,
    /// What it shows: `Images lingering`.
    pub title: String,
    /// What to look for, in a sentence.
    pub reads: String,
    /// The marks.
    pub plot: Plot,
}

/// What a chart consists of.
#[derive(Clone, Debug, PartialEq)]
pub enum Plot {
    /// Amounts over time.
    Lines(Lines),
    /// What each slot did, over time.
    Slots(SlotRows),
    /// How times are distributed.
    Times(Times),
    /// From when to when images lingered.
    Lifetimes(Lifetimes),
    /// One number by two flags.
    Heat(Heat),
    /// The same chart of several runs, on one scale.
    Panels(Panels),
}

/// Amounts over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lines {
    /// What amounts are counted in.
    pub unit: Option<Unit>,
    /// The series.
    pub series: Vec<Series>,
    /// What the amounts approach. One far above every amount is told in words and not drawn to
    /// scale.
    pub limits: Vec<LimitLine>,
    /// Moments that matter.
    pub marks: Vec<Mark>,
}

/// One amount over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// As the legend calls it.
    pub name: String,
    /// Its colour.
    pub tone: Tone,
    /// How it is drawn.
    pub style: Style,
    /// At rising times; at most [`Series::POINTS_MAX`].
    pub points: Vec<Point>,
}

impl Series {
    /// Points of a series at most. Of longer ones each stretch keeps its lowest and its highest.
    pub const POINTS_MAX: usize = 1_000;
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A line from point to point.
    Line,
    /// A thin line, for what is approximate.
    Faint,
    /// A line with a dot at each point, for what was proved there.
    Dots,
    /// The mapping above the series before it, as a stack.
    Stacked,
}

/// An amount at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// In seconds since the run began.
    pub at_s: f64,
    /// Cycles done by then, over all processes; `None` where there are no cycles.
    pub cycles: Option<u64>,
    /// The amount.
    pub value: f64,
    /// The line of the recording that has it, from 1; of a sum over processes, the last of them.
    pub line: usize,
}

/// A limit.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitLine {
    /// Who says so: `vm.max_map_count`.
    pub name: String,
    /// The most that there may be.
    pub value: f64,
}

/// A moment or a stretch of time that matters.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// What kind.
    pub kind: MarkKind,
    /// In seconds since the run began.
    pub from_s: f64,
    /// Where it ends; the same as `from_s` of a moment.
    pub to_s: f64,
    /// What happened.
    pub text: String,
}

/// Kinds of marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MarkKind {
    /// The subject stood still, and both witnesses looked.
    Barrier,
    /// A barrier waited for late releases.
    Settle,
    /// A module was dropped whose image lingers.
    Drop,
    /// A subject died, a witness failed, a user interrupted.
    Incident,
}

/// What each slot of one process's pool did, a row a barrier.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SlotRows {
    /// Which of the run's processes.
    pub subject: u32,
    /// Slots in the pool.
    pub slots: u32,
    /// Slots that a cell stands for: it shows the most telling of them.
    pub slots_a_cell: u32,
    /// In the order of time; at most [`SlotRows::ROWS_MAX`].
    pub rows: Vec<SlotRow>,
}

impl SlotRows {
    /// Rows at most.
    pub const ROWS_MAX: usize = 200;
}

/// A pool at a barrier.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotRow {
    /// In seconds since the run began.
    pub at_s: f64,
    /// Cycles that this process had done.
    pub cycles: u64,
    /// All of one length.
    pub cells: Vec<SlotState>,
    /// How many slots were in which state, where the runtime tells.
    pub counts: Option<SlotCounts>,
    /// The line of the recording, from 1.
    pub line: usize,
}

/// How times are distributed, for a logarithmic axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Times {
    /// From short to long, without gaps: empty ones have a count of 0.
    pub bins: Vec<TimeBin>,
    /// How many times there are.
    pub count: u64,
    /// Half took no longer.
    pub p50_ns: Option<u64>,
    /// All but one in a hundred took no longer.
    pub p99_ns: Option<u64>,
    /// None took longer.
    pub max_ns: Option<u64>,
}

/// Times of about the same length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimeBin {
    /// Longer than this.
    pub from_ns: f64,
    /// And at most so long.
    pub to_ns: f64,
    /// How many there are.
    pub count: u64,
}

/// From when to when images lingered, the longest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lifetimes {
    /// At most [`Lifetimes::BARS_MAX`].
    pub bars: Vec<Lifetime>,
    /// How many more there are.
    pub rest: u64,
    /// Where the axis ends: when the run did.
    pub until_s: f64,
}

impl Lifetimes {
    /// Bars at most.
    pub const BARS_MAX: usize = 40;
}

/// How long an image lingered.
#[derive(Clone, Debug, PartialEq)]
pub struct Lifetime {
    /// Which image: `inode 4711 of module 88`.
    pub name: String,
    /// When its module was dropped, in seconds since the run began.
    pub from_s: f64,
    /// When it was last seen.
    pub to_s: f64,
    /// Why it lingers.
    pub reason: Reason,
    /// Who holds it, in words.
    pub holders: String,
    /// The line of the recording, from 1.
    pub line: usize,
}

/// One number by the values of two flags.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heat {
    /// What the number is: `images lingering at the end`.
    pub what: String,
    /// The flag across, and its values.
    pub across: Axis,
    /// The flag down, and its values; of a sweep of one flag an axis without a name, with one value.
    pub down: Axis,
    /// Rows of cells, `down` by `across`.
    pub cells: Vec<Vec<HeatCell>>,
}

/// A flag and its values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Axis {
    /// Without its dashes.
    pub flag: String,
    /// As they were given.
    pub values: Vec<String>,
}

/// A combination.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatCell {
    /// The number; `None` where it was not measured.
    pub value: Option<f64>,
    /// What to show for it: `942`, `refused`.
    pub text: String,
    /// Whether it is good news.
    pub tone: Tone,
    /// Which run it is, in words.
    pub name: String,
}

/// The same chart of several runs, on one scale.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panels {
    /// Drawn with one scale in both directions, over cycles.
    pub panels: Vec<Panel>,
    /// How many more there are.
    pub rest: u64,
}

impl Panels {
    /// Panels at most.
    pub const PANELS_MAX: usize = 24;
}

/// One run of several.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// Which run: `wasmtime@3`.
    pub name: String,
    /// What it came to: `942 of 3,000 linger`.
    pub note: String,
    /// Whether that is good news.
    pub tone: Tone,
    /// Its lines; all panels have the same series in the same order.
    pub lines: Lines,
}
