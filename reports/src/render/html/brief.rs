//! A chart's main numbers as a table: for screen readers, and for browsers without scripts.

use maud::{Markup, html as markup};

use super::text::{LABEL_CHARS_MAX, shown};
use crate::report::{Lines, Plot, Point, Proof, SlotMaps, SlotRow, Survival, TimeBin, Times};
use leakbench_model::Unit;
use leakbench_model::text::{bytes, duration_ns, grouped};

/// Rows of a table at most: people read them all.
const ROWS_MAX: usize = 48;

/// A chart's table. Heat maps, peaks and spreads are texts themselves, and panels have their own notes.
pub(super) fn brief(plot: &Plot) -> Markup {
    let table = match plot {
        Plot::Lines(lines) => of_lines(lines),
        Plot::Slots(maps) => of_slots(maps),
        Plot::Times(times) => of_times(times),
        Plot::Survival(survival) => of_survival(survival),
        Plot::Proof(proof) => of_proof(proof),
        Plot::Heat(_) | Plot::Panels(_) | Plot::Peaks(_) | Plot::Spreads(_) => {
            return Markup::default();
        }
    };
    markup! {
        // The scripts close it where they draw.
        details .brief open {
            summary { "As a table" }
            div .scroll tabindex="0" role="region" aria-label="the chart as a table" { (table) }
        }
    }
}

fn of_lines(lines: &Lines) -> Markup {
    let value = |point: Option<&Point>| match point {
        Some(point) => amount(point.value, lines.unit),
        None => "–".to_owned(),
    };
    let by_value = |a: &&Point, b: &&Point| a.value.total_cmp(&b.value);
    markup! {
        table {
            thead {
                tr {
                    th scope="col" { "series" }
                    @for column in ["first", "lowest", "highest", "last"] {
                        th scope="col" .number { (column) }
                    }
                    th scope="col" .number { "highest at" }
                }
            }
            tbody {
                @for series in &lines.series {
                    @let highest = series.points.iter().max_by(by_value);
                    tr {
                        th scope="row" { (shown(&series.name, LABEL_CHARS_MAX)) }
                        td .number { (value(series.points.first())) }
                        td .number { (value(series.points.iter().min_by(by_value))) }
                        td .number { (value(highest)) }
                        td .number { (value(series.points.last())) }
                        td .number { @if let Some(point) = highest { (moment(point.at_s)) } }
                    }
                }
                @for limit in &lines.limits {
                    tr {
                        th scope="row" { "limit " (shown(&limit.name, LABEL_CHARS_MAX)) }
                        td colspan="4" .number { (amount(limit.value, lines.unit)) }
                        td {}
                    }
                }
            }
        }
    }
}

/// The barriers of one process, or the last one of each of several.
fn of_slots(maps: &SlotMaps) -> Markup {
    let states = maps.states();
    let several = maps.maps.len() > 1;
    let rows: Vec<(u32, &SlotRow)> = match maps.maps.as_slice() {
        [pool] => {
            let step = pool.rows.len().div_ceil(ROWS_MAX).max(1);
            let rows = pool.rows.iter().rev().step_by(step).map(|row| (pool.subject, row));
            rows.collect::<Vec<_>>().into_iter().rev().collect()
        }
        pools => pools.iter().filter_map(|pool| Some((pool.subject, pool.rows.last()?))).collect(),
    };
    markup! {
        table {
            thead {
                tr {
                    @if several { th scope="col" .number { "process" } }
                    th scope="col" .number { "time" }
                    th scope="col" .number { "cycles" }
                    @for state in &states { th scope="col" .number { (state.words()) } }
                    th scope="col" .number { "line" }
                }
            }
            tbody {
                @for (subject, row) in rows {
                    tr {
                        @if several { td .number { (subject) } }
                        td .number { (moment(row.at_s)) }
                        td .number { (grouped(row.cycles)) }
                        @for &state in &states {
                            td .number { (grouped(row.map.count(state))) }
                        }
                        td .number { (row.line) }
                    }
                }
            }
        }
    }
}

fn of_proof(proof: &Proof) -> Markup {
    let step = proof.stretches.len().div_ceil(ROWS_MAX).max(1);
    markup! {
        table {
            thead {
                tr {
                    @if proof.by_process { th scope="col" .number { "process" } }
                    @for column in ["cycles", "barriers", "released", "late", "disagreements", "line"] {
                        th scope="col" .number { (column) }
                    }
                }
            }
            tbody {
                @for it in proof.stretches.iter().step_by(step) {
                    tr {
                        @if proof.by_process { td .number { (it.subject) } }
                        @for number in [it.cycles, it.barriers, it.released, it.late, it.disagreements] {
                            td .number { (grouped(number)) }
                        }
                        td .number { (it.line) }
                    }
                }
            }
        }
        @if step > 1 { p .muted { "every " (grouped(step as u64)) "th stretch" } }
    }
}

fn of_times(times: &Times) -> Markup {
    let time = |ns: Option<u64>| ns.map_or("–".to_owned(), duration_ns);
    let edge = |ns: f64| duration_ns(ns.max(0.0).round() as u64);
    let counted: Vec<&TimeBin> = times.bins.iter().filter(|bin| bin.count > 0).collect();
    markup! {
        p {
            (grouped(times.count)) " times; median " (time(times.p50_ns)) ", p99 "
            (time(times.p99_ns)) ", max " (time(times.max_ns))
        }
        table {
            thead {
                tr {
                    th scope="col" .number { "longer than" }
                    th scope="col" .number { "at most" }
                    th scope="col" .number { "count" }
                }
            }
            tbody {
                @for bin in counted {
                    tr {
                        td .number { (edge(bin.from_ns)) }
                        td .number { (edge(bin.to_ns)) }
                        td .number { (grouped(bin.count)) }
                    }
                }
            }
        }
    }
}

fn of_survival(survival: &Survival) -> Markup {
    markup! {
        table {
            thead {
                tr {
                    th scope="col" .number { "cycles since the drop, from" }
                    th scope="col" .number { "to before" }
                    th scope="col" .number { "dropped" }
                    @for reason in &survival.reasons {
                        th scope="col" .number { "held by " (reason.singular()) }
                    }
                    th scope="col" .number { "linger" }
                }
            }
            tbody {
                @for bin in &survival.bins {
                    tr {
                        td .number { (grouped(bin.from)) }
                        td .number { (grouped(bin.to)) }
                        td .number { (grouped(bin.dropped.round() as u64)) }
                        @for &count in &bin.lingering { td .number { (grouped(count)) } }
                        td .number { (format!("{:.0} %", bin.total() * 100.0)) }
                    }
                }
            }
        }
    }
}

fn moment(seconds: f64) -> String {
    format!("{seconds:.3} s")
}

fn amount(value: f64, unit: Option<Unit>) -> String {
    match unit {
        Some(Unit::Bytes) if value >= 0.0 => bytes(value.round() as u64),
        _ if value >= 0.0 && value.fract() == 0.0 => grouped(value as u64),
        _ => format!("{value:.2}"),
    }
}
