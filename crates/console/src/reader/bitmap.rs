//! The bitmap of one cell.

use std::hash::{Hash, Hasher};

use crate::Image;

/// The widest and the tallest cell of any font.
const LONGEST_SIDE: usize = 32;

/// Rows of a line that is thin.
const THICKEST_LINE: u32 = 2;

/// Which pixels of a cell are ink, column by column: pictures become bitmaps fastest so, as the pixels of one line go to as many
/// columns at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bitmap {
    width: usize,
    /// Every row: as many of the lowest bits as the cell has rows.
    full: u32,
    /// The top row in the highest of `full`; columns past the width are zero.
    columns: [u32; LONGEST_SIDE],
}

impl Bitmap {
    /// Without ink. Sides are at most 32.
    const fn blank(width: u32, height: u32) -> Self {
        Self { width: width as usize, full: u32::MAX >> (u32::BITS - height), columns: [0; LONGEST_SIDE] }
    }

    /// Of the rows of a glyph, the leftmost pixel in bit `width - 1`.
    pub(super) fn of_rows(width: u32, rows: &[u32]) -> Self {
        let mut bitmap = Self::blank(width, u32::try_from(rows.len()).unwrap_or(u32::BITS));
        for row in rows {
            for (column, place) in bitmap.columns.iter_mut().zip((0..width).rev()) {
                *column = *column << 1 | (row >> place & 1);
            }
        }
        bitmap
    }

    /// The pixels of a picture that are ink, from this upper left pixel on; they must lie within the picture.
    pub(super) fn of_pixels(
        image: &Image,
        place: (usize, usize),
        (width, height): (u32, u32),
        is_ink: impl Fn(u32) -> bool,
    ) -> Self {
        let mut bitmap = Self::blank(width, height);
        let columns = &mut bitmap.columns[..width as usize];
        for_strips(image, place, (width as usize, height as usize), columns, |column, pixel| {
            column << 1 | u32::from(is_ink(pixel))
        });
        bitmap
    }

    /// Whether any of a cell's pixels is something.
    pub(super) fn any_pixel(
        image: &Image,
        place: (usize, usize),
        (width, height): (u32, u32),
        is: impl Fn(u32) -> bool,
    ) -> bool {
        let mut found = [0; LONGEST_SIDE];
        let found = &mut found[..width as usize];
        for_strips(image, place, (width as usize, height as usize), found, |found, pixel| {
            found | u32::from(is(pixel))
        });
        found.contains(&1)
    }

    /// Whether nothing is inked.
    pub(super) fn is_blank(&self) -> bool {
        self.columns().iter().all(|column| *column == 0)
    }

    /// Column and row of an inked pixel.
    pub(super) fn inked_pixel(&self) -> Option<(usize, usize)> {
        let column = self.columns().iter().position(|column| *column != 0)?;
        Some((column, (self.columns[column].leading_zeros() - self.full.leading_zeros()) as usize))
    }

    /// Whether the upper left pixel is inked.
    pub(super) const fn begins_inked(&self) -> bool {
        self.columns[0] & self.full & !(self.full >> 1) != 0
    }

    /// With ink and ground exchanged.
    pub(super) fn inverse(mut self) -> Self {
        let full = self.full;
        self.columns[..self.width].iter_mut().for_each(|column| *column ^= full);
        self
    }

    fn columns(&self) -> &[u32] {
        &self.columns[..self.width]
    }

    /// Whether nothing but full rows in the lower half is inked: an underline cursor over a blank.
    pub(super) fn is_bar(&self) -> bool {
        let lower = self.lower_half();
        self.columns().iter().all(|column| *column == self.columns[0]) && self.columns[0] & !lower == 0
    }

    /// The rows of the lower half, with the one in the middle.
    const fn lower_half(&self) -> u32 {
        self.full >> (self.full.count_ones() / 2)
    }

    /// Whether the ink is straight lines from edge to edge, or a thin one to an edge: part of a frame or of a picture's border,
    /// and no character.
    pub(super) fn is_rule(&self) -> bool {
        let columns = self.columns();
        columns.iter().all(|column| *column == columns[0])
            || columns.iter().all(|column| *column == 0 || *column == self.full)
            || self.is_end_of_line()
            || self.is_border()
    }

    /// Whether nothing is inked but the outermost pixels, as in the corner of a frame.
    fn is_border(&self) -> bool {
        let outermost = 1 | self.full & !(self.full >> 1);
        let inside = self.columns().iter().skip(1).take(self.width.saturating_sub(2));
        inside.fold(0, |all, column| all | column) & !outermost == 0
    }

    /// Whether the ink is one thin level line that ends at the left or right edge.
    fn is_end_of_line(&self) -> bool {
        let columns = self.columns();
        let inked = columns.iter().filter(|column| **column != 0);
        let Some(line) = inked.clone().next() else { return false };
        let length = inked.clone().count();
        let at_edge = |edge: &[u32]| edge.iter().all(|column| column == line);
        line.count_ones() <= THICKEST_LINE
            && (at_edge(&columns[..length]) || at_edge(&columns[columns.len() - length..]))
    }

    /// The rows of an underline cursor: the lowest full rows in the lower half that follow each other.
    pub(super) fn bar(&self) -> Option<u32> {
        let full = self.columns().iter().fold(self.lower_half(), |all, column| all & column);
        let lowest = (full != 0).then(|| full.trailing_zeros())?;
        let thick = (full >> lowest).trailing_ones();
        Some(u32::MAX >> (u32::BITS - thick) << lowest)
    }

    /// Without the ink of these rows.
    pub(super) fn without(mut self, rows: u32) -> Self {
        self.columns[..self.width].iter_mut().for_each(|column| *column &= !rows);
        self
    }
}

/// Carries a number for each column of a cell down its pixels. In strips of eight, four and single columns: a constant width
/// lets the compiler handle a line of a strip at once.
fn for_strips(
    image: &Image,
    (x, y): (usize, usize),
    (width, height): (usize, usize),
    columns: &mut [u32],
    next: impl Fn(u32, u32) -> u32,
) {
    let mut left = 0;
    while left < width {
        let place = (x + left, y);
        let rest = &mut columns[left..];
        left += match width - left {
            8.. => strip::<8>(image, place, height, rest, &next),
            4.. => strip::<4>(image, place, height, rest, &next),
            _ => strip::<1>(image, place, height, rest, &next),
        };
    }
}

fn strip<const WIDTH: usize>(
    image: &Image,
    (x, y): (usize, usize),
    height: usize,
    columns: &mut [u32],
    next: impl Fn(u32, u32) -> u32,
) -> usize {
    let mut carried = [0; WIDTH];
    let stride = image.width as usize;
    for row in y..y + height {
        let Some(pixels) = image.pixels[row * stride + x..].first_chunk::<WIDTH>() else { break };
        for (carried, pixel) in carried.iter_mut().zip(pixels) {
            *carried = next(*carried, *pixel);
        }
    }
    columns[..WIDTH].copy_from_slice(&carried);
    WIDTH
}

impl PartialEq for Bitmap {
    fn eq(&self, other: &Self) -> bool {
        self.columns() == other.columns()
    }
}

impl Eq for Bitmap {}

impl Hash for Bitmap {
    /// The columns in pairs, of which no product waits for another. The keys are our own fonts, so nobody can choose them to
    /// collide.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let pairs = self.columns[..self.width.next_multiple_of(2).min(LONGEST_SIDE)].chunks_exact(2);
        let hash = pairs.zip(FACTORS).fold(0_u64, |hash, (pair, factor)| {
            let pair = u64::from(pair[0]) << 32 | u64::from(pair[1]);
            hash.wrapping_add(pair.wrapping_mul(factor))
        });
        state.write_u64(hash ^ hash >> 32);
    }
}

/// Odd numbers without a pattern: multiples of the golden ratio's fraction in 64 bits.
const FACTORS: [u64; LONGEST_SIDE / 2] = {
    let mut factors = [0x9e37_79b9_7f4a_7c15_u64; LONGEST_SIDE / 2];
    let mut place = 1;
    while place < factors.len() {
        factors[place] = factors[place - 1].wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ factors[0];
        factors[place] |= 1;
        place += 1;
    }
    factors
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A picture of a cell with other pixels around it, the cell's upper left pixel at 3, 2.
    fn picture(width: u32, rows: &[u32]) -> Image {
        let mut image = Image::filled(width + 5, rows.len() as u32 + 3, 7);
        for (y, row) in rows.iter().enumerate() {
            for x in 0..width {
                let place = (y + 2) * image.width as usize + x as usize + 3;
                image.pixels[place] = row >> (width - 1 - x) & 1;
            }
        }
        image
    }

    proptest! {
        #[test]
        fn pixels_and_rows_make_the_same_bitmap(
            (width, rows) in (1_u32..=32).prop_flat_map(|width| {
                let row = 0..=u32::MAX >> (32 - width);
                (Just(width), proptest::collection::vec(prop_oneof![Just(0), row], 1..=32))
            }),
        ) {
            let (image, size) = (picture(width, &rows), (width, rows.len() as u32));
            let bitmap = Bitmap::of_rows(width, &rows);
            prop_assert!(bitmap == Bitmap::of_pixels(&image, (3, 2), size, |pixel| pixel == 1));
            prop_assert!(bitmap.inverse() == Bitmap::of_pixels(&image, (3, 2), size, |pixel| pixel == 0));
            prop_assert_eq!(bitmap.is_blank(), rows.iter().all(|row| *row == 0));
            prop_assert_eq!(bitmap.begins_inked(), rows[0] >> (width - 1) == 1);
            prop_assert!(!Bitmap::any_pixel(&image, (3, 2), size, |pixel| pixel > 1));
            prop_assert!(bitmap.is_blank() != Bitmap::any_pixel(&image, (3, 2), size, |pixel| pixel == 1));
            match bitmap.inked_pixel() {
                Some((x, y)) => prop_assert_eq!(rows[y] >> (width as usize - 1 - x) & 1, 1),
                None => prop_assert!(bitmap.is_blank()),
            }
        }
    }

    #[test]
    fn lines_are_no_characters() {
        let check = |rows: [u32; 8], is_rule: bool, bar: Option<u32>| {
            let bitmap = Bitmap::of_rows(8, &rows);
            assert_eq!((bitmap.is_rule(), bitmap.bar()), (is_rule, bar), "{rows:x?}");
        };
        check([0, 0, 0, 0xff, 0, 0, 0, 0], true, None);
        check([0, 0, 0, 0, 0, 0xff, 0xff, 0], true, Some(0b110));
        check([0, 0, 0, 0, 0xff, 0, 0xff, 0], true, Some(0b10));
        check([0x18; 8], true, None);
        check([0xff, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81], true, None);
        check([0, 0, 0, 0x0f, 0x0f, 0, 0, 0], true, None);
        check([0, 0, 0, 0xf0, 0, 0, 0, 0], true, None);
        check([0, 0, 0, 0x3c, 0, 0, 0, 0], false, None);
        check([0, 0, 0x0f, 0x0f, 0x0f, 0, 0, 0], false, None);
        check([0x18, 0x18, 0x18, 0xff, 0, 0, 0, 0], false, None);
        check([0x18, 0, 0x18, 0, 0x18, 0, 0, 0xff], false, Some(1));
    }

    #[test]
    fn a_bar_is_taken_away() {
        let under = Bitmap::of_rows(4, &[6, 9, 9, 6, 0xf, 0xf]);
        assert!(under.bar().map(|bar| under.without(bar)) == Some(Bitmap::of_rows(4, &[6, 9, 9, 6, 0, 0])));
        assert!(Bitmap::of_rows(4, &[0, 0, 0, 0, 0xf, 0xf]).is_bar());
        assert!(!under.is_bar());
        assert!(!Bitmap::of_rows(4, &[0xf, 0, 0, 0, 0, 0]).is_bar());
    }
}
