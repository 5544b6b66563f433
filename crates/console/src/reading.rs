//! What was read of a picture.

mod highlight;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::image::Image;
use crate::page::{Page, PageCell};
use crate::reader::Grid;

/// A reading with a smaller share of recognised characters is not acted on.
const RELIABLE_SHARE: f32 = 0.84;

/// The same for damaged pictures, of which more is read in the right font, and less in a related one.
const RELIABLE_SHARE_OF_NEAREST: f32 = 0.92;

/// The same for the mean confidence of what a general recogniser read. It is sure of itself: on screens with a wrong character in
/// twenty it was 0.97 and less, on those with one in fifty mostly more than this.
const RELIABLE_MEAN: f32 = 0.98;

/// What a picture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ScreenKind {
    /// One colour.
    Blank,
    /// Characters on a grid.
    Text,
    /// Anything else.
    Graphics,
}

/// How the characters of a picture were recognised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadingMethod {
    /// Each bitmap is a glyph, pixel by pixel.
    #[default]
    Exact,
    /// Each cell was compared with all glyphs of the page's font, as they look after scaling and compression.
    Nearest,
    /// By a general recogniser of text.
    Recognised,
}

/// What was read of one cell.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadingCell {
    /// The character; U+FFFD where no font draws what stands there.
    pub character: char,
    /// 1 where the bitmap is a glyph exactly, less where a cursor covers part of it, 0 where it is unread.
    pub confidence: f32,
    /// The colour of the ink, `0x00RRGGBB`.
    pub foreground: u32,
    /// The colour behind it.
    pub background: u32,
}

impl ReadingCell {
    pub(crate) const fn new(character: char, confidence: f32, foreground: u32, background: u32) -> Self {
        Self { character, confidence, foreground, background }
    }
}

/// A cell's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// From 0.
    pub row: usize,
    /// From 0.
    pub column: usize,
}

/// What was read of a picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    /// What the picture shows.
    pub kind: ScreenKind,
    /// How it was read.
    pub method: ReadingMethod,
    /// Where the cells are; none where no text was found.
    pub grid: Option<Grid>,
    /// The cells, row by row, `grid.columns` in each row.
    pub cells: Vec<ReadingCell>,
    /// The share of the characters that was recognised, 0 to 1.
    pub score: f32,
    /// The name of the font, as in the crate's `fonts/ORIGIN.md`.
    pub font: Option<String>,
    /// The underline cursor, where one shows. A block cursor is an inverted cell, which its colours tell.
    pub cursor: Option<Place>,
    /// The one row that is drawn in other colours than those around it: the chosen line of a menu, or that of the button or
    /// field which keys go to.
    pub highlighted_row: Option<usize>,
    /// Equal for equal text: the 64-bit FNV-1a of [`text`](Self::text).
    pub hash: u64,
}

impl Reading {
    pub(crate) fn empty(kind: ScreenKind) -> Self {
        Self {
            kind,
            method: ReadingMethod::default(),
            grid: None,
            cells: Vec::new(),
            score: if kind == ScreenKind::Blank { 1.0 } else { 0.0 },
            font: None,
            cursor: None,
            highlighted_row: None,
            hash: fnv1a(""),
        }
    }

    pub(crate) fn of_cells(
        grid: Grid,
        cells: Vec<ReadingCell>,
        ground: u32,
        font: Option<String>,
        cursor: Option<Place>,
    ) -> Self {
        let inked = cells.iter().filter(|cell| cell.character != ' ').count();
        let unread = cells.iter().filter(|cell| cell.character == char::REPLACEMENT_CHARACTER).count();
        // Counts of cells are far below what f32 holds exactly.
        #[expect(clippy::cast_precision_loss, reason = "counts of cells are below 2^24")]
        let score = if inked == 0 { 0.0 } else { (inked - unread) as f32 / inked as f32 };
        let highlighted_row = highlight::row(&cells, grid.columns, ground);
        let mut reading = Self {
            kind: ScreenKind::Text,
            method: ReadingMethod::default(),
            grid: Some(grid),
            cells,
            score,
            font,
            cursor,
            highlighted_row,
            hash: 0,
        };
        reading.hash = fnv1a(&reading.text());
        reading
    }

    /// The screen of a terminal, on which each character is certain.
    pub(crate) fn of_terminal(
        grid: Grid,
        cells: Vec<ReadingCell>,
        ground: u32,
        cursor: Option<Place>,
    ) -> Self {
        let is_blank = cells.iter().all(|cell| cell.character == ' ' && cell.background == ground);
        let kind = if is_blank { ScreenKind::Blank } else { ScreenKind::Text };
        Self { kind, score: 1.0, ..Self::of_cells(grid, cells, ground, None, cursor) }
    }

    /// What a general recogniser made of a picture: rows of any length, from top to bottom. Its grid only tells how many rows
    /// and columns the text has: letters of such pages stand in no cells. A page that is not certain enough counts as graphics.
    pub fn recognised(mut rows: Vec<Vec<ReadingCell>>, image: &Image) -> Self {
        let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
        let Some(first) = rows.iter().flatten().next().copied() else {
            let method = ReadingMethod::Recognised;
            return Self { method, ..Self::empty(ScreenKind::Graphics) };
        };
        for row in &mut rows {
            let edge = *row.last().unwrap_or(&first);
            row.resize(columns, ReadingCell { character: ' ', confidence: 1.0, ..edge });
        }
        let side = |pixels: u32, cells: usize| pixels / u32::try_from(cells).unwrap_or(u32::MAX).max(1);
        let (cell_width, cell_height) = (side(image.width, columns), side(image.height, rows.len()));
        let grid = Grid {
            x: 0,
            y: 0,
            pitch: cell_width,
            cell_width,
            cell_height,
            columns,
            rows: rows.len(),
            scale: 1,
        };
        let cells: Vec<ReadingCell> = rows.into_iter().flatten().collect();
        let ground = ground(&cells);
        let reading = Self::of_cells(grid, cells, ground, None, None);
        let is_certain = reading.score >= RELIABLE_SHARE && mean_confidence(&reading.cells) >= RELIABLE_MEAN;
        let kind = if is_certain { ScreenKind::Text } else { ScreenKind::Graphics };
        Self { kind, method: ReadingMethod::Recognised, ..reading }
    }

    /// The rows from top to bottom, without trailing blanks.
    pub fn rows(&self) -> impl Iterator<Item = String> + '_ {
        let columns = self.grid.map_or(1, |grid| grid.columns.max(1));
        self.cells.chunks(columns).map(|row| {
            let text: String = row.iter().map(|cell| cell.character).collect();
            text.trim_end().to_owned()
        })
    }

    /// The rows joined by line feeds, without blank ones at the end.
    pub fn text(&self) -> String {
        let text = self.rows().collect::<Vec<_>>().join("\n");
        text.trim_end().to_owned()
    }

    /// Whether the reading may be acted on: the picture is text or blank, and nearly all of it was read. What a general
    /// recogniser made of it never may: it takes `0` for `O` and is sure of it.
    pub fn is_reliable(&self) -> bool {
        let least = match self.method {
            ReadingMethod::Exact => RELIABLE_SHARE,
            ReadingMethod::Nearest => RELIABLE_SHARE_OF_NEAREST,
            ReadingMethod::Recognised => return false,
        };
        self.kind != ScreenKind::Graphics && self.score >= least
    }

    /// The least confidence of any character; 1 where there is none.
    pub fn least_confidence(&self) -> f32 {
        self.cells.iter().filter(|cell| cell.character != ' ').map(|cell| cell.confidence).fold(1.0, f32::min)
    }
}

impl From<&Reading> for Page {
    fn from(reading: &Reading) -> Self {
        let columns = reading.grid.map_or(1, |grid| grid.columns.max(1));
        let page_cell =
            |cell: &ReadingCell| PageCell { character: cell.character, confidence: cell.confidence };
        Self::from_rows(columns, reading.cells.chunks(columns).map(|row| row.iter().map(page_cell).collect()))
    }
}

/// The background of most characters.
fn ground(cells: &[ReadingCell]) -> u32 {
    let mut counts = BTreeMap::new();
    for cell in cells.iter().filter(|cell| cell.character != ' ') {
        *counts.entry(cell.background).or_insert(0_usize) += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map_or(0, |(color, _)| color)
}

/// Of all that is no blank; 0 where there is nothing else.
fn mean_confidence(cells: &[ReadingCell]) -> f32 {
    let inked = || cells.iter().filter(|cell| cell.character != ' ');
    let sum: f32 = inked().map(|cell| cell.confidence).sum();
    sum / (inked().count() as f32).max(1.0)
}

fn fnv1a(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str, confidence: f32) -> Vec<ReadingCell> {
        text.chars().map(|character| ReadingCell::new(character, confidence, 0xff_ffff, 0x20)).collect()
    }

    #[test]
    fn recognised_rows_of_any_length_make_a_page() {
        let image = Image::filled(100, 40, 0x20);
        let reading = Reading::recognised(vec![row("  Stop code:", 0.99), row("0xc0", 0.99)], &image);
        assert_eq!(reading.text(), "  Stop code:\n0xc0");
        assert_eq!((reading.kind, reading.method), (ScreenKind::Text, ReadingMethod::Recognised));
        assert!(!reading.is_reliable(), "it is for people to read");
        let found = crate::Pattern::new(r"(?s)code:.*(?<code>0x\w+)").unwrap().find(&Page::from(&reading));
        assert_eq!(found.unwrap().groups["code"], "0xc0");
    }

    #[test]
    fn recognised_pages_that_are_uncertain_are_graphics() {
        let image = Image::filled(100, 40, 0x20);
        let check = |rows, kind| assert_eq!(Reading::recognised(rows, &image).kind, kind);
        check(Vec::new(), ScreenKind::Graphics);
        check(vec![row("", 1.0)], ScreenKind::Graphics);
        check(vec![row("ab\u{fffd}", 1.0)], ScreenKind::Graphics);
        check(vec![row("abcdefghi\u{fffd}", 1.0)], ScreenKind::Text);
        check(vec![row("abcdefghij", 0.97)], ScreenKind::Graphics);
    }
}
