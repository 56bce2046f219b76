//! The page's style sheet: the palette as variables, then `style.css`.
//!
//! Dark is for screens alone: paper is light whatever its reader has chosen.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::palette::{self, Colour};
use crate::report::{MarkKind, Plot, Report, Tone};
use leakbench_model::{Reason, SlotState, Verdict};

const SHEET: &str = include_str!("style.css");

/// The whole style sheet of a report's page.
pub(super) fn sheet(report: &Report) -> String {
    let colours = colours(report);
    let variables = |half: fn(Colour) -> palette::Rgb| {
        let each = colours.iter().map(|(name, colour)| format!("--{name}:{};", half(*colour)));
        each.collect::<String>()
    };
    let light = variables(|colour| colour.light);
    let dark = variables(|colour| colour.dark);
    let mut sheet = format!(
        ":root{{color-scheme:light;{light}--on-verdict:#fff}}\n\
         @media screen and (prefers-color-scheme:dark){{\
         :root:not([data-theme=light]){{color-scheme:dark;{dark}--on-verdict:#000}}}}\n\
         @media screen{{:root[data-theme=dark]{{color-scheme:dark;{dark}--on-verdict:#000}}}}\n"
    );
    // What is of a kind takes its colour from one variable, `--c`.
    for (name, _) in colours.iter().filter(|(name, _)| name.contains('-')) {
        // Writing to a string cannot fail.
        let _ = writeln!(sheet, ".{name}{{--c:var(--{name})}}");
    }
    sheet + SHEET
}

/// Each colour with its name; those of a kind have a dash in it.
fn colours(report: &Report) -> Vec<(String, Colour)> {
    let named = [
        ("surface", palette::SURFACE),
        ("raised", palette::RAISED),
        ("ink", palette::INK),
        ("muted", palette::MUTED),
        ("grid", palette::GRID),
        ("frame", palette::FRAME),
        ("limit", palette::LIMIT),
        ("barrier", palette::mark(MarkKind::Barrier)),
        ("settle", palette::mark(MarkKind::Settle)),
        ("drop", palette::mark(MarkKind::Drop)),
        ("incident", palette::mark(MarkKind::Incident)),
    ];
    let mut colours: Vec<(String, Colour)> =
        named.map(|(name, colour)| (name.to_owned(), colour)).to_vec();
    colours.extend(tones(report).into_iter().map(|tone| (tone_name(tone), palette::tone(tone))));
    colours.extend(SlotState::ALL.map(|cell| (cell_name(cell), palette::cell(cell))));
    colours.extend(Reason::ALL.map(|it| (reason_name(it), palette::reason(it))));
    colours.extend(Verdict::ALL.map(|it| (verdict_name(it), palette::verdict(it))));
    colours
}

/// The tones that a report's charts have, and those that every page may use.
fn tones(report: &Report) -> BTreeSet<Tone> {
    let mut tones = BTreeSet::from([Tone::Neutral, Tone::Good, Tone::Warning, Tone::Bad]);
    for chart in &report.charts {
        match &chart.plot {
            Plot::Lines(lines) => tones.extend(lines.series.iter().map(|series| series.tone)),
            Plot::Panels(panels) => {
                let lines = panels.panels.iter().flat_map(|panel| &panel.lines.series);
                tones.extend(lines.map(|series| series.tone));
            }
            Plot::Slots(_) | Plot::Times(_) | Plot::Lifetimes(_) | Plot::Heat(_) => {}
        }
    }
    tones
}

/// The class of a tone.
pub(super) fn tone_name(tone: Tone) -> String {
    match tone {
        Tone::Neutral => "tone-neutral".to_owned(),
        Tone::Good => "tone-good".to_owned(),
        Tone::Warning => "tone-warning".to_owned(),
        Tone::Bad => "tone-bad".to_owned(),
        Tone::Series(number) => format!("tone-series-{number}"),
    }
}

/// The class of a verdict.
pub(super) fn verdict_name(verdict: Verdict) -> String {
    format!("verdict-{}", verdict.as_str())
}

/// The class of a slot's state.
pub(super) fn cell_name(cell: SlotState) -> String {
    format!("cell-{cell}")
}

/// The class of a reason to linger.
pub(super) fn reason_name(reason: Reason) -> String {
    format!("reason-{reason}")
}
