//! Colours as numbers.

use std::fmt;

/// A colour: red, green, blue. Shown as `#d1440c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Rgb(pub(crate) u8, pub(crate) u8, pub(crate) u8);

/// A colour on a light and on a dark surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Colour {
    /// On [`super::SURFACE`]'s light.
    pub(crate) light: Rgb,
    /// On [`super::SURFACE`]'s dark.
    pub(crate) dark: Rgb,
}

/// The mean of colours by their weights; black without weight.
pub(crate) fn mixed(parts: impl Iterator<Item = (Rgb, f64)>) -> Rgb {
    let mut sums = [0.0; 4];
    for (Rgb(red, green, blue), weight) in parts {
        let channels = [f64::from(red), f64::from(green), f64::from(blue), 1.0];
        for (sum, channel) in sums.iter_mut().zip(channels) {
            *sum += channel * weight;
        }
    }
    let [red, green, blue, total] = sums;
    let mean = |sum: f64| if total > 0.0 { (sum / total).round() as u8 } else { 0 };
    Rgb(mean(red), mean(green), mean(blue))
}

/// Each half as `0xRRGGBB`.
pub(super) const fn colour(light: u32, dark: u32) -> Colour {
    Colour { light: Rgb::of(light), dark: Rgb::of(dark) }
}

impl Rgb {
    const fn of(hex: u32) -> Rgb {
        let [_, red, green, blue] = hex.to_be_bytes();
        Rgb(red, green, blue)
    }

    /// This colour mixed with `other`: a `share` of 0 is this one, 1 the other.
    pub(crate) fn mixed(self, other: Rgb, share: f64) -> Rgb {
        let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share) as u8;
        Rgb(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }
}

impl fmt::Display for Rgb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_written_as_in_css() {
        assert_eq!(colour(0xd1440c, 0).light.to_string(), "#d1440c");
        assert_eq!(Rgb(0, 0, 0).mixed(Rgb(255, 255, 255), 1.0), Rgb(255, 255, 255));
        assert_eq!(Rgb(9, 9, 9).mixed(Rgb(255, 255, 255), 0.0), Rgb(9, 9, 9));
    }
}
