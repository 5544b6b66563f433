//! Pieces of text at their places on a picture, to rows of cells.

use ironhand_console::ReadingCell;

use crate::resize::Area;

/// What was read of an area.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Piece {
    pub(crate) area: Area,
    /// Not empty.
    pub(crate) cells: Vec<ReadingCell>,
}

/// The rows from top to bottom, each from left to right. A piece stands in the column that its place gives at the page's usual
/// width of a character, and at least one blank behind the piece before it.
pub(crate) fn rows(mut pieces: Vec<Piece>) -> Vec<Vec<ReadingCell>> {
    let pitch = pitch(&pieces);
    pieces.sort_by_key(|piece| 2 * piece.area.y + piece.area.height);
    let mut rows: Vec<Vec<Piece>> = Vec::new();
    for piece in pieces {
        match rows.last_mut() {
            Some(row) if row.iter().any(|other| are_level(&other.area, &piece.area)) => row.push(piece),
            _ => rows.push(vec![piece]),
        }
    }
    rows.into_iter().map(|row| join(row, pitch)).collect()
}

/// Whether each has its middle within the other.
const fn are_level(one: &Area, other: &Area) -> bool {
    let middle = (one.y + one.bottom()) / 2;
    let other_middle = (other.y + other.bottom()) / 2;
    middle >= other.y && middle < other.bottom() && other_middle >= one.y && other_middle < one.bottom()
}

fn join(mut row: Vec<Piece>, pitch: f32) -> Vec<ReadingCell> {
    row.sort_by_key(|piece| piece.area.x);
    let mut cells: Vec<ReadingCell> = Vec::new();
    for piece in row {
        let column = (piece.area.x as f32 / pitch) as usize;
        let least = if cells.is_empty() { 0 } else { cells.len() + 1 };
        let blank = ReadingCell { character: ' ', confidence: 1.0, ..piece.cells[0] };
        cells.resize(column.max(least), blank);
        cells.extend(piece.cells);
    }
    cells
}

/// The median width of a character, over all characters.
fn pitch(pieces: &[Piece]) -> f32 {
    let mut widths: Vec<f32> = pieces
        .iter()
        .flat_map(|piece| {
            let count = piece.cells.len();
            std::iter::repeat_n(piece.area.width as f32 / count as f32, count)
        })
        .collect();
    widths.sort_by(f32::total_cmp);
    widths.get(widths.len() / 2).copied().unwrap_or(1.0).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pieces: &[(usize, usize, usize, &str)], expected: &[&str]) {
        let piece = |(x, y, height, text): &(usize, usize, usize, &str)| Piece {
            area: Area { x: *x, y: *y, width: 10 * text.len(), height: *height },
            cells: text
                .chars()
                .map(|character| ReadingCell { character, confidence: 1.0, foreground: 1, background: 0 })
                .collect(),
        };
        let found = rows(pieces.iter().map(piece).collect());
        let found: Vec<String> =
            found.iter().map(|row| row.iter().map(|cell| cell.character).collect()).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn pieces_stand_at_their_places() {
        check(&[], &[]);
        check(&[(0, 40, 20, "below"), (30, 0, 20, "above")], &["   above", "below"]);
        check(&[(100, 2, 20, "right"), (0, 0, 20, "left")], &["left      right"]);
        check(&[(45, 0, 20, "b"), (0, 0, 20, "wide")], &["wide b"]);
    }

    #[test]
    fn rows_are_level_pieces() {
        // A large sign beside two small lines is level with neither.
        check(&[(0, 0, 60, "A"), (50, 2, 20, "one"), (50, 40, 20, "two")], &["     one", "A", "     two"]);
        check(&[(0, 0, 20, "low"), (50, 8, 20, "er")], &["low  er"]);
    }
}
