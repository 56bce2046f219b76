//! A report's charts as compact JSON, for the page's scripts.
//!
//! Times are whole milliseconds. Times, cycles and line numbers are differences from the one before,
//! and a row of slots is the text of its map, `x31.4`: this keeps a page of many thousand points small.

use serde_json::{Value, json};

use super::chart::shown_charts;
use super::style::{reason_class, state_class, tone_class};
use super::text::{EVENT_CHARS_MAX, LABEL_CHARS_MAX, SENTENCE_CHARS_MAX, middle_of, shown};
use crate::report::{
    Chart, Fit, Lines, Mark, MarkKind, Panels, Plot, Proof, Report, Series, SlotMaps, SlotRows,
    Style, Survival, Times,
};
use leakbench_model::{Estimate, SlotState, Unit};

/// The data of the page's scripts, as JSON that may stand in a `<script>`.
pub(super) fn data(report: &Report) -> String {
    let charts: serde_json::Map<String, Value> =
        shown_charts(report).iter().filter_map(|c| Some((c.id.clone(), chart(c)?))).collect();
    // In order: the index of a state is its rank in the scripts.
    let states =
        SlotState::ALL.map(|state| json!([state.letter(), state_class(state), state.words()]));
    let marks = MarkKind::ALL.map(|kind| json!([kind.as_str(), kind.words()]));
    for_script(&json!({ "charts": charts, "states": states, "marks": marks }).to_string())
}

/// JSON text that cannot end a `<script>` or a line of one.
fn for_script(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                text.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => text.push(c),
        }
    }
    text
}

/// A chart's data; `None` if it is markup alone.
fn chart(chart: &Chart) -> Option<Value> {
    let mut value = match &chart.plot {
        Plot::Lines(lines) => lines_json("lines", lines),
        Plot::Slots(maps) => slots(maps),
        Plot::Times(times) => times_json(times),
        Plot::Survival(survival) => survival_json(survival),
        Plot::Panels(panels) => panels_json(panels),
        Plot::Proof(proof) => proof_json(proof),
        Plot::Peaks(_) | Plot::Heat(_) | Plot::Spreads(_) => return None,
    };
    value["title"] = json!(shown(&chart.title, LABEL_CHARS_MAX));
    Some(value)
}

fn lines_json(kind: &str, lines: &Lines) -> Value {
    let series: Vec<Value> = lines.series.iter().map(series).collect();
    let limits: Vec<Value> = lines
        .limits
        .iter()
        .map(|limit| json!([shown(&limit.name, LABEL_CHARS_MAX), limit.value]))
        .collect();
    let marks: Vec<Value> = lines.marks.iter().map(mark).collect();
    let unit = if lines.unit == Some(Unit::Bytes) { "bytes" } else { "count" };
    let mut value =
        json!({ "kind": kind, "unit": unit, "series": series, "limits": limits, "marks": marks });
    if !lines.fits.is_empty() {
        let end_s = lines.end_s();
        value["fits"] = lines.fits.iter().map(|it| fit(it, end_s)).collect();
    }
    value
}

fn fit(fit: &Fit, end_s: f64) -> Value {
    let Estimate { value, low, high } = fit.per_s.scaled(1e-3);
    json!({
        "tone": tone_class(fit.tone),
        "from": ms(fit.from_s) as i64,
        "to": ms(fit.to_s) as i64,
        "at": ms(fit.at_s) as i64,
        "value": amount(fit.value),
        "perMs": [value, low, high],
        "until": ms(fit.until_s(end_s)) as i64,
        "limit": fit.limit.as_ref().map(|it| json!([it.value, shown(&it.text, LABEL_CHARS_MAX)])),
    })
}

fn series(series: &Series) -> Value {
    let points = &series.points;
    let style = match series.style {
        Style::Line => "line",
        Style::Faint => "faint",
        Style::Dots => "dots",
        Style::Stacked => "stacked",
        Style::Expected => "expected",
    };
    let cycles = points.iter().map(|point| point.cycles.map(i128::from));
    json!({
        "name": shown(&series.name, LABEL_CHARS_MAX),
        "tone": tone_class(series.tone),
        "style": style,
        "t": differences(points.iter().map(|point| Some(ms(point.at_s)))),
        "c": differences(cycles),
        "v": points.iter().map(|point| amount(point.value)).collect::<Vec<Value>>(),
        "l": differences(points.iter().map(|point| Some(point.line as i128))),
    })
}

/// An amount, without a decimal point if it is whole.
fn amount(value: f64) -> Value {
    const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT_BELOW {
        return json!(value as i64);
    }
    json!((value * 1e4).round() / 1e4)
}

fn ms(seconds: f64) -> i128 {
    (seconds * 1e3).round() as i128
}

/// The difference of each number from the last known one.
fn differences(numbers: impl Iterator<Item = Option<i128>>) -> Vec<Option<i64>> {
    let mut before = 0;
    numbers
        .map(|number| {
            let number = number?;
            let difference = i64::try_from(number.saturating_sub(before)).unwrap_or(i64::MAX);
            before = number;
            Some(difference)
        })
        .collect()
}

fn mark(mark: &Mark) -> Value {
    let (from, to) = (ms(mark.from_s) as i64, ms(mark.to_s) as i64);
    let text = shown(&mark.text, SENTENCE_CHARS_MAX);
    let label = middle_of(&mark.label, EVENT_CHARS_MAX);
    match (mark.cycles, mark.label.is_empty()) {
        (None, true) => json!([mark.kind.as_str(), from, to, text]),
        (cycles, true) => json!([mark.kind.as_str(), from, to, text, cycles]),
        (cycles, false) => json!([mark.kind.as_str(), from, to, text, cycles, label]),
    }
}

fn slots(maps: &SlotMaps) -> Value {
    let pools = maps.maps.iter().filter(|pool| !pool.rows.is_empty());
    let maps: Vec<Value> = pools.map(pool).collect();
    json!({ "kind": "slots", "maps": maps })
}

fn pool(pool: &SlotRows) -> Value {
    let rows = || pool.rows.iter();
    json!({
        "subject": pool.subject,
        "slots": pool.slots,
        "t": differences(rows().map(|row| Some(ms(row.at_s)))),
        "c": differences(rows().map(|row| Some(i128::from(row.cycles)))),
        "l": differences(rows().map(|row| Some(row.line as i128))),
        "per": differences(rows().map(|row| Some(row.map.slots_per_bin().into()))),
        "runs": rows().map(|row| row.map.text()).collect::<Vec<String>>(),
    })
}

fn times_json(times: &Times) -> Value {
    let bins: Vec<Value> = times
        .bins
        .iter()
        .map(|bin| json!([amount(bin.from_ns), amount(bin.to_ns), bin.count]))
        .collect();
    json!({
        "kind": "times",
        "bins": bins,
        "count": times.count,
        "lines": [["median", times.p50_ns], ["p99", times.p99_ns], ["max", times.max_ns]],
    })
}

fn proof_json(proof: &Proof) -> Value {
    let stretches: Vec<Value> = proof
        .stretches
        .iter()
        .map(|it| {
            json!([
                it.subject,
                it.cycles,
                it.barriers,
                it.released,
                it.late,
                it.disagreements,
                it.line
            ])
        })
        .collect();
    json!({
        "kind": "proof",
        "stretches": stretches,
        "rest": proof.unverified,
        "released": proof.released(),
        "several": proof.by_process,
    })
}

fn survival_json(survival: &Survival) -> Value {
    let bins: Vec<Value> = survival
        .bins
        .iter()
        .map(|bin| json!([bin.from, bin.to, amount(bin.dropped), bin.lingering]))
        .collect();
    let reasons = survival.reasons.iter().map(|it| json!([reason_class(*it), it.singular()]));
    json!({
        "kind": "survival",
        "bins": bins,
        "reasons": reasons.collect::<Vec<Value>>(),
        "slots": survival.random_slots,
        "cycles": survival.cycles,
    })
}

fn panels_json(panels: &Panels) -> Value {
    let panels: Vec<Value> =
        panels.panels.iter().map(|panel| lines_json("panel", &panel.lines)).collect();
    json!({ "kind": "panels", "panels": panels })
}
