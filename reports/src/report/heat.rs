//! Heat maps of a sweep: lingering images by the values of two flags.

use super::grid::row_verdict;
use super::{Axis, Chart, Heat, HeatCell, Plot, Tone};
use crate::comparison::{Comparison, Row, Swept};
use leakbench_model::Verdict;
use leakbench_model::text::grouped;

/// Maps at most of a sweep of more than two flags.
const MAPS_MAX: usize = 6;

const WHAT: &str = "images lingering at the end";

/// A map for each combination of the flags after the first two, which are rows and columns. None if
/// nothing is swept.
pub(super) fn heat_maps(comparison: &Comparison) -> Vec<Chart> {
    let (down, across, rest) = match comparison.swept.as_slice() {
        [] => return Vec::new(),
        [across] => (None, across, &[][..]),
        [down, across, rest @ ..] => (Some(down), across, rest),
    };
    let combinations = combinations(rest);
    let left_out = combinations.len().saturating_sub(MAPS_MAX);
    let shown = combinations.into_iter().take(MAPS_MAX).enumerate();
    let maps = shown.map(|(index, others)| {
        let id = if index == 0 { "heat".to_owned() } else { format!("heat-{index}") };
        let with: Vec<String> = rest
            .iter()
            .zip(&others)
            .map(|(swept, value)| format!("{} {value}", swept.flag))
            .collect();
        let with = if with.is_empty() { String::new() } else { format!(", {}", with.join(", ")) };
        let mut reads = match down {
            Some(down) => format!("{} down, {} across", down.flag, across.flag),
            None => format!("by {}", across.flag),
        };
        reads += ": the stronger the colour, the more images of dropped modules linger";
        if left_out > 0 {
            reads += &format!("; the table has {left_out} more combinations");
        }
        let heat = map(comparison, down, across, &others);
        Chart {
            id,
            title: format!("Images lingering at the end{with}"),
            reads: reads + ".",
            plot: Plot::Heat(heat),
        }
    });
    maps.collect()
}

fn map(comparison: &Comparison, down: Option<&Swept>, across: &Swept, rest: &[String]) -> Heat {
    let axis = |swept: &Swept| Axis { flag: swept.flag.clone(), values: swept.values.clone() };
    let one = Axis { flag: String::new(), values: vec![String::new()] };
    let down = down.map_or(one, axis);
    let cells = down.values.iter().map(|first| {
        let cells = across.values.iter().map(|second| {
            let mut values: Vec<&String> = if down.flag.is_empty() { vec![] } else { vec![first] };
            values.push(second);
            values.extend(rest);
            cell(comparison.rows.iter().find(|row| row.values.iter().eq(values.iter().copied())))
        });
        cells.collect()
    });
    let cells = cells.collect();
    Heat { what: WHAT.to_owned(), across: axis(across), down, cells }
}

fn cell(row: Option<&Row>) -> HeatCell {
    let Some(row) = row else {
        let text = "not run".to_owned();
        return HeatCell { value: None, text, tone: Tone::Neutral, name: String::new() };
    };
    let images = row.worst().map(|run| run.images).filter(|images| images.made > 0);
    let word = || row_verdict(row);
    let (value, text) = match (row.verdict(), images) {
        (Some(Verdict::Clean | Verdict::Leak), Some(images)) => {
            (Some(images.lingering as f64), grouped(images.lingering))
        }
        // The number alone would not say that the run did not end well.
        (_, Some(images)) => (Some(images.lingering as f64), word()),
        (_, None) => (None, word()),
    };
    HeatCell { value, text, tone: tone(row), name: row.name.clone() }
}

/// The tone of a row's verdict.
pub(super) fn tone(row: &Row) -> Tone {
    match row.verdict() {
        Some(Verdict::Clean) => Tone::Good,
        Some(Verdict::Leak | Verdict::SubjectDied) => Tone::Bad,
        Some(Verdict::Inconclusive | Verdict::Interrupted) => Tone::Warning,
        None => Tone::Neutral,
    }
}

/// Every combination of values, in which the last flag changes fastest; without flags the empty one.
fn combinations(swept: &[Swept]) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = vec![Vec::new()];
    for flag in swept {
        let longer = all.iter().flat_map(|values| {
            flag.values
                .iter()
                .map(|value| [values.as_slice(), std::slice::from_ref(value)].concat())
        });
        all = longer.collect();
    }
    all
}
