//! One cell of a picture: its colours and its bitmap.

use super::bitmap::Bitmap;
use super::glyph_table::{Candidate, Drawings, GlyphTable};
use crate::Image;

/// The most colours in a cell that may still be text over a picture; a photograph has more.
const MOST_COLORS: usize = 6;

/// How far the colours of text that lets a picture shine through are apart, in each channel.
pub(super) const SHADES: u8 = 32;

/// What a cell of the picture is.
pub(super) enum Cell<'t> {
    /// One colour.
    Plain(u32),
    /// A bitmap that some font draws.
    Glyph { candidates: &'t [Candidate], foreground: u32, background: u32, two_colors: bool },
    /// Two colours that make no known bitmap.
    Unknown { bitmap: Box<Bitmap>, first: u32, second: u32 },
    /// More colours, and none of them makes a known bitmap.
    Picture,
    /// A picture that holds ink of the text around it.
    Unread { foreground: u32 },
}

/// Looks at the cell whose upper left pixel is at `x`, `y`; it must lie within the picture. `ground` is the colour to
/// take as background where both of two colours would do, `inks` are those of text over a picture.
pub(super) fn look<'t>(
    image: &Image,
    table: &'t GlyphTable,
    (x, y): (usize, usize),
    ground: Option<u32>,
    inks: &[u32],
) -> Cell<'t> {
    let stride = image.width as usize;
    let first = image.pixels[y * stride + x];
    let bitmap = Bitmap::of_pixels(image, (x, y), table.size(), |pixel| pixel != first);
    let Some((column, row)) = bitmap.inked_pixel() else { return Cell::Plain(first) };
    let second = image.pixels[(y + row) * stride + x + column];
    if Bitmap::any_pixel(image, (x, y), table.size(), |pixel| (pixel != first) & (pixel != second)) {
        return over_picture(image, table, (x, y), inks);
    }
    let glyph = |candidates, foreground, background| Cell::Glyph {
        candidates,
        foreground,
        background,
        two_colors: true,
    };
    match table.either_way(&bitmap) {
        Some(Drawings { plain, inverse })
            if plain.is_empty() || !inverse.is_empty() && ground == Some(second) =>
        {
            glyph(inverse, first, second)
        }
        Some(Drawings { plain, .. }) => glyph(plain, second, first),
        None => Cell::Unknown { bitmap: Box::new(bitmap), first, second },
    }
}

/// The lines of pixels of a cell.
pub(super) fn rows<'i>(
    image: &'i Image,
    table: &GlyphTable,
    x: usize,
    y: usize,
) -> impl Iterator<Item = &'i [u32]> {
    let (stride, width) = (image.width as usize, table.width as usize);
    (y..y + table.height as usize).map(move |row| &image.pixels[row * stride + x..row * stride + x + width])
}

/// Text over a picture, or with a shadow: one of the colours alone makes the bitmap.
fn over_picture<'t>(image: &Image, table: &'t GlyphTable, (x, y): (usize, usize), inks: &[u32]) -> Cell<'t> {
    let mut colors: Vec<(u32, u32)> = Vec::with_capacity(MOST_COLORS);
    for pixel in rows(image, table, x, y).flatten() {
        match colors.iter().position(|(color, _)| color == pixel) {
            Some(place) => colors[place].1 += 1,
            None if colors.len() == MOST_COLORS => {
                let inked = inks.iter().find_map(|ink| in_ink(image, table, (x, y), *ink, SHADES));
                return inked.unwrap_or(Cell::Picture);
            }
            None => colors.push((*pixel, 1)),
        }
    }
    colors.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    if let Some(cell) = under_coloured_bar(image, table, x, y, &colors) {
        return cell;
    }
    for (ink, _) in &colors {
        let cell = in_ink(image, table, (x, y), *ink, 0);
        if let Some(Cell::Glyph { candidates, foreground, .. }) = cell
            && (inks.contains(ink) || candidates.iter().any(|c| c.character.is_ascii_alphanumeric()))
        {
            return Cell::Glyph { candidates, foreground, background: colors[0].0, two_colors: false };
        }
    }
    Cell::Picture
}

/// The character that the pixels of one colour alone make over a picture; `apart` is how far shades of it may be apart in
/// each channel.
pub(super) fn in_ink<'t>(
    image: &Image,
    table: &'t GlyphTable,
    (x, y): (usize, usize),
    ink: u32,
    apart: u8,
) -> Option<Cell<'t>> {
    let is_ink = |pixel: u32| is_near(pixel, ink, apart);
    let bitmap = Bitmap::of_pixels(image, (x, y), table.size(), is_ink);
    let candidates = table.lookup(&bitmap)?;
    let ground_of = |pixels: &[u32]| pixels.iter().copied().find(|pixel| !is_ink(*pixel));
    let background = rows(image, table, x, y).filter_map(ground_of).last().unwrap_or(ink);
    let ascii = candidates.iter().any(|candidate| candidate.character.is_ascii_graphic());
    ascii.then_some(Cell::Glyph { candidates, foreground: ink, background, two_colors: false })
}

/// Whether two colours are apart by no more than this in any channel. Without a branch, as it is asked of each pixel of many cells.
pub(super) fn is_near(one: u32, other: u32, apart: u8) -> bool {
    let channel = |color: u32, shift: u32| color >> shift & 0xff;
    let is_near = |shift: u32| {
        let above = (channel(one, shift) + u32::from(apart)).wrapping_sub(channel(other, shift));
        above <= 2 * u32::from(apart)
    };
    is_near(16) & is_near(8) & is_near(0)
}

/// How many pixels of a cell are of a colour, or a shade of it.
pub(super) fn count_of(image: &Image, table: &GlyphTable, (x, y): (usize, usize), color: u32) -> usize {
    rows(image, table, x, y).flatten().filter(|pixel| is_near(**pixel, color, SHADES)).count()
}

/// A character of two colours under a cursor of a third: the cursor's rows count as ink, as if it had the text's colour.
fn under_coloured_bar<'t>(
    image: &Image,
    table: &GlyphTable,
    x: usize,
    y: usize,
    colors: &[(u32, u32)],
) -> Option<Cell<'t>> {
    if colors.len() != 3 {
        return None;
    }
    let is_bar = |color: u32| {
        let mut lines = rows(image, table, x, y).enumerate();
        lines.all(|(row, pixels)| {
            let count = pixels.iter().filter(|pixel| **pixel == color).count();
            count == 0 || count == pixels.len() && row >= table.height as usize / 2
        })
    };
    let bar = colors.iter().map(|(color, _)| *color).find(|color| is_bar(*color))?;
    // The commoner of the other two is the ground: glyphs cover less than half of a cell.
    let mut others = colors.iter().map(|(color, _)| *color).filter(|color| *color != bar);
    let (ground, ink) = (others.next()?, others.next()?);
    let bitmap = Bitmap::of_pixels(image, (x, y), table.size(), |pixel| pixel != ground);
    Some(Cell::Unknown { bitmap: Box::new(bitmap), first: ground, second: ink })
}
