//! Rectangles of a picture.

/// A rectangle, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::draw) struct Frame {
    pub(in crate::draw) left: f64,
    pub(in crate::draw) top: f64,
    pub(in crate::draw) right: f64,
    pub(in crate::draw) bottom: f64,
}

impl Frame {
    pub(in crate::draw) fn new(left: f64, top: f64, width: f64, height: f64) -> Frame {
        Frame { left, top, right: left + width.max(0.0), bottom: top + height.max(0.0) }
    }

    pub(in crate::draw) fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(in crate::draw) fn height(&self) -> f64 {
        self.bottom - self.top
    }

    /// The frame without these margins; no smaller than nothing.
    pub(in crate::draw) fn inset(self, left: f64, top: f64, right: f64, bottom: f64) -> Frame {
        let (width, height) = (self.width() - left - right, self.height() - top - bottom);
        Frame::new(self.left + left, self.top + top, width, height)
    }

    /// Column `index` of `of` columns with a gap between them.
    pub(in crate::draw) fn column(self, index: usize, of: usize, gap: f64) -> Frame {
        let of = of.max(1) as f64;
        let width = (self.width() - gap * (of - 1.0)) / of;
        Frame::new(self.left + index as f64 * (width + gap), self.top, width, self.height())
    }

    /// Row `index` of `of` rows with a gap between them.
    pub(in crate::draw) fn row(self, index: usize, of: usize, gap: f64) -> Frame {
        let of = of.max(1) as f64;
        let height = (self.height() - gap * (of - 1.0)) / of;
        Frame::new(self.left, self.top + index as f64 * (height + gap), self.width(), height)
    }
}
