//! What of the guesses is certain.
//!
//! A glyph is read where it explains the picture as well as is usual on this page, and clearly better than any other. All
//! else is unread: another font, a cursor over a character, letters that the damage made alike.

use std::collections::HashMap;

use super::bank::{Face, is_cursor};
use super::doubt::{self, Ink};
use super::frame::Frame;
use super::page::Guess;
use super::plane::Rectangle;
use super::sharpen::Sharp;
use crate::Image;
use crate::reader::{Grid, area};
use crate::reading::{Place, Reading, ReadingCell, ReadingMethod, ScreenKind};

/// What the best guess for a cell is worth. Differences are roots of mean squares, in parts of the contrast of the ink.
#[derive(Clone, Copy, Debug)]
struct Weighed {
    /// The index of the glyph in its face.
    glyph: usize,
    character: char,
    /// Whether its ink is a dot or a line, as chance arranges it too.
    is_slight: bool,
    /// What it leaves unexplained.
    error: f32,
    /// The next best character.
    next_character: char,
    /// What that leaves unexplained.
    next: f32,
    /// How far the drawings of the two are apart.
    apart: f32,
    /// What a blank would leave unexplained, in parts of the page's contrast.
    blank: f32,
    /// The contrast of the ink in this cell, in parts of the page's.
    contrast: f32,
    /// How much of what a blank leaves unexplained the character does explain.
    share: f32,
}

/// What the inked cells of a page have in common.
#[derive(Clone, Copy, Debug)]
struct Usual {
    /// The contrast of ink, in steps of light.
    contrast: f32,
    /// What is left unexplained of a character, in parts of its contrast.
    error: f32,
}

/// Drawings that are less apart than this part of what is usually left unexplained cannot be told apart.
const LEAST_APART: f32 = 0.4;

/// Ink that makes so little of a difference is none.
const NOTHING: f32 = 0.02;

/// How many times what is usual may be left unexplained of a character, and how much in any case.
const MOST_ERROR: f32 = 2.6;
const SMALL_ERROR: f32 = 0.065;

/// Of much damage, less: other fonts are not further away.
const LARGE_ERROR: f32 = 0.085;
const NOISY: f32 = 1.6;

/// What is left of the wrong letter points towards the right one, or away: where it does neither, by so much at most on the scale
/// of [`Weighed::side`], more may be left.
const UPRIGHT: f32 = 0.2;
const UPRIGHT_ERROR: f32 = 0.1;

/// How much of the ink a rare character explains where it may leave as much as others.
const PLAIN: f32 = 0.97;

/// How many times it may be of a character beyond ASCII.
const RARE_ERROR: f32 = 1.7;

/// Ink of so little contrast is the shadow of compression.
const LEAST_CONTRAST: f32 = 0.25;

/// And lines at the edge of a cell, which what stands beside it leaves there, and no text has but underscores.
const LEAST_OF_LINE: f32 = 0.5;
const LEAST_OF_UNDERSCORE: f32 = 0.32;

/// How much a blank may leave unexplained where there is no more than such shadows, also as a multiple of what is usual.
const TRACE: f32 = 0.06;
const TRACE_OF_LINE: f32 = 0.1;
const TRACE_OF_NOISE: f32 = 1.5;

/// Faint ink that is less than what is usually left unexplained of a character, and of which the best glyph explains less than
/// this part, is a chance arrangement of that.
const MOST_OF_NOISE: f32 = 0.35;
const EXPLAINED: f32 = 0.5;
const EXPLAINED_OF_RARE: f32 = 0.75;

/// How much of what is usually left unexplained may point from one drawing to another.
const FAR: f32 = 0.7;
const FAR_FROM_RARE: f32 = 0.5;

/// But where a glyph explains nearly all of fainter ink: dark letters on a black page.
const FAINT: f32 = 0.07;
const CLEAR: f32 = 0.93;

/// Or a letter, which has more pixels than chance arranges, most of it.
const FAINT_LETTER: f32 = 0.8;
const FAINT_SIDE: f32 = 0.6;

/// How much may be left unexplained of the faintest ink, in parts of its own contrast.
const MOST_FAINT_ERROR: f32 = 0.2;

/// On a page of which usually more is left unexplained, the font is not the one that was chosen, or there is none.
const MOST_USUAL_ERROR: f32 = 0.11;

/// The certain ones of the guesses, as a reading.
///
/// `scale` is how many times the picture was larger before pixels that were repeated were left out.
pub(super) fn reading(image: &Image, sharp: &Sharp<'_>, guesses: &[Guess], scale: u32) -> Reading {
    let Sharp { frame, face, .. } = *sharp;
    let Some(usual) = usual(guesses).filter(|usual| usual.error < MOST_USUAL_ERROR) else {
        return Reading::empty(ScreenKind::Graphics);
    };
    let colors = Colors::new(image, frame, face, guesses);
    let weighed_cells: Vec<Option<Weighed>> =
        guesses.iter().map(|guess| Weighed::of(guess, face, usual)).collect();
    let pictures = pictures(&weighed_cells, frame.columns, usual);
    let doubted = doubted(image, sharp, &weighed_cells, &pictures, usual);
    let mut cursor = None;
    let cells = weighed_cells.iter().zip(&pictures).enumerate().map(|(index, (weighed, is_picture))| {
        let (row, column) = (index / frame.columns, index % frame.columns);
        let blank = if doubted[index] {
            ReadingCell::new(char::REPLACEMENT_CHARACTER, 0.0, colors.ground, colors.ground)
        } else {
            ReadingCell::new(' ', 1.0, colors.ground, colors.ground)
        };
        let Some(weighed) = weighed.filter(|_| !is_picture) else { return blank };
        let (ink, ground) = colors.of(row, column, weighed.glyph);
        let above = index.checked_sub(frame.columns).and_then(|above| weighed_cells[above]);
        match weighed.verdict(usual) {
            Verdict::Blank => blank,
            Verdict::Unread if weighed.is_left_by(above) => blank,
            Verdict::Unread => ReadingCell::new(char::REPLACEMENT_CHARACTER, 0.0, ink, ground),
            Verdict::Certain if is_cursor(weighed.character) => {
                cursor = Some(Place { row, column });
                ReadingCell::new(' ', 1.0, ink, ground)
            }
            // The border of a bar or a menu: nobody prints such lines.
            Verdict::Certain if is_line_at_edge(weighed.character) => ReadingCell::new(' ', 1.0, ink, ground),
            Verdict::Certain => ReadingCell::new(weighed.character, weighed.confidence(), ink, ground),
        }
    });
    let cells = cells.collect();
    let (frame, cells, cursor) = console(sharp, cells, cursor);
    let grid = Grid { scale, ..grid(image, &frame, face) };
    let name = Some(face.name.clone().into());
    let mut reading = Reading::of_cells(grid, cells, colors.ground, name, cursor);
    reading.method = ReadingMethod::Nearest;
    reading
}

/// Which cells pass for blanks, and may be letters of which nothing is left.
fn doubted(
    image: &Image,
    sharp: &Sharp<'_>,
    weighed: &[Option<Weighed>],
    pictures: &[bool],
    usual: Usual,
) -> Vec<bool> {
    let Sharp { frame, face, filter, .. } = sharp;
    let ink = |(index, cell): (usize, &Option<Weighed>)| {
        let blank = |unexplained: f32, alike: f32| Ink::None { unexplained, alike };
        let Some(cell) = cell else { return blank(f32::INFINITY, 0.0) };
        let alike = if cell.character.is_ascii_alphanumeric() { cell.share } else { 0.0 };
        let above = index.checked_sub(frame.columns).and_then(|above| weighed[above]);
        match cell.verdict(usual) {
            _ if pictures[index] => Ink::Picture,
            Verdict::Unread if cell.is_left_by(above) => blank(0.0, alike),
            Verdict::Blank => blank(cell.blank * usual.contrast, alike),
            Verdict::Certain | Verdict::Unread => Ink::Some(cell.contrast * usual.contrast),
        }
    };
    let inks: Vec<Ink> = weighed.iter().enumerate().map(ink).collect();
    let (across, down) = frame.scale(face.size());
    let is_sharp = !filter.is_blur() && (across - 1.0).abs() < 1e-6 && (down - 1.0).abs() < 1e-6;
    let blur = if is_sharp { 0.0 } else { BLUR * across.max(down).max(1.0) };
    let inked = |(index, ink): (usize, &Ink)| {
        let drawn = match (ink, weighed[index]) {
            (Ink::None { .. }, _) | (_, None) => return None,
            (Ink::Some(_), Some(cell)) if matches!(cell.verdict(usual), Verdict::Certain) => {
                face.glyphs[cell.glyph].inked(face.width)
            }
            _ => (0..face.width, 0..face.height),
        };
        let cell = frame.cell(index / frame.columns, index % frame.columns);
        Some(Rectangle {
            left: cell.left + drawn.0.start as f64 * across - blur,
            top: cell.top + drawn.1.start as f64 * down - blur,
            width: drawn.0.len() as f64 * across + 2.0 * blur,
            height: drawn.1.len() as f64 * down + 2.0 * blur,
        })
    };
    let inked: Vec<Rectangle> = inks.iter().enumerate().filter_map(inked).collect();
    doubt::doubted(image, frame, &inks, &inked, usual.error * usual.contrast, blur)
}

/// How many pixels of the face filters carry ink beyond its cell.
const BLUR: f64 = 3.0;

/// The row and the column of each cell with ink that cannot be read.
pub(super) fn unread(sharp: &Sharp<'_>, guesses: &[Guess]) -> Vec<(usize, usize)> {
    let Some(usual) = usual(guesses) else { return Vec::new() };
    let is_unread = |guess: &Guess| {
        let weighed = Weighed::of(guess, sharp.face, usual);
        weighed.is_some_and(|weighed| matches!(weighed.verdict(usual), Verdict::Unread))
    };
    let cells = guesses.iter().enumerate().filter(|(_, guess)| is_unread(guess));
    cells.map(|(index, _)| (index / sharp.frame.columns, index % sharp.frame.columns)).collect()
}

/// The part of the screen that the console uses, where that is known.
fn console(
    sharp: &Sharp<'_>,
    cells: Vec<ReadingCell>,
    cursor: Option<Place>,
) -> (Frame, Vec<ReadingCell>, Option<Place>) {
    let Sharp { frame, face, screen: Some(screen), .. } = *sharp else { return (sharp.frame, cells, cursor) };
    let (scale_x, scale_y) = screen.scale();
    let side = |length: f64| length.round().max(0.0) as u32;
    let unit = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let whole = Grid {
        x: side((frame.x - screen.origin.0) / scale_x),
        y: side((frame.y - screen.origin.1) / scale_y),
        pitch: unit(face.width),
        cell_width: unit(face.font_width),
        cell_height: unit(face.height),
        columns: frame.columns,
        rows: frame.rows,
        scale: 1,
    };
    let (cut, cells, cursor) = area::cut(whole, cells, cursor, screen.size);
    let frame = Frame {
        x: frame.x + f64::from(cut.x - whole.x) * scale_x,
        y: frame.y + f64::from(cut.y - whole.y) * scale_y,
        columns: cut.columns,
        rows: cut.rows,
        ..frame
    };
    (frame, cells, cursor)
}

/// The contrast and the error of the middle one of the cells that glyphs explain; nothing where there are too few.
fn usual(guesses: &[Guess]) -> Option<Usual> {
    let inked = guesses.iter().filter_map(|guess| match guess {
        Guess::Inked { candidates, blank, .. } => {
            let best = candidates.first()?.explained;
            let contrast = best.contrast.abs();
            (best.error < 0.3 * blank).then_some((contrast, best.error.sqrt() / contrast))
        }
        Guess::Blank { .. } => None,
    });
    let (mut contrasts, mut errors): (Vec<f32>, Vec<f32>) = inked.unzip();
    if contrasts.len() < 3 {
        return None;
    }
    contrasts.sort_by(f32::total_cmp);
    errors.sort_by(f32::total_cmp);
    Some(Usual { contrast: contrasts[contrasts.len() / 2], error: errors[errors.len() / 2] })
}

/// Which cells are parts of pictures: what no glyph explains at all, beside others of that kind. None where there is little
/// text beside them, or pages in a strange font would pass as pictures with a caption.
fn pictures(weighed: &[Option<Weighed>], columns: usize, usual: Usual) -> Vec<bool> {
    let strange: Vec<bool> = weighed
        .iter()
        .map(|weighed| {
            let unread = |weighed: &Weighed| matches!(weighed.verdict(usual), Verdict::Unread);
            weighed.is_some_and(|weighed| weighed.error > STRANGE && unread(&weighed))
        })
        .collect();
    let certain =
        weighed.iter().flatten().filter(|one| matches!(one.verdict(usual), Verdict::Certain)).count();
    let is_strange = |row: usize, column: usize| {
        column < columns && strange.get(row * columns + column).copied().unwrap_or_default()
    };
    let beside = |index: usize| {
        let (row, column) = (index / columns, index % columns);
        let rows = row.saturating_sub(1)..=row + 1;
        rows.flat_map(|row| (column.saturating_sub(1)..=column + 1).map(move |column| (row, column)))
            .filter(|(row, column)| is_strange(*row, *column))
            .count()
    };
    let mut pictures: Vec<bool> =
        (0..strange.len()).map(|index| strange[index] && beside(index) > 2).collect();
    drop_faint(&mut pictures, columns, |index| weighed[index].map_or(0.0, |weighed| weighed.blank));
    let count = pictures.iter().filter(|is_picture| **is_picture).count();
    if certain * TEXT_BESIDE < count {
        return vec![false; pictures.len()];
    }
    // The edges of a picture reach a little into the cells around it. Where letters go on there, something else may.
    let is_letter = |index: usize| {
        let letter = weighed.get(index).copied().flatten();
        letter.is_some_and(|one| {
            one.character.is_ascii_alphanumeric() && matches!(one.verdict(usual), Verdict::Certain)
        })
    };
    let is_at_edge = |index: usize| {
        let (row, column) = (index / columns, index % columns);
        let rows = row.saturating_sub(1)..=row + 1;
        let is_picture = |(row, column): (usize, usize)| {
            column < columns && pictures.get(row * columns + column).copied().unwrap_or_default()
        };
        let mut around =
            rows.flat_map(|row| (column.saturating_sub(1)..=column + 1).map(move |column| (row, column)));
        around.any(is_picture)
            && !(column > 0 && is_letter(index - 1) || column + 1 < columns && is_letter(index + 1))
    };
    (0..strange.len()).map(|index| pictures[index] || strange[index] && is_at_edge(index)).collect()
}

/// Removes from the cells of pictures those that hang together and are faint everywhere: letters that compression spoilt are.
fn drop_faint(pictures: &mut [bool], columns: usize, strength: impl Fn(usize) -> f32) {
    let mut is_known = vec![false; pictures.len()];
    for first in 0..pictures.len() {
        if !pictures[first] || is_known[first] {
            continue;
        }
        is_known[first] = true;
        let (mut picture, mut next) = (vec![first], 0);
        while let Some(index) = picture.get(next).copied() {
            next += 1;
            let (row, column) = (index / columns, index % columns);
            for row in row.saturating_sub(1)..=row + 1 {
                for column in column.saturating_sub(1)..=(column + 1).min(columns - 1) {
                    let other = row * columns + column;
                    if pictures.get(other).copied().unwrap_or_default() && !is_known[other] {
                        is_known[other] = true;
                        picture.push(other);
                    }
                }
            }
        }
        let strongest = picture.iter().map(|index| strength(*index)).fold(0.0, f32::max);
        if strongest < LEAST_OF_PICTURE {
            picture.into_iter().for_each(|index| pictures[index] = false);
        }
    }
}

/// What a picture somewhere has, in parts of the page's contrast: a blank leaves so much unexplained.
const LEAST_OF_PICTURE: f32 = 0.25;

/// What leaves more than this unexplained is not even a related glyph.
const STRANGE: f32 = 0.3;

/// For each certain character there may be so many cells of pictures.
const TEXT_BESIDE: usize = 4;

enum Verdict {
    Blank,
    Certain,
    Unread,
}

impl Weighed {
    fn of(guess: &Guess, face: &Face, usual: Usual) -> Option<Self> {
        let Guess::Inked { candidates, blank, apart, .. } = guess else { return None };
        let best = candidates.first()?;
        let contrast = best.explained.contrast.abs().max(1.0);
        let next = candidates.get(1);
        Some(Self {
            glyph: best.glyph,
            character: face.glyphs[best.glyph].character,
            is_slight: face.glyphs[best.glyph].is_slight,
            error: best.explained.error.sqrt() / contrast,
            next_character: next.map_or(' ', |next| face.glyphs[next.glyph].character),
            next: next.map_or(1.0, |next| next.explained.error.sqrt() / contrast),
            apart: if next.is_some() { apart.sqrt() / contrast } else { 1.0 },
            blank: blank.sqrt() / usual.contrast,
            contrast: contrast / usual.contrast,
            share: (1.0 - best.explained.error / blank.max(1e-3)).clamp(0.0, 1.0),
        })
    }

    fn verdict(&self, usual: Usual) -> Verdict {
        // Damage adds as much to faint ink as to strong, which is more in parts of its contrast.
        let strength = self.contrast.min(1.0);
        let noise = usual.error / strength;
        let is_certain = self.error < MOST_FAINT_ERROR.min(self.most_error(usual.error) / strength)
            && (self.contrast > LEAST_CONTRAST || self.is_faint_ink())
            && self.apart > LEAST_APART * noise
            && self.side() > self.least_side()
            && self.is_far_from_next(noise);
        match (self.is_blank(usual.error), is_certain) {
            (true, _) => Verdict::Blank,
            (false, true) => Verdict::Certain,
            (false, false) => Verdict::Unread,
        }
    }

    /// How much the character may leave unexplained, in parts of the page's contrast, where `noise` is usual.
    fn most_error(&self, noise: f32) -> f32 {
        // What is left points no more to the next best than away from it.
        let is_upright = (self.side() - 1.0).abs() < UPRIGHT;
        if self.character.is_ascii() {
            let large = if is_upright { UPRIGHT_ERROR } else { LARGE_ERROR };
            (MOST_ERROR * noise).clamp(SMALL_ERROR, (NOISY * noise).max(large))
        } else {
            // Fonts have hundreds of rare letters: one of them is always a little like what another font draws.
            let small = if is_upright && self.share > PLAIN { SMALL_ERROR } else { SMALL_ERROR / 2.0 };
            (RARE_ERROR * noise).max(small)
        }
    }

    /// Whether ink of little contrast is more than the shadow of compression.
    fn is_faint_ink(&self) -> bool {
        let is_letter = !self.is_slight && self.share > FAINT_LETTER && self.side() > FAINT_SIDE;
        self.contrast > FAINT && (self.share > CLEAR || is_letter)
    }

    /// Whether there is no ink. Compression and neighbours leave traces, some of them as strong as a full stop is: but that has
    /// the contrast of ink, and traces have not.
    fn is_blank(&self, noise: f32) -> bool {
        let (least, most) = match self.character {
            '_' if self.share > CLEAR => (LEAST_OF_UNDERSCORE, TRACE_OF_LINE),
            '_' => (LEAST_OF_LINE, TRACE_OF_LINE),
            character if is_line_at_edge(character) => (LEAST_OF_LINE, TRACE_OF_LINE),
            _ => (LEAST_CONTRAST, TRACE),
        };
        let is_trace = self.contrast < least && self.blank < (TRACE_OF_NOISE * noise).max(most);
        // Lines and dots must be clear: what stands beside a cell leaves such traces, but no letters.
        let is_clear = self.share > CLEAR && self.contrast > FAINT && self.character.is_ascii_graphic();
        let is_faint_ink = is_clear || self.is_faint_ink() && self.character.is_ascii_alphanumeric();
        let explained = if self.character.is_ascii() { EXPLAINED } else { EXPLAINED_OF_RARE };
        let is_noise =
            self.is_slight && self.contrast < MOST_OF_NOISE && self.blank < noise && self.share < explained;
        self.blank < NOTHING || is_noise || is_trace && !is_faint_ink
    }

    /// Whether it is no more than what a line along the lower edge of the cell above leaves here.
    fn is_left_by(&self, above: Option<Self>) -> bool {
        let is_line = above.is_some_and(|above| {
            (above.character == '_' || is_cursor(above.character)) && above.share > CLEAR
        });
        is_line && self.contrast < LEAST_CONTRAST && self.blank < TRACE_OF_LINE && self.share < EXPLAINED
    }

    /// Whether what would have to be added to the next best drawing to make this picture is more than damage adds.
    ///
    /// Damage that is not quite what was assumed is no noise: on all cells of a page it adds the same to the same letters.
    fn is_far_from_next(&self, noise: f32) -> bool {
        let far =
            if self.next_character.is_ascii() || !self.character.is_ascii() { FAR } else { FAR_FROM_RARE };
        0.5 * (1.0 + self.side()) * self.apart > far * noise
    }

    /// On which side of the middle between the best two drawings the picture is: 1 at the best, 0 in the middle.
    ///
    /// What damage adds lies in all directions, of which only that from one drawing to the other counts here.
    fn side(&self) -> f32 {
        (self.next.powi(2) - self.error.powi(2)) / self.apart.powi(2).max(1e-9)
    }

    /// How clear that must be: letters that nobody prints are hardly rivals.
    const fn least_side(&self) -> f32 {
        match (self.character.is_ascii(), self.next_character.is_ascii()) {
            (true, true) => 0.3,
            (true, false) => 0.15,
            (false, _) => 0.6,
        }
    }

    /// 1 where nothing is left unexplained, and no other glyph comes near.
    fn confidence(&self) -> f32 {
        (1.0 - self.error / self.next.max(1e-3)).clamp(0.01, 1.0).max(self.share)
    }
}

/// Whether it is a line along the upper or lower edge of a cell that texts do not have.
const fn is_line_at_edge(character: char) -> bool {
    is_cursor(character) || matches!(character, '\u{af}' | '\u{203e}' | '\u{2594}' | '\u{23ba}'..='\u{23bd}')
}

/// Looks up the colours of cells.
struct Colors<'a> {
    image: &'a Image,
    frame: Frame,
    face: &'a Face,
    /// The colour of most of the page.
    ground: u32,
    /// Of each glyph that may stand on the page, the pixel with most ink around it, and the one with least.
    extremes: HashMap<usize, (usize, usize)>,
}

/// A colour this near to that of the page, in each of red, green and blue, is the same but for the damage.
const SAME_COLOR: u8 = 40;

impl<'a> Colors<'a> {
    fn new(image: &'a Image, frame: Frame, face: &'a Face, guesses: &[Guess]) -> Self {
        let glyphs = guesses.iter().filter_map(|guess| match guess {
            Guess::Inked { candidates, .. } => candidates.first().map(|best| best.glyph),
            Guess::Blank { .. } => None,
        });
        let mut extremes = HashMap::new();
        for glyph in glyphs {
            extremes.entry(glyph).or_insert_with(|| face.glyphs[glyph].extremes(face.width));
        }
        let mut colors = Self { image, frame, face, ground: 0, extremes };
        let blank = guesses.iter().enumerate().filter(|(_, guess)| matches!(guess, Guess::Blank { .. }));
        let middle = face.width / 2 + face.height / 2 * face.width;
        let mut grounds: Vec<u32> =
            blank.map(|(index, _)| colors.at(index / frame.columns, index % frame.columns, middle)).collect();
        let coarse = |color: &u32| color & 0xe0_e0e0;
        grounds.sort_by_key(coarse);
        let commonest =
            grounds.chunk_by(|one, other| coarse(one) == coarse(other)).max_by_key(|run| run.len());
        colors.ground = commonest.map_or(0, |run| run[run.len() / 2]);
        colors
    }

    /// The colour of one pixel of a cell, counted in those of the face.
    fn at(&self, row: usize, column: usize, pixel: usize) -> u32 {
        let area = self.frame.cell(row, column);
        let (x, y) = ((pixel % self.face.width) as f64 + 0.5, (pixel / self.face.width) as f64 + 0.5);
        let x = (area.left + x * area.width / self.face.width as f64).max(0.0) as usize;
        let y = (area.top + y * area.height / self.face.height as f64).max(0.0) as usize;
        let (width, height) = (self.image.width as usize, self.image.height as usize);
        self.image.pixels[y.min(height - 1) * width + x.min(width - 1)]
    }

    /// The colours of a cell's ink and ground, from where its glyph has most ink around a pixel, and least.
    fn of(&self, row: usize, column: usize, glyph: usize) -> (u32, u32) {
        let (darkest, emptiest) = self.extremes.get(&glyph).copied().unwrap_or_default();
        let (ink, ground) = (self.at(row, column, darkest), self.at(row, column, emptiest));
        let near = |one: u32, other: u32| {
            one.to_be_bytes().into_iter().zip(other.to_be_bytes()).all(|(a, b)| a.abs_diff(b) <= SAME_COLOR)
        };
        (ink, if near(ground, self.ground) { self.ground } else { ground })
    }
}

/// The frame in whole pixels, inside the picture.
fn grid(image: &Image, frame: &Frame, face: &Face) -> Grid {
    let (x, y) = (frame.x.max(0.0) as u32, frame.y.max(0.0) as u32);
    let unit = |unit: f64, from: u32, limit: u32, count: usize| {
        let fits = f64::from(limit.saturating_sub(from)) / count.max(1) as f64;
        unit.min(fits) as u32
    };
    let pitch = unit(frame.pitch, x, image.width, frame.columns);
    let cell_width = f64::from(pitch) * face.font_width as f64 / face.width as f64;
    Grid {
        x,
        y,
        pitch,
        cell_width: cell_width as u32,
        cell_height: unit(frame.line, y, image.height, frame.rows),
        columns: frame.columns,
        rows: frame.rows,
        scale: 1,
    }
}
