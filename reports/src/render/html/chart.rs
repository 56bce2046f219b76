//! The charts' figures: title, caption, the place for the drawing, and a table of main numbers.

use maud::{Markup, html as markup};

use super::style::{state_class, tone_class};
use super::text::{LABEL_CHARS_MAX, SENTENCE_CHARS_MAX, shown};
use super::{brief, multiples, spreads};
use crate::report::{Chart, Heat, Peak, Peaks, Plot, Report, SlotMaps};
use leakbench_model::text::grouped;

/// The charts to show: a proof says that nothing lingers, so no other chart says it again.
pub(super) fn shown_charts(report: &Report) -> Vec<&Chart> {
    let is_proved = report.charts.iter().any(|it| matches!(it.plot, Plot::Proof(_)));
    report.charts.iter().filter(|chart| !(is_proved && chart.is_quiet())).collect()
}

/// The controls, and the main chart with `beside` at its side. Charts of several runs are as wide as
/// the page, and `beside` stands beneath them.
pub(super) fn lead(charts: &[&Chart], beside: &Markup) -> Markup {
    let main = charts.first().copied();
    let is_wide = main.is_some_and(|chart| match &chart.plot {
        Plot::Heat(_) => true,
        Plot::Panels(panels) => panels.panels.len() > 1,
        _ => false,
    });
    let is_proof = matches!(main.map(|chart| &chart.plot), Some(Plot::Proof(_)));
    let is_markup =
        |chart: &&Chart| matches!(chart.plot, Plot::Heat(_) | Plot::Peaks(_) | Plot::Spreads(_));
    let draws = !charts.iter().all(is_markup);
    markup! {
        @if draws {
            noscript {
                p .none {
                    "Charts need JavaScript. The tables below them have their main numbers."
                }
            }
        }
        // A main chart without the axis of a run has no use for its controls.
        @if draws && !is_proof { (controls()) }
        div .lead .wide[is_wide] {
            @if let Some(main) = main { (figure(main, "main")) }
            aside { (beside) }
        }
    }
}

/// The charts but the main one. Those after a proof have the controls before the first that uses them.
pub(super) fn others(charts: &[&Chart]) -> Markup {
    let is_proof = matches!(charts.first().map(|chart| &chart.plot), Some(Plot::Proof(_)));
    let ordered = ordered(charts);
    let is_over_time =
        |(chart, _): &(&Chart, _)| matches!(chart.plot, Plot::Lines(_) | Plot::Slots(_));
    let controlled = ordered.iter().position(is_over_time).filter(|_| is_proof);
    markup! {
        @if !ordered.is_empty() {
            section #charts aria-label="charts" {
                div .cards {
                    @for (index, (chart, span)) in ordered.iter().enumerate() {
                        @if controlled == Some(index) { (controls()) }
                        (figure(chart, span))
                    }
                }
            }
        }
    }
}

/// The controls of all charts over time. The scripts show them if there are such charts.
fn controls() -> Markup {
    markup! {
        div #controls hidden {
            div #axis role="group" aria-label="horizontal axis" hidden {
                button .control type="button" data-axis="cycles" aria-pressed="true" { "Cycles" }
                button .control type="button" data-axis="time" aria-pressed="false" { "Time" }
            }
            p #window {}
            button #reset .control type="button" hidden { "Whole run" }
            p .hint {
                "Drag to zoom; or focus a chart: " kbd { "←" } " " kbd { "→" } " move, "
                kbd { "+" } " " kbd { "−" } " zoom, " kbd { "0" } " resets"
            }
        }
    }
}

/// Widths of a heat map, in px, for which a third of a row, or half of it, has room.
const HEAT_PX_THIRD: usize = 345;
const HEAT_PX_HALF: usize = 550;
/// The width of a character of a heading, and of the space around a cell, in px.
const CHAR_PX: usize = 9;
const AROUND_CELL_PX: usize = 12;

/// The width that a heat map needs, in px.
fn heat_px(heat: &Heat) -> usize {
    let chars = |text: &String| text.chars().count();
    let headings = heat.down.values.iter().flatten().chain(&heat.down.flags);
    let headings = headings.chain(&heat.across.flags).map(chars).max();
    let cells = heat.across.values.iter().enumerate().map(|(column, values)| {
        let texts = heat.cells.iter().filter_map(|row| Some(&row.get(column)?.text));
        texts.chain(values.last()).map(chars).max()
    });
    let widths = cells.chain([headings]).map(|chars| chars.unwrap_or(0) * CHAR_PX + AROUND_CELL_PX);
    widths.sum()
}

/// The charts but the main one, in reading order with their share of a row: those that explain a run
/// without a leak or a death, slot maps, the small ones in rows without gaps, and the rest.
fn ordered<'a>(charts: &[&'a Chart]) -> Vec<(&'a Chart, &'static str)> {
    let is_proved = charts.iter().any(|it| matches!(it.plot, Plot::Proof(_)));
    let charts = charts.get(1..).unwrap_or_default();
    let is_dead = charts.first().is_some_and(|it| matches!(it.plot, Plot::Peaks(_)));
    let px = |chart: &Chart| match &chart.plot {
        Plot::Heat(heat) => heat_px(heat),
        _ => 0,
    };
    let kind = |chart: &Chart| match &chart.plot {
        Plot::Heat(_) if px(chart) > HEAT_PX_HALF => 6,
        Plot::Proof(_) => 1,
        Plot::Peaks(_) if is_proved || is_dead => 1,
        Plot::Times(_) if is_proved => 1,
        Plot::Slots(_) => 2,
        Plot::Survival(_) => 3,
        Plot::Times(_) | Plot::Spreads(_) | Plot::Heat(_) => 4,
        Plot::Panels(panels) if panels.panels.len() == 1 => 5,
        Plot::Lines(_) => 5,
        Plot::Peaks(_) => 6,
        Plot::Panels(_) => 7,
    };
    let mut charts: Vec<&Chart> = charts.to_vec();
    charts.sort_by_key(|chart| kind(chart));
    let small = charts.iter().filter(|chart| matches!(kind(chart), 3..=5)).count();
    let fits_third = charts.iter().all(|chart| px(chart) <= HEAT_PX_THIRD);
    let mut seen = 0;
    let charts = charts.into_iter().map(|chart| {
        let span = match kind(chart) {
            3..=5 => {
                seen += 1;
                match small {
                    1 => "whole",
                    // Of an odd number, the first three share a row, or the last has one.
                    _ if small % 2 == 1 && seen <= 3 && fits_third => "third",
                    _ if small % 2 == 1 && seen == small && !fits_third => "whole",
                    _ => "half",
                }
            }
            _ => "whole",
        };
        (chart, span)
    });
    charts.collect()
}

fn figure(chart: &Chart, span: &str) -> Markup {
    let heading = format!("{}-title", chart.id);
    markup! {
        figure id=(chart.id) class={ "card " (span) } aria-labelledby=(heading) {
            figcaption {
                h2 id=(heading) { (shown(&chart.title, LABEL_CHARS_MAX)) }
                p .reads { (shown(&chart.reads, SENTENCE_CHARS_MAX)) }
            }
            @match &chart.plot {
                Plot::Heat(heat) => { (multiples::heat(heat, &chart.title)) },
                Plot::Panels(panels) if panels.panels.len() == 1 => {
                    div .plot data-chart=(chart.id) data-panel="0" {}
                },
                Plot::Panels(panels) => { (multiples::panels(&chart.id, panels)) },
                Plot::Peaks(peaks) => { (bars(peaks)) },
                Plot::Spreads(spreads) => { (spreads::spreads(spreads)) },
                Plot::Slots(maps) => {
                    (states_legend(maps))
                    div .plot data-chart=(chart.id) {}
                },
                _ => { div .plot data-chart=(chart.id) {} },
            }
            (brief::brief(&chart.plot))
        }
    }
}

/// The states that occur, with the number of slots in each at the end.
fn states_legend(maps: &SlotMaps) -> Markup {
    markup! {
        ul .legend .cells {
            @for state in maps.states().into_iter().rev() {
                li {
                    span class={ "swatch " (state_class(state)) } {}
                    (state.words())
                    " " span .value { (grouped(maps.at_end(state))) }
                }
            }
            li .muted { "slots at the end" @if maps.maps.len() > 1 { ", in all processes" } }
        }
    }
}

/// Each peak with its numbers and, if it has a limit, a bar.
fn bars(peaks: &Peaks) -> Markup {
    markup! {
        ul .peaks {
            @for peak in &peaks.rows {
                li class=(tone_class(peak.tone())) {
                    p {
                        span .name { (shown(&peak.name, LABEL_CHARS_MAX)) } " "
                        strong { (peak.amount()) } " "
                        span .note { (shown(&peak.beside(), LABEL_CHARS_MAX)) }
                        @if let Some(percent) = peak.percent() { " " span .percent { (percent) } }
                    }
                    (bar(peak))
                }
            }
        }
    }
}

/// The peak as a share of its limit. The policy of the page allows no style in markup.
fn bar(peak: &Peak) -> Markup {
    let width = peak
        .share()
        .map(|share| (share * 1000.0).clamp(if share > 0.0 { 2.0 } else { 0.0 }, 1000.0));
    markup! {
        @if let Some(width) = width {
            svg .meter viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" {
                rect width=(format!("{width:.0}")) height="10" {}
            }
        }
    }
}
