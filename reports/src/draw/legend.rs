//! The legend above a plot.

use plotters_backend::DrawingBackend;

use super::DrawError;
use super::canvas::{Canvas, Frame, Type};
use crate::palette::{self, Dash, Rgb};

/// A sign and its meaning.
pub(super) struct Entry {
    pub(super) sign: Sign,
    pub(super) name: String,
    /// The number beside its name.
    pub(super) number: Option<String>,
}

/// The sign of an entry.
#[derive(Clone, Copy)]
pub(super) enum Sign {
    /// A filled square.
    Square(Rgb),
    /// A line with its dashes.
    Line(Rgb, Dash),
    /// A thin line.
    Thin(Rgb),
    /// An arrow upwards.
    Arrow(Rgb),
    /// A line with a dot on it.
    Dots(Rgb),
    /// A wide faint band.
    Band(Rgb),
    /// A thin upright line.
    Upright(Rgb),
    /// A short upright line at the foot.
    Rug(Rgb),
    /// No sign: a remark.
    None,
}

impl Entry {
    pub(super) fn new(sign: Sign, name: impl Into<String>) -> Entry {
        Entry { sign, name: name.into(), number: None }
    }
}

/// Text size, in pixels to the em.
pub(super) const EM: f64 = 11.0;
/// Height of a line.
pub(super) const LINE: f64 = 17.0;
const SIGN: f64 = 16.0;
const GAP: f64 = 16.0;

/// Draws entries at the top of `frame`, in at most `lines` lines, and returns the rest of the frame.
pub(super) fn legend<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    frame: Frame,
    entries: &[Entry],
    lines: usize,
) -> Result<Frame, DrawError> {
    let name_type = Type::new(EM, palette::INK.light);
    let number_type = name_type.bold();
    let mut x = frame.left;
    let mut line = 0;
    for entry in entries {
        let sign = if matches!(entry.sign, Sign::None) { 0.0 } else { SIGN };
        let number = entry.number.as_deref().unwrap_or_default();
        let number_width =
            if number.is_empty() { 0.0 } else { canvas.width(number, number_type) + 5.0 };
        let room = (frame.width() - sign - number_width).max(0.0);
        let name = canvas.fitted(&entry.name, name_type, room);
        let name_width = canvas.width(&name, name_type);
        let width = sign + name_width + number_width;
        if x > frame.left && x + width > frame.right {
            line += 1;
            x = frame.left;
        }
        if line >= lines {
            break;
        }
        let baseline = frame.top + line as f64 * LINE + 10.0;
        draw_sign(canvas, (x, baseline), entry.sign)?;
        canvas.text((x + sign, baseline), &name, name_type)?;
        canvas.text((x + sign + name_width + 5.0, baseline), number, number_type)?;
        x += width + GAP;
    }
    let used = if entries.is_empty() { 0.0 } else { (line + 1).min(lines) as f64 * LINE + 3.0 };
    Ok(frame.inset(0.0, used, 0.0, 0.0))
}

fn draw_sign<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    (x, baseline): (f64, f64),
    sign: Sign,
) -> Result<(), DrawError> {
    let middle = baseline - 4.0;
    let ends = [(x, middle), (x + 12.0, middle)];
    match sign {
        Sign::Square(colour) => {
            // A pale square needs a border, and all have one size.
            let (left, top) = (canvas.snapped(x), canvas.snapped(middle - 5.5));
            let square = Frame::new(left, top, canvas.snapped(11.0), canvas.snapped(11.0));
            let hair = canvas.hair();
            canvas.fill(square, palette::FRAME.light)?;
            canvas.fill(square.inset(hair, hair, hair, hair), colour)
        }
        Sign::Line(colour, dash) => canvas.path(&ends, colour, 2.2, dash.lengths()),
        Sign::Thin(colour) => canvas.faint_line(&ends, colour, 1.2, 0.65),
        Sign::Arrow(colour) => arrow(canvas, (x + 6.0, middle - 5.0), colour),
        Sign::Dots(colour) => {
            canvas.line(&ends, colour, 1.6)?;
            canvas.dot((x + 6.0, middle), 3.0, colour)
        }
        Sign::Band(colour) => canvas.fill(Frame::new(x, middle - 6.0, 11.0, 12.0), colour),
        Sign::Upright(colour) => {
            canvas.line(&[(x + 6.0, middle - 6.0), (x + 6.0, middle + 6.0)], colour, 1.2)
        }
        Sign::Rug(colour) => {
            canvas.line(&[(x + 6.0, middle), (x + 6.0, middle + 6.0)], colour, 1.4)
        }
        Sign::None => Ok(()),
    }
}

/// A small arrow upwards with its point at `(x, y)`.
pub(super) fn arrow<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    (x, y): (f64, f64),
    colour: Rgb,
) -> Result<(), DrawError> {
    canvas.polygon(&[(x, y), (x + 4.5, y + 9.0), (x - 4.5, y + 9.0)], colour, 1.0)
}
