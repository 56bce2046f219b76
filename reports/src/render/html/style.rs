//! The page's style sheet: the palette as variables, then the files of `style/`.
//!
//! Only screens have dark colours. Paper is always light.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::faults::{FaultMatrix, FaultOutcome};
use crate::palette::{self, Colour, Dash};
use crate::report::{MarkKind, Plot, Report, Tone};
use leakbench_model::{Reason, SlotState, Verdict, exit_code};

/// Later parts override earlier ones.
const SHEET: &str = concat!(
    include_str!("style/page.css"),
    include_str!("style/charts.css"),
    include_str!("style/tables.css"),
    include_str!("style/observed.css"),
    include_str!("style/comparison.css"),
    include_str!("style/media.css"),
);

/// The parts that a page of a matrix of faults needs.
const FAULT_SHEET: &str = concat!(
    include_str!("style/page.css"),
    include_str!("style/tables.css"),
    include_str!("style/faults.css"),
    include_str!("style/media.css"),
);

/// The tones of every page.
const TONES: [Tone; 4] = [Tone::Neutral, Tone::Good, Tone::Warning, Tone::Bad];

/// The whole style sheet of a report's page.
pub(super) fn sheet(report: &Report) -> String {
    let tones = tones(report);
    let mut sheet = variables(&colours(&tones));
    for tone in tones {
        let dash = palette::dash(tone);
        let key = match dash {
            Dash::Solid => continue,
            Dash::Dashed => "dashed",
            Dash::Dotted => "dotted",
        };
        let class = tone_class(tone);
        if let Some([line, gap]) = dash.lengths() {
            // Writing to a string cannot fail.
            let _ = writeln!(sheet, ".{class}{{--dash:{line} {gap};--cap:butt;--key:{key}}}");
        }
    }
    sheet + SHEET
}

/// The whole style sheet of the page of a matrix of faults.
pub(super) fn fault_sheet() -> String {
    variables(&colours(&BTreeSet::from(TONES))) + FAULT_SHEET
}

/// The classes of a cell with this outcome. Problems have the full colour.
pub(super) fn fault_class(outcome: FaultOutcome) -> String {
    match outcome {
        FaultOutcome::Survived => tone_class(Tone::Good),
        FaultOutcome::Unmet | FaultOutcome::Named => tone_class(Tone::Neutral),
        FaultOutcome::Unnamed => tone_class(Tone::Warning),
        FaultOutcome::Leaked => format!("strong {}", verdict_class(Verdict::Leak)),
        FaultOutcome::Died => format!("strong {}", verdict_class(Verdict::SubjectDied)),
        FaultOutcome::Hung => format!("strong {}", verdict_class(Verdict::Interrupted)),
    }
}

/// The class of the verdict on a matrix.
pub(super) fn fault_verdict_class(matrix: &FaultMatrix) -> String {
    verdict_class(match matrix.exit_code() {
        exit_code::CLEAN => Verdict::Clean,
        exit_code::LEAK => Verdict::Leak,
        exit_code::INTERRUPTED => Verdict::Interrupted,
        _ => Verdict::Inconclusive,
    })
}

/// Colours as variables, and as classes that set theirs as `--c`.
fn variables(colours: &[(String, Colour)]) -> String {
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
    // Those of states, reasons, tones and verdicts have a dash in their names.
    for (name, _) in colours.iter().filter(|(name, _)| name.contains('-')) {
        // Writing to a string cannot fail.
        let _ = writeln!(sheet, ".{name}{{--c:var(--{name})}}");
    }
    sheet
}

/// Each colour with its name. Names of classes have a dash.
fn colours(tones: &BTreeSet<Tone>) -> Vec<(String, Colour)> {
    let named = [
        ("surface", palette::SURFACE),
        ("raised", palette::RAISED),
        ("ink", palette::INK),
        ("muted", palette::MUTED),
        ("grid", palette::GRID),
        ("frame", palette::FRAME),
        ("limit", palette::LIMIT),
    ];
    let mut colours: Vec<(String, Colour)> =
        named.map(|(name, colour)| (name.to_owned(), colour)).to_vec();
    colours.extend(MarkKind::ALL.map(|it| (it.to_string(), palette::mark(it))));
    colours.extend(tones.iter().map(|tone| (tone_class(*tone), palette::tone(*tone))));
    colours.extend(SlotState::ALL.map(|it| (state_class(it), palette::slot_state(it))));
    colours.extend(Reason::ALL.map(|it| (reason_class(it), palette::reason(it))));
    colours.extend(Verdict::ALL.map(|it| (verdict_class(it), palette::verdict(it))));
    colours
}

/// The tones of a report's charts, and those of every page.
fn tones(report: &Report) -> BTreeSet<Tone> {
    let mut tones = BTreeSet::from(TONES);
    tones.extend(report.tables.iter().flat_map(|table| &table.tones));
    for chart in &report.charts {
        match &chart.plot {
            Plot::Lines(lines) => tones.extend(lines.series.iter().map(|series| series.tone)),
            Plot::Panels(panels) => {
                let lines = panels.panels.iter().flat_map(|panel| &panel.lines.series);
                tones.extend(lines.map(|series| series.tone));
            }
            Plot::Spreads(spreads) => {
                tones.extend(spreads.rows.iter().map(|row| Tone::Series(row.series)));
            }
            Plot::Heat(heat) => tones.extend(heat.cells.iter().flatten().map(|cell| cell.tone)),
            _ => {}
        }
    }
    tones
}

/// The class of a tone.
pub(super) fn tone_class(tone: Tone) -> String {
    match tone {
        Tone::Neutral => "tone-neutral".to_owned(),
        Tone::Good => "tone-good".to_owned(),
        Tone::Warning => "tone-warning".to_owned(),
        Tone::Bad => "tone-bad".to_owned(),
        Tone::Series(number) => format!("tone-series-{number}"),
    }
}

/// The class of a verdict.
pub(super) fn verdict_class(verdict: Verdict) -> String {
    format!("verdict-{}", verdict.as_str())
}

/// The class of a slot's state.
pub(super) fn state_class(state: SlotState) -> String {
    format!("state-{state}")
}

/// The class of a reason to linger.
pub(super) fn reason_class(reason: Reason) -> String {
    format!("reason-{reason}")
}
