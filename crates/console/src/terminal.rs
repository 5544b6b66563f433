//! What a machine writes on a serial line, as the screen of a terminal.

mod decode;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;

use avt::{Cell, Color, Pen};

use crate::drawing::VGA_PALETTE;
use crate::page::Page;
use crate::reader::Grid;
use crate::reading::{Place, Reading, ReadingCell};

pub use decode::SerialDecoder;

/// The largest screen: what the widest monitor shows in cells of eight by sixteen pixels.
const MOST_COLUMNS: usize = 240;
const MOST_ROWS: usize = 67;

/// A wide character takes two columns.
const LEAST_COLUMNS: usize = 2;

/// Light grey on black, as firmware and Linux begin.
const FOREGROUND: u32 = VGA_PALETTE[7];
const BACKGROUND: u32 = VGA_PALETTE[0];

/// The steps of a colour in the cube of 256 colours.
const CUBE: [u32; 6] = [0x00, 0x5f, 0x87, 0xaf, 0xd7, 0xff];

/// A terminal of the kind that firmware, boot loaders and systems write to over a serial line: VT100 and its
/// successors, in UTF-8 or code page 437.
///
/// Its memory is bounded by its size; nothing that scrolls away is kept.
///
/// ```
/// use ironhand_console::Terminal;
///
/// let mut terminal = Terminal::new(80, 24);
/// terminal.receive(b"\x1b[2J\x1b[5;3HGRUB\x1b[7m Ubuntu \x1b[m");
/// assert_eq!(terminal.reading().text(), "\n\n\n\n  GRUB Ubuntu");
/// ```
pub struct Terminal {
    screen: avt::Terminal,
    decoder: SerialDecoder,
}

impl Terminal {
    /// A blank screen of this size, brought within 2 to 240 columns and 1 to 67 rows.
    pub fn new(columns: usize, rows: usize) -> Self {
        let (columns, rows) = bounded(columns, rows);
        let screen =
            avt::Terminal::new(columns, rows).unwrap_or_else(|_| unreachable!("both are above zero"));
        Self { screen, decoder: SerialDecoder::default() }
    }

    /// Takes what the machine wrote, cut anywhere. No input fails: what means nothing to a terminal is ignored.
    pub fn receive(&mut self, bytes: &[u8]) {
        let Self { screen, decoder } = self;
        decoder.feed(bytes, |character| screen.feed(character));
    }

    /// Changes the size, brought within the same bounds.
    pub fn resize(&mut self, columns: usize, rows: usize) {
        let (columns, rows) = bounded(columns, rows);
        self.screen.resize(columns, rows);
    }

    /// Columns and rows.
    pub fn size(&self) -> (usize, usize) {
        self.screen.size()
    }

    /// What the screen shows, as a reading of a picture would have it: cells are one unit wide and high, and each is
    /// certain. The second half of a wide character is a blank.
    pub fn reading(&self) -> Reading {
        let (columns, rows) = self.size();
        let mut cells = Vec::with_capacity(columns * rows);
        for line in self.screen.screen().visible_lines() {
            cells.extend(line.cells().iter().map(reading_cell));
        }
        let (cursor, ground) = (self.cursor(), ground(&cells));
        let grid = Grid { x: 0, y: 0, pitch: 1, cell_width: 1, cell_height: 1, columns, rows, scale: 1 };
        Reading::of_terminal(grid, cells, ground, cursor)
    }

    /// The text of the screen, for patterns.
    pub fn page(&self) -> Page {
        Page::from(&self.reading())
    }

    /// Where the next character goes, where the cursor shows.
    fn cursor(&self) -> Option<Place> {
        let (columns, _) = self.size();
        let (column, row) = self.screen.cursor().position()?;
        // Behind the last column it waits for the character that wraps.
        Some(Place { row, column: column.min(columns - 1) })
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (columns, rows) = self.size();
        write!(f, "Terminal({columns}x{rows})")
    }
}

fn bounded(columns: usize, rows: usize) -> (usize, usize) {
    (columns.clamp(LEAST_COLUMNS, MOST_COLUMNS), rows.clamp(1, MOST_ROWS))
}

fn reading_cell(cell: &Cell) -> ReadingCell {
    let (foreground, background) = colours(cell.pen());
    ReadingCell::new(cell.char(), 1.0, foreground, background)
}

/// The background of most cells.
fn ground(cells: &[ReadingCell]) -> u32 {
    let mut counts = HashMap::new();
    for cell in cells {
        *counts.entry(cell.background).or_insert(0_usize) += 1;
    }
    counts.into_iter().max_by_key(|&(colour, count)| (count, colour)).map_or(BACKGROUND, |(colour, _)| colour)
}

/// Ink and paper, as `0x00RRGGBB`.
fn colours(pen: &Pen) -> (u32, u32) {
    // Bold makes the first eight colours light, as on the screens of PCs.
    let ink = match pen.foreground() {
        Some(Color::Indexed(index @ 0..8)) if pen.is_bold() => rgb(Color::Indexed(index + 8)),
        Some(colour) => rgb(colour),
        None if pen.is_bold() => VGA_PALETTE[15],
        None => FOREGROUND,
    };
    let paper = pen.background().map_or(BACKGROUND, rgb);
    if pen.is_inverse() { (paper, ink) } else { (ink, paper) }
}

/// ANSI counts red, green, blue as bits from the lowest; VGA the other way round.
fn rgb(colour: Color) -> u32 {
    match colour {
        Color::Indexed(index @ 0..16) => {
            let swapped = index & 0b1010 | (index & 1) << 2 | (index & 4) >> 2;
            VGA_PALETTE[usize::from(swapped)]
        }
        Color::Indexed(index @ 16..232) => {
            let step = |place: u8| CUBE[usize::from(place % 6)];
            let index = index - 16;
            step(index / 36) << 16 | step(index / 6) << 8 | step(index)
        }
        Color::Indexed(index) => (u32::from(index - 232) * 10 + 8) * 0x01_01_01,
        Color::RGB(rgb) => u32::from(rgb.r) << 16 | u32::from(rgb.g) << 8 | u32::from(rgb.b),
    }
}
