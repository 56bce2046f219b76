//! A histogram of times.

use plotters_backend::DrawingBackend;

use super::axis::{self, LogScale, Scale};
use super::canvas::{Canvas, Frame, Type};
use super::{DrawError, LABEL_EM, draw_nothing};
use crate::palette;
use crate::report::{Times, Tone};
use leakbench_model::Unit;
use leakbench_model::text::{counted, duration_ns};

/// Counts that differ by this factor have a logarithmic axis.
const DECADES_MAX: f64 = 1_000.0;

/// Draws a histogram with its quantiles.
pub(super) fn draw<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    frame: Frame,
    times: &Times,
) -> Result<(), DrawError> {
    let filled = || times.bins.iter().filter(|bin| bin.count > 0);
    let (Some(first), Some(last)) = (filled().next(), filled().next_back()) else {
        return draw_nothing(canvas, frame, "no time was measured");
    };
    let max = filled().map(|bin| bin.count).max().unwrap_or(1) as f64;
    let min = filled().map(|bin| bin.count).min().unwrap_or(1) as f64;
    let is_log = max / min > DECADES_MAX;

    let muted = Type::new(LABEL_EM, palette::MUTED.light);
    let of_counts = if is_log { " (counts on a logarithmic axis)" } else { "" };
    let said = format!("{}{of_counts}", counted(times.count, "time"));
    canvas.text_within((frame.left, frame.top + 10.0), &said, muted, frame.width())?;
    let room_for_labels = 36.0;
    let height = frame.height() - 18.0 - room_for_labels - 20.0;
    let ticks = if is_log {
        axis::log_ticks(1.0, max).into_iter().filter(|tick| tick.log10().fract() == 0.0).collect()
    } else {
        axis::ticks(max, (height / 38.0).clamp(2.0, 6.0), Unit::Count)
    };
    let widest = ticks.iter().map(|&at| canvas.width(&axis::mark(at, Unit::Count), muted));
    let left = widest.fold(0.0, f64::max) + 8.0;
    let plot = frame.inset(left, 18.0 + room_for_labels, 12.0, 20.0);

    let up = Up::new(is_log, max, ticks.last().copied(), plot);
    for &tick in &ticks {
        let y = canvas.snapped(up.at(tick));
        canvas.fill(Frame::new(plot.left, y, plot.width(), canvas.hair()), palette::GRID.light)?;
        let text = axis::mark(tick, Unit::Count);
        canvas.text((plot.left - 6.0, y + 4.0), &text, muted.end())?;
    }

    let max_ns = times.max_ns.map_or(0.0, |ns| ns as f64);
    // A logarithmic axis has no place for 0, and times are whole nanoseconds.
    let from_ns = first.from_ns.max(last.to_ns * 1e-12).max(0.5);
    let to_ns = last.to_ns.max(max_ns).max(from_ns * 2.0);
    // At least half a decade wide, or a single bin would fill the chart.
    let spread = (3.0 / (to_ns / from_ns)).max(1.0).sqrt();
    let (from_ns, to_ns) = (from_ns / spread, to_ns * spread);
    let across = LogScale::new((from_ns, to_ns), (plot.left, plot.right));
    let bar = palette::tone(Tone::Series(0)).light;
    for bin in filled() {
        let (start, end) =
            (canvas.snapped(across.at(bin.from_ns)), canvas.snapped(across.at(bin.to_ns)));
        // A gap between bars that are wide enough for one.
        let gap = if end - start > 4.0 { canvas.hair() } else { 0.0 };
        let width = (end - start - gap).max(canvas.hair());
        // A bar is always visible.
        let height = (plot.bottom - up.at(bin.count as f64)).max(1.0);
        canvas.fill(Frame::new(start, plot.bottom - height, width, height), bar)?;
    }
    let foot = Frame::new(plot.left, canvas.snapped(plot.bottom), plot.width(), canvas.hair());
    canvas.fill(foot, palette::FRAME.light)?;

    let mut free_from = f64::NEG_INFINITY;
    for tick in axis::log_ticks(from_ns, to_ns) {
        let x = across.at(tick);
        let tick_frame = Frame::new(canvas.snapped(x), plot.bottom, canvas.hair(), 4.0);
        canvas.fill(tick_frame, palette::FRAME.light)?;
        let text = axis::short_time_ns(tick);
        let width = canvas.width(&text, muted);
        let x = x.min(plot.right + 8.0 - width / 2.0);
        if x - width / 2.0 > free_from {
            canvas.text((x, plot.bottom + 16.0), &text, muted.middle())?;
            free_from = x + width / 2.0 + 8.0;
        }
    }
    draw_quantiles(canvas, plot, across, times)
}

/// A quantile and the position of its name.
struct Label {
    x: f64,
    text: String,
    start: f64,
    end: f64,
}

/// Rows of quantile names.
const ROWS: usize = 3;

/// Draws median, p99 and max, with their names in rows that no line crosses.
fn draw_quantiles<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    plot: Frame,
    across: LogScale,
    times: &Times,
) -> Result<(), DrawError> {
    let how = Type::new(LABEL_EM, palette::INK.light).bold();
    let quantiles = [("median", times.p50_ns), ("p99", times.p99_ns), ("max", times.max_ns)];
    let labels = quantiles.into_iter().filter_map(|(name, ns)| {
        let ns = ns?;
        let x = across.at(ns as f64);
        let text = format!("{name} {}", duration_ns(ns));
        let width = canvas.width(&text, how);
        // At the left of its line if the right has no room.
        let start = if x + 4.0 + width > plot.right { x - 4.0 - width } else { x + 4.0 };
        Some(Label { x, text, start, end: start + width })
    });
    let labels: Vec<Label> = labels.collect();
    for (label, row) in labels.iter().zip(rows(&labels)) {
        let baseline = plot.top - 4.0 - row as f64 * 12.5;
        let line = [(label.x, baseline - 9.0), (label.x, plot.bottom)];
        canvas.dashed(line[0], line[1], palette::INK.light, 1.1)?;
        canvas.text((label.start, baseline), &label.text, how)?;
    }
    Ok(())
}

/// A row for each label, 0 the lowest: the assignment with the fewest collisions, and of those the
/// lowest. A quantile's line reaches from the row of its name down.
fn rows(labels: &[Label]) -> Vec<usize> {
    let cost = |rows: &[usize]| {
        let mut collisions = 0;
        for (label, &row) in labels.iter().zip(rows) {
            for (other, &other_row) in labels.iter().zip(rows) {
                let is_crossed = other_row >= row && label.start < other.x && other.x < label.end;
                let overlaps = other.x != label.x || other.text != label.text;
                let overlaps = overlaps
                    && other_row == row
                    && label.start < other.end + 8.0
                    && other.start < label.end + 8.0;
                collisions += usize::from(is_crossed) + usize::from(overlaps);
            }
        }
        (collisions, rows.iter().sum::<usize>())
    };
    let ways = ROWS.pow(labels.len() as u32);
    let way = |number: usize| -> Vec<usize> {
        (0..labels.len()).map(|label| number / ROWS.pow(label as u32) % ROWS).collect()
    };
    (0..ways).map(way).min_by_key(|rows| cost(rows)).unwrap_or_default()
}

/// The scale of bar heights.
enum Up {
    Linear(Scale),
    Logarithmic(LogScale),
}

impl Up {
    fn new(is_log: bool, max: f64, last_tick: Option<f64>, plot: Frame) -> Up {
        let pixels = (plot.bottom, plot.top);
        if is_log {
            // A count of 1 is visible.
            return Up::Logarithmic(LogScale::new((0.5, max * 1.2), pixels));
        }
        Up::Linear(Scale::new((0.0, last_tick.unwrap_or(max)), pixels))
    }

    fn at(&self, count: f64) -> f64 {
        match self {
            Up::Linear(scale) => scale.at(count),
            Up::Logarithmic(scale) => scale.at(count),
        }
    }
}
