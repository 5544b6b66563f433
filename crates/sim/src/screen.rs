//! What a machine's graphics adapter holds: a grid of characters with colours and a cursor.
//!
//! Firmware, loader and kernel write to it with the few control sequences of ECMA-48 that they use
//! themselves: `ESC [ n m` (colours), `ESC [ row ; column H` (place), `ESC [ J` and `ESC [ K` (erase to the
//! end of the screen, of the line), `\r`, `\n`, `\t`, and backspace. Other control characters are dropped.
//! `\n` also returns to the first column, as it does on a console with `onlcr`.

use ironhand_console::VGA_PALETTE;

/// The columns and rows of cells, the pixels and the font of a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// VGA text mode 3: 80 x 25 cells of 9 x 16 pixels, 720 x 400 in all, the adapter's ROM font.
    VgaText,
    /// The UEFI console on 800 x 600 pixels: 100 x 31 cells of 8 x 19, centred.
    Uefi800,
    /// The UEFI console on 1024 x 768 pixels: 128 x 40 cells of 8 x 19, centred.
    Uefi1024,
    /// The Linux framebuffer console on 1024 x 768 pixels: 128 x 48 cells of 8 x 16, the kernel's own font.
    Framebuffer1024,
}

impl Mode {
    /// Cells in a row.
    #[must_use]
    pub const fn columns(self) -> usize {
        match self {
            Self::VgaText => 80,
            Self::Uefi800 => 100,
            Self::Uefi1024 | Self::Framebuffer1024 => 128,
        }
    }

    /// Rows of cells.
    #[must_use]
    pub const fn rows(self) -> usize {
        match self {
            Self::VgaText => 25,
            Self::Uefi800 => 31,
            Self::Uefi1024 => 40,
            Self::Framebuffer1024 => 48,
        }
    }

    /// Width and height in pixels.
    #[must_use]
    pub const fn pixels(self) -> (u16, u16) {
        match self {
            Self::VgaText => (720, 400),
            Self::Uefi800 => (800, 600),
            Self::Uefi1024 | Self::Framebuffer1024 => (1024, 768),
        }
    }
}

/// ECMA-48 counts red, green, blue from the lowest bit, VGA the other way round.
const ECMA_48_TO_VGA: [u8; 8] = [0, 4, 2, 6, 1, 5, 3, 7];

/// The colours of a cell, as indices of VGA's palette: 0 to 15.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Attribute {
    foreground: u8,
    background: u8,
}

impl Attribute {
    const DEFAULT: Self = Self { foreground: 7, background: 0 };
}

/// One character on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cell {
    /// The character; a blank is a space.
    pub ch: char,
    attribute: Attribute,
}

impl Cell {
    const BLANK: Self = Self { ch: ' ', attribute: Attribute::DEFAULT };

    /// Colour of the character, `0x00RRGGBB`.
    #[must_use]
    pub const fn foreground(self) -> u32 {
        VGA_PALETTE[(self.attribute.foreground & 0xF) as usize]
    }

    /// Colour behind the character, `0x00RRGGBB`.
    #[must_use]
    pub const fn background(self) -> u32 {
        VGA_PALETTE[(self.attribute.background & 0xF) as usize]
    }
}

/// A place on a [`Screen`], both counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Position {
    /// Row from the top.
    pub row: usize,
    /// Column from the left.
    pub column: usize,
}

/// A machine's screen: dark, or a grid of cells.
#[derive(Clone, Debug)]
pub struct Screen {
    mode: Mode,
    lit: bool,
    cells: Vec<Cell>,
    cursor: Position,
    cursor_shown: bool,
    attribute: Attribute,
    revision: u64,
    escape: Option<String>,
}

/// Longest control sequence taken in; what is longer is no sequence that a console writes.
const MAX_SEQUENCE: usize = 16;

impl Screen {
    /// A dark screen.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            lit: false,
            cells: vec![Cell::BLANK; mode.columns() * mode.rows()],
            cursor: Position::default(),
            cursor_shown: true,
            attribute: Attribute::DEFAULT,
            revision: 0,
            escape: None,
        }
    }

    /// The mode it is in; a dark screen keeps that of before.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether the adapter gives a picture: a machine without power, or between two modes, does not.
    #[must_use]
    pub fn is_lit(&self) -> bool {
        self.lit
    }

    /// Grows with each change: two equal numbers mean the same picture.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// All cells, row by row.
    #[must_use]
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// Where the cursor is, when it is shown.
    #[must_use]
    pub fn cursor(&self) -> Option<Position> {
        (self.lit && self.cursor_shown).then_some(self.cursor)
    }

    /// The text from the first row to the last that is not blank, a line for each row, trailing blanks
    /// removed.
    #[must_use]
    pub fn text(&self) -> String {
        if !self.lit {
            return String::new();
        }
        let mut text = String::with_capacity(self.cells.len());
        for row in self.cells.chunks(self.mode.columns()) {
            text.extend(row.iter().map(|cell| cell.ch));
            text.truncate(text.trim_end_matches(' ').len());
            text.push('\n');
        }
        text.truncate(text.trim_end_matches('\n').len());
        text
    }

    /// No picture any more, and nothing kept.
    pub(crate) fn go_dark(&mut self) {
        *self = Self { revision: self.revision + 1, ..Self::new(self.mode) };
    }

    /// An empty picture in `mode`.
    pub(crate) fn set_mode(&mut self, mode: Mode) {
        *self = Self { revision: self.revision + 1, lit: true, ..Self::new(mode) };
    }

    /// Shows the cursor, or hides it.
    pub(crate) fn show_cursor(&mut self, shown: bool) {
        self.cursor_shown = shown;
        self.revision += 1;
    }

    /// Writes at the cursor, with the control sequences of the module's introduction.
    pub(crate) fn write(&mut self, text: &str) {
        self.revision += 1;
        for ch in text.chars() {
            if self.escape.is_some() {
                self.continue_sequence(ch);
                continue;
            }
            match ch {
                '\u{1B}' => self.escape = Some(String::new()),
                '\r' => self.cursor.column = 0,
                '\n' => self.line_feed(),
                '\u{8}' => self.cursor.column = self.cursor.column.saturating_sub(1),
                '\t' => {
                    let next = (self.cursor.column / 8 + 1) * 8;
                    self.cursor.column = next.min(self.mode.columns() - 1);
                }
                ch if ch.is_control() => {}
                ch => self.put(ch),
            }
        }
    }

    fn put(&mut self, ch: char) {
        // A console wraps when the next character comes, not when the row is full: a full last line does not
        // scroll.
        if self.cursor.column >= self.mode.columns() {
            self.line_feed();
        }
        let index = self.cursor.row * self.mode.columns() + self.cursor.column;
        if let Some(cell) = self.cells.get_mut(index) {
            *cell = Cell { ch, attribute: self.attribute };
        }
        self.cursor.column += 1;
    }

    fn line_feed(&mut self) {
        self.cursor.column = 0;
        if self.cursor.row + 1 < self.mode.rows() {
            self.cursor.row += 1;
            return;
        }
        let columns = self.mode.columns();
        self.cells.drain(..columns);
        self.cells.resize(columns * self.mode.rows(), Cell { ch: ' ', attribute: self.attribute });
    }

    fn continue_sequence(&mut self, ch: char) {
        let Some(sequence) = &mut self.escape else { return };
        match ch {
            '[' if sequence.is_empty() => sequence.push('['),
            '0'..='9' | ';' if sequence.starts_with('[') && sequence.len() < MAX_SEQUENCE => {
                sequence.push(ch)
            }
            _ => {
                let parameters: Vec<usize> = sequence
                    .trim_start_matches('[')
                    .split(';')
                    .map(|number| number.parse().unwrap_or(0))
                    .collect();
                self.escape = None;
                self.end_sequence(ch, &parameters);
            }
        }
    }

    fn end_sequence(&mut self, last: char, parameters: &[usize]) {
        let (columns, rows) = (self.mode.columns(), self.mode.rows());
        let blank = Cell { ch: ' ', attribute: self.attribute };
        let here = self.cursor.row * columns + self.cursor.column.min(columns);
        match last {
            'H' => {
                let place = |index: usize, bound: usize| {
                    parameters.get(index).copied().unwrap_or(0).saturating_sub(1).min(bound - 1)
                };
                self.cursor = Position { row: place(0, rows), column: place(1, columns) };
            }
            'J' => self.cells.iter_mut().skip(here).for_each(|cell| *cell = blank),
            'K' => {
                let end = (self.cursor.row + 1) * columns;
                self.cells.iter_mut().take(end).skip(here).for_each(|cell| *cell = blank);
            }
            'm' => parameters.iter().for_each(|parameter| self.colour(*parameter)),
            _ => {}
        }
    }

    fn colour(&mut self, parameter: usize) {
        let vga = |base: usize| ECMA_48_TO_VGA.get(parameter - base).copied().unwrap_or(7);
        match parameter {
            0 => self.attribute = Attribute::DEFAULT,
            1 => self.attribute.foreground |= 8,
            7 => {
                self.attribute = Attribute {
                    foreground: self.attribute.background,
                    background: self.attribute.foreground & 7,
                };
            }
            30..=37 => self.attribute.foreground = self.attribute.foreground & 8 | vga(30),
            40..=47 => self.attribute.background = vga(40),
            90..=97 => self.attribute.foreground = 8 | vga(90),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
