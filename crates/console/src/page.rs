//! The text of a screen prepared for matching: line art blanked, wrapped lines joined, each character's place kept.

use std::ops::Range;

/// The text of one screen, with the place and confidence of each character.
///
/// Comes from a reading by `From`, or from plain text by [`Page::from_text`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    rows: Vec<Vec<PageCell>>,
    /// Width of the screen in cells, where known: a row this long may go on in the next.
    columns: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PageCell {
    pub(crate) character: char,
    pub(crate) confidence: f32,
}

/// One text made of a page, with the way back from byte offsets to cells.
pub(crate) struct Haystack {
    pub(crate) text: String,
    /// For each piece of the text that stems from one row: its start in bytes and its row.
    pieces: Vec<(usize, usize)>,
    /// For each character of the text: its byte offset and confidence.
    confidences: Vec<(usize, f32)>,
}

/// A page prepared for many patterns.
pub struct Searchable {
    pub(crate) rows: Haystack,
    /// With wrapped lines joined; none if no line wraps.
    pub(crate) joined: Option<Haystack>,
}

impl Page {
    /// A page of this text, read with full confidence, one row for each line.
    ///
    /// Lines stand as they are; none counts as wrapped.
    pub fn from_text(text: &str) -> Self {
        let cells = |line: &str| {
            line.chars()
                .map(|character| PageCell { character: blanked(character), confidence: 1.0 })
                .collect()
        };
        Self { rows: text.lines().map(cells).collect(), columns: None }
    }

    pub(crate) fn from_rows(columns: usize, rows: impl Iterator<Item = Vec<PageCell>>) -> Self {
        let blank = |mut row: Vec<PageCell>| {
            for cell in &mut row {
                cell.character = blanked(cell.character);
            }
            row
        };
        Self { rows: rows.map(blank).collect(), columns: Some(columns) }
    }

    /// Prepares the page for many patterns.
    pub fn searchable(&self) -> Searchable {
        Searchable { rows: self.rows(), joined: self.joined() }
    }

    /// How many rows there are down to the last one with text, and how many columns the widest row or, where it is
    /// known, the screen has.
    pub fn extent(&self) -> (usize, usize) {
        let inked = |row: &Vec<PageCell>| row.iter().any(|cell| cell.character != ' ');
        let rows = self.rows.iter().rposition(inked).map_or(0, |last| last + 1);
        let widest = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        (rows, self.columns.unwrap_or(widest))
    }

    /// The part of the page in these rows and columns, from 0; what lies beyond the page is left out.
    ///
    /// ```
    /// use ironhand_console::{Page, Pattern};
    ///
    /// let page = Page::from_text("login: root\nlast login: never");
    /// let part = page.part(1..2, 5..20);
    /// let found = Pattern::new("^login")?.find(&part).expect("the row begins there");
    /// assert_eq!((found.row, found.column), (0, 0));
    /// # Ok::<(), ironhand_console::PatternError>(())
    /// ```
    pub fn part(&self, rows: Range<usize>, columns: Range<usize>) -> Self {
        let whole = columns.start == 0 && self.columns.is_none_or(|width| columns.end >= width);
        let row = |row: &Vec<PageCell>| {
            let end = columns.end.min(row.len());
            row[columns.start.min(end)..end].to_vec()
        };
        let end = rows.end.min(self.rows.len());
        let rows = self.rows[rows.start.min(end)..end].iter().map(row).collect();
        // What is cut off at the side does not wrap there.
        Self { rows, columns: self.columns.filter(|_| whole) }
    }

    /// The rows, each on its own line, without trailing blanks.
    pub(crate) fn rows(&self) -> Haystack {
        self.haystack(|_| false)
    }

    /// The rows with wrapped lines joined; none if no line wraps.
    pub(crate) fn joined(&self) -> Option<Haystack> {
        let wraps = |row: usize| self.wraps(row);
        (0..self.rows.len()).any(wraps).then(|| self.haystack(wraps))
    }

    /// Whether the line in this row may go on in the next: both touch the edge where a console would break it.
    fn wraps(&self, row: usize) -> bool {
        let inked = |cell: Option<&PageCell>| cell.is_some_and(|cell| cell.character != ' ');
        self.columns.is_some_and(|columns| columns > 0 && inked(self.rows[row].get(columns - 1)))
            && self.rows.get(row + 1).is_some_and(|next| inked(next.first()))
    }

    fn haystack(&self, wraps: impl Fn(usize) -> bool) -> Haystack {
        let mut haystack = Haystack { text: String::new(), pieces: Vec::new(), confidences: Vec::new() };
        for (index, row) in self.rows.iter().enumerate() {
            haystack.pieces.push((haystack.text.len(), index));
            let end = row.iter().rposition(|cell| cell.character != ' ').map_or(0, |last| last + 1);
            for cell in &row[..end] {
                haystack.confidences.push((haystack.text.len(), cell.confidence));
                haystack.text.push(cell.character);
            }
            if !wraps(index) {
                haystack.text.push('\n');
            }
        }
        haystack
    }
}

impl Haystack {
    /// Row and column of the character at a byte offset.
    pub(crate) fn place(&self, offset: usize) -> (usize, usize) {
        // The last piece that starts here or before; pieces of empty rows may start at the same place only when joined
        // with nothing, which `Page::wraps` rules out.
        let piece = self.pieces.partition_point(|(start, _)| *start <= offset).saturating_sub(1);
        let Some((start, row)) = self.pieces.get(piece) else { return (0, 0) };
        (*row, self.text[*start..offset].chars().count())
    }

    /// The least confidence of the characters in a byte range.
    pub(crate) fn confidence(&self, range: Range<usize>) -> f32 {
        let from = self.confidences.partition_point(|(offset, _)| *offset < range.start);
        let to = self.confidences.partition_point(|(offset, _)| *offset < range.end);
        self.confidences[from..to].iter().map(|(_, confidence)| *confidence).fold(1.0, f32::min)
    }
}

/// Frames, blocks and arrows carry no words; they become blanks, and so does the no-break space.
fn blanked(character: char) -> char {
    match character {
        // Box drawing, block elements, geometric shapes.
        '\u{2500}'..='\u{25ff}' => ' ',
        '\u{2190}'..='\u{21ff}' => ' ',
        '\u{a0}' => ' ',
        _ => character,
    }
}
