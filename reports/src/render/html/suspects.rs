//! The suspects of an observation: a card for each.

use std::fmt::Write;

use maud::{Markup, html as markup};

use super::page::next_step;
use super::text::{LABEL_CHARS_MAX, SENTENCE_CHARS_MAX, long_words_cut, middle_cut, shown};
use crate::report::{Forecast, SuspectCard};

/// Characters of an example in the one line of one of three cards.
const EXAMPLE_LINE_CHARS: usize = 40;

/// The cards, the worst suspect first. One alone shows all; of several the evidence is folded, so that the
/// main chart is on the first screen.
pub(super) fn suspects(cards: &[SuspectCard]) -> Markup {
    markup! {
        section #suspects aria-label="suspects" {
            @match cards {
                [suspect] => (alone(suspect)),
                suspects => { @for suspect in suspects { (one_of_several(suspect)) } },
            }
        }
    }
}

fn alone(suspect: &SuspectCard) -> Markup {
    markup! {
        article .suspect .alone {
            div .growth { (growth(suspect)) (evidence(suspect)) }
            @if let Some(forecast) = &suspect.forecast {
                div .until {
                    h3 { "to the limit" }
                    p .figure { (shown(&forecast.left, LABEL_CHARS_MAX)) }
                    p .beside { (limit(forecast)) }
                    (interval(forecast))
                    (outlook(forecast))
                }
            }
            div .traces {
                (examples(&suspect.examples))
                @if let Some(step) = &suspect.next { div .step { (next_step(step, None)) } }
            }
        }
    }
}

fn one_of_several(suspect: &SuspectCard) -> Markup {
    markup! {
        article .suspect {
            (growth(suspect))
            @if let Some(forecast) = &suspect.forecast {
                p .until .beside { strong { (shown(&forecast.left, LABEL_CHARS_MAX)) } " to " (limit(forecast)) }
            }
            @if let Some(example) = suspect.examples.first() {
                p .example title=(shown(example, SENTENCE_CHARS_MAX)) {
                    (middle_cut(without_inode(example), EXAMPLE_LINE_CHARS))
                }
            }
            details {
                summary { "Evidence" }
                (evidence(suspect))
                @if let Some(forecast) = &suspect.forecast {
                    (interval(forecast))
                    (outlook(forecast))
                }
                (examples(suspect.examples.get(1..).unwrap_or_default()))
                @if let Some(step) = &suspect.next { div .step { (next_step(step, None)) } }
            }
        }
    }
}

fn growth(suspect: &SuspectCard) -> Markup {
    let name = shown(&suspect.name, LABEL_CHARS_MAX);
    markup! {
        h2 {
            @match &suspect.chart {
                Some(chart) => a href={ "#" (chart) } { (name) },
                None => (name),
            }
        }
        p .figure { (shown(&suspect.rate, LABEL_CHARS_MAX)) }
        p .beside { (shown(&suspect.grew, LABEL_CHARS_MAX)) }
    }
}

/// The other resources that grow.
fn evidence(suspect: &SuspectCard) -> Markup {
    markup! {
        @if !suspect.evidence.is_empty() {
            p .beside { "with it grow " (shown(&suspect.evidence.join(", "), LABEL_CHARS_MAX)) }
        }
    }
}

fn examples(examples: &[String]) -> Markup {
    markup! {
        @for example in examples {
            p .example { (long_words_cut(example)) }
        }
    }
}

/// An example from its path on, if it has one: that says more in one line than an inode.
fn without_inode(example: &str) -> &str {
    let at = if example.starts_with("inode ") { example.find(", /") } else { None };
    at.map_or(example, |at| &example[at + 2..])
}

/// `RLIMIT_NOFILE 1,024, 12 % used`. No line breaks between a number and its unit.
fn limit(forecast: &Forecast) -> String {
    let words = [&forecast.limit, &forecast.max, &forecast.used];
    let [limit, max, used] = words.map(|text| shown(text, LABEL_CHARS_MAX));
    let [max, used] = [max, used].map(|number| number.replace(' ', "\u{a0}"));
    format!("{limit} {max}, {used} used")
}

fn interval(forecast: &Forecast) -> Markup {
    markup! {
        @if let Some(between) = &forecast.between {
            p .beside { "limit in " (shown(between, LABEL_CHARS_MAX)) " (95 % CI)" }
        }
    }
}

/// Size of a drawing, in its own unit.
const WIDTH: f64 = 200.0;
const HEIGHT: f64 = 44.0;
/// The limit's distance from the top.
const LIMIT: f64 = 4.0;

/// The growth until the limit, to scale: the time observed as a solid line, the rest dashed with the
/// confidence band.
fn outlook(forecast: &Forecast) -> Markup {
    let Forecast { observed_s, seconds, share, .. } = forecast;
    let end_s = (observed_s + seconds.high.min(seconds.value * 1.5)).max(f64::MIN_POSITIVE);
    let x = |at_s: f64| (at_s / end_s).clamp(0.0, 1.0) * WIDTH;
    let y = |share: f64| HEIGHT - share.clamp(0.0, 1.0) * (HEIGHT - LIMIT);
    let now = (x(*observed_s), y(*share));
    // The growth while it was observed had the same rate.
    let before = share - (1.0 - share) * observed_s / seconds.value.max(f64::MIN_POSITIVE);
    let path = |points: &[(f64, f64)]| {
        points.iter().fold(String::new(), |mut path, (x, y)| {
            let letter = if path.is_empty() { 'M' } else { 'L' };
            // Writing to a string cannot fail.
            let _ = write!(path, "{letter}{x:.1} {y:.1}");
            path
        })
    };
    let limit_at = |s: f64| (x(observed_s + s), LIMIT);
    let band = [now, limit_at(seconds.low), limit_at(seconds.high.min(end_s - observed_s))];
    markup! {
        svg .outlook viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none"
            aria-hidden="true" {
            path .base d={ "M0 " (HEIGHT) "H" (WIDTH) } {}
            path .limit d={ "M0 " (LIMIT) "H" (WIDTH) } {}
            path .band d={ (path(&band)) "Z" } {}
            path .ahead d=(path(&[now, limit_at(seconds.value)])) {}
            path .seen d=(path(&[(0.0, y(before)), now])) {}
        }
        p .scale aria-hidden="true" { span { "start" } span { (shown(&forecast.left, LABEL_CHARS_MAX)) } }
    }
}
