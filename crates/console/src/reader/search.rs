//! Finding the grid of cells on a picture.

use super::Grid;
use super::cell::{Cell, look};
use super::glyph_table::GlyphTable;
use crate::Image;

/// Places with ink are looked for in tiles of so many pixels, so that a logo cannot drown the text; in smaller ones where
/// there is little text.
const TILES: [usize; 3] = [32, 16, 8];

/// Places that tell enough.
const ENOUGH_PROBES: usize = 120;

/// Places that a grid is judged by, at most.
const MOST_PROBES: usize = 240;

/// Places that a grid must do well on before it is judged by all.
const FIRST_PROBES: usize = 40;

/// A grid this good needs no rival.
const CERTAIN: f32 = 0.97;

/// A grid worse than this is none.
const ACCEPTED: f32 = 0.80;

/// By how much a grid must be better than one that is tried before it: cells of a commoner size, or from the corner.
const MARGIN: f32 = 0.02;

/// What it counts for a grid that its cells fill the picture to the last pixel, as they do in text modes.
const FILLS: f32 = 0.05;

/// The least number of letters and digits that a grid must show.
const FEWEST_LETTERS: u32 = 3;

/// How well a grid fits.
#[derive(Clone, Copy, Default)]
struct Fit {
    hits: f32,
    misses: f32,
    letters: u32,
}

impl Fit {
    fn share(self) -> f32 {
        if self.letters < FEWEST_LETTERS { 0.0 } else { self.hits / (self.hits + self.misses) }
    }
}

/// A grid, and the table of its cell size.
pub(super) struct Found<'t> {
    pub(super) grid: Grid,
    pub(super) table: &'t GlyphTable,
}

/// Judges grids on one picture.
struct Judge<'i> {
    image: &'i Image,
    probes: Vec<(usize, usize)>,
}

/// Finds the grid: first the one of the last picture, then cells from the corner, then centred ones as UEFI firmware
/// places them, then every offset.
pub(super) fn find<'t>(image: &Image, tables: &'t [GlyphTable], hint: Option<&Grid>) -> Option<Found<'t>> {
    let judge = Judge { image, probes: probes(image) };
    if judge.probes.is_empty() {
        return None;
    }
    let mut best = Best { share: 0.0, rank: 0.0, found: None };
    if let Some(hint) = hint
        && let Some(table) =
            tables.iter().find(|t| (t.width, t.height) == (hint.cell_width, hint.cell_height))
    {
        let grid = Grid::new(image, table, hint.pitch, hint.x % hint.pitch, hint.y % hint.cell_height);
        if best.offer(&judge, grid, table) {
            return best.found;
        }
    }
    for (table, pitch) in shapes(tables) {
        let centred =
            Grid::new(image, table, pitch, image.width % pitch / 2, image.height % table.height / 2);
        for grid in [Grid::new(image, table, pitch, 0, 0), centred] {
            if best.offer(&judge, grid, table) {
                return best.found;
            }
        }
    }
    if best.share >= ACCEPTED {
        return best.found;
    }
    for (table, pitch) in shapes(tables) {
        for y in 0..table.height {
            for x in 0..pitch {
                if best.offer(&judge, Grid::new(image, table, pitch, x, y), table) {
                    return best.found;
                }
            }
        }
    }
    (best.share >= ACCEPTED).then_some(best.found).flatten()
}

/// Cell sizes with their distances: cells of 8 pixels stand 9 apart in the 720-pixel text modes.
fn shapes(tables: &[GlyphTable]) -> impl Iterator<Item = (&GlyphTable, u32)> {
    tables.iter().flat_map(|table| {
        let ninth = (table.width == 8 && matches!(table.height, 8 | 14 | 16)).then_some((table, 9));
        [(table, table.width)].into_iter().chain(ninth)
    })
}

struct Best<'t> {
    share: f32,
    rank: f32,
    found: Option<Found<'t>>,
}

impl<'t> Best<'t> {
    /// Keeps the grid if it is the best so far; tells whether no better one need be looked for.
    fn offer(&mut self, judge: &Judge<'_>, grid: Grid, table: &'t GlyphTable) -> bool {
        let share = judge.share(&grid, table);
        let rank = share + if judge.is_filled_by(&grid) { FILLS } else { 0.0 };
        if share > 0.0 && rank > self.rank + MARGIN {
            *self = Self { share, rank, found: Some(Found { grid, table }) };
        }
        self.share >= CERTAIN
    }
}

impl Judge<'_> {
    fn is_filled_by(&self, grid: &Grid) -> bool {
        self.image.width.is_multiple_of(grid.pitch) && self.image.height.is_multiple_of(grid.cell_height)
    }

    fn share(&self, grid: &Grid, table: &GlyphTable) -> f32 {
        if grid.columns == 0 || grid.rows == 0 {
            return 0.0;
        }
        let (first, rest) = self.probes.split_at(self.probes.len().min(FIRST_PROBES));
        let mut cells: Vec<(usize, usize)> = first.iter().filter_map(|probe| grid.cell_of(*probe)).collect();
        cells.sort_unstable();
        cells.dedup();
        let early = self.fit(&cells, grid, table);
        if early.hits < early.misses / 2.0 {
            return 0.0;
        }
        cells.extend(rest.iter().filter_map(|probe| grid.cell_of(*probe)));
        cells.sort_unstable();
        cells.dedup();
        self.fit(&cells, grid, table).share()
    }

    fn fit(&self, cells: &[(usize, usize)], grid: &Grid, table: &GlyphTable) -> Fit {
        let mut fit = Fit::default();
        for (row, column) in cells {
            let (x, y) = grid.origin(*row, *column);
            match look(self.image, table, x, y, None) {
                Cell::Plain(_) => {}
                Cell::Glyph { candidates, .. } => {
                    let letter = candidates.iter().any(|c| c.character.is_ascii_alphanumeric());
                    let sign = candidates.iter().any(|c| c.character.is_ascii_graphic());
                    fit.letters += u32::from(letter);
                    // Bars, dots and blocks fit many grids by chance; letters hardly ever.
                    fit.hits += if letter {
                        2.0
                    } else if sign {
                        1.0
                    } else {
                        0.5
                    };
                }
                // A cursor over a blank says nothing for or against the grid.
                Cell::Unknown { mask, .. } if table.is_bar(&mask) || table.is_bar(&table.inverse(&mask)) => {}
                Cell::Unknown { .. } => fit.misses += 2.0,
                // Nearly nothing, or a logo would outvote a login prompt.
                Cell::Picture => fit.misses += 0.02,
            }
        }
        fit
    }
}

/// Places with ink, spread over the picture.
fn probes(image: &Image) -> Vec<(usize, usize)> {
    let mut probes = Vec::new();
    for tile in TILES {
        probes = edges(image, tile);
        if probes.len() >= ENOUGH_PROBES {
            break;
        }
    }
    // Every so many, in an order that spreads the first ones over the whole picture.
    let step = probes.len().div_ceil(FIRST_PROBES).max(1);
    let spread = (0..step).flat_map(|start| probes.iter().skip(start).step_by(step)).copied();
    spread.take(MOST_PROBES).collect()
}

/// The first and the last pixel of each tile where a colour begins.
fn edges(image: &Image, tile: usize) -> Vec<(usize, usize)> {
    let (width, height) = (image.width as usize, image.height as usize);
    let mut probes = Vec::new();
    for top in (0..height).step_by(tile) {
        for left in (1..width).step_by(tile) {
            // The pixels of one line of the tile, and their left neighbours.
            let line = |y: usize| {
                let (from, to) = (y * width + left, y * width + width.min(left + tile));
                (&image.pixels[from..to], &image.pixels[from - 1..to - 1])
            };
            let differs = |((a, b), x): ((&u32, &u32), usize)| (a != b).then_some(left + x);
            let mut lines = top..height.min(top + tile);
            let first = lines.find_map(|y| {
                let (here, before) = line(y);
                // Most lines are empty, which comparing them whole tells fastest.
                let mut pixels = (here != before).then(|| here.iter().zip(before).zip(0..))?;
                pixels.find_map(differs).map(|x| (x, y))
            });
            let Some(first) = first else { continue };
            probes.push(first);
            let last = (first.1..height.min(top + tile)).rev().find_map(|y| {
                let (here, before) = line(y);
                let pixels = (here != before).then(|| here.iter().zip(before).zip(0..))?;
                pixels.filter_map(differs).last().map(|x| (x, y))
            });
            probes.extend(last.filter(|last| *last != first));
        }
    }
    probes
}
