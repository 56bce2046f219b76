//! The charts' figures: title, caption, the place for the drawing, and a table of main numbers.

use maud::{Markup, html as markup};

use super::brief;
use super::style::{state_class, tone_class};
use super::text::{LABEL_CHARS_MAX, SENTENCE_CHARS_MAX, shown};
use crate::report::{Chart, Heat, HeatCell, Panels, Peak, Peaks, Plot, Report, SlotMaps, Tone};
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
    let is_wide = matches!(main.map(|chart| &chart.plot), Some(Plot::Heat(_) | Plot::Panels(_)));
    let is_proof = matches!(main.map(|chart| &chart.plot), Some(Plot::Proof(_)));
    let is_markup = |chart: &&Chart| matches!(chart.plot, Plot::Heat(_) | Plot::Peaks(_));
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
    let ordered = ordered(charts.get(1..).unwrap_or_default());
    let is_over_time = |(chart, _): &(&Chart, _)| matches!(chart.plot, Plot::Lines(_));
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

/// Charts in reading order with their share of a row: the times of a clean run, slot maps, the small
/// ones in rows without gaps, and the rest.
fn ordered<'a>(charts: &[&'a Chart]) -> Vec<(&'a Chart, &'static str)> {
    let is_clean = !charts.iter().any(|it| matches!(it.plot, Plot::Slots(_) | Plot::Survival(_)));
    let kind = |chart: &Chart| match chart.plot {
        Plot::Proof(_) | Plot::Slots(_) => 1,
        Plot::Times(_) | Plot::Peaks(_) if is_clean => 1,
        Plot::Survival(_) => 2,
        Plot::Times(_) => 3,
        Plot::Lines(_) => 4,
        Plot::Peaks(_) => 5,
        Plot::Panels(_) => 6,
        Plot::Heat(_) => 7,
    };
    let mut charts: Vec<&Chart> = charts.to_vec();
    charts.sort_by_key(|chart| kind(chart));
    let small = charts.iter().filter(|chart| matches!(kind(chart), 2..=4)).count();
    let mut seen = 0;
    let charts = charts.into_iter().map(|chart| {
        let span = match kind(chart) {
            2..=4 => {
                seen += 1;
                match small {
                    1 => "whole",
                    // Of an odd number, the first three share a row.
                    _ if small % 2 == 1 && seen <= 3 => "third",
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
                Plot::Heat(heat) => { (heat_table(heat, &chart.title)) },
                Plot::Panels(panels) => { (panels_grid(&chart.id, panels)) },
                Plot::Peaks(peaks) => { (bars(peaks)) },
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

fn panels_grid(id: &str, panels: &Panels) -> Markup {
    markup! {
        div class={ "panels columns-" (columns(panels.panels.len())) } {
            @for (index, panel) in panels.panels.iter().enumerate() {
                div .panel {
                    h3 { (shown(&panel.name, LABEL_CHARS_MAX)) }
                    p class={ "note " (tone_class(panel.tone)) } {
                        (shown(&panel.note, LABEL_CHARS_MAX))
                    }
                    div .plot data-chart=(id) data-panel=(index) {}
                }
            }
        }
        @if panels.rest > 0 {
            p .muted { (grouped(panels.rest)) " more are not drawn; the table below has their numbers." }
        }
    }
}

/// Columns of a grid of panels: the number that leaves the fewest gaps.
fn columns(panels: usize) -> usize {
    match panels {
        0..=4 => panels.max(1),
        _ => [4, 3].into_iter().min_by_key(|n| panels.next_multiple_of(*n) - panels).unwrap_or(4),
    }
}

/// A heat map: a table with coloured cells, which needs no script and can be read aloud.
fn heat_table(heat: &Heat, title: &str) -> Markup {
    let max = heat.cells.iter().flatten().filter_map(|cell| cell.value);
    let max = max.filter(|value| value.is_finite()).fold(0.0, f64::max);
    let one_flag = heat.down.flag.is_empty();
    markup! {
        div .scroll tabindex="0" role="region" aria-label=(shown(&heat.what, LABEL_CHARS_MAX)) {
            table .heat {
                caption .unseen[heat.what.eq_ignore_ascii_case(title)] {
                    (shown(&heat.what, LABEL_CHARS_MAX))
                }
                thead {
                    tr {
                        @if !one_flag { td {} }
                        th .axis colspan=(heat.across.values.len().max(1)) scope="colgroup" {
                            (shown(&heat.across.flag, LABEL_CHARS_MAX))
                        }
                    }
                    tr {
                        @if !one_flag {
                            th .axis scope="col" { (shown(&heat.down.flag, LABEL_CHARS_MAX)) }
                        }
                        @for value in &heat.across.values {
                            th scope="col" { (shown(value, LABEL_CHARS_MAX)) }
                        }
                    }
                }
                tbody {
                    @for (index, row) in heat.cells.iter().enumerate() {
                        tr {
                            @if !one_flag {
                                th scope="row" {
                                    @if let Some(value) = heat.down.values.get(index) {
                                        (shown(value, LABEL_CHARS_MAX))
                                    }
                                }
                            }
                            @for cell in row { (heat_cell(cell, max)) }
                        }
                    }
                }
            }
        }
    }
}

fn heat_cell(cell: &HeatCell, max: f64) -> Markup {
    /// Steps of a colour in the style sheet.
    const STEPS: f64 = 8.0;
    // The square root distinguishes small numbers from 0.
    let share = cell.value.filter(|value| value.is_finite() && max > 0.0);
    let share = share.map(|value| (value / max).clamp(0.0, 1.0).sqrt());
    let class = match (cell.tone, share) {
        (_, None) if cell.value.is_none() => "absent".to_owned(),
        (tone, share) => {
            let step = (share.unwrap_or(0.0) * STEPS).ceil() as u8;
            let tone = if matches!(tone, Tone::Series(_)) { Tone::Neutral } else { tone };
            format!("{} step-{step}", tone_class(tone))
        }
    };
    markup! {
        td class=(class) title=(shown(&cell.name, LABEL_CHARS_MAX)) {
            (shown(&cell.text, LABEL_CHARS_MAX))
        }
    }
}
