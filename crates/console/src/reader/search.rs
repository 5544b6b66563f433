//! Finding the grid of cells on a picture.

use super::cell::{Cell, SHADES, is_near, look};
use super::glyph_table::GlyphTable;
use super::{Grid, Sheet, area};
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

/// Places that a grid must not fail at nearly all before it is judged by those: most grids do, and cost little so.
const FEWEST_PROBES: usize = 10;

/// What six unknown bitmaps count against a grid.
const HOPELESS: f32 = 12.0;

/// Sides of the squares around a place that tell whether any cell may have two colours there: a cell of 6 pixels or more holds
/// one of the four squares with a corner at any of its pixels.
const CORNER: usize = 4;

/// How far around a place its colours are counted, and how many there may be: those of some cells.
const AROUND: usize = 8;
const MOST_AROUND: usize = 4;

/// One place in so many must have few colours around it, or no cells of two colours are looked for.
const CALM_SHARE: usize = 25;

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

/// Colours that are tried as that of text over a photograph, at most.
const MOST_INKS: usize = 4;

/// Text has less than one in so many of the pixels around it: letters cover less than half of their cells.
const MOST_OF_STROKES: usize = 2;

/// One place in so many must be so for a colour to be tried.
const STROKES_SHARE: usize = 4;

/// A colour of more pixels than one in so many is a ground.
const GROUND_SHARE: usize = 4;

/// Pixels that tell the commonest colours.
const MOST_SAMPLES: usize = 1 << 16;

/// How well a grid fits.
#[derive(Clone, Copy, Default)]
struct Fit {
    hits: f32,
    misses: f32,
    letters: u32,
}

impl Fit {
    fn of<'c, 't: 'c>(cells: impl IntoIterator<Item = &'c Cell<'t>>) -> Self {
        let mut fit = Self::default();
        cells.into_iter().for_each(|cell| fit.add(cell));
        fit
    }

    fn add(&mut self, cell: &Cell<'_>) {
        match cell {
            Cell::Plain(_) => {}
            Cell::Glyph { candidates, .. } => {
                let letter = candidates.iter().any(|c| c.character.is_ascii_alphanumeric());
                let sign = candidates.iter().any(|c| c.character.is_ascii_graphic());
                self.letters += u32::from(letter);
                // Bars, dots and blocks fit many grids by chance; letters hardly ever.
                self.hits += if letter {
                    2.0
                } else if sign {
                    1.0
                } else {
                    0.5
                };
            }
            // A cursor over a blank says nothing for or against the grid.
            Cell::Unknown { bitmap, .. } if bitmap.is_bar() || bitmap.inverse().is_bar() => {}
            Cell::Unknown { .. } => self.misses += 2.0,
            // Nearly nothing, or a logo would outvote a login prompt.
            Cell::Picture | Cell::Unread { .. } => self.misses += 0.02,
        }
    }

    fn share(self) -> f32 {
        if self.letters < FEWEST_LETTERS { 0.0 } else { self.hits / (self.hits + self.misses) }
    }
}

/// A grid, and the table of its cell size.
pub(super) struct Found<'t> {
    pub(super) grid: Grid,
    pub(super) table: &'t GlyphTable,
    /// Colours of text over a picture, where it was found by them.
    pub(super) inks: Vec<u32>,
}

/// Judges grids on one picture.
struct Judge<'i> {
    image: &'i Image,
    probes: Vec<(usize, usize)>,
    /// Colours of text over a picture.
    inks: Vec<u32>,
}

/// Finds the grid: first the one of the last picture, then cells from the corner, then centred ones as UEFI firmware
/// places them, then every offset.
pub(super) fn find<'t>(image: &Image, tables: &'t [GlyphTable], hint: Option<&Grid>) -> Option<Found<'t>> {
    let judge = Judge { image, probes: probes(image), inks: Vec::new() };
    if judge.probes.is_empty() {
        return None;
    }
    let mut best = Best { share: 0.0, rank: 0.0, found: None };
    // Where hardly any ink is of few colours the picture was scaled or compressed, or the text lies over a photograph.
    let calm = calm(image, &judge.probes);
    if calm.len() < FEWEST_LETTERS as usize || calm.len() * CALM_SHARE < judge.probes.len() {
        return over_photograph(image, tables);
    }
    if let Some(Found { grid, table, .. }) = hinted(image, tables, hint)
        && best.offer(&judge, grid, table)
    {
        return best.found;
    }
    if offer_usual(&judge, tables, &mut best) || best.share >= ACCEPTED {
        return best.found;
    }
    // A photograph, or text that compression blurred, has two colours in no cell of any grid.
    let judge = Judge { probes: two_colored(image, calm), ..judge };
    if judge.probes.len() >= FEWEST_LETTERS as usize {
        for (table, pitch) in shapes(tables) {
            let mut offsets = (0..table.height).flat_map(|y| (0..pitch).map(move |x| (x, y)));
            if offsets.any(|(x, y)| best.offer(&judge, Grid::new(image, table, pitch, x, y), table)) {
                return best.found;
            }
        }
    }
    if best.share >= ACCEPTED {
        return best.found;
    }
    over_photograph(image, tables)
}

/// The grid of the last picture, laid over this one.
fn hinted<'t>(image: &Image, tables: &'t [GlyphTable], hint: Option<&Grid>) -> Option<Found<'t>> {
    let hint = hint?;
    let table = tables.iter().find(|table| table.size() == (hint.cell_width, hint.cell_height))?;
    let (x, y) = (hint.x.checked_rem(hint.pitch)?, hint.y.checked_rem(hint.cell_height)?);
    Some(Found { grid: Grid::new(image, table, hint.pitch, x, y), table, inks: Vec::new() })
}

/// This picture in the grid of the last one, if nearly every cell of it is read so: then there is no need to search, nor to look
/// for what a search would judge by.
pub(super) fn cut_as_before<'t>(
    image: &Image,
    tables: &'t [GlyphTable],
    hint: Option<&Grid>,
) -> Option<Sheet<'t>> {
    let sheet = Sheet::cut(image, hinted(image, tables, hint)?);
    (Fit::of(&sheet.cells).share() >= CERTAIN).then_some(sheet)
}

/// Offers the grids that most consoles have: from the corner, filling the picture, and centred as UEFI firmware places them.
/// Tells whether one is so good that no better one need be looked for.
fn offer_usual<'t>(judge: &Judge<'_>, tables: &'t [GlyphTable], best: &mut Best<'t>) -> bool {
    let image = judge.image;
    shapes(tables).any(|(table, pitch)| {
        let filling = (image.width % pitch / 2, image.height % table.height / 2);
        let mut origins = vec![(0, 0), filling];
        for (left, top) in area::centred((image.width, image.height), (pitch, table.height)) {
            let origin = (left % pitch, top % table.height);
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        origins.into_iter().any(|(x, y)| best.offer(judge, Grid::new(image, table, pitch, x, y), table))
    })
}

/// A menu over a photograph: the cells have many colours each, and the text one.
fn over_photograph<'t>(image: &Image, tables: &'t [GlyphTable]) -> Option<Found<'t>> {
    frequent_colors(image).into_iter().find_map(|ink| {
        let judge = Judge { image, probes: spread(places_of(image, ink)), inks: vec![ink] };
        let mut best = Best { share: 0.0, rank: 0.0, found: None };
        let enough = judge.probes.len() >= FIRST_PROBES && is_of_strokes(image, &judge.probes, ink);
        (enough && (offer_usual(&judge, tables, &mut best) || best.share >= ACCEPTED))
            .then_some(best.found)
            .flatten()
    })
}

/// Whether a colour, with its shades, is that of thin strokes at some of the places where it begins. Grounds that compression or a
/// filter changed a little are none, and are the commonest colours of such pictures.
fn is_of_strokes(image: &Image, places: &[(usize, usize)], ink: u32) -> bool {
    let (width, height) = (image.width as usize, image.height as usize);
    let is_stroke = |(x, y): &&(usize, usize)| {
        let rows = y.saturating_sub(AROUND)..height.min(y + AROUND);
        let columns = x.saturating_sub(AROUND)..width.min(x + AROUND);
        let all = rows.len() * columns.len();
        let line = |row: usize| &image.pixels[row * width..][columns.clone()];
        let inked = |row: usize| line(row).iter().filter(|pixel| is_near(**pixel, ink, SHADES)).count();
        rows.map(inked).sum::<usize>() * MOST_OF_STROKES < all
    };
    places.iter().filter(is_stroke).count() * STROKES_SHARE >= places.len()
}

/// The commonest colours of a picture but its ground.
fn frequent_colors(image: &Image) -> Vec<u32> {
    // Odd, or the samples would lie in a few columns of the picture.
    let step = (image.pixels.len() / MOST_SAMPLES) | 1;
    let mut colors: Vec<u32> = image.pixels.iter().copied().step_by(step).collect();
    colors.sort_unstable();
    let mut runs: Vec<(usize, u32)> = colors.chunk_by(|a, b| a == b).map(|run| (run.len(), run[0])).collect();
    runs.sort_unstable_by_key(|(count, color)| (std::cmp::Reverse(*count), *color));
    runs.retain(|(count, _)| *count * GROUND_SHARE < colors.len());
    runs.into_iter().take(MOST_INKS).map(|(_, color)| color).collect()
}

/// Where a colour begins, in one place of each tile at most.
fn places_of(image: &Image, color: u32) -> Vec<(usize, usize)> {
    let (width, height, tile) = (image.width as usize, image.height as usize, TILES[2]);
    let mut places = Vec::new();
    for top in (0..height).step_by(tile) {
        for left in (0..width).step_by(tile) {
            let line = |y: usize| &image.pixels[y * width + left..y * width + width.min(left + tile)];
            let mut lines = top..height.min(top + tile);
            places.extend(
                lines.find_map(|y| line(y).iter().position(|pixel| *pixel == color).map(|x| (left + x, y))),
            );
        }
    }
    places
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
            let inks = judge.inks.clone();
            *self = Self { share, rank, found: Some(Found { grid, table, inks }) };
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
        let fit_of = |probes: usize| {
            let probes = self.probes.iter().take(probes);
            let mut cells: Vec<(usize, usize)> = probes.filter_map(|probe| grid.cell_of(*probe)).collect();
            cells.sort_unstable();
            cells.dedup();
            self.fit(&cells, grid, table)
        };
        let few = fit_of(FEWEST_PROBES);
        if few.misses >= HOPELESS && few.hits < few.misses / 8.0 {
            return 0.0;
        }
        let early = fit_of(FIRST_PROBES);
        if early.hits < early.misses / 2.0 {
            return 0.0;
        }
        fit_of(self.probes.len()).share()
    }

    fn fit(&self, cells: &[(usize, usize)], grid: &Grid, table: &GlyphTable) -> Fit {
        let mut fit = Fit::default();
        for (row, column) in cells {
            fit.add(&look(self.image, table, grid.origin(*row, *column), None, &self.inks));
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
    spread(probes)
}

/// Every so many places, in an order that spreads the first ones over the whole picture.
fn spread(places: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    let step = places.len().div_ceil(FIRST_PROBES).max(1);
    let spread = (0..step).flat_map(|start| places.iter().skip(start).step_by(step)).copied();
    spread.take(MOST_PROBES).collect()
}

/// The places around which there are few colours, as there are in text that was drawn and not changed.
fn calm(image: &Image, places: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let (width, height) = (image.width as usize, image.height as usize);
    let is_calm = |(x, y): &(usize, usize)| {
        let rows = y.saturating_sub(AROUND)..height.min(y + AROUND);
        let columns = x.saturating_sub(AROUND)..width.min(x + AROUND);
        let (mut colors, mut count) = ([0; MOST_AROUND], 0);
        for row in rows {
            let mut last = None;
            for pixel in &image.pixels[row * width..][columns.clone()] {
                if last == Some(pixel) || colors[..count].contains(pixel) {
                    last = Some(pixel);
                } else if count == MOST_AROUND {
                    return false;
                } else {
                    colors[count] = *pixel;
                    count += 1;
                }
            }
        }
        true
    };
    places.iter().copied().filter(is_calm).collect()
}

/// The places at which some cell may have two colours.
fn two_colored(image: &Image, mut places: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    let (width, height) = (image.width as usize, image.height as usize);
    let is_two_colored = |left: usize, top: usize| {
        let lines = (top..height.min(top + CORNER)).map(|y| &image.pixels[y * width..(y + 1) * width]);
        let mut pixels = lines.flat_map(|line| &line[left..width.min(left + CORNER)]);
        let Some(first) = pixels.next() else { return false };
        let mut others = pixels.filter(|pixel| *pixel != first);
        others.next().is_none_or(|second| others.all(|pixel| pixel == second))
    };
    places.retain(|(x, y)| {
        let (before, above) = (x.saturating_sub(CORNER - 1), y.saturating_sub(CORNER - 1));
        [*x, before].into_iter().any(|left| [*y, above].into_iter().any(|top| is_two_colored(left, top)))
    });
    places
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of one colour, a little lighter or darker here and there, with these rectangles of another colour.
    fn picture(ground: u32, ink: u32, rectangles: &[(usize, usize, usize, usize)]) -> Image {
        let mut image = Image::filled(64, 64, ground);
        for (index, pixel) in image.pixels.iter_mut().enumerate() {
            *pixel += (index % 7) as u32 * 0x01_0101;
        }
        for (left, top, width, height) in rectangles {
            for y in *top..top + height {
                image.pixels[y * 64 + left..][..*width].fill(ink);
            }
        }
        image
    }

    #[test]
    fn strokes_are_thin() {
        let check = |ground: u32, rectangles: &[(usize, usize, usize, usize)], expected: bool| {
            let ink = 0xcc_cccc;
            let image = picture(ground, ink, rectangles);
            let places = places_of(&image, ink);
            assert_eq!(is_of_strokes(&image, &places, ink), expected, "{ground:06x} {rectangles:?}");
        };
        // An upright, a level one, and one at the edge of the picture.
        check(0x20_4060, &[(30, 20, 2, 16), (8, 40, 12, 2), (62, 0, 2, 30)], true);
        // A bar has its own colour around it in all its tiles but the one at its upper left corner.
        let bar = (8, 8, 40, 24);
        check(0x20_4060, &[bar], false);
        // A ground that is a shade of the ink: it would be counted as ink.
        check(0xc0_c0c0, &[(30, 20, 2, 16), (8, 40, 12, 2)], false);
        // Five of nineteen tiles are more than a quarter, four of eighteen are not.
        let strokes = [bar, (57, 9, 2, 6), (57, 57, 2, 6), (9, 57, 2, 6), (33, 57, 2, 6)];
        check(0x20_4060, &strokes, true);
        check(0x20_4060, &strokes[..4], false);
    }
}
