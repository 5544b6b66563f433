//! The part of a picture that the console uses.
//!
//! UEFI firmware, and viewers that show a small screen on a large one, centre a console on the picture. Its first column
//! is then not the first that a grid of such cells has room for, and lines break where the console ends.

use super::Grid;
use crate::reading::{Place, ReadingCell};

/// Columns and rows of consoles that are centred, the smallest first: the modes of EDK2's graphics console
/// (`GraphicsConsoleDxe`) and VGA's 80 x 50.
const CONSOLES: [(usize, usize); 6] = [(80, 25), (80, 50), (100, 31), (128, 40), (160, 42), (240, 56)];

/// A rectangle of cells, by the first row and column and the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Area {
    row: usize,
    column: usize,
    rows: usize,
    columns: usize,
}

/// The upper left corners of centred consoles on a picture, for cells of this pitch and height.
pub(super) fn centred(
    (width, height): (u32, u32),
    (pitch, cell_height): (u32, u32),
) -> impl Iterator<Item = (u32, u32)> {
    CONSOLES.into_iter().filter_map(move |(columns, rows)| {
        let columns = u32::try_from(columns).ok()?.checked_mul(pitch)?;
        let rows = u32::try_from(rows).ok()?.checked_mul(cell_height)?;
        Some((width.checked_sub(columns)? / 2, height.checked_sub(rows)? / 2))
    })
}

/// Cuts a reading to the smallest centred console that holds all of its text and its cursor; leaves it alone if there
/// is none. `picture` is the size of the picture.
pub(super) fn cut(
    grid: Grid,
    cells: Vec<ReadingCell>,
    cursor: Option<Place>,
    picture: (u32, u32),
) -> (Grid, Vec<ReadingCell>, Option<Place>) {
    let Some(area) = console_around(&grid, &cells, cursor, picture) else {
        return (grid, cells, cursor);
    };
    let rows = cells.chunks(grid.columns).skip(area.row).take(area.rows);
    let kept = rows.flat_map(|row| &row[area.column..area.column + area.columns]).copied().collect();
    let (x, y) = grid.origin(area.row, area.column);
    let side = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let cursor = cursor.map(|place| Place { row: place.row - area.row, column: place.column - area.column });
    (Grid { x: side(x), y: side(y), columns: area.columns, rows: area.rows, ..grid }, kept, cursor)
}

fn console_around(
    grid: &Grid,
    cells: &[ReadingCell],
    cursor: Option<Place>,
    (width, height): (u32, u32),
) -> Option<Area> {
    let inked = || {
        let inked = cells.iter().enumerate().filter(|(_, cell)| cell.character != ' ');
        let inked = inked.map(|(index, _)| (index / grid.columns, index % grid.columns));
        inked.chain(cursor.map(|place| (place.row, place.column)))
    };
    let (top, bottom) = (inked().map(|(row, _)| row).min()?, inked().map(|(row, _)| row).max()?);
    let (left, right) = (inked().map(|(_, column)| column).min()?, inked().map(|(_, column)| column).max()?);
    CONSOLES.iter().find_map(|(columns, rows)| {
        let x = (width as usize).checked_sub(columns * grid.pitch as usize)? / 2;
        let y = (height as usize).checked_sub(rows * grid.cell_height as usize)? / 2;
        let column = whole(x.checked_sub(grid.x as usize)?, grid.pitch as usize)?;
        let row = whole(y.checked_sub(grid.y as usize)?, grid.cell_height as usize)?;
        let area = Area { row, column, rows: *rows, columns: *columns };
        let holds_text = row <= top && bottom < row + rows && column <= left && right < column + columns;
        let fits = row + rows <= grid.rows && column + columns <= grid.columns;
        (holds_text && fits).then_some(area)
    })
}

fn whole(length: usize, unit: usize) -> Option<usize> {
    length.is_multiple_of(unit).then_some(length / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of a picture of this size with 8 x 19 cells, inked at these rows and columns.
    fn check(width: u32, height: u32, y: u32, inked: &[(usize, usize)], expected: (u32, u32, usize, usize)) {
        let (columns, rows) = (width as usize / 8, (height - y) as usize / 19);
        let grid = Grid { x: 0, y, pitch: 8, cell_width: 8, cell_height: 19, columns, rows, scale: 1 };
        let mut cells = vec![ReadingCell::new(' ', 1.0, 0, 0); columns * rows];
        for (row, column) in inked {
            cells[row * columns + column].character = 'x';
        }
        let (cut, kept, _) = cut(grid, cells, None, (width, height));
        assert_eq!((cut.x, cut.y, cut.columns, cut.rows), expected, "{width} x {height}");
        assert_eq!(kept.len(), cut.columns * cut.rows);
        assert_eq!(kept.iter().filter(|cell| cell.character == 'x').count(), inked.len());
    }

    #[test]
    fn centred_consoles_are_found_by_where_their_text_is() {
        // 100 x 31 on 1280 x 800: its first column is the 31st of the picture.
        check(1280, 800, 10, &[(5, 30), (20, 129)], (240, 105, 100, 31));
        // The same picture with 80 x 25, whose rows fall on the same lines.
        check(1280, 800, 10, &[(8, 40), (20, 119)], (320, 162, 80, 25));
        // Text beyond any centred console.
        check(1280, 800, 10, &[(0, 0)], (0, 10, 160, 41));
        check(800, 600, 5, &[(0, 0), (30, 99)], (0, 5, 100, 31));
        check(640, 480, 2, &[(3, 3)], (0, 2, 80, 25));
        check(640, 480, 2, &[], (0, 2, 80, 25));
    }

    #[test]
    fn a_cursor_counts_as_text_and_moves_along() {
        let grid =
            Grid { x: 0, y: 10, pitch: 8, cell_width: 8, cell_height: 19, columns: 160, rows: 41, scale: 1 };
        let cells = vec![ReadingCell::new(' ', 1.0, 0, 0); 160 * 41];
        let at = |row, column| Some(Place { row, column });
        let (cut, _, cursor) = cut(grid, cells, at(6, 31), (1280, 800));
        assert_eq!((cut.columns, cut.rows, cursor), (100, 31, at(1, 1)));
    }
}
