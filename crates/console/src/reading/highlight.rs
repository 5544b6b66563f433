//! The row of a menu that is chosen, by its colours.

use std::collections::BTreeMap;
use std::ops::Range;

use super::ReadingCell;

/// Letters and digits that a chosen row has at least.
const FEWEST_LETTERS: usize = 2;

/// Cells of a bar behind a text: a shorter one is a hot key or a mark.
const SHORTEST_BAR: usize = 3;

/// Rows of a menu that have the same colour as each other, at least, for one of another colour to be the chosen one.
const FEWEST_OTHERS: usize = 2;

/// The chosen row, where there is one and no other that may be it. `ground` is the colour of most of the page.
///
/// Menus show it in three ways: a bar of another background than the panel around it; a row of another background than the
/// page; within a frame, letters of another colour than those of the other rows.
pub(super) fn row(cells: &[ReadingCell], columns: usize, ground: u32) -> Option<usize> {
    let rows: Vec<&[ReadingCell]> = cells.chunks_exact(columns.max(1)).collect();
    only((1..rows.len()).filter(|row| has_bar(&rows, *row)))
        .or_else(|| only((0..rows.len()).filter(|row| is_off_ground(&rows, *row, ground))))
        .or_else(|| of_other_ink(&rows))
}

fn only(mut rows: impl Iterator<Item = usize>) -> Option<usize> {
    let row = rows.next()?;
    rows.next().is_none().then_some(row)
}

/// Whether most of a row's text stands on another colour than the page's, and the rows around it do not: that would be a panel.
fn is_off_ground(rows: &[&[ReadingCell]], row: usize, ground: u32) -> bool {
    let at = |row: Option<usize>, column: usize| {
        row.and_then(|row| rows.get(row)).map(|row| row[column].background)
    };
    let is_other = |(column, cell): &(usize, &ReadingCell)| {
        let around = [at(row.checked_sub(1), *column), at(row.checked_add(1), *column)];
        cell.background != ground && !around.contains(&Some(cell.background))
    };
    let letters = letters(rows[row]);
    let other = rows[row].iter().enumerate().filter(|(_, cell)| is_letter(cell)).filter(is_other).count();
    letters >= FEWEST_LETTERS && other * 2 > letters
}

/// Whether text of a row stands on a bar, with one other colour above and below all of it.
fn has_bar(rows: &[&[ReadingCell]], row: usize) -> bool {
    let Some(below) = rows.get(row + 1) else { return false };
    let (above, row) = (rows[row - 1], rows[row]);
    let mut from = 0;
    row.chunk_by(|left, right| left.background == right.background).any(|bar| {
        let place = from..from + bar.len();
        from = place.end;
        let panel = above[place.start].background;
        let is_panel = |cells: &[ReadingCell]| cells.iter().all(|cell| cell.background == panel);
        bar.len() >= SHORTEST_BAR
            && panel != bar[0].background
            && letters(bar) >= FEWEST_LETTERS
            && is_panel(&above[place.clone()])
            && is_panel(&below[place])
    })
}

/// The one row within a frame whose letters have another colour than those of the other rows in it.
fn of_other_ink(rows: &[&[ReadingCell]]) -> Option<usize> {
    let mut frames: BTreeMap<(usize, usize), Vec<(usize, u32)>> = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        for place in framed(row) {
            if let Some(ink) = ink(&row[place.clone()]) {
                frames.entry((place.start, place.end)).or_default().push((index, ink));
            }
        }
    }
    only(frames.into_values().filter_map(|rows| {
        let count = |ink: u32| rows.iter().filter(|(_, other)| *other == ink).count();
        let commonest = rows.iter().map(|(_, ink)| *ink).max_by_key(|ink| count(*ink))?;
        let others = rows.iter().filter(|(_, ink)| *ink != commonest).map(|(row, _)| *row);
        only(others).filter(|_| count(commonest) >= FEWEST_OTHERS)
    }))
}

/// What lies between two upright lines of a row.
fn framed(row: &[ReadingCell]) -> Vec<Range<usize>> {
    let is_upright = |cell: &ReadingCell| matches!(cell.character, '│' | '║' | '┃' | '|');
    let lines: Vec<usize> = (0..row.len()).filter(|column| is_upright(&row[*column])).collect();
    lines.windows(2).map(|pair| pair[0] + 1..pair[1]).collect()
}

/// The one colour of the letters on one ground; nothing where there are several, or hardly any letters.
fn ink(cells: &[ReadingCell]) -> Option<u32> {
    let mut letters = cells.iter().filter(|cell| is_letter(cell));
    let first = letters.next()?;
    let (mut count, mut alike) = (1, true);
    for letter in letters {
        count += 1;
        alike &= (letter.foreground, letter.background) == (first.foreground, first.background);
    }
    (alike && count >= FEWEST_LETTERS).then_some(first.foreground)
}

fn is_letter(cell: &ReadingCell) -> bool {
    cell.character.is_alphanumeric()
}

fn letters(cells: &[ReadingCell]) -> usize {
    cells.iter().filter(|cell| is_letter(cell)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: usize = 16;

    /// Rows of text, each with ink and ground; the ground goes from the first to the last sign, and black is around.
    fn check(rows: &[(&str, u32, u32)], expected: Option<usize>) {
        let cells: Vec<ReadingCell> = rows
            .iter()
            .flat_map(|(text, ink, ground)| {
                let signs = text.chars().chain(std::iter::repeat(' ')).take(COLUMNS).enumerate();
                let begins = text.chars().take_while(|sign| *sign == ' ').count();
                let within = begins..text.chars().count();
                signs.map(move |(column, character)| {
                    let background = if within.contains(&column) { *ground } else { 0 };
                    ReadingCell::new(character, 1.0, *ink, background)
                })
            })
            .collect();
        assert_eq!(row(&cells, COLUMNS, 0), expected, "{rows:?}");
    }

    #[test]
    fn a_row_on_another_ground_than_the_page_is_chosen() {
        check(&[("Boot", 7, 0), ("Setup", 0, 7), ("Reset", 7, 0)], Some(1));
        check(&[("Boot", 0, 7), ("Setup", 7, 0), ("Reset", 7, 0)], Some(0));
        check(&[("Boot", 7, 0), ("Setup", 7, 0), ("Reset", 7, 0)], None);
        check(&[("Boot", 0, 7), ("Setup", 7, 0), ("Reset", 0, 7)], None);
        // A panel of help at the foot of a page.
        check(&[("Boot", 7, 0), ("x       x", 0, 7), ("F1 Help x", 0, 7), ("x       x", 0, 7)], None);
    }

    #[test]
    fn a_bar_on_a_panel_is_chosen() {
        let check = |second: u32, third: u32, expected| {
            let rows = [("| Language |", 0, 7), ("| English  |", 0, second), ("| Deutsch  |", 0, third)];
            check(&[rows[0], rows[1], rows[2], ("|__________|", 0, 7)], expected);
        };
        check(7, 4, Some(2));
        check(4, 7, Some(1));
        check(7, 7, None);
    }

    #[test]
    fn letters_of_another_colour_within_a_frame_are_chosen() {
        check(&[("│ Debian │", 3, 4), ("│ Memory │", 15, 4), ("│ Setup  │", 3, 4)], Some(1));
        check(&[("│ Debian │", 3, 4), ("│ Memory │", 15, 4), ("│ Setup  │", 14, 4)], None);
        check(&[("│ Debian │", 3, 4), ("│ Memory │", 15, 4)], None);
        // Messages of another colour stand in no frame.
        check(&[("  usb 1-1: new", 3, 0), ("  error", 15, 0), ("  usb 1-2: new", 3, 0)], None);
    }
}
