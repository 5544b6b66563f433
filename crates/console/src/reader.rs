//! From a picture of a console to its characters: certain, or unread.
//!
//! The grid of cells is found first; then each cell's bitmap is looked up among the glyphs of all fonts of that cell
//! size. Two colours make a bitmap whichever they are. What no font draws is unread (U+FFFD), never guessed; many-coloured
//! cells without a glyph are pictures and count as blanks.
//!
//! Pictures that were scaled or compressed with losses have no such bitmaps; [`degraded`] reads those.

mod area;
mod bitmap;
mod cell;
mod compression;
mod degraded;
mod glyph_table;
mod logo;
mod overlay;
mod rival;
mod search;

use std::sync::OnceLock;

use serde::Serialize;

use crate::Image;
use crate::font::{Font, fonts, loaded_fonts};
use crate::reading::{Place, Reading, ReadingCell, ScreenKind};
use cell::{Cell, look};
use glyph_table::{Candidate, GlyphTable};
use logo::{Logo, Logos};
use search::Found;

/// Where the cells of a screen are. Given back with the next picture of the same host, it saves the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Grid {
    /// Left edge of the first whole cell, in pixels.
    pub x: u32,
    /// Top edge of the first whole cell.
    pub y: u32,
    /// Distance of two cells in a row: the width, or one more in the 720-pixel text modes of VGA.
    pub pitch: u32,
    /// Width of a cell's glyph.
    pub cell_width: u32,
    /// Height of a cell.
    pub cell_height: u32,
    /// Cells in a row.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
    /// How many times the picture is larger than the screen: its pixels are squares of this side.
    pub scale: u32,
}

impl Grid {
    fn new(image: &Image, table: &GlyphTable, pitch: u32, x: u32, y: u32) -> Self {
        // The last cell of a row may lack the ninth column.
        let columns = (image.width + (pitch - table.width)).saturating_sub(x) / pitch;
        let rows = image.height.saturating_sub(y) / table.height;
        Self {
            x,
            y,
            pitch,
            cell_width: table.width,
            cell_height: table.height,
            columns: columns as usize,
            rows: rows as usize,
            scale: 1,
        }
    }

    /// The upper left pixel of a cell.
    const fn origin(&self, row: usize, column: usize) -> (usize, usize) {
        (self.x as usize + column * self.pitch as usize, self.y as usize + row * self.cell_height as usize)
    }

    /// The row and column of the cell around a pixel.
    fn cell_of(&self, (x, y): (usize, usize)) -> Option<(usize, usize)> {
        let column = x.checked_sub(self.x as usize)? / self.pitch as usize;
        let row = y.checked_sub(self.y as usize)? / self.cell_height as usize;
        (row < self.rows && column < self.columns).then_some((row, column))
    }
}

/// Reads pictures; holds the glyphs of all fonts. To be made once and shared.
pub struct Reader {
    tables: Vec<GlyphTable>,
    /// Fonts beside the built-in ones.
    extra: Vec<Font>,
    /// The glyphs as damaged pictures show them; made when the first such picture comes.
    bank: OnceLock<degraded::Bank>,
    /// Where the cells of damaged pictures were.
    memory: degraded::Memory,
    /// Pictures beside text that was read exactly.
    logos: Logos,
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

impl Reader {
    /// A reader with all built-in fonts.
    pub fn new() -> Self {
        Self::with_fonts([])
    }

    /// A reader with the built-in fonts and others: those that a system has, or that were learned from screens.
    ///
    /// Drawings that built-in fonts have too cost nothing but the time to compare them here. Fonts past the 65,000th are left
    /// out.
    pub fn with_fonts(extra: impl IntoIterator<Item = Font>) -> Self {
        let built_in = fonts().len() + loaded_fonts().len();
        let room = usize::from(u16::MAX) - built_in;
        let extra: Vec<Font> = extra.into_iter().take(room).collect();
        let tables = GlyphTable::all(fonts().iter().chain(loaded_fonts()).chain(&extra), built_in);
        Self {
            tables,
            extra,
            bank: OnceLock::new(),
            memory: degraded::Memory::default(),
            logos: Logos::default(),
        }
    }

    /// The name of the font of a candidate.
    fn font_name(&self, index: u16) -> &str {
        let mut all = fonts().iter().chain(loaded_fonts()).chain(&self.extra);
        all.nth(index.into()).map_or("", Font::name)
    }

    /// Reads a picture. `hint` is the grid of the last reading of the same screen; a wrong one costs only time.
    pub fn read(&self, image: &Image, hint: Option<&Grid>) -> Reading {
        if image.pixels.len() != image.width as usize * image.height as usize {
            return Reading::empty(ScreenKind::Graphics);
        }
        let Some(first) = image.pixels.first() else { return Reading::empty(ScreenKind::Blank) };
        if image.pixels.iter().all(|pixel| pixel == first) {
            return Reading::empty(ScreenKind::Blank);
        }
        let reduced =
            [4, 3, 2].into_iter().find_map(|scale| image.undoubled(scale).map(|small| (small, scale)));
        let (image, scale) = reduced.as_ref().map_or((image, 1), |(small, scale)| (small, *scale));
        let (mut is_damaged, mut is_compressed) = (false, false);
        let hint = hint.filter(|grid| grid.scale == scale);
        let bank = || self.bank.get_or_init(|| degraded::Bank::of(fonts().iter().chain(&self.extra)));
        let as_before = search::cut_as_before(image, &self.tables, hint);
        if as_before.is_none()
            && let Some(known) = hint.and_then(|grid| self.memory.of(image, grid))
            && let Some(again) = degraded::read_again(image, bank(), &known, scale)
        {
            return again;
        }
        let mut logo = None;
        let sheet = as_before
            .or_else(|| search::find(image, &self.tables, hint).map(|found| Sheet::cut(image, found)));
        let exact = match sheet {
            Some(sheet) => {
                is_compressed = sheet.may_be_damaged() && sheet.is_shaded() && compression::is_seen(image);
                // What is read exactly of a compressed picture is not acted on: no rival needs to be looked for.
                let (mut sheet, contested) = if is_compressed {
                    (sheet, Vec::new())
                } else {
                    rival::settle(image, &self.tables, sheet)
                };
                overlay::settle(image, &mut sheet);
                is_damaged = is_compressed || sheet.may_be_damaged();
                logo = (is_damaged && !is_compressed).then(|| Logo::of(image, &sheet));
                let font = dominant_font(&sheet.cells);
                let name = font.map(|font| self.font_name(font).to_owned());
                read_cells(image, &sheet, &contested, scale, (font, name))
            }
            None => Reading::empty(ScreenKind::Graphics),
        };
        let is_known = hint.is_some() && logo.is_some_and(|logo| self.logos.contain(logo));
        if exact.is_reliable() && (!is_damaged || is_known) {
            return self.exactly(image, exact);
        }
        let nearest = degraded::read(image, bank(), scale);
        // Strong letters of a compressed picture may be left as they were; faint ones beside them are not, and would pass for a picture.
        let is_spoilt = is_compressed && exact.is_reliable();
        match nearest.filter(|(nearest, _)| is_spoilt || tells_more(nearest, &exact)) {
            Some((nearest, known)) => {
                known.into_iter().for_each(|known| self.memory.keep(known));
                nearest
            }
            None if is_spoilt => Reading::empty(ScreenKind::Graphics),
            None => {
                logo.filter(|_| exact.is_reliable()).into_iter().for_each(|logo| self.logos.keep(logo));
                self.exactly(image, exact)
            }
        }
    }

    /// What was read exactly: if a screen with the same cells was read by templates before, this is another one.
    fn exactly(&self, image: &Image, exact: Reading) -> Reading {
        exact.grid.iter().for_each(|grid| self.memory.forget(image, grid));
        exact
    }
}

/// Whether what templates read is to be taken in place of what was read exactly.
fn tells_more(nearest: &Reading, exact: &Reading) -> bool {
    if !exact.is_reliable() {
        // Half of a text helps people more than none; nothing acts on it.
        let helps = exact.kind != ScreenKind::Text && nearest.score > HELPFUL;
        return nearest.is_reliable() || helps;
    }
    // Pictures beside the text are a logo, if the same is read beside them; else text that compression blurred.
    let count = |reading: &Reading, is: fn(char) -> bool| {
        reading.cells.iter().filter(|cell| is(cell.character)).count()
    };
    let unread = |reading| count(reading, |character| character == char::REPLACEMENT_CHARACTER);
    let read = |reading| count(reading, |character| !matches!(character, ' ' | char::REPLACEMENT_CHARACTER));
    if nearest.is_reliable() {
        read(nearest) > read(exact) + unread(nearest).saturating_sub(unread(exact))
    } else {
        // What is not reliable itself tells that the other is not either.
        read(nearest) * 2 > read(exact) * 3
    }
}

/// A reading that is not to be acted on is shown if so much of it was recognised.
const HELPFUL: f32 = 0.6;

/// A picture cut into the cells of a grid.
struct Sheet<'t> {
    grid: Grid,
    table: &'t GlyphTable,
    /// The colour of most of the picture.
    ground: u32,
    /// Colours of text over a picture, where the grid was found by them.
    inks: Vec<u32>,
    /// Row by row.
    cells: Vec<Cell<'t>>,
}

impl<'t> Sheet<'t> {
    /// Whether there are pictures beside the text, which may be text that compression blurred.
    fn may_be_damaged(&self) -> bool {
        self.cells.iter().any(|cell| matches!(cell, Cell::Picture))
    }

    /// Whether most letters have other colours around them than one: they stand over a picture, or compression blurred them.
    fn is_shaded(&self) -> bool {
        let (mut shaded, mut all) = (0, 0);
        for cell in &self.cells {
            if let Cell::Glyph { candidates, two_colors, .. } = cell
                && candidates.iter().any(|candidate| candidate.character.is_ascii_alphanumeric())
            {
                all += 1;
                shaded += usize::from(!two_colors);
            }
        }
        2 * shaded > all
    }

    fn cut(image: &Image, Found { grid, table, inks }: Found<'t>) -> Self {
        let ground = commonest_color(image, &grid);
        let cells = (0..grid.rows * grid.columns)
            .map(|index| {
                let place = grid.origin(index / grid.columns, index % grid.columns);
                look(image, table, place, Some(ground), &inks)
            })
            .collect();
        Self { grid, table, ground, inks, cells }
    }
}

/// Reads every cell of a sheet; `contested` are the indices of those that are to stay unread, in order.
/// `font` is the page's font and its name.
fn read_cells(
    image: &Image,
    sheet: &Sheet<'_>,
    contested: &[usize],
    scale: u32,
    (font, name): (Option<u16>, Option<String>),
) -> Reading {
    let Sheet { grid, table, ground, cells, .. } = sheet;
    let mut cursor = None;
    let read: Vec<ReadingCell> = cells
        .iter()
        .enumerate()
        .map(|(index, cell)| {
            if let (Cell::Glyph { foreground, background, .. }, Ok(_)) =
                (cell, contested.binary_search(&index))
            {
                return ReadingCell::new(char::REPLACEMENT_CHARACTER, 0.0, *foreground, *background);
            }
            let below_cursor = below_cursor(cell, table, font).map(|read| {
                // Nothing tells it from a blank but the line that it is part of: fields of forms are such.
                let is_line = read.character == ' ' && beside_underscore(cells, grid, index);
                if is_line { ReadingCell { character: '_', confidence: BELOW_CURSOR, ..read } } else { read }
            });
            if below_cursor.is_some() {
                cursor = Some(Place { row: index / grid.columns, column: index % grid.columns });
            }
            below_cursor.unwrap_or_else(|| read_cell(cell, font, || beside_picture(cells, grid, index)))
        })
        .collect();
    let (cut, read, cursor) = area::cut(*grid, read, cursor, (image.width, image.height));
    Reading::of_cells(Grid { scale, ..cut }, read, *ground, name, cursor)
}

/// The confidence of a character that was read below a cursor.
const BELOW_CURSOR: f32 = 0.9;

/// What stands below an underline cursor, if this cell shows one.
fn below_cursor(cell: &Cell<'_>, table: &GlyphTable, font: Option<u16>) -> Option<ReadingCell> {
    match cell {
        // Bars at the foot of a cell are drawn by cursors; as characters nobody prints them.
        Cell::Glyph { candidates, foreground, background, .. } => {
            let bar =
                |c: &Candidate| matches!(c.character, '\u{2581}'..='\u{2583}' | '\u{23bd}' | '\u{25ac}');
            let only_bar = candidates.iter().any(bar) && !candidates.iter().any(|c| c.character.is_ascii());
            only_bar.then(|| ReadingCell::new(' ', 1.0, *foreground, *background))
        }
        Cell::Unknown { bitmap, first, second } => {
            let font = font?;
            let read = |character, ink, ground| ReadingCell::new(character, BELOW_CURSOR, ink, ground);
            let plain = table.below_cursor(bitmap, font).map(|character| read(character, *second, *first));
            plain.or_else(|| {
                table.below_cursor(&bitmap.inverse(), font).map(|character| read(character, *first, *second))
            })
        }
        Cell::Plain(_) | Cell::Picture | Cell::Unread { .. } => None,
    }
}

/// Whether the cell before or after shows `_`.
fn beside_underscore(cells: &[Cell<'_>], grid: &Grid, index: usize) -> bool {
    let is_underscore = |at: usize| matches!(&cells[at], Cell::Glyph { candidates, .. } if candidates.iter().any(|c| c.character == '_'));
    let column = index % grid.columns;
    column > 0 && is_underscore(index - 1) || column + 1 < grid.columns && is_underscore(index + 1)
}

fn read_cell(cell: &Cell<'_>, font: Option<u16>, beside_picture: impl Fn() -> bool) -> ReadingCell {
    match cell {
        Cell::Plain(color) => ReadingCell::new(' ', 1.0, *color, *color),
        Cell::Glyph { candidates, foreground, background, .. } if candidates.iter().all(is_frame) => {
            ReadingCell::new(' ', 1.0, *foreground, *background)
        }
        Cell::Glyph { candidates, foreground, background, .. } => {
            ReadingCell::new(resolve(candidates, font), 1.0, *foreground, *background)
        }
        Cell::Unknown { bitmap, first, second }
            if bitmap.is_rule() || bitmap.inverse().is_rule() || beside_picture() =>
        {
            ReadingCell::new(' ', 1.0, *second, *first)
        }
        Cell::Unknown { first, second, .. } => {
            ReadingCell::new(char::REPLACEMENT_CHARACTER, 0.0, *second, *first)
        }
        Cell::Unread { foreground } => ReadingCell::new(char::REPLACEMENT_CHARACTER, 0.0, *foreground, 0),
        Cell::Picture => ReadingCell::new(' ', 1.0, 0, 0),
    }
}

/// Whether it is a thin line at the edge of a cell: borders of menus are such, and nobody prints these characters.
fn is_frame(candidate: &Candidate) -> bool {
    matches!(candidate.character, '\u{af}' | '\u{203e}' | '\u{2581}' | '\u{2594}' | '\u{23ba}'..='\u{23bd}')
}

/// Whether one of the cells around is part of a picture, and none beside it a letter or digit.
fn beside_picture(cells: &[Cell<'_>], grid: &Grid, index: usize) -> bool {
    let (row, column) = (index / grid.columns, index % grid.columns);
    let is_letter = |at: usize| {
        let Cell::Glyph { candidates, .. } = &cells[at] else { return false };
        candidates.iter().any(|candidate| candidate.character.is_ascii_alphanumeric())
    };
    if column > 0 && is_letter(index - 1) || column + 1 < grid.columns && is_letter(index + 1) {
        return false;
    }
    let rows = row.saturating_sub(1)..=(row + 1).min(grid.rows - 1);
    rows.flat_map(|row| {
        let columns = column.saturating_sub(1)..=(column + 1).min(grid.columns - 1);
        columns.map(move |column| row * grid.columns + column)
    })
    .any(|neighbour| matches!(cells[neighbour], Cell::Picture))
}

/// The character that a bitmap stands for: the ASCII one if there is one, else that of the page's font. Unread where two fonts,
/// neither of them the page's, draw two ASCII characters so.
fn resolve(candidates: &[Candidate], font: Option<u16>) -> char {
    let rank = |candidate: &&Candidate| {
        let block = match candidate.character {
            '\u{20}'..='\u{7e}' => 0,
            '\u{a0}'..='\u{ff}' => 1,
            '\u{2500}'..='\u{25ff}' => 2,
            _ => 3,
        };
        (block != 0, Some(candidate.font) != font, block, candidate.character)
    };
    let Some(best) = candidates.iter().min_by_key(rank) else { return char::REPLACEMENT_CHARACTER };
    let rival = |other: &Candidate| other.character != best.character && other.character.is_ascii_graphic();
    if Some(best.font) != font && best.character.is_ascii_graphic() && candidates.iter().any(rival) {
        return char::REPLACEMENT_CHARACTER;
    }
    best.character
}

/// The font that draws most letters and digits of the page.
fn dominant_font(cells: &[Cell<'_>]) -> Option<u16> {
    let mut counts: Vec<usize> = Vec::new();
    for cell in cells {
        let Cell::Glyph { candidates, .. } = cell else { continue };
        for candidate in candidates.iter().filter(|candidate| candidate.character.is_ascii_alphanumeric()) {
            let font = usize::from(candidate.font);
            if counts.len() <= font {
                counts.resize(font + 1, 0);
            }
            counts[font] += 1;
        }
    }
    let used = (0..=u16::MAX).zip(counts).filter(|(_, count)| *count > 0);
    used.max_by_key(|(font, count)| (*count, std::cmp::Reverse(*font))).map(|(font, _)| font)
}

/// The colour of most of the picture, from one pixel of each cell's corner.
fn commonest_color(image: &Image, grid: &Grid) -> u32 {
    let corners = (0..grid.rows).flat_map(|row| (0..grid.columns).map(move |column| (row, column)));
    let mut colors: Vec<u32> = corners
        .map(|(row, column)| {
            let (x, y) = grid.origin(row, column);
            image.pixels[y * image.width as usize + x]
        })
        .collect();
    colors.sort_unstable();
    colors.chunk_by(|a, b| a == b).max_by_key(|run| run.len()).map_or(0, |run| run[0])
}

#[cfg(test)]
mod tests;
