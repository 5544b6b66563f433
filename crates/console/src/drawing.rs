//! Character screens as pictures: what a graphics card in text mode, or a framebuffer console, would show.

use crate::{Font, Image, Reading};

/// A character screen to be drawn.
#[derive(Clone, Copy, Debug)]
pub struct Drawing<'a> {
    /// The cells, row by row; a last row that is not full is left out.
    pub cells: &'a [DrawnCell],
    /// Cells in a row.
    pub columns: usize,
    /// The font.
    pub font: &'a Font,
    /// Whether cells have a ninth pixel column, as in the 720-pixel text modes of VGA: blank, but for line art
    /// (U+2500 to U+259F), whose eighth column it repeats.
    pub ninth_column: bool,
    /// Where a cursor is, if one shows.
    pub cursor: Option<Cursor>,
}

/// One cell of a [`Drawing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrawnCell {
    /// The character; one that the font lacks is drawn as a blank.
    pub character: char,
    /// The colour of its ink, `0x00RRGGBB`.
    pub foreground: u32,
    /// The colour behind it.
    pub background: u32,
}

/// A cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Its row, from 0.
    pub row: usize,
    /// Its column, from 0.
    pub column: usize,
    /// How it looks.
    pub shape: CursorShape,
}

/// How a cursor looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CursorShape {
    /// The last but one and but two rows of the cell in the foreground colour, as VGA BIOSes set it.
    Underline,
    /// The whole cell with its colours exchanged.
    Block,
}

/// The sixteen colours of VGA text modes by attribute number, `0x00RRGGBB`.
pub const VGA_PALETTE: [u32; 16] = [
    0x00_0000, 0x00_00aa, 0x00_aa00, 0x00_aaaa, 0xaa_0000, 0xaa_00aa, 0xaa_5500, 0xaa_aaaa, 0x55_5555,
    0x55_55ff, 0x55_ff55, 0x55_ffff, 0xff_5555, 0xff_55ff, 0xff_ff55, 0xff_ffff,
];

impl Drawing<'_> {
    /// Draws it.
    pub fn image(&self) -> Image {
        let columns = self.columns.max(1);
        let pitch = self.font.width() as usize + usize::from(self.ninth_column);
        let height = self.font.height() as usize;
        let rows = self.cells.len() / columns;
        let stride = columns * pitch;
        let mut pixels = vec![0; stride * rows * height];
        for (index, cell) in self.cells.iter().take(rows * columns).enumerate() {
            let (row, column) = (index / columns, index % columns);
            let cursor = self.cursor.filter(|cursor| (cursor.row, cursor.column) == (row, column));
            for y in 0..height {
                let start = (row * height + y) * stride + column * pitch;
                self.draw_row(cell, cursor, y, &mut pixels[start..start + pitch]);
            }
        }
        let side = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        Image { width: side(stride), height: side(rows * height), pixels }
    }

    fn draw_row(&self, cell: &DrawnCell, cursor: Option<Cursor>, y: usize, pixels: &mut [u32]) {
        let width = self.font.width() as usize;
        let height = self.font.height() as usize;
        let bits = self.font.glyph(cell.character).and_then(|rows| rows.get(y)).copied().unwrap_or(0);
        let line_art = ('\u{2500}'..='\u{259f}').contains(&cell.character);
        let shape = cursor.map(|cursor| cursor.shape);
        let underline = shape == Some(CursorShape::Underline) && (height - 3..height - 1).contains(&y);
        for (x, pixel) in pixels.iter_mut().enumerate() {
            let ink = if x < width { bits >> (width - 1 - x) & 1 == 1 } else { line_art && bits & 1 == 1 };
            let ink = (ink || underline) != (shape == Some(CursorShape::Block));
            *pixel = if ink { cell.foreground } else { cell.background };
        }
    }
}

impl Reading {
    /// A picture of what was read, in a font; the cursor underlines its cell. Characters that the font lacks are blanks.
    pub fn drawn(&self, font: &Font) -> Image {
        let cell = |cell: &crate::ReadingCell| DrawnCell {
            character: cell.character,
            foreground: cell.foreground,
            background: cell.background,
        };
        let cells: Vec<_> = self.cells.iter().map(cell).collect();
        let columns = self.grid.map_or(1, |grid| grid.columns);
        let shape = CursorShape::Underline;
        let cursor = self.cursor.map(|place| Cursor { row: place.row, column: place.column, shape });
        Drawing { cells: &cells, columns, font, ninth_column: false, cursor }.image()
    }
}
