//! Amounts over time.

use plotters_backend::DrawingBackend;

use super::across::{Across, interpolated};
use super::axis::{self, Scale};
use super::canvas::{Canvas, Frame, Type};
use super::events::Events;
use super::legend::{self, Entry, Sign, legend};
use super::marks::{self, Incidents};
use super::{DrawError, LABEL_EM, draw_nothing, fits};
use crate::palette::{self, Dash};
use crate::report::{LimitLine, Lines, Point, Series, Style};
use leakbench_model::Unit;
use leakbench_model::text::grouped;

/// A limit above this multiple of the highest amount is named in the legend and not drawn.
const LIMIT_REACH: f64 = 1.6;

/// Draws lines with axes and legend.
pub(super) fn draw<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    frame: Frame,
    lines: &Lines,
) -> Result<(), DrawError> {
    let shown = Shown::of(&[lines]);
    if shown.is_empty {
        return draw_nothing(canvas, frame, "nothing was measured");
    }
    let entries = entries(lines, &shown, true);
    let frame = legend(canvas, frame, &entries, legend_lines(frame.height()))?;
    let incidents = Incidents::of(&lines.marks, shown.until_s);
    let frame = incidents.draw_words(canvas, frame)?;
    let below = 20.0;
    let amounts = shown.ticks(frame.height() - below);
    let left = amounts_width(canvas, &amounts, shown.unit);
    // Room for the word beside an axis of cycles.
    let left = if Across::counts_cycles(lines) { left.max(52.0) } else { left };
    let plot = frame.inset(left, 5.0, 12.0, below);
    let ends = (plot.left, plot.right);
    let across = Across::of(lines, shown.until_s, ends);
    let events = Events::of(canvas, &lines.marks, &across, ends);
    let plot = plot.inset(0.0, events.height(), 0.0, 0.0);
    fits::draw_ahead(canvas, plot, &across, lines)?;
    let up = draw_amounts(canvas, plot, &amounts, shown.unit, true)?;
    across.draw(canvas, plot)?;
    marks::draw(canvas, plot, &across, &lines.marks)?;
    events.draw(canvas, plot, &across)?;
    draw_limits(canvas, plot, up, lines, &shown)?;
    fits::draw_bands(canvas, (&across, up), lines, &shown)?;
    // Beneath the series, whose colours they would hide.
    fits::draw_lines(canvas, (&across, up), lines, &shown)?;
    draw_series(canvas, plot, lines, |point| Some(across.of_point(point)), up)?;
    fits::draw_limits(canvas, plot, (&across, up), lines, &shown)?;
    marks::draw_onset(canvas, plot, &across, &lines.marks)?;
    incidents.draw(canvas, plot, &across)
}

/// Lines of a legend at most: a third of the chart.
fn legend_lines(height: f64) -> usize {
    (height / 3.0 / legend::LINE).clamp(3.0, 6.0) as usize
}

/// The common axes of several sets of lines.
pub(super) struct Shown {
    pub(super) unit: Unit,
    /// The end of the axis of time, beyond the last amount if there are projections.
    pub(super) until_s: f64,
    pub(super) is_empty: bool,
    /// The highest amount or drawn limit.
    max: f64,
    /// The highest amount.
    peak: f64,
    /// Limits that a projection reaches on these axes.
    reached: Vec<f64>,
}

impl Shown {
    pub(super) fn of(all: &[&Lines]) -> Shown {
        let points = || all.iter().flat_map(|it| &it.series).flat_map(|series| &series.points);
        let ends = all.iter().flat_map(|it| &it.marks).map(|mark| mark.to_s);
        let until_s = points().map(|point| point.at_s).chain(ends).fold(0.0, f64::max);
        let single = points().map(|point| point.value).fold(0.0, f64::max);
        let stacked = all.iter().flat_map(|it| stacks(it)).flat_map(|stack| stack.upper);
        let peak = stacked.map(|(_, value)| value).fold(single, f64::max);
        let limits = all.iter().flat_map(|it| &it.limits).map(|limit| limit.value);
        let fits = || all.iter().flat_map(|it| &it.fits);
        let until_s = fits().map(|fit| fit.until_s(until_s)).fold(until_s, f64::max);
        let ends = fits().map(|fit| fit.at(fits::end_s(fit, until_s)).value);
        let max = ends.fold(peak, f64::max);
        let mut shown = Shown {
            unit: all.iter().find_map(|it| it.unit).unwrap_or(Unit::Count),
            until_s,
            is_empty: points().next().is_none(),
            max,
            peak,
            reached: fits().filter_map(|fit| fits::reached(fit, until_s)).collect(),
        };
        shown.max = limits.filter(|&limit| shown.has_limit(limit)).fold(max, f64::max);
        shown
    }

    /// Returns whether a limit is drawn to scale: if it is not far above every amount, or reached by
    /// a projection.
    fn has_limit(&self, limit: f64) -> bool {
        self.reached.contains(&limit) || self.peak > 0.0 && limit <= self.peak * LIMIT_REACH
    }

    /// Ticks of an axis of this height, in pixels.
    pub(super) fn ticks(&self, height: f64) -> Vec<f64> {
        axis::ticks(self.max, (height / 34.0).clamp(2.0, 6.0), self.unit)
    }
}

/// The legend: each series, each kind of mark, and limits that are not drawn.
pub(super) fn entries(lines: &Lines, shown: &Shown, numbers: bool) -> Vec<Entry> {
    let of_series = lines.series.iter().map(|series| {
        let colour = palette::tone(series.tone).light;
        let sign = match series.style {
            Style::Line => Sign::Line(colour, palette::dash(series.tone)),
            Style::Faint => Sign::Thin(colour),
            Style::Dots => Sign::Dots(colour),
            Style::Stacked => Sign::Square(colour),
            Style::Expected => Sign::Line(colour, Dash::Dashed),
        };
        let last = series.points.last().filter(|_| numbers);
        let number = last.map(|point| axis::amount(point.value, shown.unit));
        Entry { sign, name: series.name.clone(), number }
    });
    let far = lines.limits.iter().filter(|limit| !shown.has_limit(limit.value));
    let projected = |limit: &LimitLine| {
        let limits = lines.fits.iter().filter_map(|fit| fit.limit.as_ref());
        let mut of_fits = limits.filter(|it| it.value == limit.value);
        of_fits.next().map(|it| format!("limit {}", it.text))
    };
    let words = |limit| projected(limit).unwrap_or_else(|| far_away(limit, shown));
    let of_limits = far.map(|limit| Entry::new(Sign::None, words(limit)));
    let of_fits = lines
        .fits
        .first()
        .map(|_| Entry::new(Sign::Thin(palette::INK.light), "fitted line with its 95 % CI"));
    of_series.chain(of_fits).chain(marks::entries(lines)).chain(of_limits).collect()
}

/// `limit 65,530 (vm.max_map_count), 27 times the peak`.
fn far_away(limit: &LimitLine, shown: &Shown) -> String {
    let Shown { unit, peak, .. } = *shown;
    let times = limit.value / peak;
    let beside = if times.is_finite() && times < 10_000.0 {
        format!(", {} times the peak", grouped(times.round() as u64))
    } else {
        String::new()
    };
    format!("limit {} ({}){beside}", axis::amount(limit.value, unit), limit.name)
}

/// Width of the labels of the amount axis.
pub(super) fn amounts_width<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    amounts: &[f64],
    unit: Unit,
) -> f64 {
    let how = label();
    let widths = amounts.iter().map(|&at| canvas.width(&axis::mark(at, unit), how));
    widths.fold(0.0, f64::max) + 8.0
}

/// Draws the amount axis and its grid, with or without labels.
pub(super) fn draw_amounts<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    plot: Frame,
    amounts: &[f64],
    unit: Unit,
    labels: bool,
) -> Result<Scale, DrawError> {
    let end = amounts.last().copied().unwrap_or(1.0);
    let up = Scale::new((0.0, end), (plot.bottom, plot.top));
    for &amount in amounts {
        let y = canvas.snapped(up.at(amount));
        let colour = if amount > 0.0 { palette::GRID } else { palette::FRAME };
        canvas.fill(Frame::new(plot.left, y, plot.width(), canvas.hair()), colour.light)?;
        if labels {
            let text = axis::mark(amount, unit);
            canvas.text((plot.left - 6.0, y + 4.0), &text, label().end())?;
        }
    }
    Ok(up)
}

fn label() -> Type {
    Type::new(LABEL_EM, palette::MUTED.light)
}

fn draw_limits<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    plot: Frame,
    up: Scale,
    lines: &Lines,
    shown: &Shown,
) -> Result<(), DrawError> {
    let colour = palette::LIMIT.light;
    for limit in lines.limits.iter().filter(|limit| shown.has_limit(limit.value)) {
        let y = up.at(limit.value);
        canvas.dashed((plot.left, y), (plot.right, y), colour, 1.4)?;
        // The projection names the limit that it reaches.
        if shown.reached.contains(&limit.value) {
            continue;
        }
        let text = format!("{} {}", limit.name, axis::amount(limit.value, shown.unit));
        let below = if y - plot.top < 14.0 { 13.0 } else { -4.0 };
        let how = Type::new(LABEL_EM, colour).bold();
        canvas.text_within((plot.left + 6.0, y + below), &text, how, plot.width() - 12.0)?;
    }
    Ok(())
}

/// Draws the series, the first on top.
pub(super) fn draw_series<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    plot: Frame,
    lines: &Lines,
    across: impl Fn(&Point) -> Option<f64>,
    up: Scale,
) -> Result<(), DrawError> {
    for stack in stacks(lines).into_iter().rev() {
        let colour = palette::tone(stack.series.tone).light;
        let place = |&(index, value): &(usize, f64)| {
            let x = across(stack.places.get(index)?)?;
            Some((x, up.at(value)))
        };
        let upper: Vec<(f64, f64)> = stack.upper.iter().filter_map(place).collect();
        let lower = stack.lower.iter().filter_map(place);
        let mut outline = upper.clone();
        outline.extend(lower.collect::<Vec<_>>().into_iter().rev());
        canvas.polygon(&outline, colour, 0.55)?;
        canvas.line(&upper, colour, 1.2)?;
    }
    for series in lines.series.iter().rev().filter(|series| series.style != Style::Stacked) {
        let colour = palette::tone(series.tone).light;
        let place = |point: &Point| Some((across(point)?, up.at(point.value)));
        let points: Vec<(f64, f64)> = series.points.iter().filter_map(place).collect();
        match series.style {
            Style::Faint => canvas.faint_line(&points, colour, 1.1, 0.65)?,
            Style::Expected => canvas.path(&points, colour, 1.8, Dash::Dashed.lengths())?,
            _ => canvas.path(&points, colour, 2.0, palette::dash(series.tone).lengths())?,
        }
        // A single point makes no line, and many dots make a thick one.
        let dots = series.style == Style::Dots && points.len() as f64 <= plot.width() / 7.0;
        if dots || points.len() == 1 {
            for &point in &points {
                canvas.dot(point, 3.0, colour)?;
            }
        }
    }
    Ok(())
}

/// A series stacked on others.
struct Stack<'a> {
    series: &'a Series,
    /// The times of all stacked series, in order.
    places: Vec<Point>,
    /// Indices of times, each with the sum below the series.
    lower: Vec<(usize, f64)>,
    /// The same with the series added.
    upper: Vec<(usize, f64)>,
}

/// Stacks the series of that style.
fn stacks(lines: &Lines) -> Vec<Stack<'_>> {
    let stacked = || lines.series.iter().filter(|series| series.style == Style::Stacked);
    let mut places: Vec<Point> = stacked().flat_map(|it| it.points.iter().copied()).collect();
    places.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    places.dedup_by(|a, b| a.at_s == b.at_s);
    let mut below = vec![0.0; places.len()];
    let mut stacks = Vec::new();
    for series in stacked().filter(|series| !series.points.is_empty()) {
        let points: Vec<(f64, f64)> = series.points.iter().map(|it| (it.at_s, it.value)).collect();
        let lower = below.clone();
        for (sum, place) in below.iter_mut().zip(&places) {
            *sum += interpolated(&points, place.at_s);
        }
        stacks.push(Stack {
            series,
            places: places.clone(),
            lower: lower.into_iter().enumerate().collect(),
            upper: below.iter().copied().enumerate().collect(),
        });
    }
    stacks
}
