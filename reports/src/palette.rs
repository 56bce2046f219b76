//! The colours of pictures and of the page. One meaning has one colour.
//!
//! The tests check them for three kinds of colour blindness. States of slots also differ in
//! lightness, so a grey print distinguishes them. Closer colours (series, verdicts) have words or
//! labels beside them: no fact is shown by colour alone.

mod colour;
#[cfg(test)]
mod eyes;

pub(crate) use colour::{Colour, Rgb, mixed};

use self::colour::colour;
use crate::report::{MarkKind, Tone};
use leakbench_model::{Reason, SlotState, Verdict};

/// The background.
pub(crate) const SURFACE: Colour = colour(0xffffff, 0x14171c);
/// Boxes on the background: figures, legends.
pub(crate) const RAISED: Colour = colour(0xf5f7f9, 0x1d2229);
/// Text.
pub(crate) const INK: Colour = colour(0x1a2027, 0xe9edf1);
/// Secondary text: axes, notes beside a figure.
pub(crate) const MUTED: Colour = colour(0x566270, 0xa3afbc);
/// Grid lines.
pub(crate) const GRID: Colour = colour(0xe3e8ed, 0x2b323b);
/// Axes and borders.
pub(crate) const FRAME: Colour = colour(0xb4bfca, 0x4a5562);
/// The limit of an amount.
pub(crate) const LIMIT: Colour = colour(0x9c1f4a, 0xff8fb0);

/// Series by number, the most different ones first.
const SERIES: [Colour; 8] = [
    colour(0x3a86e8, 0x84aeda),
    colour(0x1b7d66, 0x6fe8d5),
    colour(0x6731ab, 0x8a74e0),
    colour(0x7b2d0b, 0xf0e04a),
    colour(0xc060a8, 0x2a7d34),
    colour(0x8f9a3a, 0xc0cc84),
    colour(0x4b1836, 0xb0607a),
    colour(0x24306c, 0x7850d0),
];

/// The colour of a tone, for lines and for text.
pub(crate) fn tone(tone: Tone) -> Colour {
    match tone {
        Tone::Neutral => colour(0x4f5b69, 0xa9b4c0),
        Tone::Good => colour(0x00795a, 0x35c99a),
        Tone::Warning => colour(0x946200, 0xf0b440),
        Tone::Bad => colour(0xc83e08, 0xff7a45),
        Tone::Series(number) => SERIES[usize::from(number) % SERIES.len()],
    }
}

/// The dashes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dash {
    Solid,
    Dashed,
    Dotted,
}

impl Dash {
    /// The lengths of a dash and of a gap, in pixels; `None` without gaps.
    pub(crate) fn lengths(self) -> Option<[f64; 2]> {
        match self {
            Dash::Solid => None,
            Dash::Dashed => Some([6.0, 4.0]),
            Dash::Dotted => Some([2.0, 3.0]),
        }
    }
}

/// The dashes of a tone's lines. Series beyond the number of colours repeat the colours, dashed and then
/// dotted.
pub(crate) fn dash(tone: Tone) -> Dash {
    match tone {
        Tone::Series(number) => match usize::from(number) / SERIES.len() % 3 {
            0 => Dash::Solid,
            1 => Dash::Dashed,
            _ => Dash::Dotted,
        },
        _ => Dash::Solid,
    }
}

/// The colour of a slot's state in a slot map. States seen in `/proc` alone share the colours of
/// reported states: one map never has both.
pub(crate) fn slot_state(state: SlotState) -> Colour {
    match state {
        SlotState::Empty | SlotState::Cold => colour(0xe9ecf0, 0x272c34),
        SlotState::Warm => colour(0xc5d0da, 0x434d59),
        SlotState::MapsLive | SlotState::Affine => colour(0x4a9bd9, 0x2b6cb0),
        SlotState::InUse => colour(0x0b4f8a, 0x6fb8f0),
        SlotState::Unknown => colour(0x2b2f36, 0xf4f6f8),
        SlotState::Queued => colour(0xf2b01e, 0xffd166),
        SlotState::MapsDropped | SlotState::AffineDropped => colour(0xd1440c, 0xff6b35),
    }
}

/// The colour of a reason to linger: that of the holding slot's state, if the holder is a slot.
pub(crate) fn reason(reason: Reason) -> Colour {
    match reason {
        Reason::InUseSlot => slot_state(SlotState::InUse),
        Reason::QueuedSlot => slot_state(SlotState::Queued),
        Reason::AffineSlot => slot_state(SlotState::AffineDropped),
        Reason::ColdSlot => colour(0x8996a3, 0x66727f),
        Reason::UnknownSlot => slot_state(SlotState::Unknown),
        Reason::OtherMapping => colour(0x6731ab, 0x9a86ea),
        Reason::DescriptorOnly => colour(0x1b7d66, 0x4fd0b8),
        Reason::NotInSubject => colour(0x9c1f4a, 0xff8fb0),
    }
}

/// The colour of a verdict: dark enough for white text on a light page, light enough for black text
/// on a dark one.
pub(crate) fn verdict(verdict: Verdict) -> Colour {
    match verdict {
        Verdict::Clean => colour(0x00795a, 0x35c99a),
        Verdict::Leak => colour(0xc23b07, 0xff7a45),
        Verdict::SubjectDied => colour(0x8c1d4f, 0xf27db0),
        Verdict::Inconclusive => colour(0x8a6100, 0xf0c04a),
        Verdict::Interrupted => colour(0x4f5b69, 0xa9b4c0),
    }
}

/// The colour of a mark.
pub(crate) fn mark(kind: MarkKind) -> Colour {
    match kind {
        MarkKind::Barrier => FRAME,
        MarkKind::Settle => colour(0xdfe7f3, 0x26334a),
        MarkKind::Drop | MarkKind::Onset => tone(Tone::Bad),
        MarkKind::Event => MUTED,
        MarkKind::Incident => verdict(Verdict::SubjectDied),
    }
}

#[cfg(test)]
mod tests {
    use super::eyes::{EYES, HALVES, contrast, distance, lightness};
    use super::*;
    use crate::report::{tone_of_class, tones_of_series};
    use leakbench_model::{Resource, Unit};
    use leakbench_recording::observation::ResourceClass;
    use std::collections::HashSet;

    fn assert_apart(what: &str, colours: &[Colour], min: f64, min_lightness: f64) {
        for (half, of) in HALVES {
            for (index, &a) in colours.iter().enumerate() {
                for &b in &colours[..index] {
                    let (a, b) = (of(a), of(b));
                    for (eyes, matrix) in EYES {
                        let apart = distance(a, b, matrix);
                        assert!(apart >= min, "{what}, {half}: {a} {b} {apart:.1} for {eyes}");
                    }
                    let apart = (lightness(a) - lightness(b)).abs();
                    assert!(apart >= min_lightness, "{what}, {half}: {a} {b} {apart:.1} in grey");
                }
            }
        }
    }

    #[test]
    fn states_of_slots_differ_for_every_eye_and_in_grey() {
        let reported: Vec<Colour> = SlotState::ALL
            .into_iter()
            .filter(|it| {
                !matches!(it, SlotState::Empty | SlotState::MapsLive | SlotState::MapsDropped)
            })
            .map(slot_state)
            .collect();
        assert_apart("slots", &reported, 8.0, 6.0);
        let mapped =
            [SlotState::Empty, SlotState::MapsLive, SlotState::Unknown, SlotState::MapsDropped];
        assert_apart("mapped slots", &mapped.map(slot_state), 20.0, 10.0);
    }

    /// The classes of an observation's resources, whose words stand beside them.
    #[test]
    fn classes_differ_for_every_eye() {
        let classes = ResourceClass::ALL.map(|class| tone(tone_of_class(Some(class))));
        assert_apart("classes", &classes, 7.0, 0.0);
    }

    #[test]
    fn series_differ_for_every_eye() {
        let mut colours = SERIES.to_vec();
        colours.push(tone(Tone::Bad));
        assert_apart("series", &colours, 7.0, 0.0);
        assert_eq!(tone(Tone::Series(255)), SERIES[7]);
    }

    /// Charts of an observation have a total and any set of its kinds. Their tones depend on the number
    /// of series and on the worst suspect alone.
    #[test]
    fn series_of_one_chart_are_drawn_differently() {
        let look =
            |it: Tone| (tone(it), dash(it).lengths().map(|lengths| lengths.map(f64::to_bits)));
        let mut highest = 0;
        for total in Resource::ALL {
            let kinds = total.kinds().count();
            highest = highest.max(1 + kinds);
            for series in 1..=1 + kinds {
                for worst in std::iter::once(None).chain((0..series).map(Some)) {
                    let tones = tones_of_series(series, worst);
                    let looks: HashSet<_> = tones.iter().copied().map(look).collect();
                    assert_eq!(looks.len(), series, "{total}: {tones:?}");
                }
            }
            // The bands of a stack have no dashes.
            assert!(total.unit() == Unit::Count || kinds <= SERIES.len(), "{total}");
        }
        assert!(highest > SERIES.len(), "the dashes are tried");
    }

    #[test]
    fn texts_and_lines_contrast_with_their_background() {
        for (half, of) in HALVES {
            let behind = [of(SURFACE), of(RAISED)];
            let texts = [Tone::Neutral, Tone::Good, Tone::Warning, Tone::Bad].map(tone);
            for text in texts.into_iter().chain([INK, MUTED, LIMIT]) {
                for behind in behind {
                    let apart = contrast(of(text), behind);
                    assert!(apart >= 4.5, "{half}: {} on {behind} {apart:.2}", of(text));
                }
            }
            for line in SERIES {
                let apart = contrast(of(line), of(SURFACE));
                assert!(apart >= 3.0, "{half}: {} {apart:.2}", of(line));
            }
            let on_verdicts = if half == "light" { Rgb(255, 255, 255) } else { Rgb(0, 0, 0) };
            for word in [
                Verdict::Clean,
                Verdict::Leak,
                Verdict::SubjectDied,
                Verdict::Inconclusive,
                Verdict::Interrupted,
            ] {
                let apart = contrast(of(verdict(word)), on_verdicts);
                assert!(apart >= 4.5, "{half}: {word:?} {apart:.2}");
            }
        }
    }
}
