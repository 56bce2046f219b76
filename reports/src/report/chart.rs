//! A chart, as data. Each kind of plot has a file, which makes it.

use super::{Heat, Lines, Panels, Peaks, Proof, SlotMaps, Spreads, Style, Survival, Times, Tone};
use leakbench_model::SlotState;

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
