//! Text over pictures: boot menus over a photograph, messages of firmware across its logo.
//!
//! A cell of many colours is a picture, unless one colour in it, that of the page's other text, makes a character. What
//! looks like a character and stands alone is a chance likeness; what stands within a text and makes no character is unread.

use std::cmp::Reverse;

use super::Sheet;
use super::cell::{Cell, SHADES, count_of, in_ink};
use crate::Image;

/// A colour is one of text if so many letters and digits of the page have it.
const FEWEST_LETTERS: usize = 3;

/// The most colours of text that are tried.
const MOST_INKS: usize = 6;

/// As many pixels make a character that no picture shows by chance.
const TELLING_PIXELS: usize = 12;

/// What a straight stroke in a picture may look like.
const STROKES: &str = "-_=|'`\"";

/// Fewer pixels of the text's colour are a chance.
const FEWEST_PIXELS: usize = 4;

/// How many cells words may be apart.
const WORDS_APART: usize = 2;

/// Looks at the cells of many colours again, now that the colours of the page's text are known.
pub(super) fn settle(image: &Image, sheet: &mut Sheet<'_>) {
    let many_colored =
        |cell: &Cell<'_>| matches!(cell, Cell::Picture | Cell::Glyph { two_colors: false, .. });
    if !sheet.cells.iter().any(many_colored) {
        return;
    }
    let inks = inks(sheet);
    for index in 0..sheet.cells.len() {
        if let Cell::Picture = sheet.cells[index] {
            let place = sheet.grid.origin(index / sheet.grid.columns, index % sheet.grid.columns);
            let seen = inks.iter().find_map(|ink| in_ink(image, sheet.table, place, *ink, SHADES));
            sheet.cells[index] = seen.unwrap_or(Cell::Picture);
        }
    }
    drop_likenesses(image, sheet, &inks);
    mark_unread(image, sheet, &inks);
}

/// The colours of the page's letters and digits, the commonest first.
fn inks(sheet: &Sheet<'_>) -> Vec<u32> {
    let mut colors: Vec<u32> = sheet
        .cells
        .iter()
        .filter_map(|cell| match cell {
            Cell::Glyph { candidates, foreground, .. }
                if candidates.iter().any(|c| c.character.is_ascii_alphanumeric()) =>
            {
                Some(*foreground)
            }
            _ => None,
        })
        .collect();
    colors.sort_unstable();
    let mut runs: Vec<(usize, u32)> = colors.chunk_by(|a, b| a == b).map(|run| (run.len(), run[0])).collect();
    runs.retain(|(count, _)| *count >= FEWEST_LETTERS);
    runs.sort_unstable_by_key(|(count, color)| (Reverse(*count), *color));
    runs.into_iter().take(MOST_INKS).map(|(_, color)| color).collect()
}

/// Takes for picture what looks like a character and has neither the shape nor the neighbours of one.
fn drop_likenesses(image: &Image, sheet: &mut Sheet<'_>, inks: &[u32]) {
    let columns = sheet.grid.columns;
    let mut text: Vec<bool> =
        (0..sheet.cells.len()).map(|index| is_text(image, sheet, inks, index)).collect();
    let may_be_text: Vec<bool> = sheet
        .cells
        .iter()
        .map(|cell| matches!(cell, Cell::Glyph { foreground, .. } if inks.contains(foreground)))
        .collect();
    for (text, may_be) in text.chunks_mut(columns).zip(may_be_text.chunks(columns)) {
        // Signs belong to the text that they stand beside, and so do those beside them.
        let spread = |text: &mut [bool], column: usize| {
            let around = column.saturating_sub(WORDS_APART)..(column + WORDS_APART + 1).min(text.len());
            text[column] |= may_be[column] && text[around].contains(&true);
        };
        (0..columns).for_each(|column| spread(text, column));
        (0..columns).rev().for_each(|column| spread(text, column));
    }
    for (cell, text) in sheet.cells.iter_mut().zip(text) {
        if let Cell::Glyph { two_colors: false, .. } = cell
            && !text
        {
            *cell = Cell::Picture;
        }
    }
}

/// Whether a cell shows a character without regard to what is beside it.
fn is_text(image: &Image, sheet: &Sheet<'_>, inks: &[u32], index: usize) -> bool {
    let Cell::Glyph { candidates, foreground, two_colors, .. } = sheet.cells[index] else { return false };
    if two_colors {
        return candidates.iter().any(|c| c.character.is_ascii_alphanumeric());
    }
    let place = sheet.grid.origin(index / sheet.grid.columns, index % sheet.grid.columns);
    let shaped = candidates.iter().any(|c| c.character.is_ascii_graphic() && !STROKES.contains(c.character));
    shaped && inks.contains(&foreground) && count_of(image, sheet.table, place, foreground) >= TELLING_PIXELS
}

/// Takes for unread what has the colour of the text that stands directly beside it, and makes no character.
fn mark_unread(image: &Image, sheet: &mut Sheet<'_>, inks: &[u32]) {
    let columns = sheet.grid.columns;
    let area = (sheet.table.width * sheet.table.height) as usize;
    for index in 0..sheet.cells.len() {
        let Cell::Picture = sheet.cells[index] else { continue };
        let column = index % columns;
        let ink_at = |at: usize| match sheet.cells[at] {
            Cell::Glyph { foreground, two_colors: false, .. } => Some(foreground),
            _ => None,
        };
        let left = (column > 0).then(|| ink_at(index - 1)).flatten();
        let right = (column + 1 < columns).then(|| ink_at(index + 1)).flatten();
        let Some(ink) = left.or(right).filter(|ink| inks.contains(ink)) else { continue };
        let count = count_of(image, sheet.table, sheet.grid.origin(index / columns, column), ink);
        if (FEWEST_PIXELS..=area / 2).contains(&count) {
            sheet.cells[index] = Cell::Unread { foreground: ink };
        }
    }
}
