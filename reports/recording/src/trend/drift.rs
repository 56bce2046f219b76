//! Significance of the rise of a series whose neighbours depend on each other.
//!
//! Connections of a server stay for minutes, so one sample resembles the one before. By chance alone
//! such a series rises for a whole observation. A test that assumes independent samples calls that
//! a leak. This one assumes a process that remembers: `u[t] = memory * u[t-1] + e[t]`.
//!
//! The memory is estimated and corrected for the bias of a short series. Too low an estimate makes each
//! rise significant, so the test takes the upper bound of the memory. If that is 1, the series is a
//! random walk, whose rise is compared with the sum of its squared steps. Perron and Yabu (Journal of
//! Econometrics 151, 2009) describe this test, with the estimate itself.

/// Deviations by which a series without drift rises less than this one. `n` equal steps upwards, and
/// none downwards, are the square root of `n` deviations: like `n` coins that all show heads.
///
/// One step of any height is allowed: without the highest step upwards the rest may be more
/// significant. 0 for fewer than two amounts.
pub(super) fn deviations(amounts: &[f64]) -> f64 {
    let amounts = without_bursts(amounts);
    match memory(&amounts) {
        Some(memory) => of_stationary(&amounts, memory),
        None => of_random_walk(&amounts),
    }
}

/// Maximum length of a burst, as a part of the series.
const BURST_MAX: f64 = 0.25;
/// Maximum part of a burst that is not given back at once.
const BURST_REST_MAX: f64 = 0.25;
/// Minimum height of a burst, in root mean squares of ordinary steps.
const BURST_MIN: f64 = 5.0;
/// Part of the steps that are ordinary.
const ORDINARY: f64 = 0.9;

/// The amounts without bursts: a high step upwards, and soon one downwards as high. They say nothing
/// about the amounts that a process keeps.
fn without_bursts(amounts: &[f64]) -> Vec<f64> {
    let mut steps: Vec<f64> = amounts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let mut sizes: Vec<f64> = steps.iter().map(|step| step.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    let ordinary = &sizes[..(sizes.len() as f64 * ORDINARY) as usize];
    let squares: f64 = ordinary.iter().map(|step| step * step).sum();
    let min = BURST_MIN * (squares / ordinary.len().max(1) as f64).sqrt();
    let length = (amounts.len() as f64 * BURST_MAX) as usize;
    for from in 0..steps.len() {
        let until = (from + 1 + length).min(steps.len());
        let height = steps[from];
        if height <= min {
            continue;
        }
        let back = |&to: &usize| (height + steps[to]).abs() <= BURST_REST_MAX * height;
        if let Some(to) = (from + 1..until).find(back) {
            steps[to] += height;
            steps[from] = 0.0;
        }
    }
    let mut level = amounts.first().copied().unwrap_or_default();
    let levels = steps.iter().map(|step| {
        level += step;
        level
    });
    amounts.first().copied().into_iter().chain(levels).collect()
}

/// Standard errors between the estimate of a memory and its upper bound. Fewer let servers with
/// connections of minutes pass for leaks in a short observation; more hide leaks below short-lived
/// objects.
const STANDARD_ERRORS: f64 = 1.5;

/// The upper bound of the memory of the residuals around a line; `None` if it may be 1.
fn memory(amounts: &[f64]) -> Option<f64> {
    let n = amounts.len() as f64;
    let line = Line::of(amounts.iter().enumerate().map(|(t, &y)| ([1.0, t as f64], y)))?;
    let residuals: Vec<f64> =
        amounts.iter().enumerate().map(|(t, y)| y - line.level - line.slope * t as f64).collect();
    let products: f64 = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let squares: f64 = residuals.iter().take(residuals.len() - 1).map(|u| u * u).sum();
    if squares <= 0.0 || n <= 4.0 {
        return None;
    }
    // A line that is fitted to n points hides (2 + 4 memory) / n of the memory.
    let memory = (products / squares * n + 2.0) / (n - 4.0);
    let bound = memory + STANDARD_ERRORS / n.sqrt();
    (bound < 1.0).then_some(bound.max(0.0))
}

fn of_random_walk(amounts: &[f64]) -> f64 {
    let steps = || amounts.windows(2).map(|pair| pair[1] - pair[0]);
    let (rise, squares) =
        steps().fold((0.0, 0.0), |(rise, squares), step| (rise + step, squares + step * step));
    let highest = steps().fold(0.0, f64::max);
    let deviations =
        |rise: f64, squares: f64| if squares > 0.0 { rise / squares.sqrt() } else { 0.0 };
    deviations(rise, squares).max(deviations(rise - highest, squares - highest * highest))
}

/// The slope in its standard errors, by generalised least squares.
fn of_stationary(amounts: &[f64], memory: f64) -> f64 {
    let weight = (1.0 - memory * memory).sqrt();
    let first = ([weight, 0.0], weight * amounts[0]);
    let others = amounts.windows(2).zip(1..).map(|(pair, t)| {
        let t = f64::from(t);
        ([1.0 - memory, t - memory * (t - 1.0)], pair[1] - memory * pair[0])
    });
    let rows = std::iter::once(first).chain(others);
    let Some(line) = Line::of(rows.clone()) else {
        return 0.0;
    };
    let squares: f64 =
        rows.map(|([one, t], y)| (y - line.level * one - line.slope * t).powi(2)).sum();
    let error = (squares / (amounts.len() as f64 - 2.0) * line.slope_variance).sqrt();
    if error > 0.0 { line.slope / error } else { 0.0 }
}

/// A line fitted by least squares.
struct Line {
    level: f64,
    slope: f64,
    /// Variance of the slope for errors of variance 1.
    slope_variance: f64,
}

impl Line {
    /// Fits rows of the factors of level and slope, and an amount. `None` without two different rows.
    fn of(rows: impl Iterator<Item = ([f64; 2], f64)>) -> Option<Line> {
        let [mut aa, mut ab, mut bb, mut ay, mut by] = [0.0; 5];
        for ([a, b], y) in rows {
            aa += a * a;
            ab += a * b;
            bb += b * b;
            ay += a * y;
            by += b * y;
        }
        let determinant = aa * bb - ab * ab;
        (determinant > 0.0).then(|| Line {
            level: (bb * ay - ab * by) / determinant,
            slope: (aa * by - ab * ay) / determinant,
            slope_variance: aa / determinant,
        })
    }
}
