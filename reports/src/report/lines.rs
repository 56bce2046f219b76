//! Amounts over time: series with their limits, marks and fitted lines.

use super::{Mark, Tone};
use leakbench_model::{Estimate, Unit};

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
