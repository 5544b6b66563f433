//! Grids beside the one that was found.
//!
//! Some fonts draw most letters alike, but a pixel lower or to the right, or in cells of another height (`qemu-vga14` and
//! `console-setup-vga14` share 54 letters and digits so). A grid that is off by that much reads nearly all of a page, and the
//! rest wrongly or not at all: where one draws `0`, the other draws `Ø`.

use std::cmp::Reverse;

use super::cell::{Cell, look};
use super::glyph_table::GlyphTable;
use super::search::Found;
use super::{Grid, Sheet, dominant_font, is_frame, resolve};
use crate::Image;

/// How many pixels rivals are off. No two fonts that draw eight letters and digits alike stand further apart.
const OFF_X: i64 = 1;
const OFF_Y: i64 = 2;

/// Pixels with ink, two to four a cell, at which a rival must do well before it is judged by all.
const FIRST_PIXELS: usize = 64;

/// The sheet of the grid that reads most of the page and leaves least unread: the one given, or one beside it. And the
/// cells, by their indices, that another grid, which leaves no more unread, reads as other characters: nobody can tell
/// what they are.
///
/// Costs next to nothing where every cell is an ASCII character, a piece of line art or a blank, and no ink is outside.
pub(super) fn settle<'t>(
    image: &Image,
    tables: &'t [GlyphTable],
    mut sheet: Sheet<'t>,
) -> (Sheet<'t>, Vec<usize>) {
    // Each turn reads more of the page than the one before, and leaves no more unread.
    loop {
        let stray = sheet.stray_ink(image);
        if stray.is_empty() && !sheet.cells.iter().any(is_doubtful) {
            return (sheet, Vec::new());
        }
        let own = Tally::of(&sheet.cells);
        let mut rivals = rivals(image, tables, &sheet, &stray, own.unread);
        let better = |rival: &Rival<'_>| rival.tally.read > own.read;
        let best = (0..rivals.len()).filter(|index| better(&rivals[*index]));
        let best = best.min_by_key(|index| (rivals[*index].tally.unread, Reverse(rivals[*index].tally.read)));
        let Some(best) = best else {
            let contested = contested(&sheet, &rivals);
            return (sheet, contested);
        };
        let Rival { grid, table, .. } = rivals.swap_remove(best);
        let inks = std::mem::take(&mut sheet.inks);
        sheet = Sheet::cut(image, Found { grid, table, inks });
    }
}

/// Whether a rival may know better what a cell is: letters beyond ASCII have shapes enough for many a letter that is a pixel
/// off. ASCII is taken for what it looks like, as everywhere in this reader.
fn is_doubtful(cell: &Cell<'_>) -> bool {
    match cell {
        // A line at the edge counts as a blank, whichever it is.
        Cell::Glyph { candidates, .. } if candidates.iter().all(is_frame) => false,
        Cell::Glyph { candidates, .. } => !candidates.iter().any(|c| {
            c.character.is_ascii() || matches!(c.character, '\u{2190}'..='\u{21ff}' | '\u{2500}'..='\u{25ff}')
        }),
        Cell::Unknown { .. } | Cell::Unread { .. } => true,
        Cell::Plain(_) | Cell::Picture => false,
    }
}

/// How much of a page a grid reads.
#[derive(Clone, Copy, Default)]
struct Tally {
    read: usize,
    unread: usize,
}

impl Tally {
    fn of<'c, 't: 'c>(cells: impl IntoIterator<Item = &'c Cell<'t>>) -> Self {
        let mut tally = Self::default();
        cells.into_iter().for_each(|cell| tally.add(cell));
        tally
    }

    fn add(&mut self, cell: &Cell<'_>) {
        match cell {
            Cell::Glyph { .. } => self.read += 1,
            // Also lines from edge to edge, which count as blanks later on: in another grid they may be `_`.
            Cell::Unknown { .. } | Cell::Unread { .. } => self.unread += 1,
            Cell::Plain(_) | Cell::Picture => {}
        }
    }
}

/// A grid beside the one that was found, with the cells where that one has ink.
struct Rival<'t> {
    grid: Grid,
    table: &'t GlyphTable,
    tally: Tally,
    /// Rows and columns, sorted.
    places: Vec<(usize, usize)>,
    /// What is at each place.
    cells: Vec<Cell<'t>>,
}

/// The grids beside that of `sheet` that leave no more than `most_unread` unread of what is inked there, or outside at
/// `stray`.
fn rivals<'t>(
    image: &Image,
    tables: &'t [GlyphTable],
    sheet: &Sheet<'t>,
    stray: &[(usize, usize)],
    most_unread: usize,
) -> Vec<Rival<'t>> {
    let ink: Vec<(usize, usize)> = sheet.ink().chain(stray.iter().copied()).collect();
    // Rows of other heights meet those of the sheet in one row only: that which it reads best.
    let row_top = sheet.grid.origin(sheet.best_row(), 0).1;
    let mut found = Vec::new();
    for table in tables.iter().filter(|table| table.width == sheet.table.width) {
        for (x, y) in (-OFF_X..=OFF_X).flat_map(|x| (-OFF_Y..=OFF_Y).map(move |y| (x, y))) {
            let itself = (x, y) == (0, 0) && table.height == sheet.table.height;
            let off = |from: usize, by: i64, unit: u32| {
                let from = i64::try_from(from).ok()? + by;
                u32::try_from(from.rem_euclid(i64::from(unit))).ok()
            };
            let left = off(sheet.grid.x as usize, x, sheet.grid.pitch);
            let top = off(row_top, y, table.height);
            let (false, Some(left), Some(top)) = (itself, left, top) else { continue };
            let grid = Grid::new(image, table, sheet.grid.pitch, left, top);
            found.extend(Rival::read(image, table, grid, &ink, sheet.ground, most_unread));
        }
    }
    found
}

impl<'t> Rival<'t> {
    /// Reads the cells around these pixels; nothing where more than `most_unread` are unread, which a few of them tell of
    /// most rivals.
    fn read(
        image: &Image,
        table: &'t GlyphTable,
        grid: Grid,
        ink: &[(usize, usize)],
        ground: u32,
        most_unread: usize,
    ) -> Option<Self> {
        let few = ink.len().min(FIRST_PIXELS + 4 * most_unread);
        Self::read_all(image, table, grid, &ink[..few], ground, most_unread)?;
        Self::read_all(image, table, grid, ink, ground, most_unread)
    }

    fn read_all(
        image: &Image,
        table: &'t GlyphTable,
        grid: Grid,
        ink: &[(usize, usize)],
        ground: u32,
        most_unread: usize,
    ) -> Option<Self> {
        let mut places: Vec<(usize, usize)> = ink.iter().filter_map(|pixel| grid.cell_of(*pixel)).collect();
        places.sort_unstable();
        places.dedup();
        let mut rival = Self { grid, table, tally: Tally::default(), places, cells: Vec::new() };
        for (row, column) in &rival.places {
            let cell = look(image, table, grid.origin(*row, *column), Some(ground), &[]);
            rival.tally.add(&cell);
            if rival.tally.unread > most_unread {
                return None;
            }
            rival.cells.push(cell);
        }
        Some(rival)
    }

    /// The cell around a pixel.
    fn cell_at(&self, pixel: (usize, usize)) -> Option<&Cell<'t>> {
        let place = self.places.binary_search(&self.grid.cell_of(pixel)?).ok()?;
        self.cells.get(place)
    }
}

/// The cells of the sheet that a rival reads as other characters.
fn contested(sheet: &Sheet<'_>, rivals: &[Rival<'_>]) -> Vec<usize> {
    let font = dominant_font(&sheet.cells);
    let fonts: Vec<Option<u16>> = rivals.iter().map(|rival| dominant_font(&rival.cells)).collect();
    let is_contested = |index: &usize| {
        let Cell::Glyph { candidates, .. } = &sheet.cells[*index] else { return false };
        if candidates.iter().all(is_frame) {
            return false;
        }
        let character = resolve(candidates, font);
        let centre = sheet.pixel(*index, 1, 2);
        rivals.iter().zip(&fonts).any(|(rival, font)| match rival.cell_at(centre) {
            Some(Cell::Glyph { candidates, .. }) => resolve(candidates, *font) != character,
            _ => false,
        })
    };
    (0..sheet.cells.len()).filter(is_contested).collect()
}

impl Sheet<'_> {
    /// Two pixels of each cell with ink, above each other: cells of other heights are hit by one at least.
    fn ink(&self) -> impl Iterator<Item = (usize, usize)> {
        let inked = |index: &usize| matches!(self.cells[*index], Cell::Glyph { .. } | Cell::Unknown { .. });
        let inked = (0..self.cells.len()).filter(inked);
        inked.flat_map(|index| [self.pixel(index, 1, 4), self.pixel(index, 3, 4)])
    }

    /// The pixels with ink around the whole cells.
    fn stray_ink(&self, image: &Image) -> Vec<(usize, usize)> {
        let (left, top) = self.grid.origin(0, 0);
        let (right, bottom) = self.grid.origin(self.grid.rows, self.grid.columns);
        let mut stray = Vec::new();
        for (y, row) in image.pixels.chunks(image.width as usize).enumerate() {
            let (before, after) =
                if (top..bottom).contains(&y) { (left, right) } else { (row.len(), row.len()) };
            let outside = (0..before.min(row.len())).chain(after..row.len());
            stray.extend(outside.filter(|x| row[*x] != self.ground).map(|x| (x, y)));
        }
        stray
    }

    /// The pixel in the middle of a cell's width, at this fraction of its height.
    fn pixel(&self, index: usize, part: usize, of: usize) -> (usize, usize) {
        let (x, y) = self.grid.origin(index / self.grid.columns, index % self.grid.columns);
        (x + self.table.width as usize / 2, y + self.table.height as usize * part / of)
    }

    /// The row in which most is read.
    fn best_row(&self) -> usize {
        let rows = self.cells.chunks(self.grid.columns.max(1)).enumerate();
        rows.max_by_key(|(_, row)| Tally::of(*row).read).map_or(0, |(row, _)| row)
    }
}
