//! Numbers with their spread, complete as markup: a row for each, on one scale.

use maud::{Markup, html as markup};

use super::style::tone_class;
use super::text::{LABEL_CHARS_MAX, middle_cut, shown};
use crate::report::{Spread, Spreads, Tone};
use leakbench_model::text::grouped;

/// Characters of a name before its middle is left out.
const NAME_CHARS: usize = 48;

pub(super) fn spreads(spreads: &Spreads) -> Markup {
    markup! {
        ul .spreads {
            @for row in &spreads.rows { (spread(spreads, row)) }
            li .spread .ticks aria-hidden="true" {
                svg .rail {
                    @for (tick, text) in spreads.ticks() {
                        @let x = percent(spreads.share(tick));
                        text x=(x) y="13" { (text) }
                    }
                }
            }
        }
        @if spreads.rest > 0 {
            p .muted { (grouped(spreads.rest)) " more are not drawn; the table below has their numbers." }
        }
    }
}

fn spread(spreads: &Spreads, row: &Spread) -> Markup {
    let x = |value: f64| percent(spreads.share(value));
    let middle = x(row.middle);
    markup! {
        li class={ "spread " (tone_class(Tone::Series(row.series))) } {
            span .name { (middle_cut(&row.name, NAME_CHARS)) }
            span .number { (shown(&row.text, LABEL_CHARS_MAX)) }
            svg .rail aria-hidden="true" {
                @for (tick, _) in spreads.ticks() {
                    @let tick = x(tick);
                    line .grid x1=(tick) x2=(tick) y1="0" y2="100%" {}
                }
                @if let Some(reference) = spreads.reference {
                    @let reference = x(reference);
                    line .reference x1=(reference) x2=(reference) y1="0" y2="100%" {}
                }
                @if let Some((low, high)) = row.interval {
                    line .interval x1=(x(low)) x2=(x(high)) y1="50%" y2="50%" {}
                }
                @for round in &row.rounds {
                    circle .round cx=(x(*round)) cy="50%" r="4" {}
                }
                line .middle x1=(middle) x2=(middle) y1="15%" y2="85%" {}
            }
        }
    }
}

/// A place on the track, as a share of its width.
fn percent(share: f64) -> String {
    format!("{:.2}%", 1.0 + share * 98.0)
}
