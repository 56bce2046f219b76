//! Distances between colours, for full colour vision and for each kind of colour blindness.

use super::{Colour, Rgb};

/// Full colour vision, then each kind of colour blindness, as matrices of linear light (Machado,
/// Oliveira and Fernandes 2009, severity 1).
pub(super) const EYES: [(&str, [[f64; 3]; 3]); 4] = [
    ("all", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    (
        "protanope",
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
    ),
    (
        "deuteranope",
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
    ),
    (
        "tritanope",
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ],
    ),
];

type Half = fn(Colour) -> Rgb;
pub(super) const HALVES: [(&str, Half); 2] = [("light", |it| it.light), ("dark", |it| it.dark)];

fn linear(Rgb(red, green, blue): Rgb) -> [f64; 3] {
    [red, green, blue].map(|channel| {
        let share = f64::from(channel) / 255.0;
        if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    })
}

fn times(matrix: [[f64; 3]; 3], vector: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
}

/// In Oklab, lightness from 0 to 100.
fn oklab(light: [f64; 3]) -> [f64; 3] {
    let cones = times(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ],
        light.map(|share| share.clamp(0.0, 1.0)),
    );
    times(
        [
            [21.04542553, 79.3617785, -0.40720468],
            [197.79984951, -242.8592205, 45.05937099],
            [2.59040371, 78.27717662, -80.8675766],
        ],
        cones.map(f64::cbrt),
    )
}

pub(super) fn distance(a: Rgb, b: Rgb, eyes: [[f64; 3]; 3]) -> f64 {
    let [a, b] = [a, b].map(|colour| oklab(times(eyes, linear(colour))));
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

/// CIE lightness, from 0 to 100.
pub(super) fn lightness(colour: Rgb) -> f64 {
    116.0 * luminance(colour).max(0.008_856).cbrt() - 16.0
}

fn luminance(colour: Rgb) -> f64 {
    let [red, green, blue] = linear(colour);
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// Contrast ratio of the Web Content Accessibility Guidelines.
pub(super) fn contrast(a: Rgb, b: Rgb) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}
