//! Where the cells of a scaled screen are.

use super::modes::Shown;
use super::plane::Rectangle;

/// A grid whose cells may be of any size, and begin anywhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Frame {
    /// Left edge of the first cell, in pixels.
    pub(super) x: f64,
    /// Top edge of the first cell.
    pub(super) y: f64,
    /// Distance of two cells in a row.
    pub(super) pitch: f64,
    /// Distance of two rows.
    pub(super) line: f64,
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// So much of a cell may be cut off at the right and lower edge of a picture: rounding, and a ninth column.
const CUT: f64 = 0.13;

impl Frame {
    /// The cells of a picture, where one of them has its corner at `x`, `y`.
    pub(super) fn covering((width, height): (usize, usize), x: f64, y: f64, pitch: f64, line: f64) -> Self {
        let first = |at: f64, unit: f64| {
            let before = ((at + CUT * unit) / unit).floor();
            at - before * unit
        };
        let (x, y) = (first(x, pitch), first(y, line));
        let count =
            |from: f64, unit: f64, limit: usize| ((limit as f64 - from) / unit + CUT).max(0.0) as usize;
        Self { x, y, pitch, line, columns: count(x, pitch, width), rows: count(y, line, height) }
    }

    /// How many pixels of the picture one of a face of this size has.
    pub(super) fn scale(&self, (width, height): (usize, usize)) -> (f64, f64) {
        (self.pitch / width as f64, self.line / height as f64)
    }

    pub(super) fn cell(&self, row: usize, column: usize) -> Rectangle {
        Rectangle {
            left: self.x + self.pitch * column as f64,
            top: self.y + self.line * row as f64,
            width: self.pitch,
            height: self.line,
        }
    }

    /// The cells that are inside of a screen.
    pub(super) fn inside(&self, shown: &Shown) -> Self {
        let (scale_x, scale_y) = shown.scale();
        let side = |from: f64, unit: f64, count: usize, edge: f64, length: f64| {
            let first = ((edge - from) / unit - CUT).ceil().max(0.0);
            let end = ((edge + length - from) / unit + CUT).floor().min(count as f64);
            (from + first * unit, (end - first).max(0.0) as usize)
        };
        let (wide, high) = (f64::from(shown.size.0) * scale_x, f64::from(shown.size.1) * scale_y);
        let (x, columns) = side(self.x, self.pitch, self.columns, shown.origin.0, wide);
        let (y, rows) = side(self.y, self.line, self.rows, shown.origin.1, high);
        Self { x, y, columns, rows, ..*self }
    }

    /// The row and column of the cell around a pixel.
    pub(super) fn cell_of(&self, (x, y): (usize, usize)) -> Option<(usize, usize)> {
        let column = (x as f64 + 0.5 - self.x) / self.pitch;
        let row = (y as f64 + 0.5 - self.y) / self.line;
        let inside = column >= 0.0 && row >= 0.0;
        let (row, column) = (row as usize, column as usize);
        (inside && row < self.rows && column < self.columns).then_some((row, column))
    }
}
